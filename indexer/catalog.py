"""The SQLite catalog: which pictures there are, their codes, and what changed when. The only SQL in the project.

Every committed batch raises the catalog's generation by one, and every code and removal bears the generation that
brought it. A reader that knows generation g therefore asks only for what came after g.

An id names one content of one file: where a file's content changes its old id goes and a new one comes, so whatever was
remembered under an id (a thumbnail, a browser's cache) never lies. Ids are never reused.
"""

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from semblance.indexer.records import Changes, Entry, Failure, Generation, NewPicture
from semblance.indexer.sqlite_errors import sentences
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import width
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryLocked, LibraryMissing

__all__ = ["FILE", "Catalog", "Changes", "Entry", "Failure", "Generation", "NewPicture"]
FILE = "catalog.sqlite"
_LOCK = "writer.lock"
_FORMAT = 1

_ENTRY = "SELECT id, path, size, mtime_ns, sha256 FROM pictures"
_SCHEMA = """
CREATE TABLE library (
    format INTEGER NOT NULL, id TEXT NOT NULL, created REAL NOT NULL, generation INTEGER NOT NULL,
    codec_id TEXT NOT NULL, bits INTEGER NOT NULL, model TEXT NOT NULL
);
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 BLOB NOT NULL
);
CREATE TABLE failures (path TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE codes (
    picture INTEGER NOT NULL REFERENCES pictures(id) ON DELETE CASCADE,
    codec_id TEXT NOT NULL, generation INTEGER NOT NULL, code BLOB NOT NULL,
    PRIMARY KEY (picture, codec_id)
) WITHOUT ROWID;
CREATE INDEX codes_by_generation ON codes (generation);
CREATE TABLE removals (picture INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removals_by_generation ON removals (generation);
"""


class Catalog:
    """An open catalog. One connection, used by one thread at a time.

    Attributes: `folder`, `library` (its identity), `codec_id`, `bits`, `model` (name or folder of its codec).
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection
        connection.execute("PRAGMA journal_mode = WAL")  # readers go on while the one writer commits
        connection.execute("PRAGMA synchronous = FULL")  # a committed generation never comes back with other content
        connection.execute("PRAGMA foreign_keys = ON")
        row = connection.execute("SELECT format, id, codec_id, bits, model FROM library").fetchone()
        if row is None or row[0] != _FORMAT:
            raise LibraryError(f"The library {folder} was written by another version of Semblance: make a new one.")
        self.library, self.codec_id, self.bits, self.model = str(row[1]), str(row[2]), int(row[3]), str(row[4])

    # ---- opening ---------------------------------------------------------------------------------------------------

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether there is a library in `folder`."""
        return (folder / FILE).is_file()

    @classmethod
    def open(cls, folder: Path) -> "Catalog":
        """Open an existing library to read. Raises LibraryMissing, LibraryError."""
        if not cls.exists(folder):
            raise LibraryMissing(
                f"There is no library at {folder}: make one with `semblance index FOLDER --library {folder}`."
            )
        with sentences(folder):
            connection = sqlite3.connect(folder / FILE, timeout=10, isolation_level=None, check_same_thread=False)
            try:
                return cls(folder, connection)
            except BaseException:
                connection.close()
                raise

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator["Catalog"]:
        """As `open`, closed again at the end."""
        with contextlib.closing(cls.open(folder)) as catalog:
            yield catalog

    @classmethod
    @contextlib.contextmanager
    def writing(cls, folder: Path, codec: Codec | None = None) -> Iterator["Catalog"]:
        """Open a library as its one writer; with a `codec` it is made where there is none.

        Raises LibraryLocked where another process writes, CodecMismatch where the library holds another codec's codes.
        """
        if codec is None:
            cls.open(folder).close()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"No library can be made at {folder} ({error.strerror}): name another.") from error
        with sentences(folder), _writer_lock(folder):
            if codec is not None and not cls.exists(folder):
                _create(folder, codec)
            with cls.opened(folder) as catalog:
                if codec is not None:
                    catalog.check(codec)
                yield catalog

    def check(self, codec: Codec) -> None:
        """CodecMismatch unless the library holds this codec's codes."""
        if codec.codec_id != self.codec_id:
            raise CodecMismatch(
                f"The library {self.folder} holds {self.bits}-bit codes of the model {self.model} "
                f"({self.codec_id[:12]}), not of {codec.name} ({codec.bits} bits, {codec.codec_id[:12]}): "
                "leave --model out, or index into a new library."
            )

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    # ---- reading ---------------------------------------------------------------------------------------------------

    def generation(self) -> Generation:
        """The present state: how many batches have been committed since the library was made."""
        return Generation(int(self._rows("SELECT generation FROM library")[0][0]), "")

    def knows(self, generation: Generation) -> bool:
        """Whether this was a generation of this catalog."""
        return generation.token == "" and generation.number <= self.generation().number

    def counts(self) -> tuple[int, int]:
        """How many pictures there are, and how many files could not be read."""
        row = self._rows("SELECT (SELECT count(*) FROM pictures), (SELECT count(*) FROM failures)")[0]
        return int(row[0]), int(row[1])

    def entries(self) -> list[Entry]:
        """Every picture, by id."""
        return [Entry(*row) for row in self._rows(f"{_ENTRY} ORDER BY id")]

    def entry(self, id: int) -> Entry | None:
        """One picture, or None."""
        rows = self._rows(f"{_ENTRY} WHERE id = ?", (id,))
        return Entry(*rows[0]) if rows else None

    def paths(self, ids: Iterable[int]) -> dict[int, str]:
        """The paths of those ids that there are."""
        wanted = list(ids)
        found: dict[int, str] = {}
        for start in range(0, len(wanted), 500):  # SQLite limits how many parameters one statement takes
            part = tuple(wanted[start : start + 500])
            found.update(self._rows(f"SELECT id, path FROM pictures WHERE id IN ({','.join('?' * len(part))})", part))
        return found

    def failures(self) -> dict[str, str]:
        """Path and reason of each file that could not be read."""
        return dict(self._rows("SELECT path, reason FROM failures ORDER BY path"))

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread evenly over the library by id."""
        ((pictures, first, last),) = self._rows("SELECT count(*), min(id), max(id) FROM pictures")
        if pictures <= count:
            return self.entries()
        places = [first + (last + 1 - first) * step // count for step in range(count)]
        rows = [self._rows(f"{_ENTRY} WHERE id >= ? ORDER BY id LIMIT 1", (place,))[0] for place in places]
        return [Entry(*row) for row in dict.fromkeys(rows)]

    def _rows(self, question: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with sentences(self.folder):
            return self._db.execute(question, values).fetchall()

    def changes(self, since: int) -> Changes:
        """What was added and removed after generation `since`; everything there is, for since = 0."""
        size = width(self.bits)
        with sentences(self.folder):
            self._db.execute("BEGIN")  # one state for all three questions
            try:
                generation = self.generation()
                cursor = self._db.execute(
                    "SELECT picture, code FROM codes WHERE generation > ? AND codec_id = ? ORDER BY picture",
                    (since, self.codec_id),
                )
                ids: list[int] = []
                codes = bytearray()
                while rows := cursor.fetchmany(10_000):
                    ids.extend(row[0] for row in rows)
                    codes += b"".join(row[1] for row in rows)
                removed = [
                    row[0] for row in self._db.execute("SELECT picture FROM removals WHERE generation > ?", (since,))
                ]
            finally:
                self._db.execute("ROLLBACK")
        return Changes(
            generation,
            np.array(ids, np.int64),
            np.frombuffer(bytes(codes), np.uint8).reshape(len(ids), size),
            np.array(removed, np.int64),
        )

    # ---- writing: one transaction a batch --------------------------------------------------------------------------

    def record(self, added: list[NewPicture], failed: list[Failure]) -> list[int]:
        """Commit one batch of pictures, new or changed, and of files that could not be used; the new ids, in order.

        A path that was there before loses its old id, unless its file merely could not be opened this time.
        """
        with self._batch() as generation:
            self._forget([failure.path for failure in failed if failure.read], generation)
            self._forget([picture.path for picture in added], generation)
            self._db.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?)", [(f.path, f.reason) for f in failed])
            ids = []
            for picture in added:
                cursor = self._db.execute(
                    "INSERT INTO pictures (path, size, mtime_ns, sha256) VALUES (?, ?, ?, ?)",
                    (picture.path, picture.size, picture.mtime_ns, picture.sha256),
                )
                assert cursor.lastrowid is not None
                ids.append(cursor.lastrowid)
            self._db.executemany(
                "INSERT INTO codes VALUES (?, ?, ?, ?)",
                [(id, self.codec_id, generation, new.code.tobytes()) for id, new in zip(ids, added, strict=True)],
            )
        return ids

    def touch(self, entries: list[Entry]) -> None:
        """Commit new sizes and times of files whose content is the same; no generation passes."""
        with sentences(self.folder), self._transaction():
            self._db.executemany("DELETE FROM failures WHERE path = ?", [(entry.path,) for entry in entries])
            self._db.executemany(
                "UPDATE pictures SET size = ?, mtime_ns = ? WHERE id = ?", [(e.size, e.mtime_ns, e.id) for e in entries]
            )

    def forget(self, paths: list[str]) -> None:
        """Commit that these files are gone."""
        if paths:
            with self._batch() as generation:
                self._forget(paths, generation)

    def _forget(self, paths: list[str], generation: int) -> None:
        self._db.executemany("DELETE FROM failures WHERE path = ?", [(path,) for path in paths])
        self._db.executemany(
            "INSERT INTO removals SELECT id, ? FROM pictures WHERE path = ?", [(generation, path) for path in paths]
        )
        self._db.executemany("DELETE FROM pictures WHERE path = ?", [(path,) for path in paths])

    @contextlib.contextmanager
    def _batch(self) -> Iterator[int]:
        """A transaction and the generation it makes, which passes only if codes came or went."""
        with sentences(self.folder), self._transaction():
            generation = self.generation().number + 1
            yield generation
            self._db.execute(
                "UPDATE library SET generation = :g WHERE EXISTS (SELECT 1 FROM codes WHERE generation = :g)"
                " OR EXISTS (SELECT 1 FROM removals WHERE generation = :g)",
                {"g": generation},
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # SQLite has rolled back by itself where the disk is full
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _create(folder: Path, codec: Codec) -> None:
    """Make an empty catalog under another name and rename it: a kill at any moment leaves a whole one or none."""
    draft = folder / f".{FILE}.tmp"
    for leftover in (draft.name, f"{draft.name}-journal", f"{FILE}-wal", f"{FILE}-shm"):  # SQLite would take them in
        (folder / leftover).unlink(missing_ok=True)
    values = (_FORMAT, uuid.uuid4().hex, time.time(), 0, codec.codec_id, codec.bits, codec.reference)
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.executescript(_SCHEMA)
        connection.execute("INSERT INTO library VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    draft.replace(folder / FILE)


@contextlib.contextmanager
def _writer_lock(folder: Path) -> Iterator[None]:
    """One writer at a time. The lock is SQLite's own, on a file that holds nothing: it goes with its process, killed or
    not, and works wherever SQLite does."""
    with contextlib.closing(sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise LibraryLocked(f"Another process is writing to {folder}: try again when it is done.") from error
        yield
