"""The catalog as its one writer sees it: every change is one transaction, synced to disk."""

import contextlib
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from semblance.indexer.catalog import checksums, said, schema
from semblance.indexer.catalog.opening import FILE, lock
from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.records import Entry, Failure, NewPicture, Purpose
from semblance.indexer.catalog.sqlite_errors import sentences, unwritable
from semblance.retrieval import codes as packed
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import LibraryError
from semblance.retrieval.facts import Facts
from semblance.retrieval.files import private
from semblance.retrieval.index import Ids


class Writer(Catalog):
    """An open catalog that may be written to. Only `writing` makes one, since there is one at a time."""

    def __init__(self, folder: Path) -> None:
        """See Catalog."""
        super().__init__(folder)
        self._db = self._connection.db
        if self._connection.as_it_stood is not None:
            self.close()
            raise unwritable(folder, "written to")
        self._db.execute("PRAGMA journal_mode = WAL")  # readers go on while the one writer commits
        self._db.execute("PRAGMA synchronous = FULL")  # a committed generation never comes back with other content
        self._db.execute("PRAGMA foreign_keys = ON")
        checksums.keep(self._db)

    @classmethod
    @contextlib.contextmanager
    def writing(cls, folder: Path, codec: Codec | None = None) -> Iterator[Self]:
        """Open a library as its one writer; with a `codec` it is made where there is none.

        Raises LibraryLocked where another process writes, CodecMismatch where the library's codec is another.
        """
        if codec is None or cls.exists(folder):
            Catalog.open(folder).close()  # brings it up to date, which takes the lock for itself
        with _no_library_said(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # a folder that is there keeps its rights
        with contextlib.ExitStack() as stack:
            with sentences(folder), _no_library_said(folder):
                stack.enter_context(lock(folder))
                if codec is not None and not cls.exists(folder):
                    _create(folder, codec)
            writer = stack.enter_context(cls.opened(folder))
            if codec is not None:
                writer.check(codec)
            try:
                yield writer
            finally:
                writer.empty_log()

    def empty_log(self) -> None:
        """Bring the log into the catalog where no reader is in the way: one that is put in its place by a rename would
        have the log of another beside it, which SQLite takes for its own."""
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def know(self, codec: Codec, purpose: Purpose, instead: bool = False) -> None:
        """Commit that there will be codes of `codec`; the first of a purpose is its current one, until another comes
        `instead`. A codec that is known already otherwise stays as it is."""
        row = {"id": codec.codec_id, "bits": codec.bits, "model": codec.reference, "purpose": purpose}
        with sentences(self.folder), self._transaction():
            if instead:
                self._db.execute("UPDATE codecs SET current = 0 WHERE purpose = ?", (purpose,))
            self._db.execute(
                "INSERT OR IGNORE INTO codecs (codec_id, bits, model, purpose, current)"
                " SELECT :id, :bits, :model, :purpose,"
                " NOT EXISTS (SELECT 1 FROM codecs WHERE purpose = :purpose AND current)",
                row,
            )
            if instead:
                self._db.execute("UPDATE codecs SET purpose = :purpose, current = 1 WHERE codec_id = :id", row)

    # ---- one transaction a batch -----------------------------------------------------------------------------------

    def record(self, added: list[NewPicture], failed: list[Failure]) -> list[int]:
        """Commit one batch of pictures, new or changed, and of files that could not be used; the new ids, in order.

        A path that was there before loses its old id, unless its file merely could not be opened this time.
        CodecMismatch where a code is of a codec that the library does not know.
        """
        with self._batch() as generation:
            self._forget([failure.path for failure in failed if failure.read], generation)
            self._forget([picture.path for picture in added], generation)
            self._db.executemany(
                "INSERT OR REPLACE INTO failures (path, reason) VALUES (?, ?)", [(f.path, f.reason) for f in failed]
            )
            ids = []
            for each in added:
                cursor = self._db.execute(
                    "INSERT INTO pictures (id, path, size, mtime_ns, sha256, ctime_ns, inode)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (each.id, each.path, each.size, each.mtime_ns, each.sha256, each.ctime_ns, each.inode),
                )
                assert cursor.lastrowid is not None
                ids.append(cursor.lastrowid)
            said.put(self._db, {id: new.facts for id, new in zip(ids, added, strict=True) if new.facts})
            for codec_id in {codec_id: None for picture in added for codec_id in picture.codes}:
                coded = [(id, new.codes[codec_id]) for id, new in zip(ids, added, strict=True) if codec_id in new.codes]
                self._put(codec_id, coded, generation)
        return ids

    def add_codes(self, codec: Codec, ids: Ids, codes: Codes) -> None:
        """Commit codes (N, W) of a codec that is known for pictures (N,) that have none of it yet. An id that is not
        there, or has its code, is passed over."""
        packed.check(codes, codec.bits)
        with self._batch() as generation:
            self._put(codec.codec_id, zip(ids.tolist(), codes, strict=True), generation)

    def switch(self, codec: Codec, ids: Ids, codes: Codes) -> None:
        """Commit in one that `codec` is the current one for what is alike, with these codes (N, W) of pictures (N,).

        The codes of the one before go, and pictures that are not among these have none until they are indexed again.
        """
        packed.check(codes, codec.bits)
        before = self.codec_id
        with self._batch() as generation:
            self._db.execute("DELETE FROM codes WHERE codec_id IN (?, ?)", (before, codec.codec_id))
            self._db.execute("DELETE FROM codecs WHERE codec_id IN (?, ?)", (before, codec.codec_id))
            self._db.execute(
                "INSERT INTO codecs (codec_id, bits, model, purpose, current) VALUES (?, ?, ?, 'alike', 1)",
                (codec.codec_id, codec.bits, codec.reference),
            )
            self._put(codec.codec_id, zip(ids.tolist(), codes, strict=True), generation)
        self.codec_id, self.bits, self.model = codec.codec_id, codec.bits, codec.reference

    def learn(self, facts: Mapping[int, Facts]) -> None:
        """Commit what pictures say of themselves, by their ids; no generation passes."""
        with sentences(self.folder), self._transaction():
            said.put(self._db, facts)

    def touch(self, entries: list[Entry]) -> None:
        """Commit new sizes and times of files whose content is the same; no generation passes."""
        with sentences(self.folder), self._transaction():
            self._db.executemany("DELETE FROM failures WHERE path = ?", [(entry.path,) for entry in entries])
            self._db.executemany(
                "UPDATE pictures SET size = ?, mtime_ns = ?, ctime_ns = ?, inode = ? WHERE id = ?",
                [(e.size, e.mtime_ns, e.ctime_ns, e.inode, e.id) for e in entries],
            )

    def forget(self, paths: list[str]) -> None:
        """Commit that these files are gone."""
        if paths:
            with self._batch() as generation:
                self._forget(paths, generation)

    def drop_damaged(self) -> int:
        """Commit that pictures and codes whose rows are not what was written are gone, so that they are made anew; how
        many there were. LibraryError where SQLite cannot take them out: `verify --repair` can."""
        with sentences(self.folder):
            wrong = {
                table: [row for row in self._db.execute(checksums.select(table)) if not checksums.is_right(table, row)]
                for table in ("pictures", "codes", "failures", "facts", "counted")
            }
        if any(wrong.values()):
            with self._batch() as generation:
                pictures = [(row[0],) for row in wrong["pictures"]]
                gone = [(id, generation) for (id,) in pictures]
                self._db.executemany("INSERT OR IGNORE INTO removals (picture, generation) VALUES (?, ?)", gone)
                self._db.executemany("DELETE FROM pictures WHERE id = ?", pictures)
                codes = [(row[1], row[0]) for row in wrong["codes"]]
                self._db.executemany("DELETE FROM codes WHERE picture = ? AND codec_id = ?", codes)
                self._db.executemany("DELETE FROM failures WHERE path = ?", [(row[0],) for row in wrong["failures"]])
                self._db.executemany("DELETE FROM facts WHERE picture = ?", [(row[0],) for row in wrong["facts"]])
                self._db.execute("UPDATE counted SET pictures = (SELECT count(*) FROM pictures)")
        return sum(map(len, wrong.values()))

    def _put(self, codec_id: str, coded: Iterable[tuple[int, Codes]], generation: int) -> None:
        size = packed.width(self._bits(codec_id))
        rows = [(codec_id, generation, code.tobytes(), id) for id, code in coded]
        if any(len(row[2]) != size for row in rows):
            raise ValueError(f"a code of {codec_id[:12]} has {size} bytes")
        self._db.executemany(
            "INSERT OR IGNORE INTO codes (picture, codec_id, generation, code)"
            " SELECT id, ?, ?, ? FROM pictures WHERE id = ?",
            rows,
        )

    def _forget(self, paths: list[str], generation: int) -> None:
        self._db.executemany("DELETE FROM failures WHERE path = ?", [(path,) for path in paths])
        self._db.executemany(
            "INSERT INTO removals (picture, generation) SELECT id, ? FROM pictures WHERE path = ?",
            [(generation, path) for path in paths],
        )
        self._db.executemany("DELETE FROM pictures WHERE path = ?", [(path,) for path in paths])

    @contextlib.contextmanager
    def _batch(self) -> Iterator[int]:
        """A transaction and the generation it makes, which passes only if codes came or went."""
        with sentences(self.folder), self._transaction():
            generation = self.generation().number + 1
            yield generation
            self._db.execute(
                "INSERT INTO generations (number, token) SELECT :g, lower(hex(randomblob(16))) WHERE EXISTS"
                " (SELECT 1 FROM codes WHERE generation = :g) OR EXISTS (SELECT 1 FROM removals WHERE generation = :g)",
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
    if (folder / FILE).is_symlink() or (folder / FILE).exists():  # a link to a disk that is away, say
        raise LibraryError(f"No library can be made at {folder}: its {FILE} is none that can be opened. Name another.")
    draft = folder / f".{FILE}.tmp"
    for leftover in (draft.name, f"{draft.name}-journal", f"{FILE}-wal", f"{FILE}-shm"):  # SQLite would take them in
        (folder / leftover).unlink(missing_ok=True)
    os.close(private(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # SQLite's other files get the rights of this one
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
        schema.migrate(db)
        checksums.keep(db)
        db.execute("INSERT INTO identity (id, created) VALUES (?, ?)", (uuid.uuid4().hex, time.time()))
        db.execute(
            "INSERT INTO codecs (codec_id, bits, model, purpose, current) VALUES (?, ?, ?, 'alike', 1)",
            (codec.codec_id, codec.bits, codec.reference),
        )
        db.execute("INSERT INTO generations (number, token) VALUES (0, lower(hex(randomblob(16))))")
    draft.replace(folder / FILE)


@contextlib.contextmanager
def _no_library_said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LibraryError(f"No library can be made at {folder} ({error.strerror}): name another.") from error
