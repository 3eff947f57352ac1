"""Codes without a network, by linear maps of the pixels."""

import numpy as np
import numpy.typing as npt

from retrieval.codes import Codes, from_logits

_BLOCK = 4096


class RandomHyperplanes:
    """Bits that say on which side of a random hyperplane through the mean a vector lies.

    Charikar, "Similarity Estimation Techniques from Rounding Algorithms" (2002): two such bits differ with a
    probability proportional to the angle between the vectors.
    """

    def __init__(self, mean: npt.NDArray[np.float32], bits: int, seed: int = 0) -> None:
        """`mean` (D,) is the point that all the hyperplanes pass through."""
        self.mean = mean.astype(np.float32)
        self.normals = np.random.default_rng(seed).standard_normal((len(mean), bits), np.float32)  # (D, bits)

    def encode(self, vectors: npt.NDArray[np.uint8]) -> Codes:
        """Vectors uint8 (N, D) -> codes uint8 (N, ceil(bits / 8))."""
        logits = np.empty((len(vectors), self.normals.shape[1]), np.float32)
        for start in range(0, len(vectors), _BLOCK):  # as float32, all at once would fill the memory
            logits[start : start + _BLOCK] = (vectors[start : start + _BLOCK] - self.mean) @ self.normals
        return from_logits(logits)
