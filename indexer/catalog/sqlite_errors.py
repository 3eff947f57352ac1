"""SQLite's errors as sentences for the user."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from semblance.retrieval.errors import DiskFull, LibraryError, LibraryLocked, NotWritable

_ROOM = 2**16  # bytes, of which SQLite needs half for what its readers and writer tell each other


def is_unwritable(error: sqlite3.Error) -> bool:
    """Whether SQLite failed because the library, or something that it needs beside it, cannot be written."""
    return (
        _code(error) & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
        or _code(error) == sqlite3.SQLITE_IOERR_SHMSIZE  # the disk is too full even to read with locks
    )


@contextlib.contextmanager
def sentences(folder: Path) -> Iterator[None]:
    """Raise SQLite's errors over the library in `folder` as LibraryError."""
    try:
        yield
    except sqlite3.ProgrammingError:  # a fault of ours, not of the library
        raise
    except sqlite3.OperationalError as error:
        raise _operational(folder, error) from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where SQLite quotes what is damaged
        raise damaged(folder, _one_line(error)) from error


def damaged(folder: Path, said: str) -> LibraryError:
    """The sentence for a catalog that holds what nobody wrote."""
    return LibraryError(
        f"The catalog of {folder} is damaged ({said}): run `semblance verify --library {folder}`, which says what can "
        "be saved, or put back a copy of it."
    )


def unwritable(folder: Path, what: str) -> LibraryError:
    """The error for a library that cannot be `what`, since it is read only or its disk is full."""
    full = False
    with contextlib.suppress(OSError):
        full = shutil.disk_usage(folder).free < _ROOM
    kind = DiskFull if full else NotWritable
    return kind(f"The library {folder} cannot be {what}: see to its permissions and its disk.")


def _operational(folder: Path, error: sqlite3.OperationalError) -> LibraryError:
    said = _one_line(error)
    if _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        return DiskFull(
            f"The disk that holds {folder} is full, or cannot be written to ({said}). What was indexed is kept: "
            "mend the cause and run the same command again."
        )
    if _code(error) & 0xFF == sqlite3.SQLITE_BUSY:
        return LibraryLocked(f"Another process keeps {folder} locked: try again when it is done.")
    if is_unwritable(error):
        return unwritable(folder, f"opened or written to ({said})")
    if _code(error) & 0xFF in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, 0):
        return damaged(folder, said)  # the first where a table or a column has lost its name
    return LibraryError(f"The library {folder} cannot be used: {said}.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())  # SQLite quotes the schema


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0)  # Python's own, over text that is no UTF-8, have none
