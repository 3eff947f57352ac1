"""What a person names, in a catalog: pictures by path, and all below a folder; and the folders that runs named."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import finding
from semblance.indexer.catalog.reading import Catalog
from semblance.retrieval import storage

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


def folders(catalog: Catalog) -> list[str]:
    """The folders that runs of `index` were given; where that is not known, the nearest ones that hold all pictures."""
    if named := [path for path, folder in finding.folders(catalog).items() if folder.named]:
        return named
    holding = {os.path.dirname(entry.path) for entry in catalog.entries()}  # noqa: PTH120 - text, and many
    groups: dict[tuple[str, ...], list[str]] = {}
    for folder in holding:
        parts = folder.split("/") if storage.is_address(folder) else Path(folder).parts
        groups.setdefault(tuple(parts[:3]), []).append(folder)
    those = groups.values()
    return sorted(storage.common(each) if storage.is_address(each[0]) else os.path.commonpath(each) for each in those)


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
