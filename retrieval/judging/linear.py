"""Codes without a network, by linear maps: hyperplanes, the best rotation, and the way back to pixels.

Principal components are scikit-learn's. FAISS has components and a rotation as well; measured, the one takes longer to
the same end, and the other ends worse (docs/results.md).
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import from_logits
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import DatasetError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

NESTED = (28, 64, 128)  # bits that are a code of their own
POWER = 0.25  # to which components are whitened: see docs/results.md
ROUNDS = 40  # over all bits, after those in blocks: likewise
KNOWN = 0.8  # how much the covariance that is known of other pictures counts where bits are fitted anew: likewise
FURTHER = 10  # rounds that the rotation then goes on: likewise

_BLOCK = 4096
_NOISE = 1e-11  # of the strongest variance, or of the mean's square: what float32 makes of features that are all alike


class RandomHyperplanes:
    """Bits that say on which side of a random hyperplane through the mean a vector lies.

    Charikar, "Similarity Estimation Techniques from Rounding Algorithms" (2002): two such bits differ with a
    probability proportional to the angle between the vectors.
    """

    def __init__(self, mean: Floats, bits: int, seed: int = 0) -> None:
        """`mean` (D,) is the point that all the hyperplanes pass through."""
        self.mean = mean.astype(np.float32)
        self.normals = np.random.default_rng(seed).standard_normal((len(mean), bits), np.float32)  # (D, bits)

    def encode(self, vectors: npt.NDArray[np.uint8]) -> Codes:
        """Vectors uint8 (N, D) -> codes uint8 (N, ceil(bits / 8))."""
        logits = np.empty((len(vectors), self.normals.shape[1]), np.float32)
        for start in range(0, len(vectors), _BLOCK):  # as float32, all at once would fill the memory
            logits[start : start + _BLOCK] = (vectors[start : start + _BLOCK] - self.mean) @ self.normals
        return from_logits(logits)


def iterative_quantisation(projected: Floats, rounds: int = 50, seed: int = 0, start: Floats | None = None) -> Floats:
    """Centred projections (N, bits) -> the rotation (bits, bits) after which rounding to -1 and +1 moves them least.

    Gong & Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes" (2011): in turns, the
    nearest corners of the hypercube, and the rotation nearest to those. It begins at `start` (bits, bits), or else at a
    rotation drawn by chance; what it comes to is the nearest good one, not the best.
    """
    if start is None:
        start, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((projected.shape[1],) * 2))
    rotation = start.astype(np.float32)
    for _ in range(rounds):
        corners = np.where(projected @ rotation > 0, np.float32(1), np.float32(-1))
        left, _, right = np.linalg.svd(projected.T @ corners)
        rotation = left @ right
    return rotation


def least_squares(inputs: Floats, outputs: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """The linear map inputs (N, K) -> outputs (N, D) of least squared error: weights (K, D) and offset (D,)."""
    size = inputs.shape[1] + 1
    products, targets = np.zeros((size, size)), np.zeros((size, outputs.shape[1]))
    for start in range(0, len(inputs), _BLOCK):
        part = np.pad(inputs[start : start + _BLOCK].astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
        products += part.T @ part
        targets += part.T @ outputs[start : start + _BLOCK]
    solved = np.linalg.lstsq(products, targets)[0]
    return solved[:-1].astype(np.float32), solved[-1].astype(np.float32)


def nested_bits(
    features: Floats, bits: int, power: float = POWER, seed: int = 0, known: Floats | None = None
) -> tuple[Floats, Floats]:
    """Features (N, D) -> weights (D, bits) and offset (bits,) of logits of which every nested prefix is a good code.

    Principal components, the strongest first, each divided by its deviation to `power` (0 leaves them, 1 whitens) and
    every picture's brought to length 1. Iterative quantisation in blocks, so that the first 28, 64 and 128 bits hold
    the first components and nothing else, is only where it begins: left so, the last bits hold next to nothing and
    count as much as the first, and rounds over all bits share the features out again (docs/results.md).
    `known` are weights (D, K), K at least `bits`, that were fitted to other pictures by the same power: what they say
    of those counts beside what is given, which may be little, and the rotation goes on from theirs.
    The weights are exact in float16, and the largest is near 1: neither a sign nor an order depends on their scale.
    Raises DatasetError where the features do not differ in so many directions.
    """
    mean, covariance = _moments(features)
    if known is not None:
        covariance = (1 - KNOWN) * covariance + KNOWN * np.trace(covariance) * fitted_on(known, power)
    variances, directions = (each[..., ::-1] for each in np.linalg.eigh(covariance))
    found = int((variances > _NOISE * max(variances[0], np.square(mean).mean())).sum())
    if found < bits:
        raise DatasetError(
            f"The features of {len(features):,} pictures differ in too few directions for {bits} bits ({found}): add "
            "other pictures, or ask for fewer bits."
        )
    weights = directions[:, :bits] / variances[:bits] ** (power / 2)
    projected = (features - mean.astype(np.float32)) @ weights.astype(np.float32)
    projected /= np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    if known is None:
        start = np.zeros((bits, bits), np.float32)
        for first, end in pairwise([0, *(edge for edge in NESTED if edge < bits), bits]):
            start[first:end, first:end] = iterative_quantisation(projected[:, first:end], seed=seed)
    else:  # the rotation that brings the new components nearest to the old bits
        left, _, right = np.linalg.svd(weights.T @ covariance @ known[:, :bits])
        start = (left @ right).astype(np.float32)
    weights = weights @ iterative_quantisation(projected, FURTHER if known is not None else ROUNDS, start=start)
    weights = (weights / np.abs(weights).max()).astype(np.float16).astype(np.float32)
    return weights, (-mean @ weights).astype(np.float32)


def fitted_on(weights: Floats, power: float = POWER) -> Doubles:
    """Weights (D, K) by `nested_bits` -> the covariance (D, D) that they were fitted on, in its first K directions and
    of trace 1: its scale is not known.

    The weights are V L^(-power / 2) R, with directions V, variances L and a rotation R, which a decomposition takes
    apart: bits remember what they have seen, and whoever fits them anew need not have the pictures.
    """
    directions, lengths, _ = np.linalg.svd(weights.astype(np.float64), full_matrices=False)
    variances: Doubles = np.maximum(lengths, np.finfo(np.float32).eps * lengths[0]) ** (-2 / power)
    covariance: Doubles = (directions * (variances / variances.sum())) @ directions.T
    return covariance


def _moments(features: Floats) -> tuple[Doubles, Doubles]:
    """Mean (D,) and covariance (D, D)."""
    mean = features.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((features.shape[1],) * 2)
    for start in range(0, len(features), _BLOCK):  # as float64, all at once would fill the memory
        part = features[start : start + _BLOCK] - mean
        covariance += part.T @ part / len(features)
    return mean, covariance
