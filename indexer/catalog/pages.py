"""The rows in a catalog's pages, by SQLite's file format and without SQLite, for a file that it cannot read any more:
one that is cut short, has lost its first page, or pages that lead to others.

A page is believed no word: only a row whose checksum is right counts, and that says which table it is of. A page that
was given up keeps its rows, so what is read may be older than the catalog: the next run of `index` sees to that.
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from semblance.indexer.catalog import checksums, schema
from semblance.indexer.catalog.opening import FILE

_LEAF, _INDEX_LEAF, _INDEX_NODE = 0x0D, 0x0A, 0x02  # kinds of pages that hold rows
_FIXED = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # bytes of a value, by its kind
_SIZES = [2**power for power in range(9, 17)]
_LOG_HEADER, _FRAME_HEADER = 32, 24
_MOST = 10 * 2**20  # bytes of a row, which a path and a reason never have

Row = tuple[Any, ...]


class _Shape(NamedTuple):
    """How the rows of a table stand in its pages: its columns in order, that which is the key of the page's cell or
    None, and those that hold numbers with a point."""

    columns: tuple[str, ...]
    key: str | None
    real: frozenset[str]


def rows(folder: Path) -> dict[str, list[Row]]:
    """Of each table the rows that are as written, in the order of checksums.COLUMNS and with their checksums, each
    once; what has the highest key first. Raises OSError."""
    data = (folder / FILE).read_bytes()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        schema.migrate(db)
        shapes = {table: _shape(db, table) for table in checksums.COLUMNS}
        sizes = {int(db.execute("PRAGMA page_size").fetchone()[0])}
    sizes |= {int.from_bytes(data[16:18], "big")} & {*_SIZES}
    best: dict[str, list[Row]] = {table: [] for table in shapes}
    for size in sizes:
        found: dict[str, dict[Row, None]] = {table: {} for table in shapes}
        for key, values in _cells(_pages(folder, data, size), size):
            for table, shape in shapes.items():
                if row := _row(table, shape, key, values):
                    found[table][row] = None
        if sum(map(len, found.values())) > sum(map(len, best.values())):
            best = {table: sorted(right, key=repr, reverse=True) for table, right in found.items()}
    for table in ("pictures", "removals", "generations"):
        best[table].sort(key=lambda row: -row[0])
    return best


def _shape(db: sqlite3.Connection, table: str) -> _Shape:
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    ((sql,),) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,))
    keys = [name for _, name, *_, place in sorted(columns, key=lambda column: column[-1]) if place]
    names = [name for _, name, *_ in columns]
    real = frozenset(name for _, name, kind, *_ in columns if kind == "REAL")
    if "WITHOUT ROWID" in sql:
        return _Shape((*keys, *(name for name in names if name not in keys)), None, real)
    return _Shape(tuple(names), keys[0] if keys else "", real)


def _row(table: str, shape: _Shape, key: int | None, values: list[Any]) -> Row | None:
    """The row of a cell, if it is one of this table as it was written."""
    if len(values) != len(shape.columns) or (key is None) != (shape.key is None):
        return None
    said = dict(zip(shape.columns, values, strict=True))
    if shape.key:
        said[shape.key] = key
    for name in shape.real & said.keys():  # SQLite keeps a whole number as one
        said[name] = float(said[name]) if isinstance(said[name], int) else said[name]
    row = (*(said[name] for name in checksums.COLUMNS[table]), said["checksum"])
    return row if checksums.is_right(table, row) else None


def _pages(folder: Path, data: bytes, size: int) -> dict[int, bytes]:
    """The pages by their numbers, as the log has them where it does."""
    pages = {number: data[start : start + size] for number, start in enumerate(range(0, len(data), size), 1)}
    log = b""
    with suppress(OSError):
        log = (folder / f"{FILE}-wal").read_bytes()
    pending = dict[int, bytes]()
    for start in range(_LOG_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        head = log[start : start + _FRAME_HEADER]
        if head[8:16] != log[16:24]:
            break  # of an earlier round
        pending[int.from_bytes(head[:4], "big")] = log[start + _FRAME_HEADER : start + _FRAME_HEADER + size]
        if any(head[4:8]):  # committed
            pages |= pending
            pending = {}
    return pages


def _cells(pages: dict[int, bytes], size: int) -> Iterator[tuple[int | None, list[Any]]]:
    """The number of each row, None where it has none, and its values."""
    for page in pages.values():
        if not page or page[0] not in (_LEAF, _INDEX_LEAF, _INDEX_NODE):
            continue
        start = 12 if page[0] == _INDEX_NODE else 8
        for place in range(start, start + 2 * int.from_bytes(page[3:5], "big"), 2):
            with suppress(IndexError, ValueError, KeyError):
                yield _cell(pages, page, int.from_bytes(page[place : place + 2], "big"), size)


def _cell(pages: dict[int, bytes], page: bytes, at: int, size: int) -> tuple[int | None, list[Any]]:
    """Raises IndexError, ValueError and KeyError where there is none."""
    at += 4 * (page[0] == _INDEX_NODE)
    length, at = _number(page, at)
    key = None
    if page[0] == _LEAF:
        key, at = _number(page, at)
        key -= 2**64 * (key >= 2**63)
    if length > _MOST:
        raise ValueError("too long")
    most = size - 35 if page[0] == _LEAF else (size - 12) * 64 // 255 - 23
    here = length
    if length > most:
        least = (size - 12) * 32 // 255 - 23
        here = least + (length - least) % (size - 4)
        here = here if here <= most else least
    record = page[at : at + here]
    following = page[at + here : at + here + 4]
    while len(record) < length:
        page = pages[int.from_bytes(following, "big")]
        following, more = page[:4], page[4:]
        if not more:
            raise ValueError("ends too early")
        record += more[: length - len(record)]
    return key, _values(record)


def _values(record: bytes) -> list[Any]:
    end, at = _number(record, 0)
    place, values = end, list[Any]()
    while at < end:
        kind, at = _number(record, at)
        length = _FIXED[kind] if kind < len(_FIXED) else (kind - 12) // 2
        value = record[place : place + length]
        if kind in (10, 11) or len(value) < length:
            raise ValueError("no value")
        values.append(_value(kind, value))
        place += length
    return values


def _value(kind: int, value: bytes) -> Any:
    if kind >= 12:
        return value.decode("utf-8", "surrogateescape") if kind % 2 else value
    if kind == 7:
        return struct.unpack(">d", value)[0]
    return None if kind == 0 else kind - 8 if kind >= 8 else int.from_bytes(value, "big", signed=True)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """SQLite's number of one to nine bytes, and where it ends."""
    number = 0
    for place in range(at, at + 8):
        number = number << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return number, place + 1
    return number << 8 | data[at + 8], at + 9
