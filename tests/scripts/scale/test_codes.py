"""Codes that look like real ones: as near each other as those would be, and the same in every run."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.scripts.benchmarks.scale import codes


@pytest.fixture(scope="module")
def real() -> Codes:
    """Codes of 24 numbers each, that lie in clusters: what a network makes of pictures."""
    rng = np.random.default_rng(1)
    hidden = rng.standard_normal((60, 24))[rng.integers(0, 60, 6000)] + 0.7 * rng.standard_normal((6000, 24))
    logits = hidden @ rng.standard_normal((24, 256)) + 1.5 * rng.standard_normal((6000, 256))
    return packed.pack(logits > rng.standard_normal(256))


def distances(some: Codes, others: Codes) -> npt.NDArray[np.intp]:
    """From each of `some` to its nearest others, itself left out: ascending."""
    return np.sort(np.bitwise_count(some[:, None] ^ others[None]).sum(axis=2, dtype=np.intp), axis=1)[:, 1:]


def grown(real: Codes, size: int, copies: bool = True, seed: int = 0) -> Codes:
    made = np.zeros((size, real.shape[1]), np.uint8)
    codes.grow(codes.measured(real), made, seed, copies)
    return made


def test_grown_codes_are_as_near_each_other_as_real_ones(real: Codes) -> None:
    made = grown(real[:1500], 6000, copies=False)
    of_real, of_made = (distances(some[:6000:40], some) for some in (real, made))
    for rank in (1, 10, 100):
        asked = [np.quantile(far[:, rank - 1], (0.25, 0.5, 0.75)) for far in (of_real, of_made)]
        assert np.abs(asked[0] - asked[1]).max() <= 4, rank
    random = np.random.default_rng(2).integers(0, 256, (6000, 32), np.uint8)  # what would be farther by far
    assert np.median(distances(random[::40], random)[:, 0]) > np.median(of_real[:, 0]) + 20
    means = [np.unpackbits(some, axis=1).mean(axis=0) for some in (real, made)]
    assert np.abs(means[0] - means[1]).max() < 0.1


def test_real_ones_stand_first_and_are_not_changed(real: Codes) -> None:
    made = grown(real[:500], 2000)
    assert {bytes(code) for code in made[:500]} == {bytes(code) for code in np.unique(real[:500], axis=0)}
    assert {bytes(code) for code in grown(real[:500], 300)} <= {bytes(code) for code in real[:500]}


def test_some_are_copies_and_some_of_these_exact(real: Codes) -> None:
    made = grown(real[:1000], 9000)
    nearest = distances(made[1000::10], made)[:, 0]
    assert 0.005 < (nearest == 0).mean() < 0.04  # twice the share: both of a pair
    assert 0.05 < (nearest <= codes.FLIPS).mean() < 0.18
    assert (distances(grown(real[:1000], 9000, copies=False)[1000::10], made)[:, 0] > codes.FLIPS).mean() > 0.8


def test_the_same_in_every_run_and_on_disk(real: Codes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "BLOCK", 700)  # so that blocks matter
    made = grown(real[:500], 5000)
    mapped = np.lib.format.open_memmap(tmp_path / "codes.npy", "w+", np.uint8, (5000, 32))
    codes.grow(codes.measured(real[:500]), mapped)
    assert np.array_equal(made, mapped)
    assert not np.array_equal(made, grown(real[:500], 5000, seed=1))


def test_queries_of_the_same_kind_are_not_in_the_set(real: Codes) -> None:
    made = grown(real[:500], 4000)
    queries = codes.more(codes.measured(real[:500]), made, 200)
    near = np.bitwise_count(queries[:, None] ^ made[None]).sum(axis=2).min(axis=1)
    assert near.min() > 0
    assert abs(np.median(near) - np.median(distances(made[::20], made)[:, 0])) <= 5


def test_a_bit_is_set_as_often_as_is_asked() -> None:
    rates = np.linspace(0, 1, 256)
    made = codes._bernoulli(rates, 20_000, np.random.default_rng(0))
    assert np.abs(np.unpackbits(made, axis=1, bitorder="little").mean(axis=0) - rates).max() < 0.03
