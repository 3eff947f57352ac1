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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.codec import Codec
from retrieval.codes import Codes, width
from retrieval.errors import CodecMismatch, LibraryError, LibraryLocked, LibraryMissing
from retrieval.index import Ids

FILE = "catalog.sqlite"
_LOCK = "writer.lock"
_FORMAT = 1

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


@dataclass(frozen=True)
class Entry:
    """A picture as the catalog knows it."""

    id: int
    path: str
    size: int
    mtime_ns: int
    sha256: bytes


@dataclass(frozen=True)
class NewPicture:
    """A picture to record: a file's path and state, the SHA-256 of its content, its code (W,)."""

    path: str
    size: int
    mtime_ns: int
    sha256: bytes
    code: Codes


@dataclass(frozen=True)
class Failure:
    """A file that could not be used, and why. `read`: its content was read, and it is no picture that can be used."""

    path: str
    reason: str
    read: bool


@dataclass(frozen=True)
class Changes:
    """What came after a generation: codes (N, W) added under ids (N,), and ids removed."""

    generation: int
    ids: Ids
    codes: Codes
    removed: Ids


class Catalog:
    """An open catalog. One connection, used by one thread at a time.

    Attributes: `folder`, `library` (its identity), `codec_id`, `bits`, `model` (name or folder of its codec).
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection
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
            raise LibraryMissing(f"There is no library at {folder}: make one with `semblance index FOLDER --library {folder}`.")
        with _sentences(folder):
            return cls(folder, _connect(folder))

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator["Catalog"]:
        """As `open`, closed again at the end."""
        catalog = cls.open(folder)
        try:
            yield catalog
        finally:
            catalog.close()

    @classmethod
    @contextlib.contextmanager
    def writing(cls, folder: Path, codec: Codec | None = None) -> Iterator["Catalog"]:
        """Open a library as its one writer; with a `codec` it is made where there is none.

        Raises LibraryLocked where another process writes, CodecMismatch where the library holds another codec's codes.
        """
        if codec is None:
            cls.open(folder).close()
        folder.mkdir(parents=True, exist_ok=True)
        with _sentences(folder), _writer_lock(folder):
            connection = _connect(folder)
            try:
                if codec is not None:
                    _create(connection, codec)
                catalog = cls(folder, connection)
                if codec is not None:
                    catalog.check(codec)
                yield catalog
            finally:
                connection.close()

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

    def generation(self) -> int:
        """How many batches have been committed since the library was made."""
        with _sentences(self.folder):
            return int(self._db.execute("SELECT generation FROM library").fetchone()[0])

    def counts(self) -> tuple[int, int]:
        """How many pictures there are, and how many files could not be read."""
        with _sentences(self.folder):
            pictures, failed = self._db.execute(
                "SELECT (SELECT count(*) FROM pictures), (SELECT count(*) FROM failures)"
            ).fetchone()
        return int(pictures), int(failed)

    def entries(self) -> list[Entry]:
        """Every picture, by id."""
        with _sentences(self.folder):
            return [Entry(*row) for row in self._db.execute("SELECT id, path, size, mtime_ns, sha256 FROM pictures ORDER BY id")]

    def entry(self, id: int) -> Entry | None:
        """One picture, or None."""
        with _sentences(self.folder):
            row = self._db.execute("SELECT id, path, size, mtime_ns, sha256 FROM pictures WHERE id = ?", (id,)).fetchone()
        return Entry(*row) if row else None

    def paths(self, ids: Iterable[int]) -> dict[int, str]:
        """The paths of those ids that there are."""
        wanted = list(ids)
        found: dict[int, str] = {}
        with _sentences(self.folder):
            for start in range(0, len(wanted), 500):  # SQLite limits how many parameters one statement takes
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                found.update(self._db.execute(f"SELECT id, path FROM pictures WHERE id IN ({marks})", part).fetchall())
        return found

    def failures(self) -> dict[str, str]:
        """Path and reason of each file that could not be read."""
        with _sentences(self.folder):
            return dict(self._db.execute("SELECT path, reason FROM failures ORDER BY path").fetchall())

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread evenly over the library by id."""
        with _sentences(self.folder):
            ids = [row[0] for row in self._db.execute("SELECT id FROM pictures ORDER BY id")]
            chosen = [ids[len(ids) * step // count] for step in range(count)] if len(ids) > count else ids
            return [entry for id in chosen if (entry := self.entry(id)) is not None]

    def changes(self, since: int) -> Changes:
        """What was added and removed after generation `since`; everything there is, for since = 0."""
        size = width(self.bits)
        with _sentences(self.folder):
            self._db.execute("BEGIN")  # one state for all three questions
            try:
                generation = int(self._db.execute("SELECT generation FROM library").fetchone()[0])
                cursor = self._db.execute(
                    "SELECT picture, code FROM codes WHERE generation > ? AND codec_id = ? ORDER BY picture",
                    (since, self.codec_id),
                )
                ids: list[int] = []
                codes = bytearray()
                while rows := cursor.fetchmany(10_000):
                    ids.extend(row[0] for row in rows)
                    codes += b"".join(row[1] for row in rows)
                removed = [row[0] for row in self._db.execute("SELECT picture FROM removals WHERE generation > ?", (since,))]
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
        with _sentences(self.folder), self._transaction():
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
        with _sentences(self.folder), self._transaction():
            generation = int(self._db.execute("SELECT generation FROM library").fetchone()[0]) + 1
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


def _connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / FILE, timeout=10, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")  # readers go on while the one writer commits
    connection.execute("PRAGMA synchronous = FULL")  # a committed generation never comes back with other content
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _create(connection: sqlite3.Connection, codec: Codec) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'library'").fetchone():
        return
    values = (_FORMAT, uuid.uuid4().hex, time.time(), 0, codec.codec_id, codec.bits, codec.reference)
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute("INSERT INTO library VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    connection.execute("COMMIT")


@contextlib.contextmanager
def _writer_lock(folder: Path) -> Iterator[None]:
    """One writer at a time. The lock is SQLite's own, on a file that holds nothing: it goes with its process, killed or
    not, and works wherever SQLite does."""
    lock = sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise LibraryLocked(f"Another process is writing to the library {folder}: try again when it is done.") from error
    try:
        yield
    finally:
        lock.close()


@contextlib.contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    """SQLite's errors as sentences for the user."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise LibraryError(
                f"The disk that holds {folder} is full. What was indexed is kept: free some space and run the same command again."
            ) from error
        raise LibraryError(f"The library {folder} cannot be used: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(f"The catalog {folder / FILE} is damaged ({error}): index into a new library.") from error


def thumbnail_path(folder: Path, sha256: bytes) -> Path:
    """Where the thumbnail of this content is kept."""
    name = sha256.hex()
    return folder / "thumbnails" / name[:2] / f"{name}.jpg"

