"""Pairs of pictures that people said are not the same. They go with their pictures: a changed file is asked of anew."""

from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.catalog.writing import Writer


def told_apart(catalog: Catalog) -> set[tuple[int, int]]:
    """All pairs of ids, the lower first."""
    return {(int(first), int(second)) for first, second in catalog._rows("SELECT first, second FROM apart")}


def tell_apart(writer: Writer, first: int, second: int) -> bool:
    """Commit that two pictures are not the same; whether that is new. Both ids have to be there."""
    return _change(writer, "INSERT OR IGNORE INTO apart (first, second) VALUES (?, ?)", first, second)


def put_together(writer: Writer, first: int, second: int) -> bool:
    """Take that back; whether it had been said."""
    return _change(writer, "DELETE FROM apart WHERE first = ? AND second = ?", first, second)


def _change(writer: Writer, statement: str, first: int, second: int) -> bool:
    with sentences(writer.folder), writer._transaction():
        return writer._db.execute(statement, (min(first, second), max(first, second))).rowcount > 0
