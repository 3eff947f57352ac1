"""A checksum in every row, so that a flipped bit is found and never answered with.

It is the CRC-32 of the table's name and of the row's values as Python writes a tuple in ASCII, which tells every value
from every other, whatever its kind, and is the quickest that Python has: less than a microsecond. The writer's
connection sets it by temporary triggers, which no statement can forget and the file does not hold: what another program
changes gets no checksum, and counts as damaged.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

COLUMNS = {
    "pictures": ("id", "path", "size", "mtime_ns", "sha256", "ctime_ns", "inode"),
    "failures": ("path", "reason"),
    "codes": ("codec_id", "picture", "generation", "code"),
    "removals": ("picture", "generation"),
    "codecs": ("codec_id", "bits", "model", "purpose", "current"),
    "generations": ("number", "token"),
    "identity": ("id", "created"),
    "folders": ("path", "device", "named", "seen", "last"),
    "apart": ("first", "second"),
    "facts": ("picture", "width", "height", "taken", "camera", "latitude", "longitude"),
    "counted": ("pictures",),
}
BEGUN = {table: zlib.crc32(table.encode()) for table in COLUMNS}
KEYS = {
    "pictures": ("id",),
    "failures": ("path",),
    "codes": ("picture", "codec_id"),
    "removals": ("picture",),
    "codecs": ("codec_id",),
    "generations": ("number",),
    "identity": ("rowid",),
    "folders": ("path",),
    "apart": ("first", "second"),
    "facts": ("picture",),
    "counted": ("rowid",),
}


def checksum(table: str, *values: Any) -> int:
    """Of a row, whose values are in the order of COLUMNS."""
    return zlib.crc32(ascii(values).encode(), BEGUN[table])


def of_codes(codec_id: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[bool]:
    """Whether each row of codes (picture, generation, code, checksum) of one codec is what was written."""
    begun = BEGUN["codes"]
    for picture, generation, code, kept in rows:
        yield zlib.crc32(ascii((codec_id, picture, generation, code)).encode(), begun) == kept


def is_right(table: str, row: Sequence[Any]) -> bool:
    """Whether a row, its values in the order of COLUMNS and its checksum, is what was written."""
    return bool(row[-1] == checksum(table, *row[:-1]))


def select(table: str) -> str:
    """The beginning of a question for whole rows, as `is_right` takes them."""
    return f"SELECT {', '.join(COLUMNS[table])}, checksum FROM {table}"


def keep(db: sqlite3.Connection) -> None:
    """From now on set the checksum of each row that this connection writes."""
    register(db)
    for table, columns in COLUMNS.items():
        same_row = " AND ".join(f"{key} = NEW.{key}" for key in KEYS[table])
        for name, moment in (("made", "INSERT"), ("changed", f"UPDATE OF {', '.join(columns)}")):
            db.execute(
                f"CREATE TEMP TRIGGER IF NOT EXISTS {table}_{name} AFTER {moment} ON main.{table} BEGIN"
                f" UPDATE {table} SET checksum = {_call(table)} WHERE {same_row}; END"
            )


def fill(db: sqlite3.Connection, tables: Iterable[str] = tuple(COLUMNS)) -> None:
    """Set the checksums of all rows of those of these tables that there are, which are taken as they are."""
    register(db)
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in there.intersection(tables):
        db.execute(f"UPDATE {table} SET checksum = {_call(table)}")


def register(db: sqlite3.Connection) -> None:
    """Let SQL say row_checksum(table, values...)."""
    db.create_function("row_checksum", -1, checksum, deterministic=True)


def _call(table: str) -> str:
    return f"row_checksum('{table}', {', '.join(COLUMNS[table])})"
