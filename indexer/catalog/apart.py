"""Pairs of pictures that people said are not the same. They go with their pictures: a changed file is asked of anew."""

from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.catalog.writing import Writer


def told_apart(catalog: Catalog) -> set[tuple[int, int]]:
    """All pairs of ids, the lower first."""
    return {(first, second) for first, second, _ in catalog._right("apart", "")}


def tell_apart(writer: Writer, first: int, second: int) -> bool:
    """Commit that two pictures are not the same; whether that is new. Both ids have to be there."""
    return not _change(writer, "INSERT OR REPLACE INTO apart (first, second) VALUES (?, ?)", first, second)


def put_together(writer: Writer, first: int, second: int) -> bool:
    """Take that back; whether it had been said."""
    return _change(writer, "DELETE FROM apart WHERE first = ? AND second = ?", first, second)


def _change(writer: Writer, statement: str, first: int, second: int) -> bool:
    """Commit it; whether the two had been told apart before."""
    pair = min(first, second), max(first, second)
    known = pair in told_apart(writer)
    with sentences(writer.folder), writer._transaction():
        writer._db.execute(statement, pair)
    return known
