"""A decoded picture of any mode -> RGB uint8 at the size asked for: to 8 bits, resized, to sRGB, laid on white, turned.

Large pictures are held once: what is deeper than 8 bits is brought down in bands, and colours are brought to sRGB when
the picture is small already, which is within 1 of 255 of the other order on photographs.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from semblance.retrieval.formats import colours
from semblance.retrieval.inputs import ResizeRule

TURNS = {  # EXIF 2.32, tag 274
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_GREY = ("1", "L", "LA", "La", *_DEEP)
_BAND = 256  # rows brought to 8 bits at once


def render(image: Image.Image, size: tuple[int, int], turn: int, rule: ResizeRule = "squash-bicubic") -> Image.Image:
    """A picture as RGB. `size` is that before its turn, which is EXIF's (1 to 8). Decodes what is not decoded yet."""
    image.load()
    profile = None if image.mode == "LAB" else colours.of_picture(image.info)  # Lab says what it looks like
    space = "CMYK" if image.mode == "CMYK" else "L" if image.mode in _GREY else "RGB"
    if image.mode in _DEEP:
        image = _eight_bits(image)
    gap = 2.0 if rule == "squash-boxes-bicubic" else None
    # Beside the shorter side, that is the square root of the proportion.
    longest = math.sqrt(image.width * image.height) if rule == "trim-bicubic" else max(image.size)
    across, down = (max(0.0, side - longest) / 2 for side in image.size)
    box = (across, down, image.width - across, image.height - down)
    # Pillow resizes RGBA with the colours weighted by alpha, so no colour bleeds in from transparent pixels.
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if not (profile and space == "CMYK" == image.mode):
        image = image if image.mode == mode else image.convert(mode)  # which would copy it
    image = image.resize(size, Image.Resampling.BICUBIC, box, gap)
    image = colours.to_srgb(image, profile, space)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", size, "white"), image).convert("RGB")
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and floating-point greys to 8 bits; Pillow's own conversion cuts them off at 255."""
    clear = image.info.get("transparency")  # PNG may name one of the 65,536 greys transparent
    grey = Image.new("L" if clear is None or image.mode == "F" else "LA", image.size)
    scale = 1.0
    if image.mode == "F":  # the two conventions in use: 0..1 and 0..255
        scale = 255.0 if max(np.nan_to_num(values).max() for _, values in _bands(image)) <= 1 else 1.0
    for top, values in _bands(image):
        if image.mode == "F":
            band = Image.fromarray((np.nan_to_num(values) * scale).round().clip(0, 255).astype(np.uint8))
        else:
            band = Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
            if grey.mode == "LA":
                band.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
        grey.paste(band, (0, top))
    return grey


def _bands(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for top in range(0, image.height, _BAND):
        values = np.asarray(image.crop((0, top, image.width, min(top + _BAND, image.height))))
        yield top, values.astype(np.float64 if image.mode == "F" else np.int64)
