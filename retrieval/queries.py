"""What a picture asks an index of codes by: one code or several views' codes, and logits where they refine the order.

Three things make a query say more than one code does, at no cost in what is stored:

- **Views.** A picture of the library is as far away as it is from the nearest view. So a query still finds itself and
  its twins at distance 0, which it would not by a mean over views.
- **Several pictures.** "Like these, unlike those": what the liked have in common, less what the disliked have.
- **Refined order.** A bit keeps of a logit which side of zero it is on; the query still has the logit itself. Hamming
  distance chooses the CANDIDATES, then bits in which they differ count by how sure the query was of them.

A distance by itself says little. `by_chance` says how many pictures would be as near if nothing were alike, what
BLAST's E-value says of sequences (Karlin & Altschul 1990): the library's size x P(D <= d), D being the distance to a
picture that is not like the query. D counts bits that differ. If these were independent and equally likely to, it would
be binomial; they are not, so its variance is v times that of the binomial of the same mean np. P is then that of
Polya's urn (Eggenberger & Polya 1923), n balls drawn and each put back with t more of its colour:

    f(k + 1) / f(k) = (n - k)(p + kt) / ((k + 1)(1 - p + (n - 1 - k)t)),    v = (1 + nt) / (1 + t)

For t > 0, bits that go together, that is the beta-binomial; for t = 0 the binomial; for t < 0, bits of different
balance, the hypergeometric distribution. A normal tail was measured too: it is wrong by more.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import from_logits
from semblance.retrieval.codes import BIT_ORDER, Codes
from semblance.retrieval.index import Distances, Ids
from semblance.retrieval.index.contract import Exact

SAMPLED = 4096  # codes that say how near pictures are that have nothing to do with each other
TELLING = 100  # pictures of a library below which its distances say too little
_CUT = 3.0  # standard deviations below the mean, and what a normal distribution keeps above them: mean and variance
_KEPT = math.exp(-(_CUT**2) / 2) / math.sqrt(2 * math.pi) / (math.erfc(-_CUT / math.sqrt(2)) / 2)
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


def search(index: Exact, queries: Sequence[CodeQuery], k: int, among: Ids | None = None) -> list[tuple[Distances, Ids]]:
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
            first = found[:CANDIDATES]
            order = np.lexsort((first, asymmetric(query.logits, index.codes(first)).min(axis=0)))
            near, found = (np.concatenate([each[order], each[CANDIDATES:]]) for each in (near, found))
        answers.append((near[:k], found[:k]))
    return answers


def chances(index: Exact, sample: Codes | None = None) -> Callable[[CodeQuery], list[float]] | None:
    """`by_chance` for an index as it is now, by a `sample` of its codes, which is drawn where it is not given. None
    where it has fewer than TELLING."""
    if len(index) < TELLING:
        return None
    return partial(by_chance, drawn(index, SAMPLED)[1] if sample is None else sample, len(index), index.bits)


def drawn(index: Exact, count: int) -> tuple[Ids, Codes]:
    """At most so many ids (m,) and codes (m, W) of an index, drawn at random by a fixed seed; all of them in order."""
    ids = index.ids()
    if len(ids) > count:
        ids = ids[np.sort(np.random.default_rng(0).choice(len(ids), count, replace=False))]
    return ids, index.codes(ids)


def by_chance(sample: Codes, size: int, bits: int, query: CodeQuery) -> list[float]:
    """How many of `size` pictures would be within each distance of a query if nothing were alike: bits + 1 numbers.

    Mean and variance are those of the distances to `sample` (m, W), codes of the library. The few that are alike are
    left out: more than _CUT standard deviations below the mean, both begun from quantiles, then corrected for the cut
    as if D were normal. Where several views ask, D is the distance to the nearest, to the sample as to all: exact where
    views are equal, up to 2.6 times too little at 1e-4 where they have nothing in common. A refined order changes no
    distance.
    """
    word: Any = np.uint8 if sample.shape[1] % 8 else np.uint64
    differing = np.bitwise_count(sample.view(word) ^ query.codes.view(word)[:, None])  # (V, m, words)
    count = np.bincount(differing.sum(axis=2, dtype=np.int64).min(axis=0), minlength=bits + 1)
    distance = np.arange(bits + 1)
    low, high = np.searchsorted(count.cumsum(), np.array([0.5, 0.8413]) * len(sample))
    mean, deviation = float(low), max(float(high - low), 0.5)
    for _ in range(8):
        kept = np.where(distance > mean - _CUT * deviation, count, 0)
        middle = kept @ distance / kept.sum()
        spread = kept @ np.square(distance - middle) / kept.sum()
        deviation = max(math.sqrt(spread / (1 - _CUT * _KEPT - _KEPT**2)), 0.5)
        mean = middle - deviation * _KEPT
    p = min(max(mean / bits, 0.5 / bits), 1 - 0.5 / bits)
    v = min(deviation**2 / (bits * p * (1 - p)), 0.9 * bits)
    t, k = (v - 1) / (bits - v), distance[:-1]
    up, down = p + k * t, 1 - p + (bits - 1 - k) * t  # below 0 where an urn of t < 0 is empty
    ratio = (bits - k) * np.maximum(up, 1e-12) / ((k + 1) * np.maximum(down, 1e-12))
    logs = np.concatenate([[0.0], np.log(ratio).cumsum()])
    tail = np.exp(logs - logs.max()).cumsum()
    expected: list[float] = (size * tail / tail[-1]).tolist()
    return expected


def asymmetric(logits: npt.NDArray[np.float32], codes: Codes) -> npt.NDArray[np.float32]:
    """Logits (V, bits) against codes (N, W) -> (V, N): the sum of |logit| over the bits in which they differ.

    Gordo, Perronnin, Gong & Lazebnik, "Asymmetric Distances for Binary Embeddings" (2014), compare a query that is not
    binarised with codes that are; this is the inner product of logits and bits as -1 and +1, put as a distance:
    (|logits|_1 - logits . bits) / 2. It is 0 for the query's own code, and the same for equal codes to the last bit,
    since each is a sum over its bytes, in their order, of what a table says of a byte.
    """
    width = codes.shape[1]
    padded = np.zeros((len(logits), width, 8), np.float32)
    padded.reshape(len(logits), -1)[:, : logits.shape[1]] = logits
    if_set, if_clear = np.maximum(-padded, 0), np.maximum(padded, 0)
    costs = if_set @ _SET.T + if_clear @ _CLEAR.T  # (V, width, 256): what each byte costs in each place
    return np.stack([each[np.arange(width), codes].sum(axis=1) for each in costs])


def _nearest_view(distances: Distances, ids: Ids) -> tuple[Distances, Ids]:
    """The nearest K of V views, both (V, K) -> the nearest K of all, both (K,), each picture once.

    None is lost: before a picture among the first K, no view can have K others.
    """
    near, found = distances.ravel(), ids.ravel()
    order = np.lexsort((found, near))
    near, found = near[order], found[order]
    first = np.sort(np.unique(found, return_index=True)[1])[: distances.shape[1]]
    return near[first], found[first]
