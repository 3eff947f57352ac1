"""What people said of two pictures: that they are not the same, or that they are after all."""

import os
from pathlib import Path

from semblance.indexer.catalog import Catalog, Writer, waiting
from semblance.indexer.catalog.apart import put_together, tell_apart
from semblance.retrieval import storage
from semblance.retrieval.errors import UnknownPicture, UsageError


def remember(folder: Path, one: str, other: str, apart: bool) -> tuple[str, str, bool]:
    """Remember that two pictures of the library in `folder` are not the same (`apart`), or take that back; their paths,
    and whether it is new. Each is named by its id or its path.

    Raises UsageError, UnknownPicture, LibraryError and LibraryLocked.
    """
    with Writer.writing(folder) as writer:
        (first, path), (second, to) = (_named(writer, text) for text in (one, other))
        if first == second:
            raise UsageError(f"{one} and {other} are one picture: name two.")
        return path, to, (tell_apart if apart else put_together)(writer, first, second)


def remember_ids(folder: Path, first: int, second: int, apart: bool) -> bool:
    """The same of two ids, as a service does it: whoever writes to the library is waited for, but not for long; whether
    it is new. Raises as `remember` does."""
    if first == second:
        raise UsageError(f"{first} and {second} are one picture: name two.")
    with waiting.writing(folder) as writer:
        for id in (first, second):
            if writer.entry(id) is None:
                raise UnknownPicture(f"There is no picture {id} in the library.")
        return (tell_apart if apart else put_together)(writer, first, second)


def _named(catalog: Catalog, text: str) -> tuple[int, str]:
    if text.isascii() and text.isdigit() and int(text) < 2**63 and (entry := catalog.entry(int(text))):
        return entry.id, entry.path
    path = storage.named(text)
    wanted = {str(path), os.path.abspath(path), os.path.realpath(path)}  # noqa: PTH100 - resolve would follow links
    for entry in catalog.entries():
        if entry.path in wanted:
            return entry.id, entry.path
    raise UnknownPicture(f"There is no picture {text} in the library: name an id or a path as `duplicates` shows them.")
