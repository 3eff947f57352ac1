"""The views of a query: what they are, that they are always the same, and how many there may be."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from semblance.retrieval.views import MOST, placed, views


def textured(size: int) -> npt.NDArray[np.uint8]:
    """A smooth picture, another colour in each corner."""
    y, x = np.mgrid[:size, :size] / size
    return (255 * np.stack([x, y, (1 - x) * y], axis=2)).astype(np.uint8)


@pytest.mark.parametrize("size", [8, 32, 50])
def test_the_first_is_the_picture_and_the_second_its_mirror_image(size: int) -> None:
    picture = textured(size)
    found = views(picture, 2)
    assert found.shape == (2, size, size, 3)
    assert found.dtype == np.uint8
    assert np.array_equal(found[0], picture)
    assert np.array_equal(found[1], picture[:, ::-1])


@pytest.mark.parametrize("size", [32, 50])
def test_then_come_the_crops_at_the_corners_each_with_its_mirror_image(size: int) -> None:
    picture = textured(size)
    found = views(picture, MOST)
    edge = size / 16
    boxes = [(0, 0), (edge, edge), (edge, 0), (0, edge)]
    for number, (left, top) in enumerate(boxes):
        box = (left, top, left + size - edge, top + size - edge)
        expected = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box=box))
        assert np.array_equal(found[2 + 2 * number], expected)
        assert np.array_equal(found[3 + 2 * number], expected[:, ::-1])
    assert len({view.tobytes() for view in found}) == MOST, "each is another"


def test_fewer_views_are_the_first_of_more_and_the_same_every_time() -> None:
    picture = textured(32)
    all_of_them = views(picture, MOST)
    for count in range(1, MOST + 1):
        assert np.array_equal(views(picture.copy(), count), all_of_them[:count])
    assert np.array_equal(picture, textured(32)), "the picture itself is left as it was"


@pytest.mark.parametrize("count", [0, -1, 11])
def test_other_numbers_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 10 views, not {count}"):
        views(textured(8), count)


def test_a_picture_is_put_back_to_where_it_may_have_come_from() -> None:
    """At 0.85 and 0.7 of its side, in the middle and four corners: what Pillow makes of it, and grey around."""
    picture = textured(64)
    found = placed(picture)
    assert found.shape == (11, 64, 64, 3)
    assert found.dtype == np.uint8
    assert np.array_equal(found[0], picture)
    rest = iter(found[1:])
    for side, places in (
        (54, [(5, 5), (0, 0), (0, 10), (10, 0), (10, 10)]),
        (45, [(9, 9), (0, 0), (0, 19), (19, 0), (19, 19)]),
    ):
        small = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
        for left, top in places:
            view = next(rest).copy()
            assert np.array_equal(view[top : top + side, left : left + side], small)
            view[top : top + side, left : left + side] = 128
            assert (view == 128).all()
