"""Linear codes against their formulas, and against NumPy."""

import numpy as np
from sklearn.decomposition import PCA

from semblance.retrieval.judging.linear import iterative_quantisation, least_squares

CHANCE = np.random.default_rng(0)
MIXED = (CHANCE.standard_normal((500, 12)) @ CHANCE.standard_normal((12, 12)) + 3).astype(np.float32)


def quantisation_error(projected: np.ndarray) -> float:
    return float(np.square(np.sign(projected) - projected).sum())


def test_the_rotation_is_one_and_rounding_loses_less_after_it() -> None:
    projected = PCA(8).fit_transform(MIXED)
    rotation = iterative_quantisation(projected)
    assert np.allclose(rotation @ rotation.T, np.eye(8), atol=1e-4)
    random, _ = np.linalg.qr(CHANCE.standard_normal((8, 8)))
    error = quantisation_error(projected @ rotation)
    assert error < quantisation_error(projected)
    assert error < quantisation_error(projected @ random)
    assert error <= quantisation_error(projected @ iterative_quantisation(projected, rounds=1))


def test_least_squares_is_numpy_s() -> None:
    inputs = CHANCE.standard_normal((300, 6)).astype(np.float32)
    outputs = CHANCE.integers(0, 256, (300, 4), np.uint8)
    weights, offset = least_squares(inputs, outputs)
    expected = np.linalg.lstsq(np.c_[inputs, np.ones(300)], outputs.astype(np.float64))[0]
    assert np.allclose(np.r_[weights, offset[None]], expected, atol=1e-2)
