"""How likely by chance: against tails that are known from elsewhere, of codes whose bits are drawn by a known law.

The law: latent numbers z (rank,) are drawn from a Gaussian, and bit i is 1 where offsets[i] + weights[i] . z + noise is
above 0. Given z the bits are independent, so the number that differs from a query is a sum of independent coins, whose
distribution is their convolution; over z it is averaged, by importance sampling towards the query.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval import codes, queries
from semblance.retrieval.index import FlatIndex
from semblance.retrieval.judging import chance
from semblance.retrieval.judging.contest import Contest
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.queries import CodeQuery

Floats = npt.NDArray[np.float64]
BITS, SIZE = 256, 1_000_000
_GRID = np.linspace(-8, 8, 8001)
_NORMAL = np.array([math.erfc(-x / math.sqrt(2)) / 2 for x in _GRID])


class Law:
    """Codes of 256 bits, `share` of whose variance is common to them, in `rank` dimensions."""

    def __init__(self, rank: int, share: float, balance: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.weights = self.rng.normal(size=(BITS, rank))
        self.weights *= math.sqrt(share) / np.linalg.norm(self.weights, axis=1, keepdims=True)
        self.noise, self.offsets = math.sqrt(1 - share), self.rng.normal(0, balance, BITS)

    def ones(self, z: Floats) -> Floats:
        """How likely each bit is 1: (N, rank) -> (N, 256)."""
        ones: Floats = np.interp((z @ self.weights.T + self.offsets) / self.noise, _GRID, _NORMAL)
        return ones

    def draw(self, n: int) -> npt.NDArray[np.bool_]:
        return self.rng.random((n, BITS)) < self.ones(self.rng.normal(size=(n, self.weights.shape[1])))

    def tail(self, query: npt.NDArray[np.bool_], n: int = 3000) -> Floats:
        """P(D <= d) for d from 0 to 256, D being the distance of a drawn code to the query."""
        towards = np.where(query, 1, -1) @ self.weights
        towards /= max(float(np.linalg.norm(towards)), 1e-9)
        shifts = np.arange(5.0)
        z = self.rng.normal(size=(n, len(towards))) + self.rng.choice(shifts, n)[:, None] * towards
        likelier = np.mean([np.exp(shift * (z @ towards) - shift**2 / 2 * (towards @ towards)) for shift in shifts], 0)
        ones = self.ones(z)
        differ = np.where(query, 1 - ones, ones)  # (n, 256)
        law = np.zeros((n, BITS + 1))
        law[:, 0] = 1
        for i in range(BITS):
            law[:, 1:] = law[:, 1:] * (1 - differ[:, i, None]) + law[:, :-1] * differ[:, i, None]
            law[:, 0] *= 1 - differ[:, i]
        tail: Floats = (law.cumsum(axis=1) / likelier[:, None]).mean(axis=0)
        return tail


def within_a_factor_of_two(said: list[float], tail: Floats) -> bool:
    asked = (tail > 1e-6) & (tail < 0.2)
    assert asked.sum() > 20
    return bool(np.all(np.abs(np.log2(np.array(said)[asked] / SIZE / tail[asked])) < 1))


@pytest.mark.parametrize(
    ("rank", "share", "balance"),
    [(1, 0.0, 0.0), (1, 0.0, 0.4), (1, 0.0, 0.8), (128, 0.8, 0.3), (64, 0.5, 0.4), (40, 0.4, 0.2)],
)
def test_it_is_right_to_a_factor_of_two_down_to_one_in_a_million(rank: int, share: float, balance: float) -> None:
    law = Law(rank, share, balance, seed=rank)
    sample = codes.pack(law.draw(queries.SAMPLED))
    for query in law.draw(3):
        said = queries.by_chance(sample, SIZE, BITS, CodeQuery(codes.pack(query[None])))
        assert within_a_factor_of_two(said, law.tail(query))


def test_pictures_that_are_alike_do_not_hide_that_they_are() -> None:
    """One in twenty of the sample is the query with 40 of its 256 bits turned over: what is said stays as it was."""
    law = Law(64, 0.5, 0.4, seed=5)
    drawn, query = law.draw(queries.SAMPLED), law.draw(1)[0]
    for row in range(len(drawn) // 20):
        drawn[row] = query
        drawn[row, law.rng.choice(BITS, 40, replace=False)] ^= True
    said = queries.by_chance(codes.pack(drawn), SIZE, BITS, CodeQuery(codes.pack(query[None])))
    assert within_a_factor_of_two(said, law.tail(query))


def test_of_several_views_the_nearest_is_what_chance_is_measured_by() -> None:
    """Two independent views of fair coins: within d is 1 - (1 - P)^2. That is the worst case: a minimum of independent
    numbers leans to the left, and what is said is less by up to 2.6 at 1e-4. Two equal views are one."""
    law = Law(1, 0.0, 0.0, seed=3)
    sample, views = codes.pack(law.draw(queries.SAMPLED)), codes.pack(law.draw(2))
    tail = np.cumsum([math.comb(BITS, d) / 2.0**BITS for d in range(BITS + 1)])
    said = np.array(queries.by_chance(sample, SIZE, BITS, CodeQuery(views)))
    asked = (tail > 1e-4) & (tail < 0.1)
    ratio = said[asked] / SIZE / (1 - (1 - tail[asked]) ** 2)
    assert np.all((ratio > 1 / 3) & (ratio < 1.5))
    assert np.all(ratio[tail[asked] > 1e-2] > 0.75)
    same = CodeQuery(np.repeat(views[:1], 2, axis=0))
    assert queries.by_chance(sample, SIZE, BITS, same) == queries.by_chance(sample, SIZE, BITS, CodeQuery(views[:1]))


@pytest.mark.parametrize("bits", [1, 7, 64, 256])
def test_it_ascends_to_the_librarys_size_whatever_the_codes(bits: int) -> None:
    rng = np.random.default_rng(0)
    every = [rng.random((200, bits)) < 0.5, np.zeros((200, bits), np.bool_), np.ones((200, bits), np.bool_)]
    for drawn in (*every, np.concatenate([each[:100] for each in every[1:]])):
        index = FlatIndex(bits)
        index.add(np.arange(200), codes.pack(drawn))
        expected = queries.chances(index)
        assert expected is not None
        said = np.array(expected(CodeQuery(codes.pack(np.zeros((1, bits), np.bool_)))))
        assert said.shape == (bits + 1,)
        assert np.isfinite(said).all()
        assert np.all(np.diff(said) >= 0)
        assert said[-1] == pytest.approx(200)


def test_too_few_pictures_say_nothing() -> None:
    index = FlatIndex(8)
    index.add(np.arange(99), np.zeros((99, 1), np.uint8))
    assert queries.chances(index) is None
    index.add(np.array([99]), np.zeros((1, 1), np.uint8))
    assert queries.chances(index) is not None


class Written:
    """A codec whose codes are the pictures: 16 x 16 pixels, a bit for each, set where it is light."""

    name, bits, spec = "written", BITS, None

    def encode(self, pictures: npt.NDArray[np.uint8]) -> codes.Codes:
        return codes.pack(pictures.reshape(len(pictures), -1) > 127)


class Plain(Dataset):
    def pictures(self, spec: object) -> npt.NDArray[np.uint8]:
        assert spec is None
        assert isinstance(self.sources, np.ndarray)
        return self.sources

    def subset(self, rows: npt.NDArray[np.int64]) -> Dataset:
        assert isinstance(self.sources, np.ndarray)
        return Plain(self.sources[rows], self.labels[rows], self.classes)


def test_of_kinds_that_are_alike_all_are_found_and_without_the_kind_about_one_is() -> None:
    """20 kinds of 20 pictures, each a random code with 30 bits turned over; with the kind gone all else is chance: fair
    coins, at about 1 by what expected means."""
    rng = np.random.default_rng(1)
    kinds = rng.random((20, BITS)) < 0.5
    labels = np.repeat(np.arange(20), 20)
    bits = kinds[labels] ^ (rng.random((400, BITS)) < 30 / BITS)
    part = Plain((255 * bits).astype(np.uint8), labels, [str(kind) for kind in range(20)])
    judged = chance.judge(Contest(part, part, np.arange(400)), Written())  # type: ignore[arg-type]
    assert judged.results.sum() == 400 * 399
    assert judged.results[0] >= 0.98 * 400 * 19
    assert judged.precision[0] > 0.99
    assert judged.precision[4] < 0.01
    assert 0.3 < judged.strangers < 3
    assert judged.as_dict()["results <=0.001"] == judged.results[0]
