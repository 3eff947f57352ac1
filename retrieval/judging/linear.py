"""Codes without a network, by linear maps: hyperplanes, the best rotation, and the way back to pixels.

Principal components are scikit-learn's. FAISS has components and a rotation as well; measured, the one takes longer to
the same end, and the other ends worse (docs/results.md).
"""

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import from_logits
from semblance.retrieval.codes import Codes

Floats = npt.NDArray[np.float32]

_BLOCK = 4096


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


def iterative_quantisation(projected: Floats, rounds: int = 50, seed: int = 0) -> Floats:
    """Centred projections (N, bits) -> the rotation (bits, bits) after which rounding to -1 and +1 moves them least.

    Gong & Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes" (2011): in turns, the
    nearest corners of the hypercube, and the rotation nearest to those.
    """
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((projected.shape[1],) * 2))
    rotation = rotation.astype(np.float32)
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
