"""Bringing what a Milvus holds to the state of a catalog.

What a collection holds is written down as a generation of the catalog, and while it is filled for the first time as the
id up to which it holds that (schema.Held). So whoever was killed is gone on from: first what changed since that
generation, then the rows behind that id. A row is put in place of one of its id, so that none is there twice, whatever
was sent again. A state that the catalog does not know, as after it was put back from a copy, counts for nothing, and
the collection is made anew. Codes of another codec come into a collection of their own beside that of the present one,
which is searched until the other is whole.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import Catalog, CurrentCodec, Purpose
from semblance.indexer.catalog.coded_pictures import coded_pictures
from semblance.indexer.milvus import address, dropping, forms, narrowing, schema, tuning
from semblance.indexer.milvus.connection import LIMITS, Limits, Server
from semblance.indexer.milvus.fields import KINDS
from semblance.indexer.milvus.leasing import Lease
from semblance.indexer.milvus.schema import PURPOSES, Held
from semblance.retrieval.facts import FACTS
from semblance.retrieval.progress import Progress, quiet

_GONE = 4_096  # ids that are deleted at once

Row = dict[str, Any]


def fill(
    library: Path,
    where: str,
    progress: Progress = quiet,
    purposes: Sequence[Purpose] = PURPOSES,
    limits: Limits = LIMITS,
) -> None:
    """Bring the collections at the address `where` to the state of `library`. Raises UsageError, also where they are
    another library's, LibraryLocked, IndexAway, DiskFull and LibraryError; what was written stays and is gone on from.
    """
    with Catalog.opened(library) as catalog:
        server = Server(address.parse(where), limits)
        there = schema.claim(server, catalog.library)
        codecs = {purpose: codec for purpose in purposes if (codec := catalog.current(purpose))}
        with Lease(server) as lease:
            server.limits = replace(limits, asking=limits.changing)  # what has begun waits for a server that comes back
            filling = Filling(catalog, server, lease, progress, total=len(codecs) * catalog.counts()[0])
            begun = [filling.begin(purpose, codec, there) for purpose, codec in codecs.items()]
            for held, coming in begun:
                filling.bring(held, coming)


class Filling:
    """One run of `fill`."""

    def __init__(self, catalog: Catalog, server: Server, lease: Lease, progress: Progress, total: int) -> None:
        self.catalog, self.server, self.lease = catalog, server, lease
        self.progress, self.done, self.total = progress, 0, total

    def begin(self, purpose: Purpose, codec: CurrentCodec, there: schema.State) -> tuple[Held, bool]:
        """What there is of one purpose's codes, and whether it is coming beside others; an empty collection else."""
        before = there.holds.get(purpose)
        coming = before is not None and before.codec_id != codec.codec_id
        held = there.coming.get(purpose) if coming else before
        if held is None or held.codec_id != codec.codec_id or not self._goes_on(held):
            name = schema.collection(self.server.address.name, purpose, codec.codec_id)
            fresh = Held(purpose, codec.codec_id, codec.bits, codec.model, name, self.catalog.generation(), through=0)
            fresh = forms.as_said(fresh, self.server.address, held or before, self.catalog.counts()[0])
            schema.note(self.server, fresh, coming)
            dropping.clear(self.server)
            held = schema.note(self.server, schema.make(self.server, fresh), coming)
        return held, coming

    def bring(self, held: Held, coming: bool) -> None:
        """It to the catalog's state."""
        self.done += held.last if held.through is None else held.through
        while held.through is not None or not held.whole or held.generation != self.catalog.generation():
            held = self._changed(held, coming)
            held = self._rest(held, coming)
            held = replace(held, whole=True, pictures=schema.rows(self.server, held), at=self.server.now())
            held = tuning.tuned(self.server, held)
            if coming:
                schema.come(self.server, held)
                coming = False
            schema.note(self.server, held)

    def _goes_on(self, held: Held) -> bool:
        """Whether what is there is of the catalog's history, as it was left, and of the form that was asked for."""
        of_it = self.catalog.knows(held.generation) and schema.is_ours(self.server, held)
        return of_it and forms.is_as_said(held, self.server.address) and not schema.lacking(self.server, held)

    def _changed(self, held: Held, coming: bool) -> Held:
        """What came and went since the generation that is there."""
        if held.generation == self.catalog.generation():
            return held
        held = schema.note(self.server, replace(held, whole=False), coming)
        changes = self.catalog.changes(held.generation.number, held.codec_id)
        for start in range(0, len(changes.removed), _GONE):
            self.lease.check()
            self.server.change("delete", held.collection, ids=changes.removed[start : start + _GONE].tolist())
        with coded_pictures(self.catalog.folder, [held.codec]) as rows:
            for batch in rows.sound(held.codec_id, since=held.generation.number):
                self._put(held, batch)
                held = _reaching(held, batch)
        return schema.note(self.server, replace(held, generation=changes.generation), coming)

    def _rest(self, held: Held, coming: bool) -> Held:
        """The rows behind those that are there."""
        if held.through is None:
            return held
        with coded_pictures(self.catalog.folder, [held.codec]) as rows:
            for batch in rows.sound(held.codec_id, after=held.through):
                self._put(held, batch)
                held = _reaching(held, batch)
                held = schema.note(self.server, replace(held, through=held.last), coming)
        return replace(held, through=None)

    def _put(self, held: Held, batch: list[Row]) -> None:
        if batch:
            self.lease.check()
            self.server.put(held.collection, columns(batch))
            self.done += len(batch)
            self.progress(min(self.done, self.total), self.total)


def columns(batch: Sequence[Row]) -> dict[str, tuple[str, list[Any]]]:
    """Rows of a collection, of some of the catalog's, as Server.put takes them."""
    rows = zip(*map(_row, batch), strict=True)
    return {name: (kind, [*values]) for (name, kind), values in zip(KINDS.items(), rows, strict=True)}


def _row(said: Row) -> tuple[Any, ...]:
    """A row of a collection, in the order of schema.FIELDS, of one of the catalog's."""
    facts = [said[name] for name in FACTS] if said["width"] else None
    taken = narrowing.moment(said["taken"]) if facts else 0
    told = json.dumps(facts, ensure_ascii=False) if facts else ""
    return said["id"], said["code"], said["path"], said["sha256"].hex(), said["size"], said["mtime"], taken, told


def _reaching(held: Held, batch: list[Row]) -> Held:
    return replace(held, last=max(held.last, batch[-1]["id"])) if batch else held
