"""Precision and mean average precision against values worked out by hand, and the table on a few drawn pictures."""

import itertools
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semblance.retrieval import codes, pixels
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging import comparison, datasets, evaluation
from semblance.retrieval.judging.contest import shuffled
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.judging.evaluation import (
    by_codes,
    by_pixels,
    interval_of_mean,
    precision_at,
    relevance,
    score,
    scores,
    spread_cuts,
    tie_order,
    with_first,
)
from semblance.retrieval.judging.linear import RandomHyperplanes


def ranked(*lines: str) -> npt.NDArray[np.bool_]:
    """ "+-+" -> relevant, not, relevant; one line a query."""
    return np.array([[mark == "+" for mark in line] for line in lines])


def score_distances(
    distances: list[list[int]], queries: list[int], gallery: list[int], own: npt.NDArray[np.int64] | None = None
) -> dict[str, float | None]:
    """The scores of a table of distances, given the labels of its rows and columns."""
    table = np.array(distances)
    return score(lambda rows: table[rows], np.array(queries), np.array(gallery), own).table


# ---- one ranking ---------------------------------------------------------------------------------------------------


def test_average_precision_by_hand() -> None:
    """+-+-- : hits at ranks 1 and 3, precisions 1/1 and 2/3, their mean 5/6.

    --+-+ : ranks 3 and 5, precisions 1/3 and 2/5, mean 11/30.   +++++ : 1.   ----- : no hit, 0.
    """
    found = scores(ranked("+-+--", "--+-+", "+++++", "-----"))
    assert found["mAP"].tolist() == pytest.approx([5 / 6, 11 / 30, 1, 0])
    assert found["mAP@1000"].tolist() == pytest.approx([5 / 6, 11 / 30, 1, 0])
    assert found["P@1"].tolist() == [1, 0, 1, 0]
    for column in ("P@10", "P@100", "P@1000"):
        assert np.isnan(found[column]).all(), column


def test_precision_by_hand() -> None:
    """12 places, hits at 1, 4, 10 and 12: three of the first ten."""
    found = scores(ranked("+--+-----+-+"))
    assert found["P@10"].tolist() == [0.3]
    # precisions 1/1, 2/4, 3/10, 4/12
    assert found["mAP"].tolist() == pytest.approx([(1 + 1 / 2 + 3 / 10 + 1 / 3) / 4])


def test_the_cut_at_a_thousand_by_hand() -> None:
    """1,200 places, hits at 2, 1000 and 1100.

    P@1 = 0, P@10 = 1/10, P@100 = 1/100, P@1000 = 2/1000. mAP@1000 is the mean over the two hits within the
    thousand, (1/2 + 2/1000) / 2 = 0.251; over all three, (1/2 + 2/1000 + 3/1100) / 3.
    """
    line = np.zeros((1, 1200), np.bool_)
    line[0, [1, 999, 1099]] = True
    found = {name: float(value[0]) for name, value in scores(line).items()}
    assert found["P@1"] == 0
    assert found["P@10"] == 0.1
    assert found["P@100"] == 0.01
    assert found["P@1000"] == 0.002
    assert found["mAP@1000"] == pytest.approx(0.251)
    assert found["mAP"] == pytest.approx((0.5 + 0.002 + 3 / 1100) / 3)


def test_hits_beyond_the_thousand_alone_count_for_nothing_in_the_cut() -> None:
    line = np.zeros((1, 1200), np.bool_)
    line[0, 1199] = True
    assert scores(line)["mAP@1000"].tolist() == [0]
    assert scores(line)["mAP"].tolist() == [1 / 1200]


@given(st.lists(st.lists(st.booleans(), min_size=30, max_size=30), min_size=1, max_size=5))
def test_scores_are_the_definition(rows: list[list[bool]]) -> None:
    found = scores(np.array(rows))
    for at, row in enumerate(rows):
        ranks = [rank for rank, hit in enumerate(row, 1) if hit]
        precisions = [sum(row[:rank]) / rank for rank in ranks]
        assert found["mAP"][at] == pytest.approx(sum(precisions) / len(ranks) if ranks else 0)
        assert found["P@1"][at] == row[0]
        assert found["P@10"][at] == sum(row[:10]) / 10


@given(st.lists(st.lists(st.booleans(), min_size=70, max_size=70), min_size=1, max_size=4))
def test_the_curve_is_the_definition_at_every_cut(rows: list[list[bool]]) -> None:
    cuts = spread_cuts(70)
    found = precision_at(np.array(rows), cuts)
    assert found.shape == (len(rows), len(cuts))
    for at, row in enumerate(rows):
        assert found[at].tolist() == pytest.approx([sum(row[:cut]) / cut for cut in cuts.tolist()])


@pytest.mark.parametrize("count", [1, 2, 47, 50_000])
def test_cuts_ascend_from_one_to_all(count: int) -> None:
    cuts = spread_cuts(count)
    assert (cuts[0], cuts[-1]) == (1, count)
    assert (np.diff(cuts) > 0).all()
    assert len(cuts) <= 60


def test_the_curve_is_the_mean_over_all_portions_and_leaves_queries_out_too() -> None:
    """300 queries, more than a portion. Its points at 1 and at all the others are P@1 and the share of the class."""
    random = np.random.default_rng(0)
    labels, distances = random.integers(0, 3, 300), random.integers(0, 9, (300, 300))
    found = score(lambda rows: distances[rows], labels, labels, np.arange(300))
    assert found.retrieved[[0, -1]].tolist() == [1, 299]
    others = ((labels[:, None] == labels).sum(axis=1) - 1) / 299
    assert found.precision[[0, -1]].tolist() == pytest.approx([found.table["P@1"], others.mean()])


# ---- from distances to rankings ------------------------------------------------------------------------------------


def test_relevance_sorts_by_distance_and_keeps_the_order_of_ties() -> None:
    distances = np.array([[3, 1, 3, 0, 1]])  # places: 3 (0), 1 (1), 4 (1), 0 (3), 2 (3)
    same = np.array([[True, False, False, True, True]])
    assert relevance(distances, same, None).tolist() == [[True, False, True, True, False]]


def test_leave_one_out_leaves_out_itself_alone() -> None:
    """Three twins at distance 0: of its own twins each query still sees two, wherever it stands among them."""
    distances = np.zeros((3, 3), np.int64)
    same = np.eye(3, dtype=np.bool_)  # only itself would be relevant
    assert relevance(distances, same, np.arange(3)).tolist() == [[False, False]] * 3
    marked = np.array([[False, True, False], [False, False, True], [True, False, False]])
    assert relevance(distances, marked, np.arange(3)).tolist() == [[True, False], [False, True], [True, False]]
    elsewhere = np.array([2, 0, 1])  # a query's column need not be its row
    assert relevance(distances, np.eye(3, dtype=np.bool_)[elsewhere], elsewhere).tolist() == [[False, False]] * 3


def test_score_by_hand() -> None:
    """Gallery classes a b a b, two queries.

    Query a: distances 1 2 3 4, ranking a b a b, AP (1 + 2/3) / 2 = 5/6. Query b: 5 7 1 2, ranking a b a b, hits at 2
    and 4, AP (1/2 + 2/4) / 2 = 1/2. Means: P@1 = 1/2, mAP = 2/3; ten places there are not.
    """
    found = score_distances([[1, 2, 3, 4], [5, 7, 1, 2]], [0, 1], [0, 1, 0, 1])
    assert found["P@1"] == 0.5
    assert found["mAP"] == pytest.approx(2 / 3)
    assert found["mAP@1000"] == pytest.approx(2 / 3)
    assert (found["P@10"], found["P@100"], found["P@1000"]) == (None, None, None)


def test_leave_one_out_by_hand() -> None:
    """Four pictures of classes a a b b on a line at 0, 1, 2, 10; each asks the other three, ties by place.

    a at 0: 1 2 10 -> a b b, AP 1.        a at 1: 0 and 2 tie, 0 stands first -> a b b, AP 1.
    b at 2: 1 0 10 -> a a b, AP 1/3.      b at 10: 2 1 0 -> b a a, AP 1.      Mean 10/12; P@1 = 3/4.
    """
    line = np.array([0, 1, 2, 10])
    found = score_distances(np.abs(line[:, None] - line).tolist(), [0, 0, 1, 1], [0, 0, 1, 1], own=np.arange(4))
    assert found["P@1"] == 0.75
    assert found["mAP"] == pytest.approx(10 / 12)


def test_a_gallery_of_exactly_ten_has_a_precision_at_ten() -> None:
    found = score_distances([[*range(10)]], [0], [0, 1] * 5)
    assert found["P@10"] == 0.5
    assert found["P@100"] is None
    own = score_distances([[*range(10)]], [0], [0, 1] * 5, own=np.array([0]))  # nine others
    assert own["P@10"] is None


def test_many_queries_are_scored_in_portions_as_one() -> None:
    """More queries than a portion holds, each with its own column left out."""
    random = np.random.default_rng(0)
    labels, distances = random.integers(0, 3, 300), random.integers(0, 9, (300, 300))
    whole = scores(relevance(distances, labels[:, None] == labels, np.arange(300)))
    found = score(lambda rows: distances[rows], labels, labels, np.arange(300))
    assert found.table["mAP"] == pytest.approx(float(whole["mAP"].mean()))
    assert found.table["P@100"] == pytest.approx(float(whole["P@100"].mean()))


def test_of_several_views_the_nearest_counts() -> None:
    gallery = np.array([[0b0000], [0b0111], [0b1111]], np.uint8)
    views = np.array([[[0b0001], [0b1111]], [[0b0011], [0b0111]]], np.uint8)  # two queries of two views
    ranking = by_codes(views, gallery)
    assert ranking(slice(0, 2)).tolist() == [[1, 1, 0], [2, 0, 1]]
    assert ranking(slice(1, 2)).tolist() == [[2, 0, 1]]
    assert by_codes(views[:, :1], gallery)(slice(0, 2)).tolist() == [[1, 2, 3], [2, 1, 2]]


def test_what_is_put_in_front_comes_first_and_the_rest_keeps_its_order() -> None:
    """Distances 3 1 3 0 1, so the ranking is 3 1 4 0 2; with 4 and 0 put in front it is 4 0 3 1 2."""
    distances = np.array([[3, 1, 3, 0, 1], [0, 1, 2, 3, 4]], np.uint16)
    first = np.array([[4, 0], [2, 1]])
    keys = with_first(lambda rows: first[rows], lambda rows: distances[rows])
    assert np.argsort(keys(slice(0, 2)), axis=1, kind="stable").tolist() == [[4, 0, 3, 1, 2], [2, 1, 0, 3, 4]]
    assert np.argsort(keys(slice(1, 2)), axis=1, kind="stable").tolist() == [[2, 1, 0, 3, 4]]


def test_ties_fall_by_a_fixed_shuffle() -> None:
    order = tie_order(1000)
    assert np.array_equal(order, tie_order(1000))
    assert sorted(order.tolist()) == [*range(1000)]
    assert not np.array_equal(order, np.arange(1000))
    assert not np.array_equal(order, tie_order(1000, seed=1))


def test_a_code_that_says_nothing_gets_no_better_than_chance() -> None:
    """All distances tie. In a gallery sorted by class, the first class's queries would find only their own."""
    gallery = Dataset(np.zeros((1000, 4, 4, 3), np.uint8), np.repeat([0, 1], 500), ["a", "b"])
    contest = shuffled(gallery, Dataset(gallery.sources[:20], gallery.labels[:20], gallery.classes))
    nothing = np.zeros((1000, 1), np.uint8)
    found = score(by_codes(nothing[:20, None], nothing), contest.queries.labels, contest.gallery.labels, contest.own)
    assert found.table["P@100"] == pytest.approx(0.5, abs=0.15)


def test_rankings_by_codes_and_pixels() -> None:
    packed = np.random.default_rng(0).integers(0, 256, (9, 4), np.uint8)
    assert np.array_equal(by_codes(packed[:, None], packed)(slice(2, 5)), codes.hamming(packed[2:5], packed))
    rows = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)
    expected = ((rows[2:5, None].astype(int) - rows[None].astype(int)) ** 2).sum(axis=2)
    assert np.array_equal(by_pixels(rows, rows)(slice(2, 5)), expected)


def test_bit_statistics_by_hand() -> None:
    """Four codes of three bits: 000 110 001 111. Bits 1 and 2 are one and the same; bit 3 is independent of them.

    Correlations: 1 between 1 and 2, 0 to 3, the mean over the three pairs 1/3. Each bit is one half the time: 0.
    With 3 of 4 set, a bit's imbalance is 2 (3/4 - 1/2) = 1/2.
    """
    rows = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1]], np.bool_)
    found = evaluation.bit_statistics(codes.pack(rows), 3)
    assert found == {"imbalance": 0, "correlation": pytest.approx(1 / 3)}
    twins = evaluation.bit_statistics(codes.pack(rows[:, :2]), 2)
    assert twins == {"imbalance": 0, "correlation": pytest.approx(1)}
    one = evaluation.bit_statistics(codes.pack(np.array([[1], [1], [1], [0]], np.bool_)), 1)
    assert one == {"imbalance": 0.5, "correlation": 0}
    constant = evaluation.bit_statistics(codes.pack(np.ones((4, 2), np.bool_)), 2)
    assert constant == {"imbalance": 1, "correlation": 0}


# ---- how sure a mean is ----------------------------------------------------------------------------------------------


def tenths(count: int, seed: int = 0) -> npt.NDArray[np.float64]:
    """Precisions at ten of so many queries."""
    return np.random.default_rng(seed).binomial(10, 0.3, count) / 10


def test_the_interval_is_that_of_queries_drawn_one_by_one() -> None:
    values = tenths(80)
    random = np.random.default_rng(1)
    means = [random.choice(values, len(values)).mean() for _ in range(20_000)]
    expected = np.quantile(means, (0.025, 0.975)).tolist()
    assert interval_of_mean(values) == pytest.approx(expected, abs=0.004)
    assert np.ptp(expected) > 0.05, "far more than what is allowed for"


def test_the_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    widths = []
    for count in (50, 200, 800, 3200):
        values = tenths(count)
        low, high = interval_of_mean(values)
        assert low < values.mean() < high
        widths.append(high - low)
    for wide, narrow in itertools.pairwise(widths):
        assert wide / narrow == pytest.approx(2, rel=0.25), "four times the queries, half the width"


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    ends = np.array([interval_of_mean(tenths(100, seed)) for seed in range(400)])
    assert ((ends[:, 0] <= 0.3) & (ends[:, 1] >= 0.3)).mean() == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("count", [1, 3, 7, 1000])
def test_where_all_queries_agree_the_interval_is_their_value(share: float, count: int) -> None:
    assert interval_of_mean(np.full(count, share)) == (share, share)


def test_the_interval_of_a_score_is_that_of_its_queries_at_ten() -> None:
    """300 queries, more than a portion, each left out of its own gallery; and the same again a second time."""
    random = np.random.default_rng(0)
    labels, distances = random.integers(0, 3, 300), random.integers(0, 9, (300, 300))
    whole = scores(relevance(distances, labels[:, None] == labels, np.arange(300)))
    found = score(lambda rows: distances[rows], labels, labels, np.arange(300))
    assert found.interval == interval_of_mean(whole["P@10"])
    assert found.interval != interval_of_mean(whole["P@1"])
    assert found.interval == score(lambda rows: distances[rows], labels, labels, np.arange(300)).interval


def test_a_gallery_too_short_for_ten_has_no_interval() -> None:
    gallery = Dataset(np.zeros((9, 32, 32, 3), np.uint8), np.zeros(9, np.int64), ["a"])
    row = comparison.by_pixels(shuffled(gallery, gallery))
    assert row.score.interval is None
    assert row.as_dict()["P@10_interval"] is None


# ---- the table -----------------------------------------------------------------------------------------------------


def test_the_table_on_a_labelled_folder(sample: Path, codec: Codec) -> None:
    gallery, none = datasets.load(sample)
    assert none is None
    contest = shuffled(gallery, None)
    assert sorted(map(str, contest.gallery.sources)) == sorted(map(str, gallery.sources))
    rows = [comparison.by_pixels(contest), *comparison.by_codec(contest, codec), comparison.by_hyperplanes(contest, 64)]
    assert [(row.bits, row.bytes_per_picture) for row in rows] == [(None, 3072), (codec.bits, codec.bits // 8), (64, 8)]
    assert rows[1].name == codec.name
    for row in rows:
        line = row.as_dict()
        precisions, sizes = "P@1 P@10 P@100 P@1000 mAP@1000 mAP", "search_ms encode_ms bytes_per_picture mse"
        assert " ".join(line) == f"name bits {precisions} P@10_interval {sizes}"
        assert row.score.interval is not None
        assert line["P@10_interval"] == [round(end, 4) for end in row.score.interval]
        assert line["P@100"] is None  # 48 pictures
        for column in ("P@1", "P@10", "mAP", "mAP@1000"):
            value = line[column]
            assert isinstance(value, float)
            assert 0 <= value <= 1
        assert row.search_ms > 0
        found = row.nearest(np.arange(5), 10)
        assert found.shape == (5, 10)
        assert all(at not in found[at] for at in range(5))  # never itself


def test_the_pixel_row_is_brute_force(sample: Path) -> None:
    """Worked out again from the files, with floats and a stable sort instead of the project's own search."""
    contest = shuffled(datasets.load(sample)[0], None)
    row = comparison.by_pixels(contest)
    rows = contest.gallery.pictures(pixels.SPEC).reshape(len(contest.gallery), -1).astype(np.float64)
    labels = contest.gallery.labels
    first: list[bool] = []
    precisions: list[float] = []
    for at in range(len(rows)):
        order = np.argsort(((rows - rows[at]) ** 2).sum(axis=1), kind="stable")
        order = order[order != at]
        hits = labels[order] == labels[at]
        first.append(bool(hits[0]))
        ranks = np.flatnonzero(hits) + 1
        precisions.append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)) if len(ranks) else 0.0)
        assert row.nearest(np.array([at]), 5)[0].tolist() == order[:5].tolist()
    assert row.score.table["P@1"] == pytest.approx(np.mean(first))
    assert row.score.table["mAP"] == pytest.approx(np.mean(precisions))


def test_queries_apart_from_the_gallery() -> None:
    random = np.random.default_rng(0)
    gallery = Dataset(random.integers(0, 256, (30, 32, 32, 3), np.uint8), random.integers(0, 3, 30), ["a", "b", "c"])
    queries = gallery.subset(np.arange(4))
    contest = shuffled(gallery, queries)
    assert contest.own is None
    row = comparison.by_pixels(contest)
    assert row.score.table["P@1"] == 1  # each finds itself
    found = row.nearest(np.arange(4), 1)[:, 0]
    assert np.array_equal(contest.gallery.pictures(pixels.SPEC)[found], queries.pictures(pixels.SPEC))


def test_no_queries_are_not_all_the_pictures() -> None:
    gallery = Dataset(np.zeros((3, 32, 32, 3), np.uint8), np.zeros(3, np.int64), ["a"])
    for pair in ((gallery, gallery.subset(np.arange(0))), (gallery.subset(np.arange(0)), gallery)):
        with pytest.raises(DatasetError, match="no pictures"):
            shuffled(*pair)


def test_hyperplanes_agree_with_the_angle() -> None:
    """Charikar: two bits differ with probability angle / pi. Sixty degrees: a third of 4,096 bits, give or take."""
    vectors = np.array([[100, 0, 0], [50, 87, 0]], np.uint8)  # cos = 0.498
    packed = RandomHyperplanes(np.zeros(3, np.float32), 4096).encode(vectors)
    angle = math.acos(5000 / (100 * math.hypot(50, 87)))
    assert codes.hamming(packed[:1], packed[1:])[0, 0] / 4096 == pytest.approx(angle / math.pi, abs=0.03)
    again = RandomHyperplanes(np.zeros(3, np.float32), 4096).encode(vectors)
    assert np.array_equal(again, packed)
    many = np.random.default_rng(0).integers(0, 256, (5000, 3), np.uint8)  # more than one block
    planes = RandomHyperplanes(many.mean(axis=0).astype(np.float32), 16)
    expected = (many.astype(np.float32) - planes.mean) @ planes.normals
    differ = codes.unpack(planes.encode(many), 16) != (expected > 0)
    assert np.abs(expected[differ]).max(initial=0) < 1e-3
