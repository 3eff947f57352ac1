"""Linear codes against their formulas, and against NumPy."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging.linear import fitted_on, iterative_quantisation, least_squares, nested_bits

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


def spread(rank: int = 80, count: int = 900) -> np.ndarray:
    """Vectors (N, 100) whose first directions are far stronger than their last, as features' are."""
    drawn = np.random.default_rng(1).standard_normal((count, rank)) * np.geomspace(3, 0.1, rank)
    turned, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((100, rank)))
    vectors: np.ndarray = (drawn @ turned.T + 5).astype(np.float32)
    return vectors


def neighbours_kept(vectors: np.ndarray, logits: np.ndarray) -> float:
    """The share of each vector's ten nearest by cosine, about the mean, that are among the ten of nearest code."""
    centred = vectors - vectors.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    bits = np.where(logits > 0, 1.0, -1.0)
    near = [np.argsort(-(each @ each.T), axis=1, kind="stable")[:, 1:11] for each in (centred, bits)]
    return float(np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(*near, strict=True)]))


def test_the_first_bits_are_better_than_those_of_one_rotation_and_all_of_them_no_worse() -> None:
    vectors = spread()
    weights, offset = nested_bits(vectors, 80, power=0)
    logits = vectors @ weights + offset
    projected = PCA(80).fit_transform(vectors)
    plain = projected @ iterative_quantisation(projected)
    assert neighbours_kept(vectors, logits[:, :28]) > 1.2 * neighbours_kept(vectors, plain[:, :28])
    assert neighbours_kept(vectors, logits) > 0.95 * neighbours_kept(vectors, plain)


def test_nested_bits_are_components_to_a_power_turned() -> None:
    """Undone, the turn gives back scikit-learn's components over their deviations to the power, but for one scale."""
    vectors, components = spread(), PCA(20, svd_solver="full").fit(spread())
    weights, offset = nested_bits(vectors, 20, power=0.5)
    expected = components.components_.T / components.explained_variance_**0.25  # (D, 20)
    turn = np.linalg.lstsq(expected, weights)[0]
    assert np.allclose(expected @ turn, weights, atol=2e-3)
    square = turn @ turn.T
    assert np.allclose(square / np.trace(square) * 20, np.eye(20), atol=1e-2)
    assert np.allclose((vectors @ weights + offset).mean(axis=0), 0, atol=1e-4)
    assert np.array_equal(weights.astype(np.float16), weights)
    assert 0.99 < np.abs(weights).max() <= 1


def test_bits_say_what_they_were_fitted_on() -> None:
    vectors, components = spread(), PCA(20, svd_solver="full").fit(spread())
    variances = components.explained_variance_ / components.explained_variance_.sum()
    expected = (components.components_.T * variances) @ components.components_
    known = fitted_on(nested_bits(vectors, 20)[0])
    assert np.linalg.norm(known - expected) < 0.01 * np.linalg.norm(expected)


def test_few_pictures_are_fitted_better_with_what_is_known_of_others() -> None:
    """Own pictures are like the others but for a few directions of their own, and a hundred of them are given."""
    others, rest = spread(count=1800)[::2], spread(count=1800)[1::2]
    extra = np.random.default_rng(5).standard_normal((900, 6)) @ np.random.default_rng(6).standard_normal((6, 100))
    own = (rest + 1.5 * extra + 2).astype(np.float32)
    known, offset = nested_bits(others, 60)
    few = own[:100]
    fits = {"known": (known, offset), "own": nested_bits(few, 60), "both": nested_bits(few, 60, known=known)}
    kept = {name: neighbours_kept(own, own @ weights + offset) for name, (weights, offset) in fits.items()}
    assert kept["both"] > 1.02 * max(kept["known"], kept["own"]), kept


def test_features_of_too_few_directions_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"too few directions for 16 bits \(12\)"):
        nested_bits(spread(rank=12), 16)
