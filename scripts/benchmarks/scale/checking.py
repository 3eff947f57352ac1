"""How real grown codes are: half and an eighth of the real ones, grown to their number, beside them all."""

from collections.abc import Callable

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes
from semblance.scripts.benchmarks.scale import codes as grown
from semblance.scripts.benchmarks.scale.places import QUERIES, Place

_ASKED = 1500
_RANKS = (1, 10, 100)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_ADDRESS = 28  # bits

Say = Callable[..., None]


def check(place: Place, say: Say) -> None:
    """Says `checks`: of each share the largest and the mean difference of quantiles of the distances to the nearest
    few, in bits, the share of 28-bit addresses that hold one code alone, real and grown, and the largest difference of
    a bit's mean."""
    real = np.load(place.real)[QUERIES:]
    checks = []
    for part in (2, 8):
        sources = grown.measured(real[: len(real) // part])
        made = np.empty((part * len(sources.codes), real.shape[1]), np.uint8)
        grown.grow(sources, made, copies=False)
        checks.append({"part": part, "codes": len(made), **beside(real[: len(made)], made)})
    say(checks=checks)


def beside(real: Codes, made: Codes) -> dict[str, object]:
    """What differs between two sets of as many codes."""
    of_real, of_made = (_distances(codes) for codes in (real, made))
    differences = np.abs(of_real - of_made)
    means = [np.unpackbits(codes, axis=1).mean(axis=0) for codes in (real, made)]
    return {
        "real": of_real.tolist(),
        "grown": of_made.tolist(),
        "mean_bits": float(differences.mean()),
        "most_bits": float(differences.max()),
        "alone": [_alone(codes) for codes in (real, made)],
        "balance": float(np.abs(means[0] - means[1]).max()),
    }


def _distances(codes: Codes) -> npt.NDArray[np.float64]:
    """Quantiles (RANKS, QUANTILES) of the distances from some codes to their nearest others."""
    some = codes[np.random.default_rng(4).permutation(len(codes))[:_ASKED]]
    ranks = [min(rank, len(codes) - 1) for rank in _RANKS]
    distances, _ = faiss.knn_hamming(some, codes, ranks[-1] + 1)  # the first is the code itself
    return np.quantile(distances[:, ranks], _QUANTILES, axis=0).T


def _alone(codes: Codes) -> float:
    """The share of codes whose first 28 bits no other has."""
    addresses = np.ascontiguousarray(codes[:, :4]).view("<u4")[:, 0] & (2**_ADDRESS - 1)
    _, counts = np.unique(addresses, return_counts=True)
    return float((counts == 1).sum() / len(codes))
