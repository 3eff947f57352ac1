"""Codes that may go while an answer is made of them: then the question is asked anew. Where it is nobody's who fills
that they went, no answer is right: so rows are counted now and then while they are asked for."""

import threading
import time
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from semblance.indexer.milvus import schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import LibraryError, Overtaken, SemblanceError
from semblance.retrieval.index import Distances, Ids

_EVERY = 5.0  # seconds between two counts


class Count:
    """Counts the rows of a collection, in a thread, since Milvus takes longer for it than for a search."""

    def __init__(self, server: Server, held: Held) -> None:
        self._server, self._held, self._next, self._wrong = server, held, time.monotonic() + _EVERY, ""

    def check(self) -> None:
        """Count again where it is time. LibraryError where it was wrong when they were counted last."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            threading.Thread(target=self._look, daemon=True).start()
        if self._wrong:
            where = self._server.address
            raise LibraryError(f"{self._wrong}: run `semblance index --library DIR --index {where}`.")

    def _look(self) -> None:
        with suppress(SemblanceError):  # which whoever searches hears
            self._wrong = schema.lacking(self._server, self._held)


class Steady(MilvusCodes):
    """Codes that raise Overtaken, and no KeyError, where what was found or said to be there has gone since; and
    LibraryError where others than who fills took some, or put some there."""

    _said: Ids = np.empty(0, np.int64)

    def __init__(self, server: Server, held: Held, where: str = "") -> None:
        super().__init__(server, held, where)
        self._count = Count(server, held)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        self._count.check()
        found = super().search(codes, k, among)
        self._said = found[1]
        return found

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        self._count.check()
        there = super().has(ids)
        self._said = ids[there]
        return there

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        self._count.check()
        try:
            return super().codes(ids)
        except KeyError as error:
            if error.args[0] in self._said:
                raise Overtaken from error
            raise
