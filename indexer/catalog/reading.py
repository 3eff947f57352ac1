"""The catalog as a reader sees it. A reader writes nothing but what brings an old library up to date.

A row whose checksum is wrong is as good as lost: it is left out and logged, and `index` makes it anew.
"""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np

from semblance.indexer.catalog import checksums, narrowing, opening
from semblance.indexer.catalog.connection import Connection
from semblance.indexer.catalog.narrowing import Narrowing
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.records import Changes, CurrentCodec, Entry, Generation, Purpose
from semblance.indexer.catalog.sqlite_errors import damaged, sentences
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import width
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryMissing
from semblance.retrieval.facts import Facts
from semblance.retrieval.index import Ids


class Catalog:
    """An open catalog. One connection, used by one thread at a time.

    Attributes: `folder`, `library` (its identity), `codec_id`, `bits`, `model` (name or folder): of its current codec.
    `paths` gives the paths of those ids that there are.
    """

    def __init__(self, folder: Path) -> None:
        """Prefer `open`, which says more."""
        self.folder = folder
        self._connection = connection = Connection(folder)
        self._ask, self._rows, self._right = connection.ask, connection.rows, connection.right
        self.paths = connection.paths
        try:
            self.library, self.codec_id, self.bits, self.model = self._ask(_what_it_is)
        except BaseException:
            connection.close()
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
        self._connection.close()

    @property
    def damaged_seen(self) -> int:
        """How many damaged rows were left out since it was opened."""
        return self._connection.damaged_seen

    def look_anew(self) -> None:
        """Forget what is known of the catalog's file where that was written to since. Raises as `open` does."""
        self._connection.look_anew()

    def forget_log(self) -> None:
        """Let go, where another catalog was put in this one's place: of this one's log too. Raises LibraryError."""
        self.close()
        with sentences(self.folder):
            opening.forget_log(self.folder, self._connection.log)

    def check_structure(self) -> None:
        """LibraryError where SQLite finds its own file damaged; takes some seconds for a million codes."""
        if (said := self._rows("PRAGMA integrity_check(1)")) != [("ok",)]:
            raise damaged(self.folder, " ".join(str(said[0][0]).split()))

    def current(self, purpose: Purpose) -> CurrentCodec | None:
        """The codec that serves a purpose now. None where none does."""
        rows = self._right("codecs", "WHERE purpose = ? AND current", (purpose,))
        return CurrentCodec(*rows[0][:3]) if rows else None

    # ---- reading ---------------------------------------------------------------------------------------------------

    def generation(self) -> Generation:
        """The present generation."""
        return self._ask(_generation)

    def knows(self, generation: Generation) -> bool:
        """Whether this catalog has been at `generation`; one put back from a copy has not been where others went."""
        values = (generation.number, generation.token)
        return bool(self._right("generations", "WHERE number = ? AND token = ?", values))

    def counts(self) -> tuple[int, int]:
        """How many pictures there are, and how many files could not be read."""
        return self._ask(_pictures), int(self._rows("SELECT count(*) FROM failures")[0][0])

    def coded(self, codec_id: str) -> set[int]:
        """The pictures that have a code of this codec."""
        question = "SELECT picture, generation, code, checksum FROM codes WHERE codec_id = ?"
        rows = self._rows(question, (codec_id,))
        right = {row[0] for row in itertools.compress(rows, checksums.of_codes(codec_id, rows))}
        self._connection.say_damaged("codes", len(rows) - len(right))
        return right

    def entries(self) -> list[Entry]:
        """Every picture, by id."""
        return [Entry(*row[:-1]) for row in self._right("pictures", "ORDER BY id")]

    def contents(self) -> dict[int, bytes]:
        """The SHA-256 of each picture's content, by id."""
        return {entry.id: entry.sha256 for entry in self.entries()}

    def entry(self, id: int) -> Entry | None:
        """One picture, or None."""
        rows = self._right("pictures", "WHERE id = ?", (id,))
        return Entry(*rows[0][:-1]) if rows else None

    def facts(self, id: int) -> Facts | None:
        """What a picture says of itself; None where there is none, or it has not been asked yet."""
        rows = self._right("facts", "WHERE picture = ?", (id,))
        return Facts(*rows[0][1:-1]) if rows else None

    def stamp(self) -> tuple[object, ...]:
        """Another one whenever anything was committed since, generation or not: as long as it is the same, so is what
        `among` finds."""
        (version,) = self._ask(lambda db: db.execute("PRAGMA data_version").fetchone())
        return version, self._connection.file

    def among(self, asked: Narrowing) -> Ids:
        """The ids (N,), int64, ascending, of the pictures that a question is narrowed to."""
        return self._ask(lambda db: narrowing.among(db, asked))

    def failures(self) -> dict[str, str]:
        """Path and reason of each file that could not be read."""
        return {path: reason for path, reason, _ in self._right("failures", "ORDER BY path")}

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread evenly over the library by id."""
        if self._ask(_pictures) <= count:
            return self.entries()
        ((first, last),) = self._rows("SELECT (SELECT min(id) FROM pictures), (SELECT max(id) FROM pictures)")
        places = [first + (last + 1 - first) * step // count for step in range(count)]
        rows = [row for at in places for row in self._right("pictures", "WHERE id >= ? ORDER BY id LIMIT 1", (at,))]
        return [Entry(*row[:-1]) for row in dict.fromkeys(rows)]

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
                    "SELECT picture, generation, code, checksum FROM codes WHERE generation > ? AND codec_id = ?"
                    f" ORDER BY {'+' if since else ''}picture",
                    (since, codec_id),
                )
                wrong, ids = 0, list[int]()
                codes = bytearray()
                while rows := cursor.fetchmany(10_000):
                    right = [*itertools.compress(rows, checksums.of_codes(codec_id, rows))]
                    wrong += len(rows) - len(right)
                    ids.extend(row[0] for row in right)
                    codes += b"".join(row[2] for row in right)
                gone = db.execute(f"{checksums.select('removals')} WHERE generation > ?", (since,)).fetchall()
                removed = [row[0] for row in gone if checksums.is_right("removals", row)]
                pictures = _pictures(db)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
            self._connection.say_damaged("codes", wrong + len(gone) - len(removed))
            if len(codes) != len(ids) * size:
                raise sqlite3.DatabaseError("codes of a wrong length")
            stacked = np.frombuffer(bytes(codes), np.uint8).reshape(len(ids), size)
            return Changes(generation, np.array(ids, np.int64), stacked, np.array(removed, np.int64), pictures)

        return self._ask(question)

    def _bits(self, codec_id: str) -> int:
        rows = self._rows("SELECT bits FROM codecs WHERE codec_id = ?", (codec_id,))
        if not rows:
            raise CodecMismatch(
                f"The library {self.folder} has no codes of a model {codec_id[:12]}: index by it first."
            )
        return int(rows[0][0])


def _what_it_is(db: sqlite3.Connection) -> tuple[str, str, int, str]:
    """Identity, and the current codec's id, bits and model. TypeError and ValueError where the catalog does not say."""
    ((library, *_),) = db.execute(checksums.select("identity")).fetchall()
    (codec,) = db.execute(f"{checksums.select('codecs')} WHERE purpose = 'alike' AND current").fetchall()
    if not checksums.is_right("codecs", codec):
        raise ValueError("nobody wrote this")
    codec_id, bits, model = codec[:3]
    if not 0 < int(bits) < 2**16:
        raise ValueError("no code has so many bits")
    return str(library), str(codec_id), int(bits), str(model)


def _generation(db: sqlite3.Connection) -> Generation:
    """The present generation. TypeError where there is none."""
    rows = db.execute(f"{checksums.select('generations')} ORDER BY number DESC")
    for number, token, *kept in rows:
        if checksums.is_right("generations", (number, token, *kept)):
            return Generation(number, token)
    raise TypeError("there is no generation")


def _pictures(db: sqlite3.Connection) -> int:
    """How many pictures there are, as the schema's triggers keep it; counted where that is damaged."""
    kept = db.execute(checksums.select("counted")).fetchall()
    right = [*filter(lambda row: checksums.is_right("counted", row), kept)]
    return int((right or db.execute("SELECT count(*) FROM pictures").fetchall())[0][0])
