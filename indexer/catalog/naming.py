"""What a person names, in a catalog: pictures by path, and all below a folder; and the folders that runs named."""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import finding
from semblance.indexer.catalog.reading import Catalog
from semblance.retrieval import storage

_NOT_IN = """SELECT path FROM pictures WHERE path > ?
    AND NOT (path >= ? AND path < ? AND instr(substr(path, ?), ?) = 0) ORDER BY path LIMIT 1"""
_THOSE = "WHERE path IN (SELECT value FROM json_each(?))"


def named(catalog: Catalog, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that are paths of pictures, or of files that could not be read."""
    wanted = (json.dumps([*paths]),)
    pictures = {row[1] for row in catalog._right("pictures", _THOSE, wanted)}
    return pictures | {row[0] for row in catalog._right("failures", _THOSE, wanted)}


def below(catalog: Catalog, folder: str) -> set[str]:
    """The paths of all pictures, and of all files that could not be read, below a folder."""
    within = folder.rstrip(os.sep) + os.sep
    return {entry.path for entry in finding.within(catalog, within)} | finding.failures_within(catalog, within).keys()


def indexed(catalog: Catalog) -> list[str]:
    """The folders that runs of `index` were given, as far as that is known."""
    return [path for path, folder in finding.folders(catalog).items() if folder.named]


def folders(catalog: Catalog) -> list[str]:
    """The folders that runs of `index` were given; where that is not known, the nearest ones that hold all pictures,
    as those do that were imported."""
    if named := indexed(catalog):
        return named
    with contextlib.suppress(UnicodeEncodeError):  # of a damaged row
        return sorted({*_holding(catalog)})
    return []


def _holding(catalog: Catalog) -> Iterator[str]:
    """For each three first parts of a path the nearest folder that holds all pictures of these: the first and the last
    say which that is, so the rows between are not read."""
    rows = catalog._rows("SELECT min(path) FROM pictures")
    while rows and (path := rows[0][0]) is not None:
        folder = os.path.dirname(path)  # noqa: PTH120 - text, which may be an address
        parts = folder.split("/") if storage.is_address(folder) else [*Path(folder).parts]
        if len(parts) < 3:  # and those which lie in it and not deeper may be among others'
            yield folder
            first, end = finding.below(folder)
            rows = catalog._rows(_NOT_IN, (path, first, end, len(first) + 1, os.sep))
            continue
        top = "/".join(parts[:3]) if storage.is_address(folder) else str(Path(*parts[:3]))
        end = finding.below(top)[1]
        ((last,),) = catalog._rows("SELECT max(path) FROM pictures WHERE path < ?", (end,))
        both = [folder, os.path.dirname(last)]  # noqa: PTH120
        yield storage.common(both) if storage.is_address(folder) else os.path.commonpath(both)
        rows = catalog._rows("SELECT min(path) FROM pictures WHERE path >= ?", (end,))


@dataclass(frozen=True)
class Known:
    """A picture's id, its content's SHA-256, and of which codecs it has a code."""

    id: int
    sha256: bytes
    codecs: frozenset[str]


def known(catalog: Catalog, paths: Iterable[str]) -> dict[str, Known]:
    """Those of `paths` that are paths of pictures."""
    pictures = catalog._right("pictures", _THOSE, (json.dumps([*paths]),))
    codecs: dict[int, set[str]] = {row[0]: set() for row in pictures}
    of_these = "WHERE picture IN (SELECT value FROM json_each(?))"
    for codec_id, picture, *_ in catalog._right("codes", of_these, (json.dumps([*codecs]),)):
        codecs[picture].add(codec_id)
    return {row[1]: Known(row[0], row[4], frozenset(codecs[row[0]])) for row in pictures}


def last_id(catalog: Catalog) -> int:
    """The highest id that was ever given."""
    rows = catalog._rows("SELECT seq FROM sqlite_sequence WHERE name = 'pictures'")
    return int(rows[0][0]) if rows else 0
