"""What SQLite cannot read any more is read of the pages: cut short, without a first page, pages in the wrong place."""

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Catalog, Failure, NewPicture, Writer, checking, checksums, pages, salvaging
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryError

PAGE = 4096


@pytest.fixture
def own(tmp_path: Path, codec: Codec) -> Path:
    """A catalog of 600 pictures: some with paths longer than a page holds, some forgotten, some failed."""
    chance = np.random.default_rng(0)
    made = [
        NewPicture(
            f"/pictures/{number}/é{'x' * (number % 50 == 0) * 5000}.png",
            number - 300,
            2**62 - number,
            hashlib.sha256(b"%d" % number).digest(),
            {codec.codec_id: chance.integers(0, 256, codec.bits // 8, np.uint8)},
            inode=number % 2,
        )
        for number in range(600)
    ]
    with Writer.writing(tmp_path, codec) as catalog:
        for start in range(0, 600, 100):
            catalog.record(made[start : start + 100], [Failure(f"/failed/{start}", "Why.", read=True)])
        catalog.forget([new.path for new in made[90:110]])
    return tmp_path


def held(folder: Path) -> dict[str, set[tuple[Any, ...]]]:
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        return {table: {*db.execute(checksums.select(table))} for table in checksums.COLUMNS}


def write(folder: Path, change: Callable[[bytearray], None]) -> None:
    data = bytearray((folder / FILE).read_bytes())
    change(data)
    (folder / FILE).write_bytes(data)


def test_all_rows_are_read_and_nothing_that_was_removed_comes_back(own: Path) -> None:
    kept, found = held(own), pages.rows(own)
    assert len(kept["pictures"]) == 580
    for table in set(checksums.COLUMNS) - {"pictures", "codes"}:
        assert {*found[table]} == kept[table], table
    gone = {row[0] for row in kept["removals"]}
    assert {row for row in found["pictures"] if row[0] not in gone} == kept["pictures"]
    assert {row for row in found["codes"] if row[1] not in gone} == kept["codes"]


def test_what_is_in_the_log_is_read_where_it_was_committed(own: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(own / FILE, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        checksums.keep(db)
        db.execute("UPDATE pictures SET path = '/moved' WHERE id = 7")
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in (FILE, f"{FILE}-wal"):  # as a kill leaves them
            (copy / name).write_bytes((own / name).read_bytes())
    found = {row[0]: row[1] for row in pages.rows(copy)["pictures"]}
    assert (found[7], len(found)) == ("/moved", 580)


def zero(start: int, end: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[start:end] = bytes(end - start)

    return change


def swap(data: bytearray) -> None:
    data[PAGE : 2 * PAGE], data[2 * PAGE : 3 * PAGE] = data[2 * PAGE : 3 * PAGE], data[PAGE : 2 * PAGE]


def roots(data: bytearray) -> None:
    """Every page that leads to others."""
    for start in range(0, len(data), PAGE):
        if data[start] == 5:
            zero(start, start + PAGE)(data)


@pytest.mark.parametrize(
    "damage",
    [zero(0, 100), zero(0, PAGE), zero(100, PAGE), zero(16, 18), swap, roots],
    ids=["header", "first page", "schema", "page size", "swapped", "roots"],
)
def test_a_catalog_that_sqlite_cannot_read_is_mended_whole(
    own: Path, codec: Codec, damage: Callable[[bytearray], None]
) -> None:
    before = held(own)
    write(own, damage)
    assert checking.is_ours(own)
    assert checking.problems(own)
    made = salvaging.salvage(own, {codec.codec_id: ("mine", "alike")})
    after = held(own)
    assert (made.pictures, made.codes) == (580, 580)
    for table in set(checksums.COLUMNS) - {"identity", "generations"}:
        assert after[table] == before[table], table
    assert checking.problems(own) == []
    with Catalog.opened(own) as catalog:
        assert catalog.changes(0, codec.codec_id).ids.tolist() == sorted(row[0] for row in before["pictures"])


def test_what_was_cut_off_is_lost_and_nothing_else(own: Path, codec: Codec) -> None:
    before = held(own)
    write(own, lambda data: data.__delitem__(slice(len(data) * 3 // 4, None)))
    made = salvaging.salvage(own, {})
    assert 200 < made.pictures < 580
    after = held(own)
    assert (after["pictures"] < before["pictures"], after["codes"] < before["codes"]) == (True, True)
    assert checking.problems(own) == []


@pytest.mark.parametrize("what", [b"", os.urandom(9 * PAGE), b"\x0d" * 9 * PAGE, b"\x0a\xff" * 5 * PAGE])
def test_what_never_was_a_catalog_has_no_rows(tmp_path: Path, what: bytes) -> None:
    (tmp_path / FILE).write_bytes(what)
    assert not any(pages.rows(tmp_path).values())
    assert not checking.is_ours(tmp_path)
    with pytest.raises(LibraryError):
        checking.problems(tmp_path)
