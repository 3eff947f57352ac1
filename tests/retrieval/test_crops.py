"""Parts of drawn pictures, cut where the test says, scaled and saved anew; and pictures that are alike only."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from semblance.retrieval import crops


@pytest.fixture(scope="module")
def pictures(sample: Path) -> list[Image.Image]:
    """One of each kind."""
    return [Image.open(sorted(kind.iterdir())[0]).convert("RGB") for kind in sorted(sample.iterdir()) if kind.is_dir()]


def saved(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=75)
    return out.getvalue()


@pytest.mark.parametrize(
    "box", [(0.25, 0.25, 1.0, 1.0), (0.0, 0.1, 0.7, 0.8), (0.1, 0.0, 0.9, 1.0), (0.2, 0.2, 0.75, 0.75)]
)
@pytest.mark.parametrize("scale", [1.0, 0.6])
def test_a_part_is_found_where_it_was_cut(
    pictures: list[Image.Image], box: tuple[float, float, float, float], scale: float
) -> None:
    for picture in pictures[::4]:
        cut = picture.crop(tuple(round(side * share) for side, share in zip(2 * picture.size, box, strict=True)))  # type: ignore[arg-type]
        cut = cut.resize((round(cut.width * scale), round(cut.height * scale)))
        brighter = ImageEnhance.Brightness(cut).enhance(1.15)
        agreement, place = crops.part_of(crops.reduced(saved(picture)), crops.reduced(saved(brighter)))
        assert agreement >= crops.ALIKE
        assert place == pytest.approx(box, abs=0.04)


def test_other_pictures_are_no_parts(pictures: list[Image.Image]) -> None:
    small = [crops.reduced(saved(picture)) for picture in pictures]
    worst = max(crops.part_of(one, other)[0] for one in small[::3] for other in small if one is not other)
    assert worst < crops.ALIKE


def test_what_is_flat_is_part_of_nothing(pictures: list[Image.Image]) -> None:
    flat = np.full((120, 160), 200, np.float32)
    whole = crops.reduced(saved(pictures[0]))
    assert crops.part_of(whole, flat)[0] == crops.part_of(flat, whole)[0] == crops.part_of(flat, flat)[0] == 0
    half = whole.copy()
    half[:, whole.shape[1] // 2 :] = 128  # nor is the flat half of a picture where a part lies
    assert crops.part_of(half, whole)[0] < crops.ALIKE
