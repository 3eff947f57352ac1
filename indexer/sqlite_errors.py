"""SQLite's errors as sentences for the user."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from semblance.retrieval.errors import LibraryError


@contextlib.contextmanager
def sentences(folder: Path) -> Iterator[None]:
    """Raise SQLite's errors over the library in `folder` as LibraryError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
            raise LibraryError(
                f"The disk that holds {folder} is full, or cannot be written to ({error}). What was indexed is kept: "
                "mend the cause and run the same command again."
            ) from error
        raise LibraryError(f"The library {folder} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(f"The catalog of {folder} is damaged ({error}): index into a new library.") from error
