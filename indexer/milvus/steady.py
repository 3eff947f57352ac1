"""Codes that may go while an answer is made of them: then the question is asked anew."""

import numpy as np
import numpy.typing as npt

from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import Overtaken
from semblance.retrieval.index import Distances, Ids


class Steady(MilvusCodes):
    """Codes that raise Overtaken, and no KeyError, where what was found or said to be there has gone since."""

    _said: Ids = np.empty(0, np.int64)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search."""
        found = super().search(codes, k, among)
        self._said = found[1]
        return found

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        there = super().has(ids)
        self._said = ids[there]
        return there

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        try:
            return super().codes(ids)
        except KeyError as error:
            if error.args[0] in self._said:
                raise Overtaken from error
            raise
