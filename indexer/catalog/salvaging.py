"""A damaged catalog's whole rows in a new catalog, under the ids that they had; the damaged one is kept beside it.

The new catalog is another library to whoever knew the old: it has an identity and a generation of its own, so that
nothing that was derived of the damaged one is trusted.
"""

import contextlib
import os
import shutil
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from semblance.indexer.catalog import checksums, opening, pages, schema
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.records import Purpose
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.retrieval import files
from semblance.retrieval.errors import LibraryError

_PATIENCE = 5000  # attempts that fail; a damaged page of 40 rows takes some 120
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError, OverflowError, ValueError, TypeError)


@dataclass
class Salvaged:
    """What came of it: where the damaged catalog lies now, how many pictures and codes there are in the new, and the
    paths of pictures whose rows were damaged, as far as they could be read."""

    kept: Path
    pictures: int = 0
    codes: int = 0
    paths: list[str] = field(default_factory=list)


def salvage(folder: Path, known: dict[str, tuple[str, Purpose]]) -> Salvaged:
    """Put a new catalog of all whole rows in the place of a damaged one. `known` has the model's name and the purpose
    of the codecs that are at hand, by codec_id, for where the catalog does not say any more.

    Raises LibraryLocked, and LibraryError where nothing can be read or written; then all is as it was.
    """
    draft = folder / f".{FILE}.salvaged.tmp"
    with sentences(folder), opening.lock(folder):
        try:
            draft.unlink(missing_ok=True)
            with contextlib.closing(opening.as_it_is(folder)) as old:
                with contextlib.suppress(sqlite3.Error):
                    old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                rows, damaged = _readable(old, folder)
                seen = _highest_id(old, rows, damaged)
            if not rows["pictures"] and not rows["codes"]:
                raise LibraryError(
                    f"Nothing can be read of the catalog of {folder}: put a copy of {FILE} back (`semblance restore`), "
                    "or move the library away and index its folders anew."
                )
            made = _written(draft, rows, seen, known)
            made.kept = _swapped(folder, draft)
        except OSError as error:
            raise LibraryError(
                f"The catalog of {folder} cannot be mended ({error.strerror}): see to its disk."
            ) from error
        finally:
            draft.unlink(missing_ok=True)
    made.paths = [row[1] for row in damaged["pictures"] if isinstance(row[1], str)]
    return made


Rows = dict[str, list[tuple[Any, ...]]]


def _readable(old: sqlite3.Connection, folder: Path) -> tuple[Rows, Rows]:
    """Of each table the rows that are as written, and those that are not."""
    right, damaged, by_pages = Rows(), Rows(), None
    for table in checksums.COLUMNS:
        right[table], damaged[table] = [], []
        found, is_all = _rows(old, table)
        for row in found:
            (right if checksums.is_right(table, row) else damaged)[table].append(row)
        if not is_all:
            by_pages = by_pages or pages.rows(folder)
            right[table] += by_pages[table]
    removed = {row[0] for row in right["removals"]}  # an id is never given again: pages may be older than the catalog
    right["pictures"] = [row for row in right["pictures"] if row[0] not in removed]
    ids = {row[0] for row in right["pictures"]}
    right["codes"] = [row for row in right["codes"] if row[1] in ids]
    right["facts"] = [row for row in right["facts"] if row[0] in ids]
    right["apart"] = [row for row in right["apart"] if ids.issuperset(row[:2])]
    return right, damaged


def _rows(old: sqlite3.Connection, table: str) -> tuple[dict[tuple[Any, ...], None], bool]:
    """All rows that SQLite can be brought to read, each once: around a damaged page by way of the key; and whether it
    read to the end."""
    question, key = checksums.select(table), checksums.KEYS[table][0]
    found: dict[tuple[Any, ...], None] = {}
    for way in ("", f" ORDER BY {key}", f" ORDER BY {key} DESC"):
        with contextlib.suppress(*_UNREADABLE):
            for row in old.execute(question + way):
                found[row] = None
            return found, True
    if table in ("pictures", "codes", "removals", "facts"):  # whose key is a number
        _between(old, f"{question} WHERE {key} BETWEEN ? AND ?", 1, 2**40, found)
    return found, False


def _between(old: sqlite3.Connection, question: str, first: int, last: int, found: dict[tuple[Any, ...], None]) -> None:
    """Read the rows of a range of ids, by halves where it cannot be read at once, until too much has failed."""
    ranges, failures = [(first, last)], 0
    while ranges and failures < _PATIENCE:
        first, last = ranges.pop()
        try:
            for row in old.execute(question, (first, last)):
                found[row] = None
        except _UNREADABLE:
            failures += 1
            if first < last:
                middle = (first + last) // 2
                ranges += [(middle + 1, last), (first, middle)]


def _highest_id(old: sqlite3.Connection, right: Rows, damaged: Rows) -> int:
    """No id up to this one may be given again; what is damaged beyond all sense does not count."""
    places = (("pictures", 0), ("removals", 0), ("codes", 1))
    ids = [row[place] for table, place in places for row in (*right[table], *damaged[table])]
    with contextlib.suppress(*_UNREADABLE):
        ids += [row[0] for row in old.execute("SELECT seq FROM sqlite_sequence WHERE name = 'pictures'")]
    return max((id for id in ids if isinstance(id, int) and id < 2**40), default=0)


def _written(draft: Path, rows: Rows, highest: int, known: dict[str, tuple[str, Purpose]]) -> Salvaged:
    """A new catalog of these rows, on disk."""
    places = (("generations", 0), ("codes", 2), ("removals", 1))
    generation = 1 + max((row[place] for table, place in places for row in rows[table]), default=0)
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
        schema.migrate(db)
        checksums.keep(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN")
        for table in ("pictures", "failures", "codes", "removals", "codecs", "folders", "apart", "facts"):
            columns = checksums.COLUMNS[table]
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            db.executemany(statement, [row[:-1] for row in rows[table]])  # of two the first, or with the higher id
        for table, column in (("codes", "picture"), ("apart", "first"), ("apart", "second"), ("facts", "picture")):
            db.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT id FROM pictures)")
        _know(db, rows, known)
        db.execute("INSERT INTO identity (id, created) VALUES (?, ?)", (uuid.uuid4().hex, time.time()))
        db.execute("INSERT INTO generations (number, token) VALUES (?, lower(hex(randomblob(16))))", (generation,))
        db.execute("DELETE FROM sqlite_sequence")
        db.execute("INSERT INTO sqlite_sequence VALUES ('pictures', ?)", (highest,))
        db.execute("COMMIT")
        ((pictures, codes),) = db.execute("SELECT (SELECT count(*) FROM pictures), (SELECT count(*) FROM codes)")
    return Salvaged(draft, pictures, codes)


def _know(db: sqlite3.Connection, rows: Rows, known: dict[str, tuple[str, Purpose]]) -> None:
    """The codecs of codes whose own rows are lost; of a purpose that has no current one, that of the most codes is."""
    for codec_id, bits in {row[0]: 8 * len(row[3]) for row in rows["codes"]}.items():
        model, purpose = known.get(codec_id, (codec_id, "alike"))
        db.execute(
            "INSERT OR IGNORE INTO codecs (codec_id, bits, model, purpose, current) VALUES (?, ?, ?, ?, 0)",
            (codec_id, bits, model, purpose),
        )
    for purpose in get_args(Purpose):
        db.execute(
            "UPDATE codecs SET current = 1 WHERE codec_id = (SELECT codec_id FROM codecs WHERE purpose = ?1 AND NOT"
            " EXISTS (SELECT 1 FROM codecs WHERE purpose = ?1 AND current) ORDER BY"
            " (SELECT count(*) FROM codes WHERE codes.codec_id = codecs.codec_id) DESC, codec_id LIMIT 1)",
            (purpose,),
        )


def _swapped(folder: Path, draft: Path) -> Path:
    """Put the draft in the catalog's place, which it leaves for a free name; where it is now."""
    number = 1
    while (kept := folder / f"{FILE}.damaged-{number}").exists():
        number += 1
    try:
        os.link(folder / FILE, kept)
    except OSError:  # a disk without links
        shutil.copy2(folder / FILE, kept)
    log = folder / f"{FILE}-wal"
    if log.exists():
        log.replace(f"{kept}-wal")
    (folder / f"{FILE}-shm").unlink(missing_ok=True)
    draft.replace(folder / FILE)
    files.sync_folder(folder)
    return kept
