"""Several views and the refined order, against brute force written from their definitions."""

import operator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semblance.retrieval import codes, queries
from semblance.retrieval.codec import Logits, from_logits
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Distances, FlatIndex, Ids
from semblance.retrieval.queries import CodeQuery, asymmetric, of_logits, search

Answer = list[tuple[int, int]]  # distance and id, nearest first


def some_logits(count: int, bits: int, seed: int = 0) -> Logits:
    return np.random.default_rng(seed).standard_normal((count, bits), np.float32)


def quarters(logits: Logits) -> Logits:
    """Rounded, so that sums of them are exact in whatever order, and many of them tie."""
    rounded: Logits = (4 * logits).round() / np.float32(4)
    return rounded


def filled(ids: npt.NDArray[np.int64], stored: Codes, bits: int) -> FlatIndex:
    index = FlatIndex(bits)
    index.add(ids, stored)
    return index


def answers(index: FlatIndex, asked: list[CodeQuery], k: int) -> list[Answer]:
    return [[*zip(near.tolist(), ids.tolist(), strict=True)] for near, ids in search(index, asked, k)]


def by_definition(query: CodeQuery, ids: npt.NDArray[np.int64], stored: Codes, bits: int, k: int) -> Answer:
    """Every picture's distance to each view, bit by bit, in Python."""
    stored = codes.unpack(stored, bits).tolist()
    asked = codes.unpack(query.codes, bits).tolist()
    near = [min(sum(map(operator.ne, view, row)) for view in asked) for row in stored]
    order = sorted(range(len(ids)), key=lambda row: (near[row], ids[row]))
    if query.logits is not None:
        costs = [min(cost(view, row) for view in query.logits.tolist()) for row in stored]
        head = sorted(order[: queries.CANDIDATES], key=lambda row: (costs[row], ids[row]))
        order = head + order[queries.CANDIDATES :]
    return [(near[row], int(ids[row])) for row in order[:k]]


def cost(logits: list[float], stored: list[bool]) -> float:
    return sum(abs(logit) for logit, bit in zip(logits, stored, strict=True) if (logit > 0) != bit)


# ---- the distance --------------------------------------------------------------------------------------------------


def test_the_asymmetric_distance_by_hand() -> None:
    """Logits 0.5 -2 3 stand for 1 0 1. Against 1 0 1: 0. 0 0 1: 0.5. 1 1 0: 2 + 3. 0 1 0: all, 5.5."""
    stored = codes.pack(np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]], np.bool_))
    assert asymmetric(np.array([[0.5, -2, 3]], np.float32), stored).tolist() == [[0, 0.5, 5, 5.5]]


@pytest.mark.parametrize("bits", [1, 8, 28, 256])
def test_it_is_the_inner_product_put_as_a_distance(bits: int) -> None:
    logits, stored = some_logits(3, bits), from_logits(some_logits(40, bits, seed=1))
    signs = np.where(codes.unpack(stored, bits), 1, -1)
    expected = (np.abs(logits).sum(axis=1, keepdims=True) - logits @ signs.T) / 2
    found = asymmetric(logits, stored)
    assert found.shape == (3, 40)
    assert found == pytest.approx(expected, abs=1e-3)


def test_logits_of_one_size_make_it_the_hamming_distance() -> None:
    logits, stored = np.sign(some_logits(3, 77)), from_logits(some_logits(40, 77, seed=1))
    assert np.array_equal(asymmetric(logits, stored), codes.hamming(from_logits(logits), stored))


def test_its_own_code_is_at_exactly_nothing_and_equal_codes_exactly_tie() -> None:
    logits, stored = some_logits(2, 256), from_logits(some_logits(500, 256, seed=1))
    assert np.array_equal(np.diag(asymmetric(logits, from_logits(logits))), [0, 0])
    twins = np.concatenate([stored, stored[::-1], stored[:7]])
    found = asymmetric(logits, twins)
    assert np.array_equal(found[:, :500], found[:, 500:1000][:, ::-1])
    assert np.array_equal(found[:, :7], found[:, 1000:])
    assert np.array_equal(asymmetric(logits[1:], twins)[0], found[1]), "whatever else is asked at the same time"


def test_a_logit_of_zero_costs_nothing_either_way() -> None:
    stored = codes.pack(np.array([[True], [False]]))
    assert asymmetric(np.zeros((1, 1), np.float32), stored).tolist() == [[0, 0]]


# ---- the search ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_search_is_the_definition(data: st.DataObject) -> None:
    """Short codes, so that nearly all is ties; few candidates, so that some are refined and the rest is not."""
    bits, count = data.draw(st.sampled_from([3, 8, 12])), data.draw(st.integers(1, 40))
    ids = np.random.default_rng(data.draw(st.integers(0, 9))).permutation(3 * count)[:count].astype(np.int64)
    stored = from_logits(some_logits(count, bits, seed=5))
    asked = [
        of_logits(quarters(some_logits(data.draw(st.integers(1, 4)), bits, seed)), data.draw(st.booleans()))
        for seed in range(data.draw(st.integers(1, 4)))
    ]
    k = data.draw(st.sampled_from([1, 3, 10, 100]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "CANDIDATES", data.draw(st.sampled_from([1, 5, 1000])))
        found = answers(filled(ids, stored, bits), asked, k)
        assert found == [by_definition(query, ids, stored, bits, k) for query in asked]


def test_a_search_among_some_is_a_search_of_an_index_of_these() -> None:
    ids, stored = np.arange(600), from_logits(some_logits(600, 12))
    some = np.flatnonzero(ids % 7 == 3)
    asked = [of_logits(some_logits(2, 12, seed=7), refine) for refine in (False, True)]
    narrowed = search(filled(ids, stored, 12), asked, 20, among=np.append(some, 10**6))
    alone = answers(filled(ids[some], stored[some], 12), asked, 20)
    assert [[*zip(near.tolist(), found.tolist(), strict=True)] for near, found in narrowed] == alone


def test_the_answer_for_few_is_the_beginning_of_the_answer_for_many() -> None:
    ids, stored = np.arange(3000), from_logits(some_logits(3000, 64))
    index = filled(ids, stored, 64)
    for refine in (False, True):
        asked = [of_logits(some_logits(4, 64, seed=7), refine)]
        many = answers(index, asked, 2000)[0]
        for k in (1, 10, 999, 1001):
            assert answers(index, asked, k)[0] == many[:k]
        assert len({id for _, id in many}) == 2000, "each picture once, though several views find it"


def test_what_is_asked_together_is_one_search_and_answered_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ids, stored = np.arange(2000), from_logits(some_logits(2000, 64))
    index = filled(ids, stored, 64)
    asked = [of_logits(some_logits(1 + seed % 3, 64, seed), seed % 2 == 1) for seed in range(6)]
    alone = [answers(index, [query], 20)[0] for query in asked]
    searched: list[int] = []
    real = FlatIndex.search

    def counted(self: FlatIndex, codes: Codes, k: int, among: Ids | None) -> tuple[Distances, Ids]:
        searched.append(len(codes))
        return real(self, codes, k, among)

    monkeypatch.setattr(FlatIndex, "search", counted)
    assert answers(index, asked, 20) == alone
    assert searched == [sum(len(query.codes) for query in asked)]


def test_a_picture_finds_itself_first_however_it_asks() -> None:
    """At distance 0 though its other views are elsewhere: it is as far as its nearest view."""
    logits = some_logits(300, 256)
    index = filled(np.arange(300), from_logits(logits), 256)
    views = np.concatenate([some_logits(9, 256, seed=1), logits[123:124]])
    for refine in (False, True):
        assert answers(index, [of_logits(views, refine)], 3)[0][0] == (0, 123)


def test_an_empty_index_no_question_and_no_answer() -> None:
    index = FlatIndex(16)
    for refine in (False, True):
        assert answers(index, [of_logits(some_logits(2, 16), refine)], 5) == [[]]
    assert search(index, [], 5) == []
    with pytest.raises(ValueError, match="at least 1"):
        search(index, [of_logits(some_logits(1, 16), False)], 0)
    with pytest.raises(ValueError, match="at least 1"):
        search(index, [of_logits(some_logits(1, 16), True)], 0)


def test_like_these_unlike_those_is_a_difference_of_means() -> None:
    liked, disliked = some_logits(3, 8), some_logits(2, 8, seed=1)
    expected = [sum(liked[:, bit]) / 3 - sum(disliked[:, bit]) / 2 for bit in range(8)]
    assert np.allclose(queries.alike(liked, disliked), expected, atol=1e-6)
    assert np.array_equal(queries.alike(liked[:1], disliked[:0]), liked[0])
    with pytest.raises(ValueError, match="that it is like"):
        queries.alike(liked[:0], disliked)
