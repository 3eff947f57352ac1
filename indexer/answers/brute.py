"""Nearest by nothing but the definition of distance: what the answers of any engine are held against (auditing.py).

Every stored code, or pixel vector, is compared with the query by NumPy. That takes some twenty times as long as an
engine, so it goes in steps, between which those who wait can be answered.
"""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes, hamming
from semblance.retrieval.index import Distances, Ids
from semblance.retrieval.index.contract import Stored
from semblance.retrieval.index.flat import rows

_STEP = 2**16  # codes: some milliseconds


class Brute:
    """The codes of an index, in which one query's nearest are known by comparison; an index to ask, as `Exact` is."""

    def __init__(self, stored: Stored) -> None:
        self.bits, self._stored, self._ids = stored.bits, stored, stored.ids()
        self.codes, self.has = stored.codes, stored.has
        self._distances: dict[bytes, npt.NDArray[np.uint16]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def ids(self) -> Ids:
        """See Stored.ids."""
        return self._ids

    def compare(self, codes: Codes) -> Generator[None, None, None]:
        """Compare all with each of these codes (V, W), in steps."""
        found = yield from in_steps(len(self), _STEP, lambda part: hamming(codes, self.codes(self._ids[part])))
        self._distances |= dict(zip(map(bytes, codes), found, strict=True))

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        """See Exact.search; of codes that were compared it knows already."""
        distances, ids = [], []
        for code in codes:
            known = self._distances.get(bytes(code))
            near = hamming(code[None], self.codes(self._ids))[0] if known is None else known
            if among is None:
                places = nearest(near, k)
            else:
                some = rows(among, self._ids)
                places = some[nearest(near[some], k)]
            distances.append(near[places])
            ids.append(self._ids[places])
        return np.array(distances, np.int32), np.array(ids, np.int64)


def in_steps(
    count: int, step: int, compare: Callable[[slice], npt.NDArray[Any]]
) -> Generator[None, None, npt.NDArray[Any]]:
    """What `compare` says of all rows, (Q, step) at a time, together: (Q, count)."""
    parts = [compare(slice(0, 0))]
    for start in range(0, count, step):
        parts.append(compare(slice(start, min(start + step, count))))
        yield
    return np.concatenate(parts, axis=1)


def nearest(distances: npt.NDArray[Any], k: int) -> npt.NDArray[np.intp]:
    """The places of the `k` smallest of (N,), ascending, equal ones in their order."""
    if len(distances) <= k:
        return np.argsort(distances, kind="stable")
    places = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    return places[np.argsort(distances[places], kind="stable")][:k]
