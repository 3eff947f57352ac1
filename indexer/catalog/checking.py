"""What is wrong with a catalog, row by row and in SQLite's own order. Nothing is believed, and nothing changed."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from semblance.indexer.catalog import checksums, opening, pages, schema
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.sqlite_errors import is_unwritable
from semblance.retrieval.codes import width
from semblance.retrieval.errors import LibraryError, LibraryLocked, LibraryMissing

_MOST = 5  # findings of SQLite that are said one by one


def problems(folder: Path) -> list[str]:
    """A sentence for each kind of damage in the catalog of `folder`; none where it is whole.

    A library of before is brought up to date first. Raises LibraryMissing, LibraryLocked, and LibraryError where it
    cannot be used for another reason than damage: a newer version made it, or it cannot be written to.
    """
    found = []
    try:
        Catalog.open(folder).close()
    except (LibraryMissing, LibraryLocked):
        raise
    except LibraryError as error:
        if (isinstance(error.__cause__, sqlite3.Error) and is_unwritable(error.__cause__)) or not is_ours(folder):
            raise
        found.append(str(error))
    try:
        with contextlib.closing(_opened(folder)) as db:
            for question in _QUESTIONS:
                found += _answers(question, db)
    except sqlite3.Error as error:
        found.append(f"The catalog cannot be read: {error}.")
    return list(dict.fromkeys(found))


def is_ours(folder: Path) -> bool:
    """Whether the catalog has the tables of this version, whatever number it bears; or cannot be read at all, as a
    catalog of ours that is damaged, or has rows of ours. Not so one of another version, or another program's."""
    try:
        with contextlib.closing(_opened(folder)) as db:
            tables = schema.tables(db)
            names, ours = {name for _, name, _ in tables}, {name for _, name, _ in _ours()}
            if tables == _ours() or (schema.version(db) == schema.VERSION and bool(names & ours)):
                return True
    except (sqlite3.Error, UnicodeDecodeError):
        with (folder / FILE).open("rb") as file:  # SQLite's files begin with a page size and these numbers
            start = file.read(100)
        if start[:15] == b"SQLite format 3" or start[18:24] == b"\2\2\0\x40\x20\x20":
            return True
    return any(pages.rows(folder).values())


def _opened(folder: Path) -> sqlite3.Connection:
    """A connection to what may be damaged, and may lie where nothing can be written. Raises sqlite3.Error."""
    db = opening.as_it_is(folder)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        if is_unwritable(error):
            db.close()
            return opening.as_it_is(folder, "mode=ro&immutable=1")
    except (sqlite3.Error, UnicodeDecodeError):
        pass  # the questions say what it is
    return db


def _answers(question: Callable[[sqlite3.Connection], Iterator[str]], db: sqlite3.Connection) -> list[str]:
    found = []
    try:
        found += [*question(db)]
    except (sqlite3.Error, UnicodeDecodeError, TypeError, ValueError, OverflowError) as error:
        said = " ".join(str(error).split())
        found.append(f"The catalog cannot be read to the end ({said}).")
    return found


def _ours() -> list[tuple[str, str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        schema.migrate(made)
        return schema.tables(made)


def _structure(db: sqlite3.Connection) -> Iterator[str]:
    if schema.tables(db) != _ours():
        yield "The catalog's tables are not those that Semblance makes."
    if schema.version(db) != schema.VERSION or schema.marked(db) != schema.APPLICATION:
        yield "The catalog does not bear the mark and number of its version."
    found = [" ".join(str(row[0]).split()) for row in db.execute(f"PRAGMA integrity_check({_MOST})")]
    yield from (f"SQLite finds its own file damaged: {said}." for said in found if said != "ok")


def _rows(db: sqlite3.Connection) -> Iterator[str]:
    for table in checksums.COLUMNS:
        wrong = []
        try:
            for row in db.execute(checksums.select(table)):
                if not checksums.is_right(table, row):
                    wrong.append(", ".join(str(value) for value in row[:2]))
        except (sqlite3.Error, UnicodeDecodeError, OverflowError, ValueError) as error:
            yield f"The table {table} cannot be read to the end ({' '.join(str(error).split())})."
        if wrong:
            rows = "1 row is" if len(wrong) == 1 else f"{len(wrong):,} rows are"
            yield f"In the table {table} {rows} not what was written, this first: {wrong[0]}."


def _references(db: sqlite3.Connection) -> Iterator[str]:
    broken = db.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        yield f"{len(broken):,} rows belong to pictures that are not there, of the table {broken[0][0]} first."
    ((identities, generations, current),) = db.execute(
        "SELECT (SELECT count(*) FROM identity), (SELECT count(*) FROM generations),"
        " (SELECT count(*) FROM codecs WHERE purpose = 'alike' AND current)"
    )
    if identities != 1 or not generations or current != 1:
        yield "The catalog does not say which library it is, at which generation, or by which codec."
    ((pictures, counted),) = db.execute("SELECT (SELECT count(*) FROM pictures), (SELECT sum(pictures) FROM counted)")
    if pictures != counted:
        yield f"There are {pictures:,} pictures, and the catalog says that there are {counted}."
    ((last, present),) = db.execute(
        "SELECT max((SELECT coalesce(max(generation), 0) FROM codes),"
        " (SELECT coalesce(max(generation), 0) FROM removals)), (SELECT max(number) FROM generations)"
    )
    if present is not None and last > present:
        yield f"There are rows of generation {last}, and the last one is {present}."


def _codes(db: sqlite3.Connection) -> Iterator[str]:
    bits = dict(db.execute("SELECT codec_id, bits FROM codecs"))
    for codec_id, length, count in db.execute("SELECT codec_id, length(code), count(*) FROM codes GROUP BY 1, 2"):
        if codec_id not in bits or width(bits[codec_id]) != length:
            yield f"Codes of {codec_id[:12]} are of no codec that the catalog knows, or of another length: {count:,}."


def _numbering(db: sqlite3.Connection) -> Iterator[str]:
    """An id is never given twice: what counts them stands at the highest that there was, or above."""
    ((highest,),) = db.execute(
        "SELECT max((SELECT coalesce(max(id), 0) FROM pictures), (SELECT coalesce(max(picture), 0) FROM removals))"
    )
    counted = [row[0] for row in db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'pictures'")]
    if (highest or counted) and (len(counted) != 1 or type(counted[0]) is not int):
        yield "The catalog does not say which id it gave last."
    elif counted and not highest <= counted[0] < 2**62:
        yield f"The catalog says that it gave id {counted[0]} last, and there has been {highest}."


_QUESTIONS = (_structure, _rows, _references, _codes, _numbering)
