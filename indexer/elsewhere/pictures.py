"""What stands for a catalog where a library is in Milvus alone: pictures by their ids, their paths, pages of them."""

from collections.abc import Iterable

import numpy as np

from semblance.indexer import tables
from semblance.indexer.catalog import Entry, Generation, Narrowing
from semblance.indexer.milvus import narrowing
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.errors import LibraryError, NeedsCatalog, UnknownPicture
from semblance.retrieval.index import Ids

_ENTRY = ("id", "path", "size", "mtime", "sha256")


class Pictures:
    """Those of one collection; asked from any thread. All raise IndexAway and LibraryError.

    Attributes: `library` (its identity), `codes`.
    """

    def __init__(self, library: str, codes: MilvusCodes) -> None:
        self.library, self.codes = library, codes

    def paths(self, ids: Iterable[int], known: Generation | None = None) -> dict[int, str]:  # noqa: ARG002
        """See questions.Records. Whether another library has come is told to who follows the state."""
        asked = np.array([*ids], np.int64)
        return {int(row["id"]): str(row["path"]) for row in self.codes.of(asked, ["id", "path"])}

    def stamp(self) -> object:
        """See questions.Records."""
        return self.codes.held.generation

    def among(self, asked: Narrowing) -> Ids:
        """See questions.Records. As dear as there are many: `expression` narrows without knowing them."""
        return self.codes.narrowed(expression(asked)).ids()

    def known(self, id: int) -> Entry:
        """One picture. Raises UnknownPicture."""
        rows = self.codes.of(np.array([id]), _ENTRY)
        if not rows:
            raise UnknownPicture(f"There is no picture {id} in the library.")
        return _entry(rows[0])

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread evenly over the library by id."""
        few, more = self.listed(0, count)
        if more is None:
            return few
        first, last = few[0].id, self.codes.held.last
        places = [first + (last + 1 - first) * step // count for step in range(count)]
        return [*dict.fromkeys(entry for place in places for entry in self.listed(place - 1, 1)[0])]

    def listed(self, after: int, count: int, asked: Narrowing | None = None) -> tuple[list[Entry], int | None]:
        """The next `count` pictures after an id, by id, of all or narrowed; after which id there are more, None where
        there are not."""
        codes, entries = self.codes.narrowed(expression(asked)) if asked else self.codes, list[Entry]()
        for rows in codes.rows(_ENTRY, after):
            entries += map(_entry, rows)
            if len(entries) > count:
                return entries[:count], entries[count - 1].id
        return entries, None


def expression(asked: Narrowing) -> str:
    """What narrows in Milvus's words. NeedsCatalog where it is told nothing of what is asked for."""
    said = narrowing.expression(asked)
    if said is None:
        raise NeedsCatalog("narrowing by camera, place or size")
    return said


def _entry(row: dict[str, object]) -> Entry:
    """Others may write to a Milvus: LibraryError where this row is none of ours."""
    id, path, size, mtime, sha256 = (row[name] for name in _ENTRY)
    try:
        entry = Entry(int(str(id)), str(path), int(str(size)), int(str(mtime)), bytes.fromhex(str(sha256)))
        if entry.size < 0 or len(entry.sha256) != 32 or not tables.is_plain(entry.path):
            raise ValueError
    except ValueError:
        raise LibraryError(
            f"What Milvus holds of picture {id} was not written by Semblance: fill it anew with `semblance index "
            "--library DIR --index ADDRESS`."
        ) from None
    return entry
