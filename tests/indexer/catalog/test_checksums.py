"""Every row carries the checksum of what was written, whoever wrote it, and one without is never answered with."""

import contextlib
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Catalog, Failure, Writer, checking, checksums, schema
from tests.indexer.catalog.conftest import CODEC, new, past_library


def changed(library: Path, *statements: str) -> None:
    """By another program, which sets no checksum."""
    with contextlib.closing(sqlite3.connect(library / FILE)) as db, db:
        for statement in statements:
            db.execute(statement)


def wrong(library: Path) -> list[str]:
    """The tables of the rows whose checksums are not those of their values, reckoned here."""
    out = []
    with contextlib.closing(sqlite3.connect(library / FILE)) as db:
        for table, columns in checksums.COLUMNS.items():
            for *values, kept in db.execute(f"SELECT {', '.join(columns)}, checksum FROM {table}"):
                if zlib.crc32((table + ascii(tuple(values))).encode()) != kept:
                    out.append(table)
    return out


def test_every_column_of_every_table_is_summed_up() -> None:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db)
        made = {
            table: {row[1] for row in db.execute(f"PRAGMA table_info({table})")} - {"checksum"}
            for (table,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        }
    assert {table: set(columns) for table, columns in checksums.COLUMNS.items()} == made


def test_whatever_the_writer_does_each_row_has_its_checksum(library: Path) -> None:
    with Writer.writing(library, CODEC) as catalog:
        catalog.record([new("/c", 3), new("/a", 9)], [Failure("/d", "It's a text; ä.", read=True)])
        catalog.touch([replace(catalog.entries()[0], mtime_ns=5)])
        catalog.forget(["/b"])
        catalog._db.execute("UPDATE pictures SET path = '/moved' WHERE path = '/c'")
        catalog._db.execute("INSERT INTO folders (path, device, named, seen, last) VALUES ('/', 1, 1, 5, 3)")
        catalog._db.execute(
            "INSERT OR REPLACE INTO folders (path, device, named, seen, last) VALUES ('/', 2, 1, 0.5, 3)"
        )
        catalog._db.execute("INSERT INTO apart (first, second) SELECT min(id), max(id) FROM pictures")
    assert wrong(library) == []


@pytest.mark.parametrize("version", range(1, schema.VERSION + 1))
def test_rows_of_before_get_theirs(tmp_path: Path, version: int) -> None:
    folder = past_library(tmp_path / "past", version)
    Catalog.open(folder).close()
    assert wrong(folder) == []


def test_a_damaged_row_is_left_out_of_every_answer(library: Path) -> None:
    changed(library, "UPDATE codes SET code = zeroblob(32) WHERE picture = 1")
    with Catalog.opened(library) as catalog:
        assert catalog.coded(CODEC.codec_id) == {2}
        assert catalog.changes(0).ids.tolist() == [2]
        assert catalog.damaged_seen == 2
    changed(library, "UPDATE pictures SET path = '/another' WHERE id = 2")
    with Catalog.opened(library) as catalog:
        assert [entry.id for entry in catalog.entries()] == [1]
        assert catalog.paths([1, 2]) == {1: "/a"}
        assert catalog.entry(2) is None


def test_text_that_is_no_text_any_more_costs_its_row_alone(library: Path) -> None:
    changed(library, "UPDATE pictures SET path = CAST(X'2FFF61' AS TEXT) WHERE id = 1")
    with Catalog.opened(library) as catalog:
        assert [entry.path for entry in catalog.entries()] == ["/b"]


def test_what_is_damaged_is_dropped_by_the_next_run_and_noticed_by_readers(library: Path) -> None:
    with Catalog.opened(library) as reader:
        before = reader.generation()
        changed(
            library,
            "UPDATE codes SET generation = 7 WHERE picture = 1",
            "UPDATE pictures SET size = 1 WHERE id = 2",
        )
        with Writer.writing(library, CODEC) as catalog:
            assert catalog.drop_damaged() == 2
            assert [entry.id for entry in catalog.entries()] == [1]
            assert catalog.coded(CODEC.codec_id) == set()
        assert wrong(library) == []
        assert reader.changes(before.number).removed.tolist() == [2]


def test_a_damaged_token_is_no_token(library: Path) -> None:
    with Catalog.opened(library) as catalog:
        before = catalog.generation()
    changed(library, "UPDATE generations SET token = 'other' WHERE number = 1")
    with Catalog.opened(library) as catalog:
        assert not catalog.knows(before)
        assert catalog.generation().number == 0


def test_how_many_pictures_there_are_is_kept_with_them_and_counted_by_nobody(library: Path) -> None:
    with Catalog.opened(library) as reader, Writer.writing(library, CODEC) as catalog:
        asked = list[str]()
        reader._connection.db.set_trace_callback(asked.append)
        for change in (
            lambda: catalog.record([new("/c", 3), new("/a", 9), new("/d", 1)], [Failure("/b", "broken", read=True)]),
            lambda: catalog.record([], [Failure("/c", "away", read=False)]),
            lambda: catalog.forget(["/d", "/never"]),
            lambda: catalog.switch(CODEC, np.array([4]), np.zeros((1, 32), np.uint8)),
        ):
            change()
            there = len(reader.entries())
            assert (reader.counts()[0], reader.changes(reader.generation().number).pictures) == (there, there)
            assert len(reader.spread(there - 1)) == there - 1
        assert there == 2
        assert not [each for each in asked if "count(*) FROM pictures" in each]


def test_a_damaged_number_of_pictures_is_not_believed_and_set_right(library: Path) -> None:
    changed(library, "UPDATE counted SET pictures = 7")
    said = "There are 2 pictures, and the catalog says that there are 7."
    assert said in checking.problems(library)
    with Catalog.opened(library) as catalog:
        assert catalog.counts() == (2, 0)
        assert catalog.changes(1).pictures == 2
    with Writer.writing(library, CODEC) as catalog:
        assert catalog.drop_damaged() == 1
        catalog.record([new("/c", 3)], [])
        assert catalog._rows("SELECT pictures FROM counted") == [(3,)]
    assert wrong(library) == []
    assert checking.problems(library) == []
