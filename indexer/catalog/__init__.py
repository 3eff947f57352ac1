"""catalog.sqlite, the truth of a library: which pictures there are, their codes, and what changed when.

    schema.py     the tables, as numbered migrations
    checksums.py  a checksum in every row
    opening.py    a connection, brought up to date, wherever the library lies; the writer's lock
    connection.py what a reader asks by: what was written, or a sentence
    reading.py    Catalog: what there is, and what came after a generation
    writing.py    Writer: one transaction a batch
    narrowing.py  which pictures a question is narrowed to
    said.py       what pictures say of themselves, counted and summed up

The only SQL of the project is in this package.

**Generations.** Every committed batch that adds or removes codes raises the catalog's generation by one, and every code
and removal bears the generation that brought it: a reader that knows generation g asks only for what came after g. A
generation has a random token too, since a catalog put back from a copy counts on with numbers that were used before.

**Ids** name one content of one file: where a file's content changes its old id goes and a new one comes, so whatever
was remembered under an id (a thumbnail, a browser's cache) never lies. Ids are never reused.
"""

from semblance.indexer.catalog.narrowing import Narrowing
from semblance.indexer.catalog.opening import FILE
from semblance.indexer.catalog.reading import Catalog
from semblance.indexer.catalog.records import (
    Changes,
    CurrentCodec,
    Entry,
    Facets,
    Failure,
    Folder,
    Generation,
    KnownCodec,
    NewPicture,
    Purpose,
)
from semblance.indexer.catalog.writing import Writer
from semblance.retrieval.facts import Facts

__all__ = [
    "FILE",
    "Catalog",
    "Changes",
    "CurrentCodec",
    "Entry",
    "Facets",
    "Facts",
    "Failure",
    "Folder",
    "Generation",
    "KnownCodec",
    "Narrowing",
    "NewPicture",
    "Purpose",
    "Writer",
]
