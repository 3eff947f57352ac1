"""What a person names, in a catalog: pictures by path, and all below a folder."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog.reading import Catalog


def named(catalog: Catalog, paths: Iterable[str]) -> set[str]:
    """Those of `paths` that are paths of pictures, or of files that could not be read."""
    wanted = json.dumps([*paths])
    tables = ("pictures", "failures")
    question = " UNION ".join(
        f"SELECT path FROM {table} WHERE path IN (SELECT value FROM json_each(?))" for table in tables
    )
    return {path for (path,) in catalog._rows(question, (wanted, wanted))}


def below(catalog: Catalog, folder: str) -> set[str]:
    """The paths of all pictures, and of all files that could not be read, below a folder."""
    start = folder.rstrip(os.sep) + os.sep
    bounds = (start, start[:-1] + chr(ord(os.sep) + 1))  # an index serves this, and no pattern
    question = " UNION ".join(
        f"SELECT path FROM {table} WHERE path > ? AND path < ?" for table in ("pictures", "failures")
    )
    return {path for (path,) in catalog._rows(question, bounds * 2)}


def contents(catalog: Catalog) -> set[bytes]:
    """The SHA-256 of each content that pictures have."""
    return {bytes(sha256) for (sha256,) in catalog._rows("SELECT DISTINCT sha256 FROM pictures")}


def folders(catalog: Catalog) -> list[str]:
    """The folders that runs of `index` were given; where that is not known, the nearest ones that hold all pictures."""
    if rows := catalog._rows("SELECT path FROM folders WHERE named ORDER BY path"):
        return [path for (path,) in rows]
    holding = {os.path.dirname(path) for (path,) in catalog._rows("SELECT path FROM pictures")}  # noqa: PTH120
    groups: dict[tuple[str, ...], list[str]] = {}
    for folder in holding:
        groups.setdefault(Path(folder).parts[:3], []).append(folder)
    return sorted(os.path.commonpath(group) for group in groups.values())


@dataclass(frozen=True)
class Known:
    """A picture's id, its content's SHA-256, and of which codecs it has a code."""

    id: int
    sha256: bytes
    codecs: frozenset[str]


def known(catalog: Catalog, paths: Iterable[str]) -> dict[str, Known]:
    """Those of `paths` that are paths of pictures."""
    question = (
        "SELECT path, id, sha256, group_concat(codec_id) FROM pictures LEFT JOIN codes ON picture = id"
        " WHERE path IN (SELECT value FROM json_each(?)) GROUP BY id"
    )
    rows = catalog._rows(question, (json.dumps([*paths]),))
    return {path: Known(id, sha256, frozenset((codecs or "").split(","))) for path, id, sha256, codecs in rows}


def last_id(catalog: Catalog) -> int:
    """The highest id that was ever given."""
    rows = catalog._rows("SELECT seq FROM sqlite_sequence WHERE name = 'pictures'")
    return int(rows[0][0]) if rows else 0
