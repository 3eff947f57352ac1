"""What pictures say of themselves, as the catalog has it: counted, and summed up for whoever narrows by it."""

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import astuple

from semblance.indexer.catalog import finding, naming
from semblance.indexer.catalog.narrowing import cameras
from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.records import Counted, Facets, Told
from semblance.retrieval.facts import Facts

_PUT = """INSERT OR REPLACE INTO facts (picture, width, height, taken, camera, latitude, longitude)
    SELECT id, ?, ?, ?, ?, ?, ? FROM pictures WHERE id = ?"""
_OF_CAMERA = "SELECT count(*) FROM facts WHERE camera = ?"
_FIRST_AND_LAST = """SELECT (SELECT min(taken) FROM facts WHERE taken IS NOT NULL),
    (SELECT max(taken) FROM facts WHERE taken IS NOT NULL)"""
_COUNTS = """SELECT (SELECT count(*) FROM facts WHERE taken IS NOT NULL),
    (SELECT count(*) FROM facts WHERE camera IS NOT NULL), (SELECT count(*) FROM facts WHERE latitude IS NOT NULL)"""
_COUNT = "(SELECT count(*) FROM pictures WHERE path >= {} AND path < {})"
_CHILD = """(SELECT substr(path, 1, :length + instr(substr(path, :length + 1), :sep) - 1) FROM pictures
    WHERE path >= {} AND path < :end AND instr(substr(path, :length + 1), :sep) ORDER BY path LIMIT 1)"""
_CHILDREN = f"""WITH RECURSIVE children (child) AS (SELECT {_CHILD.format(":first")}
    UNION ALL SELECT {_CHILD.format("child || :after")} FROM children WHERE child IS NOT NULL)
    SELECT child, {_COUNT.format("child || :sep", "child || :after")} FROM children WHERE child IS NOT NULL"""


def put(db: sqlite3.Connection, facts: Mapping[int, Facts]) -> None:
    """Within the writer's transaction: what pictures say, by their ids. One that is not there is passed over."""
    db.executemany(_PUT, [(*astuple(each), id) for id, each in facts.items()])


def asked(catalog: Catalog, among: Iterable[int] | None = None) -> set[int]:
    """Those of the pictures whose files have been asked what they say of themselves; of all where none are named."""
    if among is None:
        return {row[0] for row in catalog._right("facts", "")}
    which = "WHERE picture IN (SELECT value FROM json_each(?))"
    return {row[0] for row in catalog._right("facts", which, (json.dumps([*among]),))}


def counts(catalog: Catalog) -> Told:
    """How many pictures say what: a row is counted, not read."""
    return Told(*catalog._rows(_COUNTS)[0])


def facets(catalog: Catalog) -> Facets:
    """What pictures may be narrowed by. Some three seconds, for ten million of them."""
    folders: dict[str, int] = {}
    for folder in naming.folders(catalog):
        folders |= _folders(catalog, folder)
    ((first, last),) = catalog._rows(_FIRST_AND_LAST)
    named = [Counted(name, catalog._rows(_OF_CAMERA, (name,))[0][0]) for name in catalog._ask(cameras)]
    taken = (str(first)[:10], str(last)[:10]) if first and last else None
    return Facets([Counted(*each) for each in sorted(folders.items())], named, taken, counts(catalog).placed)


def _folders(catalog: Catalog, folder: str) -> dict[str, int]:
    """How many pictures are below a folder, and below each folder in it."""
    first, end = finding.below(folder)
    values = {"first": first, "end": end, "length": len(first), "sep": os.sep, "after": chr(ord(os.sep) + 1)}
    whole = catalog._rows(f"SELECT {_COUNT.format('?', '?')}", (first, end))[0][0]
    return {folder: whole, **dict(catalog._ask(lambda db: db.execute(_CHILDREN, values).fetchall()))}
