"""Codes that may go while an answer is made of them: then the question is asked anew. Where it is nobody's who fills
that they went, no answer is right: so rows are counted now and then while they are asked for."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.indexer.catalog import Generation
from semblance.indexer.milvus import schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.searching import MilvusCodes, Ranking
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import CollectionGone, LibraryError, Overtaken, SemblanceError
from semblance.retrieval.index import Distances, Ids

_EVERY, _SOON = 5.0, 0.5  # seconds between two counts, and where the last was wrong


class Count:
    """Counts the rows of a collection, in a thread, since Milvus takes longer for it than for a search."""

    def __init__(self, server: Server) -> None:
        self._server, self._next, self._wrong = server, time.monotonic() + _EVERY, ""

    def check(self, held: Held) -> None:
        """Count again where it is time. LibraryError where it was wrong when they were counted last."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + (_SOON if self._wrong else _EVERY)
            threading.Thread(target=self._look, args=(held,), daemon=True).start()
        if self._wrong:
            where = self._server.address
            raise LibraryError(f"{self._wrong}: run `semblance index --library DIR --index {where}`.")

    def _look(self, held: Held) -> None:
        with suppress(SemblanceError):  # which whoever searches hears
            there = schema.state(self._server)
            now = there.holds.get(held.purpose) if there else None  # others fill meanwhile
            is_it = now is not None and now.collection == held.collection
            self._wrong = schema.lacking(self._server, now) if now and is_it else ""


class Steady(MilvusCodes):
    """Codes that raise Overtaken, and no KeyError, where what was found or said to be there has gone since; and
    LibraryError where others than who fills took some, or put some there."""

    _said: Ids = np.empty(0, np.int64)

    def __init__(self, server: Server, held: Held, where: str = "") -> None:
        super().__init__(server, held, where)
        self._count = Count(server)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        self._count.check(self.held)
        found = super().search(codes, k, among)
        self._said = found[1]
        return found

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        self._count.check(self.held)
        there = super().has(ids)
        self._said = ids[there]
        return there

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        self._count.check(self.held)
        try:
            return super().codes(ids)
        except KeyError as error:
            if error.args[0] in self._said:
                raise Overtaken from error
            raise


class Renewed(Steady):
    """A catalog's: it goes on with the collection that was made in place of its own, where that holds the same codes of
    the same library, as it `knows`."""

    def __init__(self, server: Server, held: Held, library: str, knows: Callable[[Generation], bool]) -> None:
        super().__init__(server, held)
        self._library, self._knows = library, knows

    def _probed(self, codes: Codes, limit: int, where: str, probes: int) -> list[Ranking]:
        try:
            return super()._probed(codes, limit, where, probes)
        except CollectionGone:
            self._renew()
            return super()._probed(codes, limit, where, self.held.lists)

    def _query(self, fields: Sequence[str], where: str, **named: Any) -> list[dict[str, Any]]:
        try:
            return super()._query(fields, where, **named)
        except CollectionGone:
            self._renew()
            return super()._query(fields, where, **named)

    def _renew(self) -> None:
        """CollectionGone where there is none, or it is not whole yet."""
        there = schema.state(self.server)
        held = there.holds.get(self.held.purpose) if there and there.library == self._library else None
        if not held or held.codec != self.held.codec or held.through is not None or not self._knows(held.generation):
            raise CollectionGone(
                f"{self.server.address} does not hold all codes of the library: see whether it is being filled, else "
                f"run `semblance index --library DIR --index {self.server.address}`."
            )
        self.held, self.probes, self._ids = held, held.probes or held.lists, None
