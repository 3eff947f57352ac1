"""Single questions to the catalog: what lies below a path, what is known of a content, which folders there are."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from semblance.indexer.catalog import checksums
from semblance.indexer.catalog.narrowing import Narrowing
from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.records import Entry, Folder
from semblance.retrieval.index import Ids

_PICTURE, _CODE = (checksums.COLUMNS[table] for table in ("pictures", "codes"))
_BOTH = ", ".join(
    f"{table}.{name}" for table in ("pictures", "codes") for name in (*checksums.COLUMNS[table], "checksum")
)


def within(catalog: Catalog, path: str) -> Iterator[Entry]:
    """The picture at this path, then all below it, by path; read in pages, so that who has seen enough may stop."""
    yield from (Entry(*row[:-1]) for row in catalog._right("pictures", "WHERE path = ?", (path,)))
    last, end = below(path)
    pages = "SELECT path FROM pictures WHERE path > ? AND path < ? ORDER BY path LIMIT 1000"
    which = "WHERE path > ? AND path <= ? ORDER BY path"
    while page := catalog._rows(pages, (last, end)):
        yield from (Entry(*row[:-1]) for row in catalog._right("pictures", which, (last, page[-1][0])))
        last = page[-1][0]


def failures_within(catalog: Catalog, path: str) -> dict[str, str]:
    """The reasons of the files at this path and below it that could not be read, by path."""
    which = "WHERE path = ? OR (path > ? AND path < ?) ORDER BY path"
    return {row[0]: row[1] for row in catalog._right("failures", which, (path, *below(path)))}


def coded(catalog: Catalog, codec_id: str, among: Iterable[int]) -> set[int]:
    """Those of the pictures that have a code of this codec."""
    which = "WHERE codec_id = ? AND picture IN (SELECT value FROM json_each(?))"
    place = _CODE.index("picture")
    return {row[place] for row in catalog._right("codes", which, (codec_id, json.dumps([*among])))}


def held(catalog: Catalog, sha256: bytes, codec_id: str) -> tuple[int, bytes] | None:
    """A picture of this content, and its code of this codec; None where none has one."""
    question = (
        f"SELECT {_BOTH} FROM pictures CROSS JOIN codes ON codes.picture = pictures.id"
        " WHERE pictures.sha256 = ? AND codes.codec_id = ? LIMIT 8"
    )
    for row in catalog._rows(question, (sha256, codec_id)):
        picture, code = row[: len(_PICTURE) + 1], row[len(_PICTURE) + 1 :]
        if checksums.is_right("pictures", picture) and checksums.is_right("codes", code):
            return code[_CODE.index("picture")], code[_CODE.index("code")]
    return None


def code(catalog: Catalog, id: int, codec_id: str) -> bytes | None:
    """A picture's code of this codec; None where it has none."""
    rows = catalog._right("codes", "WHERE picture = ? AND codec_id = ?", (id, codec_id))
    return bytes(rows[0][_CODE.index("code")]) if rows else None


def codes(catalog: Catalog, ids: Iterable[int], codec_id: str) -> dict[int, tuple[int, bytes]]:
    """Of those of the pictures that have a code of this codec, which, and the number of the generation it came with."""
    which = "WHERE codec_id = ? AND picture IN (SELECT value FROM json_each(?))"
    rows = catalog._right("codes", which, (codec_id, json.dumps([*ids])))
    return {picture: (generation, code) for _, picture, generation, code, _ in rows}


def of_content(catalog: Catalog, sha256: bytes) -> list[Entry]:
    """The pictures of this content, by id."""
    return [Entry(*row[:-1]) for row in catalog._right("pictures", "WHERE sha256 = ? ORDER BY id", (sha256,))]


def entries(catalog: Catalog, ids: Iterable[int], paths: Iterable[str]) -> list[Entry]:
    """The pictures that have one of these ids or paths, by id."""
    found = dict[int, Entry]()
    for key, values in (("id", [*ids]), ("path", [*paths])):
        which = f"WHERE {key} IN (SELECT value FROM json_each(?))"
        found |= {row[0]: Entry(*row[:-1]) for row in catalog._right("pictures", which, (json.dumps(values),))}
    return [found[id] for id in sorted(found)]


def folders(catalog: Catalog) -> dict[str, Folder]:
    """The folders that were named in runs, and the places below them where disks were mounted, by path."""
    rows = catalog._right("folders", "ORDER BY path")
    return {row[0]: Folder(row[1], bool(row[2]), *row[3:-1]) for row in rows}


def listed(catalog: Catalog, after: int, count: int, among: Ids | None = None) -> tuple[list[Entry], int | None]:
    """The next `count` pictures after an id, by id, of all or of those `among` (ascending); after which id there are
    more, None where there are not."""
    if among is None:
        ids = [
            id
            for (id,) in catalog._rows("SELECT id FROM pictures WHERE id > ? ORDER BY id LIMIT ?", (after, count + 1))
        ]
    else:
        first = int(np.searchsorted(among, after, "right"))
        ids = among[first : first + count + 1].tolist()
    these = json.dumps(ids[:count])
    rows = catalog._right("pictures", "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", (these,))
    return [Entry(*row[:-1]) for row in rows], ids[count - 1] if len(ids) > count else None


def narrows(catalog: Catalog, narrowing: Narrowing) -> bool:
    """Whether a narrowing leaves pictures out: a folder alone that all are below does not, and need not be looked into
    for each page of them."""
    if narrowing.folder is None or replace(narrowing, folder=None):
        return True
    ((least, most),) = catalog._rows("SELECT (SELECT min(path) FROM pictures), (SELECT max(path) FROM pictures)")
    first, end = below(narrowing.folder)
    return least is None or not (first <= least and most < end)


def last(catalog: Catalog) -> int:
    """The greatest id that there is; 0 where there is no picture."""
    return int(catalog._rows("SELECT coalesce(max(id), 0) FROM pictures")[0][0])


def below(path: str) -> tuple[str, str]:
    """Between which two all paths below this one are, and no others."""
    folder = path.rstrip(os.sep)
    return folder + os.sep, folder + chr(ord(os.sep) + 1)
