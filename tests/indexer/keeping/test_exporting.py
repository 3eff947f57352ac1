"""Codes out of a library and into one: what other programs read is what plain sqlite3 reads."""

import contextlib
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from semblance.indexer.catalog import FILE, Catalog, Folder, Writer, placing
from semblance.indexer.keeping import importing
from semblance.indexer.keeping.exporting import export
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.errors import CodecMismatch, SemblanceError, UsageError
from tests.conftest import ROOT, paint
from tests.exif import CANON, DATED, MUNICH, exif, saved
from tests.indexer.conftest import Shelf

Row = tuple[Any, ...]
FACTS = ["width", "height", "taken", "camera", "latitude", "longitude"]
COLUMNS = ["id", "path", "size", "mtime", "sha256", "codec_id", "code", *FACTS]


def truth(library: Path) -> list[Row]:
    """Id, path, size, time, content hash, codec and code, of each code, and facts, by plain sqlite3."""
    with contextlib.closing(sqlite3.connect(library / FILE)) as db:
        return sorted(
            db.execute(
                "SELECT id, path, size, mtime_ns, sha256, codec_id, code, width, height, taken, camera, latitude,"
                " longitude FROM pictures JOIN codes ON codes.picture = id LEFT JOIN facts ON facts.picture = id"
            ).fetchall()
        )


@pytest.fixture
def indexed(shelf: Shelf) -> Shelf:
    """Six pictures, one with a name of its own, one that says when and where it was taken, and their library."""
    shelf.picture("e").write_bytes(saved("PNG", exif=exif(CANON, DATED, MUNICH)))
    shelf.picture("f").rename(shelf.folder / "two" / "f ü\n'猫.png")
    shelf.index()
    return shelf


def test_parquet(indexed: Shelf, tmp_path: Path) -> None:
    assert export(indexed.library, tmp_path / "a.parquet") == 12
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.column_names == COLUMNS
    assert table.schema.field("code").type == pa.binary(32)
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == truth(indexed.library)


def test_numpy(indexed: Shelf, tmp_path: Path) -> None:
    export(indexed.library, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        columns = {name: [*arrays[name]] for name in COLUMNS}
    for name in ("path", "codec_id", "taken", "camera"):
        columns[name] = [text.decode() or None for text in columns[name]]
    for name in ("latitude", "longitude"):
        columns[name] = [None if np.isnan(degrees) else degrees for degrees in columns[name]]
    for name in ("sha256", "code"):
        columns[name] = [row.tobytes() for row in columns[name]]
    read = [*zip(*columns.values(), strict=True)]
    assert sorted(read) == truth(indexed.library)


@pytest.mark.parametrize("purpose", ["alike", "same"])
def test_faiss(indexed: Shelf, tmp_path: Path, purpose: Any) -> None:
    assert export(indexed.library, tmp_path / "a.faiss", purpose) == 6
    index = faiss.read_index_binary(str(tmp_path / "a.faiss"))
    codec_id = Codec(COPIES_MODEL).codec_id if purpose == "same" else indexed.codec.codec_id
    of = {row[0]: row[6] for row in truth(indexed.library) if row[5] == codec_id}
    distances, ids = index.search(np.stack([np.frombuffer(code, np.uint8) for code in of.values()]), 1)
    assert ids[:, 0].tolist() == [*of]
    assert not distances.any()


def test_what_is_written_is_whole_or_not_there(indexed: Shelf, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("mine")
    for out, said in (("a.npz", "say --force"), ("a.csv", "names no format"), ("", "names no format")):
        with pytest.raises(UsageError, match=said):
            export(indexed.library, tmp_path / out)
    assert (tmp_path / "a.npz").read_text() == "mine"
    export(indexed.library, tmp_path / "a.npz", force=True)
    with pytest.raises(SemblanceError, match="could not be written"):
        export(indexed.library, tmp_path / "none" / "a.npz")
    assert [path.name for path in tmp_path.iterdir() if "a." in path.name] == ["a.npz"]
    assert (tmp_path / "a.npz").stat().st_mode & 0o777 == 0o600, "as private as the library"


def test_a_full_disk_is_said_in_the_words_of_the_system(indexed: Shelf, tmp_path: Path) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(SemblanceError, match=r"written \(No space left on device\)"):
            export(indexed.library, tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_a_library_moves_whole_and_nothing_is_encoded_again(indexed: Shelf, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.{suffix}"
    export(indexed.library, file)
    before, own = truth(indexed.library), indexed.library
    indexed.library = tmp_path / "moved"
    done = importing.take(file, indexed.library)  # the model is found: it ships
    assert (done.added, done.completed, done.unchanged, done.refused) == (6, 0, 0, [])
    assert [(row[:3], row[4:]) for row in truth(indexed.library)] == [(row[:3], row[4:]) for row in before]
    paint(indexed.picture("a"), 77)  # its content is another by now
    report = indexed.index()
    assert (report.added, report.updated, report.unchanged, indexed.codec.encoded) == (0, 1, 5, 1)
    with Library.open(own) as one, Library.open(indexed.library) as other:
        asked = indexed.picture("b")
        assert one.search(asked)[0].id == other.search(asked)[0].id
    kept = [row for row in truth(indexed.library) if row[1] != str(indexed.picture("a"))]
    assert kept == [row for row in before if row[1] != str(indexed.picture("a"))], "times, too, are known again"


def test_what_is_known_gets_what_it_lacks_and_keeps_what_it_has(indexed: Shelf, tmp_path: Path) -> None:
    export(indexed.library, tmp_path / "both.parquet")
    export(indexed.library, tmp_path / "alike.parquet", "alike")
    place = tmp_path / "new"
    importing.take(tmp_path / "alike.parquet", place)
    assert [codec["pictures"] for codec in status(place)["codecs"]] == [6, 0]
    done = importing.take(tmp_path / "both.parquet", place)
    assert (done.added, done.completed, done.unchanged) == (0, 6, 0)
    assert importing.take(tmp_path / "both.parquet", place).unchanged == 6
    paint(indexed.picture("a"), 77)
    indexed.index()
    before = truth(indexed.library)
    done = importing.take(tmp_path / "both.parquet", indexed.library)
    assert (done.refused, done.unchanged, truth(indexed.library)) == ([str(indexed.picture("a"))], 5, before)


def test_ids_are_never_given_twice(indexed: Shelf, tmp_path: Path) -> None:
    export(indexed.library, tmp_path / "a.npz")
    other = tmp_path / "other"
    pipeline.update([paint(tmp_path / "more" / "x.png", 50).parent], other, indexed.codec)
    importing.take(tmp_path / "a.npz", other)
    with Catalog.opened(other) as catalog:
        paths = {entry.id: Path(entry.path).name for entry in catalog.entries()}
    assert (len(paths), paths[1]) == (7, "x.png")


def rewritten(file: Path, change: Callable[[dict[str, list[Any]]], object]) -> None:
    columns = parquet.read_table(file).to_pydict()
    change(columns)
    parquet.write_table(pa.table(columns), file)


def _set(name: str, value: Any, row: int = 3) -> Callable[[dict[str, list[Any]]], object]:
    return lambda columns: columns[name].__setitem__(row, value)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-400]), "damaged"),
    "cut in the middle": (lambda file: file.write_bytes(file.read_bytes()[:900]), "damaged"),
    "nothing": (lambda file: file.write_bytes(b""), "damaged"),
    "text": (lambda file: file.write_text("path,code\n"), "damaged"),
    "no rows": (lambda file: parquet.write_table(parquet.read_table(file).slice(0, 0), file), "has no rows"),
    "no codes": (lambda file: rewritten(file, lambda columns: columns.pop("code")), "has no column code"),
    "another model": (lambda file: rewritten(file, _set("codec_id", "f" * 64)), "codes of a model ffffffffffff"),
    "no model": (lambda file: rewritten(file, _set("codec_id", None)), "Row 4 of .* codec_id"),
    "a short code": (lambda file: rewritten(file, _set("code", b"short")), "codes of 5 bytes"),
    "numbers": (lambda file: rewritten(file, lambda columns: columns.update(code=[1.5] * 12)), "Row 1 of .* code"),
    "a code twice": (
        lambda file: parquet.write_table(pa.concat_tables([parquet.read_table(file)] * 2), file),
        "a code twice",
    ),
    "two contents": (lambda file: rewritten(file, _set("sha256", bytes(32))), "two contents"),
    "two ids": (lambda file: rewritten(file, _set("id", 99)), "two ids"),
    "a wrong hash": (lambda file: rewritten(file, _set("sha256", b"1")), "Row 4 of .* sha256 has 1 bytes"),
    "a relative path": (lambda file: rewritten(file, _set("path", "a.png")), "no absolute path"),
    "a way up": (lambda file: rewritten(file, _set("path", "/a/../b.png")), "no absolute path"),
    "a host of the web": (
        lambda file: rewritten(file, lambda columns: columns.update(path=["http://169.254.169.254/a.png"] * 12)),
        r"on the web \(http://169.254.169.254/a.png\)",
    ),
    "a wrong id": (lambda file: rewritten(file, _set("id", -1)), "Row 4 of .* id -1"),
    "a path of many bytes": (lambda file: rewritten(file, _set("path", "/" + 9_000 * "x")), "path has 9,001 bytes"),
    "an id without end": (lambda file: rewritten(file, _set("id", 2**63 - 1)), "Row 4 of"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("new", [True, False])
def test_what_is_wrong_is_one_sentence_and_changes_nothing(
    library: Path, tmp_path: Path, name: str, new: bool, request: pytest.FixtureRequest
) -> None:
    make, said = WRONG[name]
    file, place = tmp_path / "a.parquet", tmp_path / "new"
    shelf = request.getfixturevalue("indexed")
    export(shelf.library, file)
    make(file)
    place = place if new else shelf.library
    before = truth(shelf.library)
    with pytest.raises((UsageError, CodecMismatch), match=said) as raised:
        importing.take(file, place)
    assert "\n" not in str(raised.value)
    assert truth(shelf.library) == before
    assert not (tmp_path / "new").exists()


def test_the_web_is_asked_where_it_was_indexed_or_is_named(indexed: Shelf, tmp_path: Path) -> None:
    file, place = tmp_path / "a.parquet", tmp_path / "new"
    export(indexed.library, file, "alike")
    paths = [f"https://host/a/{n}.png" for n in range(6)]
    rewritten(file, lambda columns: columns.update(path=paths))
    for wrong in ("https://host/a/b", "https://host.else/a", "http://host/a", "https://host/a/%2e%2e"):
        with pytest.raises(UsageError, match="--pictures"):
            importing.take(file, place, pictures=[wrong])
    assert importing.take(file, place, pictures=["https://host/a"]).added == 6
    with pytest.raises(UsageError, match="--pictures"):  # that it is known is nobody's leave
        importing.take(file, place)
    with Writer.writing(place) as catalog:
        placing.see(catalog, {"https://host/a": Folder(0, True, 0.0, 0)})
    assert importing.take(file, place).unchanged == 6


def test_numpy_files_that_are_wrong(indexed: Shelf, tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    export(indexed.library, file)
    with np.load(file) as loaded:
        arrays = dict(loaded)
    cases: dict[str, dict[str, Any]] = {
        "different lengths": {"path": arrays["path"][:5]},
        "objects": {"path": np.array(arrays["path"].tolist(), object)},
        "the shape": {"sha256": np.zeros((12, 4, 8), np.uint8)},
        "Row 1 of": {"code": np.zeros((12, 32), np.float32)},
        "codes of 31 bytes": {"code": arrays["code"][:, :31]},
    }
    for said, changed in cases.items():
        np.savez(file, **{**arrays, **changed})
        with pytest.raises(UsageError, match=said):
            importing.take(file, tmp_path / "new")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("path.npy", b"nothing")
    with pytest.raises(UsageError, match=r"is damaged, cut short|has no column"):
        importing.take(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_plain_arrays_of_others(indexed: Shelf, tmp_path: Path) -> None:
    """Text as NumPy keeps it, hashes as digits, no ids: what somebody else's program writes."""
    rows = truth(indexed.library)
    np.savez_compressed(
        tmp_path / "a.npz",
        path=np.array([row[1] for row in rows]),
        sha256=np.array([row[4].hex() for row in rows]),
        codec_id=np.array([row[5] for row in rows]),
        code=np.stack([np.frombuffer(row[6], np.uint8) for row in rows]),
    )
    assert importing.take(tmp_path / "a.npz", tmp_path / "new").added == 6
    assert {(row[1], *row[4:7]) for row in truth(tmp_path / "new")} == {(row[1], *row[4:7]) for row in rows}


def test_a_killed_import_goes_on(indexed: Shelf, tmp_path: Path) -> None:
    count, chance = 30_000, np.random.default_rng(1)
    np.savez(
        tmp_path / "a.npz",
        path=np.array([f"/pictures/{number}.jpg" for number in range(count)]),
        sha256=chance.integers(0, 256, (count, 32), np.uint8),
        codec_id=np.full(count, indexed.codec.codec_id),
        code=chance.integers(0, 256, (count, 32), np.uint8),
        id=np.arange(1, count + 1) * 3,
    )
    command = [sys.executable, "-m", "semblance", "import", str(tmp_path / "a.npz"), "--library", str(tmp_path / "new")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not (tmp_path / "new" / f"{FILE}-wal").exists() or not _some(tmp_path / "new"):
        assert time.monotonic() < end
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 0 < _some(tmp_path / "new") < count
    done = json.loads(subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, check=True).stdout)
    assert 0 < done["added"] < count
    assert done["added"] + done["unchanged"] == count
    assert [row[0] for row in truth(tmp_path / "new")] == [number * 3 for number in range(1, count + 1)]


def _some(library: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{library / FILE}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM pictures").fetchone()[0])


def test_without_pyarrow_a_sentence_names_the_extra(indexed: Shelf, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('No module named pyarrow')")
    command = [
        sys.executable,
        "-m",
        "semblance",
        "export",
        "--library",
        str(indexed.library),
        str(tmp_path / "a.parquet"),
    ]
    variables = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'semblance[parquet]'" in done.stderr
    assert not list(tmp_path.glob("*a.parquet*"))
