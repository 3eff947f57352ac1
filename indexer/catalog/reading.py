"""The catalog as a reader sees it. A reader writes nothing but what brings an old library up to date."""

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from semblance.indexer.catalog import opening
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.records import Changes, CurrentCodec, Entry, Generation, KnownCodec, Purpose
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
                "leave --model out, index into a new library, or make codes of that model beside these with "
                f"`semblance index --model {codec.reference} --library {self.folder}`."
            )

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def current(self, purpose: Purpose) -> CurrentCodec | None:
        """The codec that serves a purpose now. None where none does."""
        question = "SELECT codec_id, bits, model FROM codecs WHERE purpose = ? AND current"
        rows = self._rows(question, (purpose,))
        return CurrentCodec(*rows[0]) if rows else None

    def codecs(self) -> list[KnownCodec]:
        """All codecs that the library knows, the current ones first."""
        question = "SELECT codec_id, bits, model, purpose, current FROM codecs ORDER BY NOT current, purpose, codec_id"
        return [KnownCodec(CurrentCodec(*row[:3]), row[3], bool(row[4])) for row in self._rows(question)]

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

    def coded(self, codec_id: str) -> set[int]:
        """The pictures that have a code of this codec."""
        return {row[0] for row in self._rows("SELECT picture FROM codes WHERE codec_id = ?", (codec_id,))}

    def covered(self, codec_id: str) -> int:
        """How many pictures have a code of this codec, counted where they need not be read."""
        return int(self._rows("SELECT count(*) FROM codes WHERE codec_id = ?", (codec_id,))[0][0])

    def entries(self) -> list[Entry]:
        """Every picture, by id."""
        return [Entry(*row) for row in self._rows(f"{_ENTRY} ORDER BY id")]

    def entry(self, id: int) -> Entry | None:
        """One picture, or None."""
        rows = self._rows(f"{_ENTRY} WHERE id = ?", (id,))
        return Entry(*rows[0]) if rows else None

    def paths(self, ids: Iterable[int]) -> dict[int, str]:
        """The paths of those ids that there are."""
        question = "SELECT id, path FROM pictures WHERE id IN (SELECT value FROM json_each(?))"
        wanted = json.dumps([*ids])
        return dict(self._ask(lambda db: db.execute(question, (wanted,)).fetchall()))

    def failures(self) -> dict[str, str]:
        """Path and reason of each file that could not be read."""
        return dict(self._rows("SELECT path, reason FROM failures ORDER BY path"))

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
            db.execute("BEGIN")  # one state for all four questions
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
                (pictures,) = db.execute("SELECT count(*) FROM pictures").fetchone()
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
            if len(codes) != len(ids) * size:
                raise sqlite3.DatabaseError("codes of a wrong length")
            stacked = np.frombuffer(bytes(codes), np.uint8).reshape(len(ids), size)
            return Changes(generation, np.array(ids, np.int64), stacked, np.array(removed, np.int64), int(pictures))

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
