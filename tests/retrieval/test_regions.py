"""A part of a picture is seen as a file of it alone would be, whichever way up the file is stored."""

import io

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import decoding, images
from semblance.retrieval.errors import UsageError
from semblance.retrieval.formats.regions import checked
from semblance.retrieval.inputs import InputSpec

REGION = (0.1, 0.2, 0.5, 0.25)
SPEC = InputSpec(64)


def saved(picture: Image.Image, kind: str, turn: int) -> bytes:
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = turn
    picture.save(out, kind, exif=exif, quality=95, lossless=True)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_region_is_what_a_crop_of_the_upright_picture_shows(kind: str, turn: int) -> None:
    drawn = np.random.default_rng(turn).integers(0, 256, (12, 16, 3), np.uint8)
    picture = Image.fromarray(drawn).resize((1600, 1200), Image.Resampling.BICUBIC)
    data = saved(picture, kind, turn)
    upright = Image.fromarray(images.at_full_size(data))
    left, top, width, height = (round(share * side) for share, side in zip(REGION, 2 * upright.size, strict=True))
    wanted = images.load(upright.crop((left, top, left + width, top + height)), SPEC)
    seen = decoding.load_each(data, [SPEC, InputSpec(32)], REGION)[SPEC]
    assert np.abs(wanted.astype(int) - seen).max() <= 1  # a turn before resizing or after it rounds otherwise


def test_a_small_region_of_a_large_jpeg_keeps_its_pixels() -> None:
    stripes = np.zeros((3200, 3200, 3), np.uint8)
    stripes[:, ::8] = stripes[:, 1::8] = stripes[:, 2::8] = stripes[:, 3::8] = 255  # lost where decoded smaller
    data = saved(Image.fromarray(stripes), "JPEG", 1)
    seen = decoding.load_each(data, [SPEC], (0.5, 0.5, 0.02, 0.02))[SPEC]
    assert seen.std() > 100
    assert decoding.load_each(data, [SPEC], (0, 0, 1, 1))[SPEC].tolist() == decoding.load(data, SPEC).tolist()


@pytest.mark.parametrize(
    "region",
    [
        (0, 0, 0, 1),
        (0, 0, 1, -0.0),
        (-0.1, 0, 0.5, 0.5),
        (0.6, 0, 0.5, 1),
        (float("nan"), 0, 1, 1),
        (0, 0, float("inf"), 1),
    ],
)
def test_what_is_no_part_of_a_picture_is_refused(region: tuple[float, float, float, float]) -> None:
    with pytest.raises(UsageError, match="region: a part of the picture"):
        checked(*region)


def test_less_than_a_pixel_is_that_pixel() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    seen = images.load(pixels, InputSpec(2), (0.51, 0.26, 1e-300, 1e-9))
    assert (seen == pixels[1, 2]).all()
