"""What a picture asks an index of codes by: one code or several views' codes, and logits where they refine the order.

Three things make a query say more than one code does, at no cost in what is stored:

- **Views.** A picture of the library is as far away as it is from the nearest view. So a query still finds itself and
  its twins at distance 0, which it would not by a mean over views.
- **Several pictures.** "Like these, unlike those": what the liked have in common, less what the disliked have.
- **Refined order.** A bit keeps of a logit which side of zero it is on; the query still has the logit itself. Hamming
  distance chooses the CANDIDATES, then bits in which they differ count by how sure the query was of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import from_logits
from semblance.retrieval.codes import BIT_ORDER, Codes
from semblance.retrieval.index import CodeIndex, Distances, Ids

CANDIDATES = 1000  # that refining puts in order; more change no measure of the first thousand, and cost time

# Of each of the 256 bytes, which bits are set and which are clear: (256, 8).
_SET = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder=BIT_ORDER).astype(np.float32)
_CLEAR = (_SET == 0).astype(np.float32)


@dataclass(frozen=True)
class CodeQuery:
    """One picture's question: codes (V, W) of its V views and, where the order is to be refined, logits (V, bits)."""

    codes: Codes
    logits: npt.NDArray[np.float32] | None = None


def of_logits(logits: npt.NDArray[np.float32], refine: bool) -> CodeQuery:
    """Logits (V, bits) of a picture's V views -> its query."""
    return CodeQuery(from_logits(logits), logits if refine else None)


def alike(liked: npt.NDArray[np.float32], disliked: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Logits (L, bits) of liked pictures and (D, bits) of disliked ones, D from 0 -> the logits (bits,) of a query.

    The mean of the liked minus the mean of the disliked: what Mikolov et al., "Linguistic Regularities in Continuous
    Space Word Representations" (2013), do with words. ValueError where nothing is liked.
    """
    if not len(liked):
        raise ValueError("a query needs a picture that it is like")
    wanted: npt.NDArray[np.float32] = liked.mean(axis=0)
    return wanted - disliked.mean(axis=0) if len(disliked) else wanted


def search(
    index: CodeIndex, queries: Sequence[CodeQuery], k: int, among: Ids | None = None
) -> list[tuple[Distances, Ids]]:
    """For each query the nearest pictures, of all or `among` these ids: distances and ids, both (min(k, N),).

    Distances are Hamming, to the nearest view. They ascend, equal ones in the order of their ids; where the query
    refines, its first CANDIDATES are ordered by `asymmetric` instead, with equal ones in the order of their ids. All
    queries are one search of the index. ValueError where k is below 1.
    """
    if k < 1:
        raise ValueError(f"k is at least 1, not {k}")
    if not queries:
        return []
    depth = max(k, CANDIDATES) if any(query.logits is not None for query in queries) else k
    distances, ids = index.search(np.concatenate([query.codes for query in queries]), depth, among)
    ends = np.cumsum([len(query.codes) for query in queries])[:-1]
    answers = []
    for query, near, found in zip(queries, np.split(distances, ends), np.split(ids, ends), strict=True):
        near, found = (near[0], found[0]) if len(near) == 1 else _nearest_view(near, found)
        if query.logits is not None:
            near, found = _refined(index, query.logits, near, found)
        answers.append((near[:k], found[:k]))
    return answers


def asymmetric(logits: npt.NDArray[np.float32], codes: Codes) -> npt.NDArray[np.float32]:
    """Logits (V, bits) against codes (N, W) -> (V, N): the sum of |logit| over the bits in which they differ.

    Gordo, Perronnin, Gong & Lazebnik, "Asymmetric Distances for Binary Embeddings" (2014), compare a query that is not
    binarised with codes that are; this is the inner product of logits and bits as -1 and +1, put as a distance:
    (|logits|_1 - logits . bits) / 2. It is 0 for the query's own code, and the same for equal codes to the last bit,
    since each is a sum over its bytes, in their order, of what a table says of a byte.
    """
    positions = np.arange(codes.shape[1])
    return np.stack([_byte_costs(view, codes.shape[1])[positions, codes].sum(axis=1) for view in logits])


def _byte_costs(logits: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """What each byte costs in each place of a code that is compared with these logits (bits,): (width, 256)."""
    padded = np.zeros((width, 8), np.float32)
    padded.ravel()[: len(logits)] = logits
    if_set, if_clear = np.maximum(-padded, 0), np.maximum(padded, 0)
    costs: npt.NDArray[np.float32] = if_set @ _SET.T + if_clear @ _CLEAR.T
    return costs


def _nearest_view(distances: Distances, ids: Ids) -> tuple[Distances, Ids]:
    """The nearest K of V views, both (V, K) -> the nearest K of all, both (K,), each picture once.

    None is lost: before a picture among the first K, no view can have K others.
    """
    near, found = distances.ravel(), ids.ravel()
    order = np.lexsort((found, near))
    near, found = near[order], found[order]
    first = np.sort(np.unique(found, return_index=True)[1])[: distances.shape[1]]
    return near[first], found[first]


def _refined(
    index: CodeIndex, logits: npt.NDArray[np.float32], distances: Distances, ids: Ids
) -> tuple[Distances, Ids]:
    """The first CANDIDATES of a ranking in order of their asymmetric distance to the nearest view; the rest stay."""
    candidates = ids[:CANDIDATES]
    order = np.lexsort((candidates, asymmetric(logits, index.codes(candidates)).min(axis=0)))
    order = np.concatenate([order, np.arange(len(order), len(ids))])
    return distances[order], ids[order]
