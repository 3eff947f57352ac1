"""Facts of pictures come with indexing, stay with what they are of, and are asked of those of before once."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semblance.indexer.catalog import FILE, Catalog, Facts, Narrowing, schema
from semblance.indexer.keeping import backing_up, removing, repairing, restoring, verifying
from semblance.retrieval.decoding import Decoder
from tests.exif import CANON, DATED, MUNICH, exif, saved
from tests.indexer.conftest import Shelf

SAID = Facts(40, 30, "2019-05-04T13:02:01.25+02:00", "Canon EOS R5", 48.1375, 11.575)
PAINTED = Facts(48, 36)


@pytest.fixture
def dated(shelf: Shelf) -> Shelf:
    """Six pictures, of which `a` and `d` say something of themselves."""
    shelf.picture("a").write_bytes(saved("PNG", exif=exif(CANON, DATED, MUNICH)))
    shelf.picture("d").write_bytes(saved("PNG", exif=exif(CANON)))
    return shelf


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What decoders are asked: each file that is read whole, and each that is seen, by how many specs."""
    calls: list[tuple[str, int]] = []

    def noting(name: str) -> Callable[..., Any]:
        own = getattr(Decoder, name)

        def note(decoder: Decoder, *what: Any) -> Any:
            calls.append((name, len(what[0]) if name == "see" else 1))
            return own(decoder, *what)

        return note

    for name in ("open", "see"):
        monkeypatch.setattr(Decoder, name, noting(name))
    return calls


def facts(shelf: Shelf) -> dict[str, Facts | None]:
    with Catalog.opened(shelf.library) as catalog:
        return {Path(entry.path).stem: catalog.facts(entry.id) for entry in catalog.entries()}


def make_old(library: Path) -> None:
    """Leave the library as version 3 would have: without what later ones made."""
    with contextlib.closing(sqlite3.connect(library / FILE)) as db, db:
        made = {name for kind, name, _ in schema.tables(db) if kind == "table"}
        for trigger in [name for kind, name, _ in schema.tables(db) if kind == "trigger"]:
            db.execute(f"DROP TRIGGER {trigger}")
        with contextlib.closing(sqlite3.connect(":memory:")) as before:
            for statement in [line for lines in schema.MIGRATIONS[:3] for line in lines]:
                before.execute(statement)
            for name in made - {name for kind, name, _ in schema.tables(before) if kind == "table"}:
                db.execute(f"DROP TABLE {name}")
            assert schema.tables(db) == schema.tables(before)
        db.execute("PRAGMA user_version = 3")


def test_facts_come_with_the_codes_of_one_decode(dated: Shelf, asked: list[tuple[str, int]]) -> None:
    dated.index()
    said = {"a": SAID, "d": Facts(40, 30, camera="Canon EOS R5")}
    assert facts(dated) == {**dict.fromkeys("abcdef", PAINTED), **said}
    assert sorted(asked) == [("open", 1)] * 6 + [("see", 2)] * 6


def test_pictures_of_before_are_asked_once_and_nothing_is_decoded(dated: Shelf, asked: list[tuple[str, int]]) -> None:
    dated.index()
    before = dated.ids()
    whole = facts(dated)
    make_old(dated.library)
    asked.clear()
    report = dated.index()
    assert (report.unchanged, report.added, report.updated, dated.codec.encoded) == (6, 0, 0, 0)
    assert asked == [("see", 0)] * 6, "headers alone"
    assert facts(dated) == whole
    assert dated.ids() == before
    asked.clear()
    dated.index()
    assert asked == [], "and once"


def test_what_is_touched_or_moved_before_it_was_asked_is_asked_too(dated: Shelf, asked: list[tuple[str, int]]) -> None:
    dated.index()
    whole = facts(dated)
    make_old(dated.library)
    dated.picture("a").touch()
    dated.picture("d").rename(dated.folder / "moved.png")
    asked.clear()
    dated.index()
    assert not [specs for name, specs in asked if name == "see" and specs], "nothing is decoded"
    assert facts(dated) == {("moved" if name == "d" else name): said for name, said in whole.items()}


def test_a_file_that_cannot_be_read_now_is_asked_by_the_next_run(dated: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    dated.index()
    make_old(dated.library)
    see = Decoder.see
    with monkeypatch.context() as patch:

        def failing(decoder: Decoder, specs: Any, source: Any = None) -> Any:
            if source == dated.picture("a"):
                raise PermissionError(13, "Permission denied")
            return see(decoder, specs, source)

        patch.setattr(Decoder, "see", failing)
        assert dated.index().failed == {}
    assert facts(dated)["a"] is None
    dated.index()
    assert facts(dated)["a"] == SAID


def test_facts_go_along_with_moves_copies_changes_and_removal(dated: Shelf, tmp_path: Path) -> None:
    dated.index()
    dated.picture("a").rename(dated.folder / "two" / "moved.png")
    shutil.copy(dated.picture("d"), dated.folder / "copy.png")
    shutil.copy(dated.picture("b"), dated.picture("c"))
    dated.picture("e").write_bytes(saved("PNG", (7, 9)))
    dated.index()
    found = facts(dated)
    assert found["moved"] == SAID
    assert found["copy"] == found["d"] == Facts(40, 30, camera="Canon EOS R5")
    assert found["e"] == Facts(7, 9)
    with Catalog.opened(dated.library) as catalog:
        wanted = catalog.among(Narrowing(camera="canon eos r5")).tolist()
        assert len(wanted) == 3
    removing.remove(dated.library, [dated.folder / "two" / "moved.png"])
    with Catalog.opened(dated.library) as catalog:
        assert catalog.among(Narrowing(camera="canon eos r5")).tolist() == [id for id in wanted if catalog.entry(id)]
        assert len(catalog.among(Narrowing(camera="canon eos r5"))) == 2


def test_facts_are_verified_mended_and_go_with_a_backup(dated: Shelf, tmp_path: Path) -> None:
    dated.index()
    whole = facts(dated)
    backing_up.backup(dated.library, tmp_path / "kept")
    with contextlib.closing(sqlite3.connect(dated.library / FILE)) as db, db:
        db.execute("UPDATE facts SET camera = 'Another' WHERE camera IS NOT NULL AND taken IS NULL")
    assert facts(dated)["d"] is None, "what nobody wrote is no fact"
    (found,) = verifying.verify(dated.library).damage
    assert "table facts 1 row is not what was written" in found.said
    repairing.repair(dated.library)
    assert facts(dated) == {**whole, "d": None}
    dated.index()
    assert facts(dated) == whole
    assert verifying.verify(dated.library).damage == []
    shutil.rmtree(dated.library)
    restoring.restore(tmp_path / "kept", dated.library)
    assert facts(dated) == whole
