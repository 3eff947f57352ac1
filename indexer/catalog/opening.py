"""A connection to a catalog, wherever it lies and whatever version made it; and the writer's lock.

SQLite keeps what readers and a writer tell each other in a file beside the catalog (catalog.sqlite-shm). It cannot make
one on a full disk, or on a disk or in a folder that may not be written to. There a catalog is read without it
("immutable"): right as long as nobody writes, so its state is looked at after every question.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from semblance.indexer.catalog import schema
from semblance.indexer.catalog.sqlite_errors import is_unwritable
from semblance.retrieval.errors import LibraryError, LibraryLocked
from semblance.retrieval.files import private

FILE = "catalog.sqlite"
_LOCK = "writer.lock"
_PATIENCE = 30.0  # seconds for another process to bring the library up to date, at some 5 for a million codes

State = tuple[tuple[int, int, int] | None, ...]


def connect(folder: Path, up_to_date: bool = True) -> tuple[sqlite3.Connection, State | None]:
    """A connection to the catalog in `folder`, brought up to date first unless that is not wanted, and its state where
    it is read as it stands.

    Raises LibraryError and LibraryLocked, both as sentences, and sqlite3.Error.
    """
    before = state(folder)
    try:
        return _open(folder, "mode=rw", up_to_date), None  # not "ro", which would leave SQLite's files behind
    except sqlite3.OperationalError as error:
        if not is_unwritable(error):
            raise
        if any(log is not None and log[1] for log in before[1:]):
            raise LibraryError(
                f"The library {folder} was left in the middle of a batch and cannot be written to, so it cannot be "
                f"mended: run `semblance status --library {folder}` once where it can, or on a copy of the folder."
            ) from error
        return _open(folder, "mode=ro&immutable=1", up_to_date), before


def state(folder: Path) -> State:
    """What changes whenever somebody writes: inode, size and time of the catalog and of SQLite's logs beside it."""
    return tuple(_status(folder / name) for name in (FILE, f"{FILE}-wal", f"{FILE}-journal"))


def inode(folder: Path) -> int | None:
    """Which file the catalog in `folder` is; None where there is none. Another may be put in its place."""
    status = _status(folder / FILE)
    return status[0] if status else None


def _status(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def as_it_is(folder: Path, how: str = "mode=rw") -> sqlite3.Connection:
    """A connection to a catalog that may be damaged, or of any version. Raises sqlite3.Error."""
    address = f"{(folder / FILE).absolute().as_uri()}?{how}"
    db = sqlite3.connect(address, uri=True, timeout=10, isolation_level=None, check_same_thread=False)
    db.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")  # damaged: its row's checksum says so
    return db


def _open(folder: Path, how: str, up_to_date: bool) -> sqlite3.Connection:
    db = as_it_is(folder, how)
    try:
        if up_to_date:
            _bring_up_to_date(db, folder)
        else:
            schema.version(db)  # a connection is none before its first question
        return db
    except BaseException:
        db.close()
        raise


def forget_log(folder: Path, of_another: tuple[int, int, int] | None) -> None:
    """Remove SQLite's log where it is as that of a catalog was, in whose place another has been put.

    A killed writer leaves one, and SQLite would play it into the new catalog. Raises LibraryError, LibraryLocked and
    sqlite3.OperationalError.
    """
    log = state(folder)[1]
    if log is None or log != of_another or not log[1]:
        return
    try:
        with lock(folder):
            for name in (f"{FILE}-wal", f"{FILE}-shm"):
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise LibraryError(
            f"Beside the catalog of {folder} lies the log of the one before, and cannot be removed ({error.strerror}): "
            f"remove {FILE}-wal and {FILE}-shm there."
        ) from error


def _bring_up_to_date(db: sqlite3.Connection, folder: Path) -> None:
    """Migrate an old catalog, as its one writer, or wait until another process has. LibraryError where it is none, is
    newer than this program, or cannot be written to; LibraryLocked where another process goes on writing."""
    end = time.monotonic() + _PATIENCE
    while (version := schema.version(db)) != schema.VERSION:
        if version < 1:
            raise LibraryError(
                f"{folder / FILE} is no catalog of Semblance (it is empty, or another program's): name another folder."
            )
        if version > schema.VERSION:
            raise LibraryError(
                f"The library {folder} was made by a newer version of Semblance (its schema is {version}, this one "
                f"knows {schema.VERSION}): upgrade, or index into a new library."
            )
        try:
            with lock(folder):
                schema.migrate(db)
        except LibraryLocked:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        except sqlite3.OperationalError as error:
            if not is_unwritable(error):
                raise
            raise LibraryError(
                f"The library {folder} was made by an earlier version of Semblance and cannot be written to, so it "
                f"cannot be brought up to date: run `semblance status --library {folder}` once where it can, or on a "
                "copy of the folder."
            ) from error


@contextlib.contextmanager
def lock(folder: Path, name: str = _LOCK, patience: float = 0) -> Iterator[None]:
    """One writer at a time, else, after `patience` seconds, LibraryLocked. The lock is SQLite's own, on a file that
    holds nothing: it goes with its process, killed or not, and works wherever SQLite does. Raises
    sqlite3.OperationalError too."""
    with contextlib.suppress(OSError):  # it is there, which is never opened: to close it would let go of its locks
        os.close(private(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    with contextlib.closing(sqlite3.connect(folder / name, timeout=patience, isolation_level=None)) as db:
        try:
            db.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise LibraryLocked(f"Another process is writing to {folder}: try again when it is done.") from error
        yield
