"""The pixel baseline is exact: whole numbers against int64 brute force, up to the last unit."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semblance.retrieval import pixels
from semblance.retrieval.pixels import PixelIndex, Pixels

LENGTH = pixels.LENGTH


def brute_force(queries: Pixels, gallery: Pixels) -> npt.NDArray[np.int64]:
    """Squared distances (Q, G) in whole numbers."""
    return np.stack([((gallery.astype(np.int64) - query.astype(np.int64)) ** 2).sum(axis=1) for query in queries])


def nearest(queries: Pixels, ids: npt.NDArray[np.int64], gallery: Pixels, k: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Squared distances and ids by distance, then by id."""
    squared = brute_force(queries, gallery)
    order = np.array([np.lexsort((ids, row)) for row in squared])[:, :k]
    return np.take_along_axis(squared, order, axis=1), ids[order]


def noise(count: int, length: int = LENGTH, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, length), np.uint8)


def extremes(length: int = LENGTH) -> Pixels:
    """All black, all white, one apart from either, stripes: the greatest and the smallest distances there are."""
    rows = np.zeros((7, length), np.uint8)
    rows[1] = 255
    rows[2], rows[2, 0] = 0, 1
    rows[3], rows[3, -1] = 255, 254
    rows[4, ::2] = 255
    rows[5] = 15  # the low half of a byte full, the high one empty
    rows[6] = 240
    return rows


def test_squared_distances_are_exact_on_extremes() -> None:
    rows = np.concatenate([extremes(), noise(20)])
    squared = pixels.squared_distances(rows, rows, pixels.squared_norms(rows))
    assert squared.dtype == np.int32
    assert np.array_equal(squared, brute_force(rows, rows))
    assert squared[0, 1] == LENGTH * 255**2  # black against white, the greatest
    assert squared[0, 2] == 1
    assert squared[1, 3] == 1


def test_the_longest_vectors_are_exact_and_longer_ones_refused() -> None:
    rows = np.concatenate([extremes(4386), noise(5, 4386)])
    assert np.array_equal(pixels.squared_distances(rows, rows, pixels.squared_norms(rows)), brute_force(rows, rows))
    long = np.zeros((1, 4387), np.uint8)
    with pytest.raises(ValueError, match="at most 4386"):
        pixels.squared_distances(long, long, pixels.squared_norms(long))


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 20))
def test_search_is_brute_force(data: st.DataObject, length: int, k: int) -> None:
    values = st.one_of(st.sampled_from([0, 1, 15, 16, 254, 255]), st.integers(0, 255))
    gallery, queries = (
        data.draw(arrays.arrays(np.uint8, (count, length), elements=values))
        for count in (data.draw(st.integers(1, 12)), 3)
    )
    ids = np.cumsum(data.draw(arrays.arrays(np.int64, len(gallery), elements=st.integers(1, 2**40))))
    distances, found = PixelIndex(ids, gallery).search(queries, k)
    squared, expected = nearest(queries, ids, gallery, k)
    assert np.array_equal(found, expected)
    np.testing.assert_array_equal(distances, np.sqrt(squared) / 255)


def test_search_over_several_blocks_with_ties() -> None:
    """1,300 vectors of two values in four places: sixteen different ones, so that every answer is full of ties."""
    gallery = np.random.default_rng(0).integers(0, 2, (1300, 4)).astype(np.uint8) * 255
    ids = np.arange(1300) * 3 + 2**33
    queries = np.concatenate([gallery[:4], noise(3, 4)])
    for k in (1, 10, 511, 512, 513, 1300, 5000):
        distances, found = PixelIndex(ids, gallery).search(queries, k)
        squared, expected = nearest(queries, ids, gallery, k)
        assert found.shape == (7, min(k, 1300))
        assert np.array_equal(found, expected), k
        np.testing.assert_array_equal(distances, np.sqrt(squared) / 255)


def test_neighbours_one_unit_apart_are_told_apart() -> None:
    """Squared distances of 199,756,799 and 199,756,800: float32 holds neither apart from the other."""
    white = np.full((1, LENGTH), 255, np.uint8)
    gallery = np.zeros((2, LENGTH), np.uint8)
    gallery[1, 5] = 1  # nearer to white, by 509 units
    index = PixelIndex(np.array([1, 2]), gallery)
    assert index.search(white, 2)[1].tolist() == [[2, 1]]
    near = np.full((3, LENGTH), 255, np.uint8)
    near[0, :2], near[1, 0], near[2, 7] = 254, 254, 253  # 2, 1 and 4 units
    assert PixelIndex(np.array([1, 2, 3]), near).search(white, 3)[0].tolist() == [
        [pytest.approx(root / 255) for root in (1, np.sqrt(2), 2)]
    ]


def test_distance_and_similarity_by_hand() -> None:
    """Black and white differ by 1 in each of 3,072 values: the distance is sqrt(3072) = 55.4256..., similarity 0.

    A quarter of the values differing by 51 / 255 = 0.2: the distance is sqrt(768 x 0.04) = 5.5426, the root mean
    square sqrt(0.25 x 0.04) = 0.1, the similarity 0.9.
    """
    gallery = np.zeros((3, LENGTH), np.uint8)
    gallery[1] = 255
    gallery[2, :768] = 51
    distances, ids = PixelIndex(np.array([10, 20, 30]), gallery).search(gallery[:1], 3)
    assert ids.tolist() == [[10, 30, 20]]
    assert distances[0].tolist() == pytest.approx([0, 5.542562584, 55.42562584])
    assert (1 - distances[0] / pixels.FURTHEST).tolist() == pytest.approx([1, 0.9, 0], abs=1e-12)


def test_an_empty_index_and_empty_queries() -> None:
    empty = PixelIndex(np.empty(0, np.int64), np.empty((0, LENGTH), np.uint8))
    distances, ids = empty.search(noise(2), 10)
    assert (distances.shape, ids.shape) == ((2, 0), (2, 0))
    assert ids.dtype == np.int64
    assert PixelIndex(np.array([4]), noise(1)).search(noise(0), 10)[1].shape == (0, 1)


def test_vectors_by_id() -> None:
    rows = noise(3)
    index = PixelIndex(np.array([3, 5, 2**40]), rows)
    assert len(index) == 3
    assert np.array_equal(index.vector(5), rows[1])
    assert np.array_equal(index.vector(2**40), rows[2])
    for unknown in (1, 4, 2**41):
        with pytest.raises(KeyError):
            index.vector(unknown)


def test_wrong_arguments_are_refused_at_the_door() -> None:
    for ids in ([1], [1, 1], [2, 1]):
        with pytest.raises(ValueError, match="ascend"):
            PixelIndex(np.array(ids), noise(2))
    index = PixelIndex(np.array([1, 2]), noise(2))
    for k in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            index.search(noise(1), k)
    with pytest.raises(ValueError):  # noqa: PT011 - NumPy's own words
        index.search(noise(1, 100), 1)
