"""LIBRARY/requests.sqlite: what services remember of requests that change a library. It may be lost at any time.

Answers stand under an Idempotency-Key for a day, so that a client that heard nothing may ask again, of a service that
was started anew too. Jobs stand here so that a service that was killed in the middle of one is honest about it at its
next start, and so that two services over one library tell of each other's. What belongs to a process is void when that
is gone: `Owner` says how that is known.
"""

import contextlib
import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from semblance.indexer.catalog.opening import FILE as CATALOG
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval.errors import LibraryMissing
from semblance.retrieval.files import private

FILE = "requests.sqlite"
DAY = 86_400.0  # seconds that an answer is kept
MOST_ANSWERS, MOST_JOBS = 10_000, 100
_AWAY = 30.0  # seconds without a sign of life, after which what is done on another machine is void
_LONGEST = 600.0  # seconds for which one request may be under way
_PATIENCE = 2.0  # seconds for another process to end what it writes here, which takes milliseconds
_VERSION = 1
_TABLES = f"""
CREATE TABLE answers (
    holder TEXT NOT NULL, key TEXT NOT NULL, asked BLOB NOT NULL, owner TEXT NOT NULL, begun REAL NOT NULL,
    status INTEGER, headers TEXT, body BLOB, PRIMARY KEY (holder, key)
) WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (begun);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, seen REAL NOT NULL, document TEXT NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0
);
PRAGMA user_version = {_VERSION};
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Owner:
    """A process that owns what is under way: by its machine, its number, and a token, since numbers come again."""

    machine: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def lives(self, other: str, seen: float) -> bool:
        """Whether an owner, as text, is there still; `seen` is when it gave its last sign of life."""
        machine, pid, token = other.rsplit(" ", 2)
        if machine != self.machine:
            return time.time() - seen < _AWAY
        if int(pid) == self.pid:
            return token == self.token
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except OSError:  # another user's
            return True
        return True

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.token}"


@dataclass(frozen=True)
class Kept:
    """An answer as it was given."""

    status: int
    headers: dict[str, str]
    body: bytes


class Requests:
    """The file, opened for each question: a connection belongs to no thread, and a restored library is another."""

    def __init__(self, library: Path) -> None:
        self._library, self.owner = library, Owner()

    # ---- answers ---------------------------------------------------------------------------------------------------

    def begin(self, holder: str, key: str, asked: bytes) -> Kept | bool | None:
        """Begin the request `asked` (a hash) under a key. The answer, where it was given; True where it may be done
        now; False where it is under way; None where the key stands for another request. Raises LibraryError."""
        now = time.time()

        def begun(db: sqlite3.Connection) -> Kept | bool | None:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM answers WHERE begun < ?", (now - DAY,))
            db.execute(
                "DELETE FROM answers WHERE (holder, key) IN"
                " (SELECT holder, key FROM answers ORDER BY begun DESC LIMIT -1 OFFSET ?)",
                (MOST_ANSWERS,),
            )
            columns = "asked, owner, begun, status, headers, body"
            row = db.execute(f"SELECT {columns} FROM answers WHERE holder = ? AND key = ?", (holder, key)).fetchone()
            if row is None or (row[3] is None and not (now - row[2] < _LONGEST and self.owner.lives(row[1], row[2]))):
                db.execute(
                    "INSERT OR REPLACE INTO answers (holder, key, asked, owner, begun) VALUES (?, ?, ?, ?, ?)",
                    (holder, key, asked, str(self.owner), now),
                )
                result: Kept | bool | None = True
            elif row[0] != asked:
                result = None
            else:
                result = False if row[3] is None else Kept(int(row[3]), dict(json.loads(row[4])), bytes(row[5]))
            db.execute("COMMIT")
            return result

        return self._by(begun)

    def keep(self, holder: str, key: str, kept: Kept) -> None:
        """Remember the answer to what was begun."""
        values = (kept.status, json.dumps(kept.headers), kept.body, holder, key)
        change = "UPDATE answers SET status = ?, headers = ?, body = ? WHERE holder = ? AND key = ?"
        self._by(lambda db: db.execute(change, values))

    def release(self, holder: str, key: str) -> None:
        """What was begun has failed and changed nothing: it may be asked again."""
        change = "DELETE FROM answers WHERE holder = ? AND key = ? AND status IS NULL"
        self._by(lambda db: db.execute(change, (holder, key)))

    # ---- jobs ------------------------------------------------------------------------------------------------------

    def new_job(self, document: dict[str, Any], after: int = 0) -> int:
        """Keep a job; its id, which is beyond `after`. The oldest beyond MOST_JOBS are forgotten."""

        def kept(db: sqlite3.Connection) -> int:
            last = "SELECT max(?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0)) + 1"
            values = (after, str(self.owner), time.time(), json.dumps(document))
            new = f"INSERT INTO jobs (id, owner, seen, document) VALUES (({last}), ?, ?, ?)"
            id = db.execute(new, values).lastrowid or 0
            db.execute("DELETE FROM jobs WHERE id <= ?", (id - MOST_JOBS,))
            return id

        return self._by(kept)

    def tell(self, id: int, document: dict[str, Any]) -> bool:
        """Keep how a job stands, as a sign of life too; whether somebody has cancelled it."""

        def told(db: sqlite3.Connection) -> bool:
            values = json.dumps(document), time.time(), id
            db.execute("UPDATE jobs SET document = ?, seen = ? WHERE id = ?", values)
            row = db.execute("SELECT cancelled FROM jobs WHERE id = ?", (id,)).fetchone()
            return bool(row and row[0])

        return self._by(told)

    def cancel(self, id: int) -> None:
        """Ask whoever owns a job to end it."""
        self._by(lambda db: db.execute("UPDATE jobs SET cancelled = 1 WHERE id = ?", (id,)))

    def jobs(self, id: int | None = None) -> list[tuple[int, dict[str, Any], bool]]:
        """Id and document of each job, or of the one, the newest first, and whether its owner is there."""
        if not (self._library / FILE).exists():  # nor need it be made to read it
            return []
        which = "" if id is None else " WHERE id = ?"

        def found(db: sqlite3.Connection) -> list[tuple[int, dict[str, Any], bool]]:
            question = f"SELECT id, document, owner, seen FROM jobs{which} ORDER BY id DESC"
            rows = db.execute(question, () if id is None else (id,))
            return [
                (number, dict(json.loads(said)), self.owner.lives(owner, seen)) for number, said, owner, seen in rows
            ]

        return self._by(found)

    # ---- the file --------------------------------------------------------------------------------------------------

    def _by(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` makes of the file: of a new one where there is none, or where it is no use, in whatever it is
        damaged. Raises LibraryError."""
        if not (self._library / CATALOG).exists():
            raise LibraryMissing(f"There is no library at {self._library} yet: index a folder first.")
        path = self._library / FILE
        with sentences(self._library):
            try:
                with contextlib.closing(_connected(path)) as db:
                    return work(db)
            except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
                if not _no_use(error):
                    raise
                for name in (FILE, f"{FILE}-journal"):
                    (self._library / name).unlink(missing_ok=True)
                with contextlib.closing(_connected(path)) as db:
                    return work(db)


def _no_use(error: Exception) -> bool:
    """Whether the file holds what was not written to it, or by another version: what it says cannot be understood, or
    its tables are others."""
    if isinstance(error, sqlite3.OperationalError):  # most are of locks, of rights, and of the disk
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR
    return not isinstance(error, sqlite3.ProgrammingError)


def _connected(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(OSError):  # it is there, or SQLite says why it cannot be
        os.close(private(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            db.execute("BEGIN EXCLUSIVE")
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _TABLES.strip().split(";\n"):
                    db.execute(statement)
            db.execute("COMMIT")
        if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            raise sqlite3.DatabaseError("it is of another version")
        return db
    except BaseException:
        db.close()
        raise
