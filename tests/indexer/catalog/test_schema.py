"""Every version of the schema opens, is brought up to date whole or not at all, and loses nothing."""

import contextlib
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Catalog, Generation, Writer, opening, schema
from semblance.retrieval.errors import LibraryError, LibraryLocked
from semblance.retrieval.index.flat import FlatIndex
from tests.indexer.catalog.conftest import (
    CODEC,
    OLD_CODEC,
    SCHEMAS,
    UNWRITABLE,
    dumped,
    in_a_process,
    new,
    past_library,
)

PAST = range(1, schema.VERSION + 1)


def tables(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()


def raw(folder: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(folder / FILE))


def check_whole(catalog: Catalog) -> None:
    """Every row of the dump of version 1 is there, and nothing else."""
    (library,) = dumped(1, "library")
    assert (catalog.library, catalog.codec_id, catalog.bits, catalog.model) == (library[1], *library[4:])
    assert [(e.id, e.path, e.size, e.mtime_ns, e.sha256) for e in catalog.entries()] == dumped(1, "pictures")
    assert catalog.failures() == dict(dumped(1, "failures"))
    assert catalog.generation().number == library[3]
    assert catalog.knows(catalog.generation())
    codes = sorted(dumped(1, "codes"))
    for since in range(library[3] + 1):
        changes = catalog.changes(since)
        kept = [(id, code) for id, _, generation, code in codes if generation > since]
        assert [(id, code.tobytes()) for id, code in zip(changes.ids.tolist(), changes.codes, strict=True)] == kept
        assert [*changes.removed] == [id for id, generation in dumped(1, "removals") if generation > since]


# ---- every past schema ---------------------------------------------------------------------------------------------


def test_a_library_of_every_version_is_kept() -> None:
    """For a new version n: `sqlite3 LIBRARY/catalog.sqlite .dump > n.sql`, and its application_id and user_version."""
    assert sorted(path.name for path in SCHEMAS.iterdir()) == sorted(f"{version}.sql" for version in PAST)


@pytest.mark.parametrize("version", PAST)
def test_what_was_released_is_not_edited(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first n migrations make the tables that version n made, and what it numbered itself."""
    monkeypatch.setattr(schema, "VERSION", version)
    with raw(past_library(tmp_path / "past", version)) as past, contextlib.closing(sqlite3.connect(":memory:")) as made:
        made.isolation_level = None
        schema.migrate(made)
        assert tables(made) == tables(past)
        assert schema.version(past) == version


@pytest.mark.parametrize("version", PAST)
def test_a_library_of_every_version_is_brought_up_to_date_and_loses_nothing(tmp_path: Path, version: int) -> None:
    folder = past_library(tmp_path / "past", version)
    pictures, failures, codes = (dumped(version, table) for table in ("pictures", "failures", "codes"))
    with Catalog.opened(folder) as catalog:
        assert [(e.id, e.path, e.size, e.mtime_ns, e.sha256) for e in catalog.entries()] == [
            row[:5] for row in pictures
        ]
        assert catalog.failures() == {row[0]: row[1] for row in failures}
        changes = catalog.changes(0)
        own = sorted((row[0], row[3]) for row in codes if row[1] == catalog.codec_id)
        assert [(id, code.tobytes()) for id, code in zip(changes.ids.tolist(), changes.codes, strict=True)] == own
        assert changes.removed.tolist() == [row[0] for row in dumped(version, "removals")]
    with Writer.writing(tmp_path / "new", CODEC), raw(folder) as past, raw(tmp_path / "new") as made:
        assert tables(past) == tables(made)
        assert past.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert past.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_rows_of_version_1_survive_and_search_the_same(tmp_path: Path) -> None:
    folder = past_library(tmp_path / "past")
    with Catalog.opened(folder) as catalog:
        check_whole(catalog)
        changes = catalog.changes(0)
    index = FlatIndex(256)
    index.add(changes.ids, changes.codes)
    stored = [(id, int.from_bytes(code, "little")) for id, _, _, code in dumped(1, "codes")]
    for asked_id, asked in stored:
        nearest = sorted(((asked ^ code).bit_count(), id) for id, code in stored)[:7]
        distances, ids = index.search(index.codes(np.array([asked_id])), 7)
        assert [*zip(distances[0].tolist(), ids[0].tolist(), strict=True)] == nearest


def test_ids_and_generations_go_on_where_version_1_ended(tmp_path: Path) -> None:
    """Picture 20 was the last that version 1 numbered. It goes first, since SQLite counts on from the highest row."""
    folder = past_library(tmp_path / "past")
    with Writer.writing(folder, OLD_CODEC) as catalog:
        old = catalog.generation()
        catalog.forget(["/pictures/winter/winter-0001.jpg"])
        assert catalog.record([new("/new", 1, OLD_CODEC)], []) == [21]
        assert catalog.generation().number == old.number + 2 == 4
        assert catalog.knows(old)
        assert not catalog.knows(Generation(1, old.token)), "what was before the migration has no token"
        assert catalog.changes(old.number).removed.tolist() == [20]


def test_migrating_what_is_up_to_date_changes_nothing(library: Path) -> None:
    """As where another process was quicker, after this one had looked."""
    before = (library / FILE).read_bytes()
    with raw(library) as db:
        schema.migrate(db)
        assert schema.version(db) == schema.VERSION
    with Catalog.opened(library) as catalog:
        assert catalog.counts() == (2, 0)
    assert (library / FILE).read_bytes() == before


def test_the_version_before_refuses_a_library_of_this_one(library: Path) -> None:
    """What version 1 asks of a library when it opens it, and does to it at the end of a batch."""
    with raw(library) as db:
        row = db.execute("SELECT format, id, codec_id, bits, model FROM library").fetchone()
        assert row[0] != 1
        with pytest.raises(sqlite3.OperationalError, match="cannot modify library"):
            db.execute("UPDATE library SET generation = 9")


# ---- killed, and at the same time ----------------------------------------------------------------------------------


def state_of(folder: Path) -> int:
    """Which version's tables there are, seen by SQLite alone: whole ones."""
    with raw(folder) as db:
        number = int(db.execute("PRAGMA user_version").fetchone()[0])
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
            for statement in [line for lines in schema.MIGRATIONS[: number or 1] for line in lines]:
                made.execute(statement)
            assert tables(db) == tables(made)
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return number


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_migration_killed_between_any_two_statements_is_whole_or_undone(tmp_path: Path, mode: str) -> None:
    def migrate(folder: Path, last: int) -> None:
        connect, seen = sqlite3.connect, 0

        def count(_statement: str) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

        def traced(*arguments: object, **options: object) -> sqlite3.Connection:
            db: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]
            db.set_trace_callback(count)
            return db

        sqlite3.connect = traced  # type: ignore[assignment]
        Catalog.open(folder).close()

    states: list[int] = []
    codes: list[int | None] = []
    last = 0
    while 0 not in codes:
        last += 1
        folder = past_library(tmp_path / f"killed-{last}")
        with raw(folder) as db:
            db.execute(f"PRAGMA journal_mode = {mode}")
        process = in_a_process(migrate, folder, last)
        process.join()
        codes.append(process.exitcode)
        states.append(state_of(folder))
        with Catalog.opened(folder) as catalog:
            check_whole(catalog)
    assert set(codes) == {-signal.SIGKILL, 0}
    assert len(states) > len(schema.MIGRATIONS[1]) + 3, "each statement was once the last"
    assert states == sorted(states), "once it is new it stays so"
    assert set(states) == {0, schema.VERSION}


def test_a_migration_killed_at_any_moment_is_whole_or_undone(tmp_path: Path) -> None:
    def migrate(folder: Path, began: Path) -> None:
        began.touch()
        Catalog.open(folder).close()

    chance = random.Random(0)
    for turn in range(40):
        folder = past_library(tmp_path / f"killed-{turn}")
        began = tmp_path / f"began-{turn}"
        process = in_a_process(migrate, folder, began)
        while not began.exists():
            pass
        time.sleep(chance.uniform(0, 0.01))
        process.kill()
        process.join()
        assert state_of(folder) in (0, schema.VERSION)
        with Catalog.opened(folder) as catalog:
            check_whole(catalog)


def test_several_that_open_an_old_library_at_once_find_it_whole(tmp_path: Path) -> None:
    def look(folder: Path, go: Path) -> None:
        while not go.exists():
            pass
        with Catalog.opened(folder) as catalog:
            check_whole(catalog)
            (folder / f"token-{os.getpid()}").write_text(catalog.generation().token)

    for turn in range(5):
        folder, go = past_library(tmp_path / f"past-{turn}"), tmp_path / f"go-{turn}"
        processes = [in_a_process(look, folder, go) for _ in range(4)]
        go.touch()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
        assert len({path.read_text() for path in folder.glob("token-*")}) == 1, "one of them migrated it"


def test_a_writer_of_the_version_before_is_not_disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = past_library(tmp_path / "past")
    before = (folder / FILE).read_bytes()
    monkeypatch.setattr(opening, "_PATIENCE", 0.1)
    with opening.lock(folder):
        with pytest.raises(LibraryLocked, match="Another process is writing to"):
            Catalog.open(folder)
        with pytest.raises(LibraryLocked), Writer.writing(folder, OLD_CODEC):
            pass
        assert (folder / FILE).read_bytes() == before
    with Catalog.opened(folder) as catalog:
        check_whole(catalog)


def test_one_that_opens_waits_a_moment_for_another_that_migrates(tmp_path: Path) -> None:
    folder = past_library(tmp_path / "past")
    locked = tmp_path / "locked"

    def lock() -> None:
        with opening.lock(folder):
            locked.touch()
            time.sleep(0.2)

    other = in_a_process(lock)
    while not locked.exists():
        time.sleep(0.001)
    with pytest.raises(LibraryLocked), opening.lock(folder):
        pass
    with Catalog.opened(folder) as catalog:
        check_whole(catalog)
    other.join()


def test_a_reader_of_the_version_before_goes_on_reading(tmp_path: Path) -> None:
    """A service of version 1 is following the library while an index run of this version migrates it."""
    folder = past_library(tmp_path / "past")
    with raw(folder) as service:
        assert service.execute("SELECT generation FROM library").fetchall() == [(2,)]
        with Writer.writing(folder, OLD_CODEC) as catalog:
            catalog.record([new("/new", 7, OLD_CODEC)], [])
        assert service.execute("SELECT generation FROM library").fetchall() == [(3,)]
        question = "SELECT picture, code FROM codes WHERE generation > 2 AND codec_id = ?"
        assert service.execute(question, (OLD_CODEC.codec_id,)).fetchall() == [(21, b"\7" * 32)]


# ---- where it cannot be done ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", UNWRITABLE)
def test_an_old_library_that_cannot_be_written_says_what_to_do(tmp_path: Path, place: str) -> None:
    folder = past_library(tmp_path / "past")
    with UNWRITABLE[place](folder):
        before = (folder / FILE).read_bytes()
        with pytest.raises(LibraryError, match=r"earlier version .* run `semblance status --library|disk .* is full"):
            Catalog.open(folder)
        assert (folder / FILE).read_bytes() == before


def test_a_library_of_a_newer_version_is_left_alone(library: Path) -> None:
    with raw(library) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = {path.name: path.read_bytes() for path in library.iterdir()}
    with pytest.raises(LibraryError, match=r"newer version of Semblance .* upgrade"):
        Catalog.open(library)
    with pytest.raises(LibraryError, match="newer version of Semblance"), Writer.writing(library, CODEC):
        pass
    assert {path.name: path.read_bytes() for path in library.iterdir()} == before
