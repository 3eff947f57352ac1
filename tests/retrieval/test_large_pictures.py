"""Large pictures of every format are read within the limits that decoding keeps to, and what is refused says why."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tifffile

from semblance.retrieval import decoding
from semblance.retrieval.errors import PictureTooCostly
from semblance.retrieval.inputs import InputSpec
from tests.retrieval.grid.scene import Pixels
from tests.retrieval.test_decoding import limited as limited
from tests.retrieval.test_images import saved, textured

SPECS = [InputSpec(224, "trim-bicubic", 1.5), InputSpec(64)]
SIDE = 3000
SLACK = 20  # megabytes: of 98 megapixels it would be the 256 that there are


def planar(values: Pixels, **options: Any) -> bytes:
    out = io.BytesIO()
    channels = np.repeat(values[None], 3, 0)
    tifffile.imwrite(out, channels, photometric="rgb", planarconfig="separate", metadata=None, **options)
    return out.getvalue()


def noise(kind: type[np.generic], most: float) -> Pixels:
    drawn = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    values: Pixels = (drawn * most).astype(kind)
    return values


LARGE: dict[str, Callable[[], bytes]] = {
    "WebP, lossless": lambda: saved(textured(SIDE, SIDE), "WEBP", lossless=True, method=0, quality=0),
    "WebP": lambda: saved(textured(SIDE, SIDE), "WEBP", method=0),
    "TIFF, 16 bits in planes of one strip": lambda: planar(
        noise(np.uint16, 65535), compression="lzw", rowsperstrip=SIDE
    ),
    "TIFF, floats in planes": lambda: planar(noise(np.float32, 1), compression="zstd", rowsperstrip=100),
}


@pytest.mark.parametrize("made", LARGE.values(), ids=LARGE)
def test_two_sizes_of_a_large_picture_take_12_bytes_a_pixel(
    made: Callable[[], bytes], limited: Callable[..., None]
) -> None:
    limited(megabytes=SLACK, seconds=10)
    assert decoding.load_each(made(), SPECS).keys() == {*SPECS}


def test_a_jpeg_2000_that_takes_too_much_memory_is_not_called_damaged(limited: Callable[..., None]) -> None:
    data = saved(textured(1500, 1500), "JPEG2000", quality_mode="rates", quality_layers=[50])
    limited(megabytes=4, bytes_per_pixel=6, seconds=10)
    with pytest.raises(PictureTooCostly, match="MB to decode"):
        decoding.load_each(data, SPECS)
