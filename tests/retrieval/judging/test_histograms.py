"""Colour histograms against other ways of counting, and their distances against brute force."""

import numpy as np
import numpy.typing as npt
import pytest

from semblance.retrieval.judging import histograms
from semblance.retrieval.judging.histograms import Histograms


def noise(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Pictures of soft noise, each about a colour of its own, so that they share some bins and not others."""
    random = np.random.default_rng(seed)
    centres = random.integers(0, 256, (count, 1, 1, 3))
    return (centres + random.normal(0, 60, (count, 64, 64, 3))).clip(0, 255).astype(np.uint8)


def brute_force(queries: Histograms, gallery: Histograms) -> npt.NDArray[np.int64]:
    """L1 distances (Q, G)."""
    every = [np.abs(gallery.astype(np.int64) - query).sum(axis=1) for query in queries]
    return np.stack(every)


def test_bins_by_hand() -> None:
    """Bin 16 r + 4 g + b: black 0, white 63, red 48, green 12, blue 3; 63 and 64 lie in two quarters."""
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    picture[0, 0, :5] = (255, 255, 255)
    picture[0, 1, :4] = (255, 0, 0)
    picture[0, 2, :3] = (0, 255, 0)
    picture[0, 3, :2] = (0, 0, 255)
    picture[0, 4, 0], picture[0, 5, 0] = (63, 127, 191), (64, 128, 192)
    [found] = histograms.counts(picture)
    there = {at: int(found[at]) for at in np.flatnonzero(found).tolist()}
    assert there == {0: 4096 - 16, 63: 5, 48: 4, 12: 3, 3: 2, 0 + 4 + 2: 1, 16 + 8 + 3: 1}


def test_counts_are_those_of_numpy_s_histogram() -> None:
    pictures = noise(11)
    found = histograms.counts(pictures)
    assert found.shape == (11, 64)
    assert found.dtype == np.uint16
    assert (found.sum(axis=1) == 64 * 64).all()
    for picture, line in zip(pictures, found, strict=True):
        expected, _ = np.histogramdd(picture.reshape(-1, 3), bins=(4, 4, 4), range=[(0, 256)] * 3)
        assert line.tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("cells", [5, 50, 2**16])
def test_distances_are_brute_force(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histograms, "_CELLS", cells)  # fewer than there are queries, fewer than distances, enough
    counted = histograms.counts(noise(30))
    found = histograms.distances(counted[:8], counted)
    assert np.issubdtype(found.dtype, np.integer)
    assert np.array_equal(found, brute_force(counted[:8], counted))
    assert np.array_equal(histograms.distances(np.ascontiguousarray(counted[:8]), np.ascontiguousarray(counted)), found)
    assert len(np.unique(found)) > 100, "the pictures differ"


def test_the_extremes_and_the_intersection() -> None:
    """Nothing in common is 8,192, and any distance is that times what the shares do not intersect in."""
    black, white = np.zeros((1, 64, 64, 3), np.uint8), np.full((1, 64, 64, 3), 255, np.uint8)
    counted = histograms.counts(np.concatenate([black, white, noise(5)]))
    found = histograms.distances(counted, counted)
    assert found[0, 1] == 8192
    assert (np.diagonal(found) == 0).all()
    shares = counted / 4096
    intersection = np.minimum(shares[:, None], shares).sum(axis=2)
    assert np.array_equal(found, 8192 * (1 - intersection))


def test_the_nearest_by_distance_and_then_by_row() -> None:
    counted = histograms.counts(noise(30))[np.random.default_rng(0).integers(0, 30, 50)]  # with twins: they tie
    found = histograms.nearest(counted[:6], counted, 20)
    expected = np.argsort(brute_force(counted[:6], counted), axis=1, kind="stable")
    assert np.array_equal(found, expected[:, :20])
    assert np.array_equal(histograms.nearest(counted[:6], counted, 50), expected)
    assert np.array_equal(histograms.nearest(counted[:6], counted, 51), expected), "no more than there are"


@pytest.mark.parametrize("picture", [np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 64, 64, 3), np.float32)])
def test_pictures_of_another_size_or_kind_are_refused(picture: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"uint8 \(N, 64, 64, 3\)"):
        histograms.counts(picture)
