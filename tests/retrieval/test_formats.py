"""Damage in what is not the picture never costs the picture; a picture that is really cut short stays damaged."""

from collections.abc import Callable

import numpy as np
import pytest

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture
from semblance.retrieval.images import InputSpec
from tests.retrieval.test_images import exif, saved, textured

SPECS = (InputSpec(8), InputSpec(32))
JPEGS = {
    "plain": {},
    "progressive": {"progressive": True},
    "all colours": {"quality": 98, "subsampling": 0},
    "restarts": {"restart_marker_blocks": 3},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 2},
    "turned": {"exif": exif(6)},
}
ROADS: dict[str, Callable[[bytes], object]] = {
    "load": lambda data: [images.load(data, spec).tobytes() for spec in SPECS],
    "load_each": lambda data: [picture.tobytes() for picture in images.load_each(data, SPECS).values()],
    "at_full_size": lambda data: images.at_full_size(data).tobytes(),
    "thumbnail": lambda data: images.thumbnail(data, 40),
}


def assert_same(data: bytes, whole: bytes) -> None:
    """On every road the bytes of the file that nothing is wrong with."""
    for name, road in ROADS.items():
        assert road(data) == road(whole), name


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(150, 101), (64, 64), (8, 8)])
def test_a_jpeg_without_its_end_mark_is_whole(options: dict[str, object], size: tuple[int, int]) -> None:
    whole = saved(textured(*size), "JPEG", **options)
    assert whole.endswith(b"\xff\xd9")
    for data in (whole[:-2], whole[:-1]):
        assert_same(data, whole)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(150, 101), (64, 64), (8, 8)])
def test_a_jpeg_whose_pixels_are_cut_short_is_damaged(options: dict[str, object], size: tuple[int, int]) -> None:
    """By however little: wherever the cut is, what comes is the whole picture or no picture."""
    whole = saved(textured(*size), "JPEG", **options)
    expected = images.at_full_size(whole)
    damaged = 0
    for cut in (*range(3, 24), len(whole) // 3, len(whole) // 2, len(whole) - 200):
        try:
            assert np.array_equal(images.at_full_size(whole[:-cut]), expected), cut
        except DamagedPicture as error:
            assert "cut short" in str(error)  # noqa: PT017 - a cut that costs no pixel is no fault
            damaged += 1
    assert damaged >= 22


def test_a_progressive_jpeg_that_lacks_a_scan_is_damaged() -> None:
    """Cut where a scan ends, it could be shown, coarser than it is."""
    whole = saved(textured(150, 101), "JPEG", progressive=True)
    ends = [at for at in range(len(whole)) if whole[at : at + 2] in (b"\xff\xda", b"\xff\xc4")]
    assert len(ends) > 5
    for at in ends:
        with pytest.raises(DamagedPicture, match="cut short"):
            images.load(whole[:at], SPECS[0])
