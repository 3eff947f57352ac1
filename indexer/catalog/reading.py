"""The catalog as a reader sees it. A reader writes nothing but what brings an old library up to date."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from semblance.indexer.catalog import opening
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.records import Changes, CurrentCodec, Entry, Folder, Generation, Purpose
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import width
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryMissing

T = TypeVar("T")

_ENTRY = "SELECT id, path, size, mtime_ns, sha256, ctime_ns, inode FROM pictures"


class Catalog:
    """An open catalog. One connection, used by one thread at a time.

    Attributes: `folder`, `library` (its identity), `codec_id`, `bits`, `model` (name or folder): of its current codec.
    """

    def __init__(self, folder: Path) -> None:
        """Prefer `open`, which says more."""
        self.folder = folder
        self._db, self._as_it_stood = opening.connect(folder)
        try:
            self.library, self.codec_id, self.bits, self.model = self._ask(_what_it_is)
        except BaseException:
            self._db.close()
            raise

    # ---- opening ---------------------------------------------------------------------------------------------------

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether there is a library in `folder`. LibraryError where one may not look."""
        try:
            return (folder / FILE).is_file()
        except OSError as error:
            raise LibraryError(
                f"The folder {folder} cannot be looked into ({error.strerror}): name another."
            ) from error

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open an existing library, brought up to date where it is old. Raises LibraryMissing, LibraryError."""
        if not cls.exists(folder):
            raise LibraryMissing(
                f"There is no library at {folder}: make one with `semblance index FOLDER --library {folder}`."
            )
        with sentences(folder):
            return cls(folder)

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path) -> Iterator[Self]:
        """As `open`, closed again at the end."""
        with contextlib.closing(cls.open(folder)) as catalog:
            yield catalog

    def check(self, codec: Codec) -> None:
        """CodecMismatch unless this is the library's current codec."""
        if codec.codec_id != self.codec_id:
            raise CodecMismatch(
                f"The library {self.folder} holds {self.bits}-bit codes of the model {self.model} "
                f"({self.codec_id[:12]}), not of {codec.name} ({codec.bits} bits, {codec.codec_id[:12]}): "
                "leave --model out, or index into a new library."
            )

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def current(self, purpose: Purpose) -> CurrentCodec | None:
        """The codec that serves a purpose now. None where none does."""
        question = "SELECT codec_id, bits, model FROM codecs WHERE purpose = ? AND current"
        rows = self._rows(question, (purpose,))
        return CurrentCodec(*rows[0]) if rows else None

    # ---- reading ---------------------------------------------------------------------------------------------------

    def generation(self) -> Generation:
        """The present generation."""
        return self._ask(_generation)

    def knows(self, generation: Generation) -> bool:
        """Whether this catalog has been at `generation`; one put back from a copy has not been where others went."""
        values = (generation.number, generation.token)
        return bool(self._rows("SELECT 1 FROM generations WHERE number = ? AND token = ?", values))

    def counts(self) -> tuple[int, int]:
        """How many pictures there are, and how many files could not be read."""
        row = self._rows("SELECT (SELECT count(*) FROM pictures), (SELECT count(*) FROM failures)")[0]
        return int(row[0]), int(row[1])

    def coded(self, codec_id: str, among: Iterable[int] | None = None) -> set[int]:
        """The pictures that have a code of this codec, or those of them that are asked for."""
        if among is not None:
            those = "SELECT picture FROM codes WHERE codec_id = ? AND picture IN (SELECT value FROM json_each(?))"
            return {row[0] for row in self._rows(those, (codec_id, json.dumps([*among])))}
        return {row[0] for row in self._rows("SELECT picture FROM codes WHERE codec_id = ?", (codec_id,))}

    def entries(self) -> list[Entry]:
        """Every picture, by id."""
        return [Entry(*row) for row in self._rows(f"{_ENTRY} ORDER BY id")]

    def entries_within(self, path: str) -> Iterator[Entry]:
        """The picture at this path, then all below it, by path; read in pages, so that who has seen enough may stop."""
        yield from (Entry(*row) for row in self._rows(f"{_ENTRY} WHERE path = ?", (path,)))
        last, end = _below(path)
        question = f"{_ENTRY} WHERE path > ? AND path < ? ORDER BY path LIMIT 1000"
        while rows := self._rows(question, (last, end)):
            yield from (Entry(*row) for row in rows)
            last = rows[-1][1]

    def entry(self, id: int) -> Entry | None:
        """One picture, or None."""
        rows = self._rows(f"{_ENTRY} WHERE id = ?", (id,))
        return Entry(*rows[0]) if rows else None

    def paths(self, ids: Iterable[int]) -> dict[int, str]:
        """The paths of those ids that there are."""
        question = "SELECT id, path FROM pictures WHERE id IN (SELECT value FROM json_each(?))"
        wanted = json.dumps([*ids])
        return dict(self._ask(lambda db: db.execute(question, (wanted,)).fetchall()))

    def failures(self, within: str = "") -> dict[str, str]:
        """Path and reason of each file that could not be read, or of those at this path and below it."""
        question = "SELECT path, reason FROM failures WHERE path = ? OR (path > ? AND path < ?) ORDER BY path"
        return dict(self._rows(question, (within, *_below(within))))

    def folders(self) -> dict[str, Folder]:
        """The folders that were named in runs, and the places below them where disks were mounted, by path."""
        rows = self._rows("SELECT path, device, named, seen, last FROM folders ORDER BY path")
        return {row[0]: Folder(row[1], bool(row[2]), *row[3:]) for row in rows}

    def held(self, sha256: bytes, codec_id: str) -> tuple[int, bytes] | None:
        """A picture of this content, and its code of this codec; None where none has one."""
        rows = self._rows(
            "SELECT codes.picture, codes.code FROM pictures CROSS JOIN codes ON codes.picture = pictures.id"
            " WHERE pictures.sha256 = ? AND codes.codec_id = ? LIMIT 1",
            (sha256, codec_id),
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread evenly over the library by id."""
        ((pictures, first, last),) = self._rows("SELECT count(*), min(id), max(id) FROM pictures")
        if pictures <= count:
            return self.entries()
        places = [first + (last + 1 - first) * step // count for step in range(count)]
        rows = [row for at in places for row in self._rows(f"{_ENTRY} WHERE id >= ? ORDER BY id LIMIT 1", (at,))]
        return [Entry(*row) for row in dict.fromkeys(rows)]

    def changes(self, since: int, codec_id: str | None = None) -> Changes:
        """What was added and removed after generation number `since`, everything there is for since = 0; the codes are
        those of `codec_id`, or of the current codec. CodecMismatch where the library does not know `codec_id`."""
        codec_id = codec_id or self.codec_id
        size = width(self._bits(codec_id))

        def question(db: sqlite3.Connection) -> Changes:
            db.execute("BEGIN")  # one state for all three questions
            try:
                generation = _generation(db)
                cursor = db.execute(
                    # The sign keeps SQLite from reading all codes in their order to find the few that are new.
                    "SELECT picture, code FROM codes WHERE generation > ? AND codec_id = ?"
                    f" ORDER BY {'+' if since else ''}picture",
                    (since, codec_id),
                )
                ids: list[int] = []
                codes = bytearray()
                while rows := cursor.fetchmany(10_000):
                    ids.extend(row[0] for row in rows)
                    codes += b"".join(row[1] for row in rows)
                removed = [row[0] for row in db.execute("SELECT picture FROM removals WHERE generation > ?", (since,))]
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
            if len(codes) != len(ids) * size:
                raise sqlite3.DatabaseError("codes of a wrong length")
            stacked = np.frombuffer(bytes(codes), np.uint8).reshape(len(ids), size)
            return Changes(generation, np.array(ids, np.int64), stacked, np.array(removed, np.int64))

        return self._ask(question)

    def _bits(self, codec_id: str) -> int:
        rows = self._rows("SELECT bits FROM codecs WHERE codec_id = ?", (codec_id,))
        if not rows:
            raise CodecMismatch(
                f"The library {self.folder} has no codes of a model {codec_id[:12]}: index by it first."
            )
        return int(rows[0][0])

    def _rows(self, question: str, values: tuple[Any, ...] = ()) -> list[Any]:
        return self._ask(lambda db: db.execute(question, values).fetchall())

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """What `question` finds. Where the catalog is read as it stands and was written to meanwhile, the answer may
        mix two states of it, or fail: it is opened anew and asked again."""
        wrong: Exception | None = None
        try:
            answer = question(self._db)
        except sqlite3.Error as error:
            wrong = error
        except (TypeError, ValueError):
            wrong = sqlite3.DatabaseError("a value is of another kind than was written")
        if self._as_it_stood is None or self._as_it_stood == opening.state(self.folder):
            if wrong is None:
                return answer
            with sentences(self.folder):
                raise wrong
        before = self._db
        with sentences(self.folder):
            self._db, self._as_it_stood = opening.connect(self.folder)
        before.close()
        return self._ask(question)


def _what_it_is(db: sqlite3.Connection) -> tuple[str, str, int, str]:
    """Identity, and the current codec's id, bits and model. TypeError and ValueError where the catalog does not say."""
    library, codec_id, bits, model = db.execute("SELECT id, codec_id, bits, model FROM library").fetchone()
    if not 0 < int(bits) < 2**16:
        raise ValueError("no code has so many bits")
    return str(library), str(codec_id), int(bits), str(model)


def _generation(db: sqlite3.Connection) -> Generation:
    """The present generation. TypeError where there is none."""
    number, token = db.execute("SELECT number, token FROM generations ORDER BY number DESC LIMIT 1").fetchone()
    return Generation(int(number), str(token))


def _below(path: str) -> tuple[str, str]:
    """All paths below this one, or all for "", come after the first of these and before the second."""
    folder = path.rstrip(os.sep)
    return (folder + os.sep, folder + chr(ord(os.sep) + 1)) if path else ("", "\U0010ffff")
