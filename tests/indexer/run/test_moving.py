"""Pictures that are moved keep their ids, and links and copies share a code; what is stored is read by plain SQLite."""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Catalog, Writer, placing
from semblance.indexer.derived.pixelfile import FILE as FILE_OF_PIXELS
from semblance.indexer.derived.pixelfile import HEADER, RECORD
from semblance.indexer.library import Library
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval import images, pixels
from semblance.retrieval.decoding import Decoder
from semblance.retrieval.images import InputSpec, Picture
from tests.conftest import paint
from tests.indexer.catalog.conftest import in_a_process
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed
Rows = dict[str, tuple[int, str]]  # path below the folder -> id, SHA-256 as the catalog has it


def rows(shelf: Shelf) -> Rows:
    """The pictures as any SQLite reads them."""
    with contextlib.closing(sqlite3.connect(shelf.library / FILE)) as db:
        found = db.execute("SELECT path, id, lower(hex(sha256)) FROM pictures").fetchall()
    return {os.path.relpath(path, shelf.folder): (id, sha256) for path, id, sha256 in found}


def check(shelf: Shelf) -> Rows:
    """Every file is there once, by its own content and with the codes that each model gives of it alone."""
    stored = rows(shelf)
    files = {str(path.relative_to(shelf.folder)): path for path in shelf.folder.rglob("*.png")}
    assert {name: sha256 for name, (_, sha256) in stored.items()} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }
    with contextlib.closing(sqlite3.connect(shelf.library / FILE)) as db:
        codes = db.execute("SELECT picture, code FROM codes WHERE codec_id = ?", (shelf.codec.codec_id,)).fetchall()
        count = db.execute("SELECT count(*) FROM codes").fetchone()[0]
    ids = {id: files[name] for name, (id, _) in stored.items()}
    assert count == 2 * len(files), "one for what is alike and one for what is the same"
    assert dict(codes) == {
        id: shelf.codec.encode(images.load(path, shelf.codec.spec)[None])[0].tobytes() for id, path in ids.items()
    }
    return stored


def ids(stored: Rows) -> dict[str, int]:
    return {name: id for name, (id, _) in stored.items()}


def of_pixels(shelf: Shelf) -> list[np.void]:
    """The records of pixels as they stand in the file."""
    return [*np.fromfile(shelf.library / FILE_OF_PIXELS, RECORD, offset=len(HEADER))]


def generation(shelf: Shelf) -> int:
    with Catalog.opened(shelf.library) as catalog:
        return catalog.generation().number


def test_a_renamed_folder_keeps_all_its_ids_without_a_generation(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    before, number = ids(check(shelf)), generation(shelf)
    (shelf.folder / "one").rename(shelf.folder / "new")
    report = shelf.index()
    assert (counts(report), report.moved, report.warnings) == ((0, 0, 0, 3, 0), 3, [])
    assert shelf.codec.encoded == 0
    assert generation(shelf) == number
    assert ids(check(shelf)) == {name.replace("one/", "new/"): id for name, id in before.items()}
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)


def test_what_vanished_in_one_run_is_found_in_a_later_one(shelf: Shelf) -> None:
    shelf.index()
    before = ids(check(shelf))
    away = (shelf.folder / "one").rename(shelf.folder.parent / "away")
    (warning,) = shelf.index().warnings
    assert "its 3 pictures are kept" in warning
    away.rename(shelf.folder / "two" / "deep")
    report = shelf.index()
    assert (report.moved, report.added, report.warnings) == (3, 0, [])
    assert ids(check(shelf)) == {name.replace("one/", "two/deep/"): id for name, id in before.items()}


@pytest.mark.parametrize("batch", [1, 256])
def test_names_that_are_swapped_and_handed_on(shelf: Shelf, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semblance.indexer.run.taking_in._BATCH", batch)
    monkeypatch.setattr("semblance.indexer.run.encoding.CHUNK", batch)
    shelf.index()
    before = ids(check(shelf))
    a, b, c, d, e, f = (shelf.picture(name) for name in "abcdef")
    a.rename(shelf.folder / "t.png")  # a and b are swapped
    b.rename(a)
    (shelf.folder / "t.png").rename(b)
    d.rename(shelf.folder / "0.png")  # handed on: d to a new name, c to d, and a new picture at c
    c.rename(d)
    paint(c, 50)
    f.rename(e)  # e is gone, and f has its name
    report = shelf.index()
    assert (report.moved, report.added, report.updated, report.removed, report.unchanged) == (5, 1, 0, 1, 0)
    assert shelf.codec.encoded == 1
    after = ids(check(shelf))
    assert after.pop("one/c.png") > max(before.values())
    assert after == {
        "one/a.png": before["one/b.png"],
        "one/b.png": before["one/a.png"],
        "0.png": before["two/d.png"],
        "two/d.png": before["one/c.png"],
        "two/e.png": before["two/f.png"],
    }


def test_another_case_of_a_name_is_a_move(shelf: Shelf) -> None:
    """As a disk that does not tell the two apart shows it, too: the old name is not among those listed."""
    shelf.index()
    before = ids(check(shelf))
    shelf.picture("a").rename(shelf.folder / "one" / "A.PNG")
    assert shelf.index().moved == 1
    assert ids(rows(shelf))["one/A.PNG"] == before["one/a.png"]


def test_of_several_copies_each_keeps_its_own_name_and_id(shelf: Shelf) -> None:
    for name in ("x", "y", "z"):
        shutil.copy(shelf.picture("a"), shelf.folder / "one" / f"{name}.png")
    shelf.index()
    before = ids(check(shelf))
    (shelf.folder / "one").rename(shelf.folder / "new")
    shutil.copy(shelf.picture("d"), shelf.folder / "new" / "a copy.png")
    report = shelf.index()
    assert (report.moved, report.added, report.removed, shelf.codec.encoded) == (6, 1, 0, 0)
    after = ids(check(shelf))
    assert after.pop("new/a copy.png") > max(before.values())
    assert after == {name.replace("one/", "new/"): id for name, id in before.items()}


def test_of_several_copies_those_that_are_left_keep_their_own(shelf: Shelf) -> None:
    for name in ("x", "y", "z"):
        shutil.copy(shelf.picture("a"), shelf.folder / "one" / f"{name}.png")
    shelf.index()
    before = ids(check(shelf))
    for name in "ax":
        (shelf.folder / "one" / f"{name}.png").unlink()
    (shelf.folder / "one").rename(shelf.folder / "new")
    (warning,) = shelf.index().warnings
    assert "is missing: its 2 pictures are kept" in warning
    after = ids(rows(shelf))
    assert {name: after[f"new/{name}"] for name in ("y.png", "z.png")} == {
        name: before[f"one/{name}"] for name in ("y.png", "z.png")
    }


def test_a_path_that_a_run_does_not_look_at_is_not_called_gone(shelf: Shelf) -> None:
    shelf.index()
    before = ids(check(shelf))
    shelf.picture("a").rename(shelf.folder / "two" / "a.png")
    report = shelf.index(shelf.folder / "two")
    assert (report.moved, report.added, shelf.codec.encoded) == (0, 1, 0)
    report = shelf.index()
    assert (report.moved, report.removed) == (0, 1)
    after = ids(check(shelf))
    assert {name: id for name, id in after.items() if name != "two/a.png"} == {
        name: id for name, id in before.items() if name != "one/a.png"
    }


@pytest.mark.parametrize("chunk", [1, 32])
def test_links_and_copies_are_hashed_and_have_the_code_and_vector_of_the_first(
    shelf: Shelf, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semblance.indexer.run.encoding.CHUNK", chunk)
    shelf.index(with_pixels=True)
    for name in "abc":
        (shelf.folder / f"link of {name}.png").hardlink_to(shelf.picture(name))
        shutil.copy(shelf.picture(name), shelf.folder / f"copy of {name}.png")
    paint(shelf.folder / "new.png", 60)
    if chunk > 1:
        shutil.copy(shelf.folder / "new.png", shelf.folder / "new too.png")
    decoded: list[int] = []
    see = Decoder.see

    def counting(decoder: Decoder, specs: list[InputSpec]) -> dict[InputSpec, Picture]:
        decoded.extend([len(specs)] if specs else [])  # else the header alone
        return see(decoder, specs)

    monkeypatch.setattr(Decoder, "see", counting)
    report = shelf.index()
    assert (report.added, report.moved, report.unchanged) == (7 if chunk == 1 else 8, 0, 6)
    assert len(decoded) == 1, "new.png alone"
    monkeypatch.undo()
    stored = check(shelf)
    with Catalog.opened(shelf.library) as catalog:
        entries = {entry.id: entry for entry in catalog.entries()}
    records = {int(record["id"]): record["pixels"] for record in of_pixels(shelf)}
    assert records.keys() == {id for id, _ in stored.values()}
    for id, vector in records.items():
        assert vector.tolist() == images.load(Path(entries[id].path), pixels.SPEC).reshape(-1).tolist()


def test_a_moved_picture_gets_the_vector_that_it_lacked(shelf: Shelf) -> None:
    shelf.index()
    before = ids(check(shelf))
    a, b = shelf.picture("a"), shelf.picture("b")
    a.rename(shelf.folder / "t.png")
    b.rename(a)
    shelf.index(with_pixels=True)
    assert ids(check(shelf)) == {
        **{name: id for name, id in before.items() if name != "one/b.png"},
        "t.png": before["one/a.png"],
        "one/a.png": before["one/b.png"],
    }
    records = {int(record["id"]) for record in of_pixels(shelf)}
    assert records == {*before.values()}


@pytest.mark.parametrize("moment", ["move", "record", "forget"])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_in_the_middle_of_moves_leaves_the_old_or_the_new(shelf: Shelf, moment: str, after: bool) -> None:
    shelf.index()
    before = ids(check(shelf))
    a, b = shelf.picture("a"), shelf.picture("b")
    a.rename(shelf.folder / "t.png")
    b.rename(a)
    (shelf.folder / "t.png").rename(b)
    shelf.picture("c").rename(shelf.folder / "moved.png")
    shelf.picture("f").unlink()
    paint(shelf.folder / "new.png", 60)

    def killed() -> None:
        owner = placing if moment == "move" else Writer
        step = getattr(owner, moment)

        def last(*arguments: object) -> None:
            if after:
                step(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, moment, last)
        shelf.index()

    process = in_a_process(killed)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    kept = {id: sha256 for id, sha256 in rows(shelf).values() if id in before.values()}
    assert kept.keys() >= {id for name, id in before.items() if name != "two/f.png"}, "no id is lost"
    shelf.index()
    after_all = ids(check(shelf))
    assert after_all.pop("new.png") > max(before.values())
    assert after_all == {
        "one/a.png": before["one/b.png"],
        "one/b.png": before["one/a.png"],
        "moved.png": before["one/c.png"],
        "two/d.png": before["two/d.png"],
        "two/e.png": before["two/e.png"],
    }


def test_an_open_library_answers_with_the_new_path(shelf: Shelf) -> None:

    shelf.index()
    with Library.open(shelf.library) as library:
        asked = shelf.picture("a").read_bytes()
        (before,) = library.search(asked, k=1)
        shelf.picture("a").rename(shelf.folder / "moved.png")
        shelf.index()
        (found,) = library.search(asked, k=1)
    assert (found.path, found.id) == (str(shelf.folder / "moved.png"), before.id)
