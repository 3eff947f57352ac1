"""What is damaged is found, each in its part, and mended; what is whole stays, under its ids."""

import contextlib
import json
import os
import random
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from semblance.indexer.catalog import FILE, Catalog
from semblance.indexer.derived import encoders, thumbnails
from semblance.indexer.keeping import repairing, verifying
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.errors import LibraryError
from semblance.scripts.benchmarks.flips import Flips
from tests.conftest import paint
from tests.scripts.test_cli import call


@pytest.fixture
def own(tmp_path: Path, codec: Codec) -> Path:
    """A library of eight pictures with all that a library can have."""
    for seed in range(8):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    pipeline.update([tmp_path / "pictures"], tmp_path / "library", codec, with_pixels=True, threads=1)
    with Catalog.opened(tmp_path / "library") as catalog:
        thumbnails.make(tmp_path / "library", catalog.entries()[0])
    return tmp_path / "library"


def parts(library: Path) -> set[str]:
    return {damage.part for damage in verifying.verify(library, threads=1).damage}


def held(library: Path) -> dict[int, str]:
    with contextlib.closing(sqlite3.connect(library / FILE)) as db:
        return dict(db.execute("SELECT id, path FROM pictures"))


def sql(library: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(library / FILE)) as db, db:
        for statement in statements:
            db.execute(statement)


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def the_model(library: Path) -> Path:
    with Catalog.opened(library) as catalog:
        return encoders.place(library, catalog.codec_id)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a code": (lambda own: sql(own, "UPDATE codes SET code = zeroblob(length(code)) WHERE picture = 3"), "catalog"),
    "a code lost": (lambda own: sql(own, "DELETE FROM codes WHERE picture = 3"), "codes"),
    "a picture": (lambda own: sql(own, "UPDATE pictures SET sha256 = zeroblob(32) WHERE id = 3"), "catalog"),
    "what id was last": (lambda own: sql(own, "UPDATE sqlite_sequence SET seq = 2"), "catalog"),
    "the codec": (lambda own: sql(own, "UPDATE codecs SET bits = 255"), "catalog"),
    "the version": (lambda own: sql(own, "PRAGMA user_version = 11"), "catalog"),
    "the mark": (lambda own: sql(own, "PRAGMA application_id = 3"), "catalog"),
    "a column's kind": (
        lambda own: sql(
            own,
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = replace(sql, 'path TEXT', 'path TEYT') WHERE name = 'pictures'",
        ),
        "catalog",
    ),
    "index.faiss": (lambda own: flip(own / "index.faiss", 150), "snapshots"),
    "copies.faiss": (lambda own: flip(own / "copies.faiss", -60), "snapshots"),
    "pixels.u8": (lambda own: flip(own / "pixels.u8", 5000), "pixels"),
    "the beginning of pixels.u8": (lambda own: flip(own / "pixels.u8", 3), "pixels"),
    "a thumbnail": (lambda own: flip(next((own / "thumbnails").glob("*/*.jpg")), 300), "thumbnails"),
    "the encoder": (lambda own: flip(the_model(own) / "encoder.onnx", 9000), "encoders"),
    "the card": (lambda own: flip(the_model(own) / "model.json", 60), "encoders"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_found_in_its_part_and_mended(own: Path, kind: str) -> None:
    damage, part = DAMAGE[kind]
    before = held(own)
    assert parts(own) == set()
    damage(own)
    assert part in parts(own)
    report = repairing.repair(own, threads=1)
    assert report.damage == []
    after = held(own)
    lost = {3} if kind == "a picture" else set()
    assert {id: path for id, path in after.items() if id in before} == {
        i: p for i, p in before.items() if i not in lost
    }
    assert set(after.values()) == set(before.values())
    assert min(after.keys() - before.keys(), default=99) > max(before), "no id comes again"
    assert bool(report.kept) == (part == "catalog")
    with Library.open(own) as library:
        for path in before.values():
            assert (library.search(path, k=1)[0].path, library.search(path, k=1)[0].distance) == (path, 0)


def in_the_way(place: Path, kind: str) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        (place / "within").mkdir(parents=True)
    else:
        place.write_bytes(b"")


@pytest.mark.parametrize("mended_by", ["repair", "index"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "file"])
def test_what_is_no_file_where_one_belongs_is_put_aside_and_made_anew(
    own: Path, tmp_path: Path, codec: Codec, kind: str, mended_by: str
) -> None:
    before, sizes = held(own), {name: (own / name).stat().st_size for name in ("index.faiss", "pixels.u8")}
    thumbnail = next((own / "thumbnails").glob("*/*.jpg"))
    names = ["models", "thumbnails"] if kind == "file" else ["index.faiss", "copies.faiss", "pixels.u8"]
    if kind != "file":
        in_the_way(thumbnail, kind)
        in_the_way(the_model(own) / "encoder.onnx", kind)
    for name in names:
        in_the_way(own / name, kind)
    assert thumbnails.read(own, bytes.fromhex(thumbnail.stem)) is None
    with Library.open(own) as library:  # nothing waits for what comes by a pipe
        assert library.search(before[3], k=1)[0].path == before[3]
    if mended_by == "repair":
        assert parts(own) or kind == "file"
        assert repairing.repair(own, threads=1).damage == []
    if mended_by == "index" or kind == "file":
        pipeline.update([tmp_path / "pictures"], own, codec, threads=1)
    assert parts(own) == set()
    assert {name: (own / name).stat().st_size for name in sizes} == sizes
    assert all((own / f"{name}.damaged-1").exists() for name in names)
    assert held(own) == before


def test_a_service_that_has_it_open_loads_what_was_repaired(own: Path) -> None:
    with Library.open(own) as library:
        before = library._opened.catalog.library
        sql(
            own,
            "DELETE FROM codes WHERE picture = 3",
            "UPDATE failures SET reason = ''",
            "UPDATE identity SET id = 'x'",
        )
        repairing.repair(own, threads=1)
        library.follow()
        assert library._opened.catalog.library not in (before, "x")
        assert len(library) == 8


def test_a_catalog_that_cannot_be_read_at_all_is_said_to_be_and_left_as_it_is(own: Path) -> None:
    data = (own / FILE).read_bytes()
    (own / FILE).write_bytes(data[:200] + os.urandom(len(data) - 200))
    before = (own / FILE).read_bytes()
    assert "catalog" in parts(own)
    with pytest.raises(LibraryError):
        repairing.repair(own, threads=1)
    assert (own / FILE).read_bytes() == before


def test_the_rest_of_a_catalog_with_a_ruined_page_is_saved(own: Path, tmp_path: Path, codec: Codec) -> None:
    for seed in range(8, 400):
        paint(tmp_path / "pictures" / f"{seed}.png", seed, (9, 9))
    pipeline.update([tmp_path / "pictures"], own, codec, with_pixels=True, threads=1)
    before = held(own)
    with contextlib.closing(sqlite3.connect(own / FILE)) as db:
        question = "SELECT pageno FROM dbstat WHERE name = 'pictures' AND pagetype = 'leaf'"
        try:
            page = db.execute(question).fetchall()[1][0]
        except sqlite3.OperationalError:  # SQLite was built without: find it by what is in it
            size = db.execute("PRAGMA page_size").fetchone()[0]
            page = (own / FILE).read_bytes().find(before[100].encode()) // size + 1
    data = bytearray((own / FILE).read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    (own / FILE).write_bytes(data)
    assert "catalog" in parts(own)
    report = repairing.repair(own, threads=1)
    assert report.damage == []
    assert 250 < report.pictures < 400
    assert held(own).items() <= before.items()
    again = pipeline.update([tmp_path / "pictures"], own, codec, threads=1)
    assert (again.added, again.unchanged) == (400 - report.pictures, report.pictures)


def test_a_model_of_ones_own_that_is_lost_is_named_and_all_is_encoded_by_the_one_that_ships(tmp_path: Path) -> None:
    mine = Path(shutil.copytree(find_model("cifar10-fast"), tmp_path / "mine"))
    encoder = onnx.load(mine / "encoder.onnx")
    encoder.doc_string = "mine"
    onnx.save(encoder, mine / "encoder.onnx")
    for seed in range(3):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    with Library.create(tmp_path / "library", str(mine)) as made:
        made.index(tmp_path / "pictures")
    own, before = tmp_path / "library", held(tmp_path / "library")
    shutil.rmtree(mine)
    shutil.rmtree(the_model(own))
    assert parts(own) == {"encoders"}
    report = repairing.repair(own, threads=1)
    assert any("is lost: all its pictures are encoded anew by photos" in said for said in report.mended)
    assert (report.damage, held(own)) == ([], before)
    with Library.open(own) as library:
        assert library.codec.name == "photos"
        assert library.search(before[1], k=1)[0].distance == 0


def test_pictures_that_rotted_are_told_from_those_that_were_changed(own: Path, tmp_path: Path) -> None:
    rotten, changed = tmp_path / "pictures" / "1.png", tmp_path / "pictures" / "2.png"
    state = rotten.stat()
    flip(rotten, -40)
    os.utime(rotten, ns=(state.st_atime_ns, state.st_mtime_ns))
    paint(changed, 99, (60, 60))
    assert parts(own) == set()
    found = {damage.said for damage in verifying.verify(own, with_pictures=True, threads=1).damage}
    assert len(found) == 2
    assert any(said.startswith(f"{rotten}: ") and "rotted" in said for said in found)
    assert f"{changed}: It has been changed since it was indexed." in found


def test_what_mends_it_runs_as_it_is_written(own: Path, tmp_path: Path) -> None:
    place = (tmp_path / "pictures").rename(tmp_path / "by the sea")
    library = own.rename(tmp_path / "my library")
    (place / "1.png").unlink()
    mends = {each.mend for each in verifying.verify(library, with_pictures=True, threads=1).damage}
    assert any(shlex.split(mend)[-2:] == ["--library", str(library)] for mend in mends)
    assert all(len(shlex.split(mend)) == 5 for mend in mends), "FOLDER is one word"


def test_the_command_says_it_by_its_exit_code_and_in_one_document(own: Path, tmp_path: Path) -> None:
    assert call("verify", "--library", own).exit_code == 0
    flip(own / "pixels.u8", 5000)
    done = call("verify", "--library", own, "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, document["whole"], document["pictures"]) == (1, False, 8)
    assert document["damage"][0]["mend"] == f"semblance verify --repair --library {own}"
    assert call("verify", "--library", own, "--repair").exit_code == 0
    assert call("verify", "--library", tmp_path / "nowhere").exit_code == 2


def test_single_flipped_bits_are_found_or_change_nothing(tmp_path: Path) -> None:
    """A few of what scripts/benchmarks/flips.py tries."""
    flips, chance = Flips(tmp_path, 24), random.Random(0)
    outcomes = []
    for file, count in ((FILE, 8), ("pixels.u8", 1)):
        data = (flips.whole / file).read_bytes()
        used = [place for place, byte in enumerate(data) if byte]
        outcomes += [flips.trial(Path(file), 8 * chance.choice(used) + chance.randrange(8)) for _ in range(count)]
    assert set(outcomes) <= {"found", "lost", "harmless"}
    assert outcomes.count("found") > 4
