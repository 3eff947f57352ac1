"""Twelve edits that leave a picture the same picture, each mild, medium and strong: what a copy goes through.

They work on the picture as large as its file holds it, and give back a file's bytes: an edited picture is decoded and
resized by `images.load` like any other. Which way an edit goes, and where, is drawn by a generator seeded by the edit,
its strength and the number of the picture, so the same call makes the same bytes.
"""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from semblance.retrieval.images import Picture

STRENGTHS = ("mild", "medium", "strong")
CAPTION = "look at this one!"

_Make = Callable[[Image.Image, float, np.random.Generator], Image.Image | bytes]


@dataclass(frozen=True)
class Edit:
    """One edit: its amounts when mild, medium and strong, and what an amount says."""

    name: str
    amounts: tuple[float, float, float]
    unit: str
    make: _Make

    def __str__(self) -> str:
        """As it stands in a table."""
        return f"{self.name} {', '.join(f'{amount:g}' for amount in self.amounts)} {self.unit}"


def edited(picture: Picture, edit: Edit, strength: str, number: int) -> bytes:
    """A picture uint8 (H, W, 3), the `number`-th of its run, after an edit: a file's bytes, PNG or, for jpeg, JPEG."""
    grade = STRENGTHS.index(strength)
    chance = np.random.default_rng([EDITS.index(edit), grade, number])
    made = edit.make(Image.fromarray(picture), edit.amounts[grade], chance)
    return made if isinstance(made, bytes) else _saved(made, "PNG", compress_level=0)  # read once, and thrown away


def _saved(image: Image.Image, format: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _scaled(image: Image.Image, share: float) -> tuple[int, int]:
    width, height = image.size
    return max(1, round(width * share)), max(1, round(height * share))


def _sign(chance: np.random.Generator) -> int:
    return 1 if chance.integers(2) else -1


def _resize(image: Image.Image, share: float, _: np.random.Generator) -> Image.Image:
    return image.resize(_scaled(image, share), Image.Resampling.BICUBIC)


def _jpeg(image: Image.Image, quality: float, _: np.random.Generator) -> bytes:
    return _saved(image, "JPEG", quality=round(quality))


def _crop(image: Image.Image, share: float, chance: np.random.Generator) -> Image.Image:
    width, height = _scaled(image, math.sqrt(share))
    left, top = chance.integers(image.width - width + 1), chance.integers(image.height - height + 1)
    return image.crop((int(left), int(top), int(left) + width, int(top) + height))


def _enhanced(kind: type[ImageEnhance.Brightness | ImageEnhance.Contrast | ImageEnhance.Color]) -> _Make:
    """An edit that takes away from, or adds to, one quality of the picture."""
    return lambda image, amount, chance: kind(image).enhance(1 + _sign(chance) * amount)


def _hue(image: Image.Image, degrees: float, chance: np.random.Generator) -> Image.Image:
    hue, saturation, value = image.convert("HSV").split()
    shift = _sign(chance) * round(degrees / 360 * 256)
    turned = hue.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def _blur(image: Image.Image, percent: float, _: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(percent / 100 * min(image.size)))


def _noise(image: Image.Image, deviation: float, chance: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image)
    noisy = pixels + np.float32(deviation) * chance.standard_normal(pixels.shape, np.float32)
    return Image.fromarray(noisy.round().clip(0, 255).astype(np.uint8))


def _border(image: Image.Image, percent: float, chance: np.random.Generator) -> Image.Image:
    colour = ("black", "white", "grey")[chance.integers(3)]
    return ImageOps.expand(image, max(1, round(percent / 100 * min(image.size))), colour)


def _caption(image: Image.Image, percent: float, chance: np.random.Generator) -> Image.Image:
    width, height = image.size
    band = max(1, round(percent / 100 * height))
    top = int(chance.integers(2)) * (height - band)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, top, width, top + band - 1), (24, 24, 24))
    wide = ImageFont.load_default(100).getlength(CAPTION) / 100  # of a letter's height
    font = ImageFont.load_default(max(1.0, min(0.6 * band, 0.95 * width / wide)))
    draw.text((width / 2, top + band / 2), CAPTION, "white", font, anchor="mm")
    return image


def _turn(image: Image.Image, degrees: float, chance: np.random.Generator) -> Image.Image:
    return image.rotate(_sign(chance) * degrees, Image.Resampling.BICUBIC, fillcolor="black")


EDITS = (
    Edit("resize", (0.75, 0.5, 0.25), "of the sides", _resize),
    Edit("jpeg", (70, 40, 15), "quality", _jpeg),
    Edit("crop", (0.9, 0.7, 0.5), "of the area kept", _crop),
    Edit("brightness", (0.2, 0.4, 0.6), "more or less", _enhanced(ImageEnhance.Brightness)),
    Edit("contrast", (0.2, 0.4, 0.6), "more or less", _enhanced(ImageEnhance.Contrast)),
    Edit("saturation", (0.3, 0.6, 1), "more or less", _enhanced(ImageEnhance.Color)),
    Edit("hue", (10, 25, 60), "degrees", _hue),
    Edit("blur", (0.5, 1, 2), "% of the shorter side", _blur),
    Edit("noise", (5, 12, 25), "of 255", _noise),
    Edit("border", (5, 10, 20), "% of the shorter side", _border),
    Edit("caption", (10, 18, 28), "% of the height", _caption),
    Edit("turn", (2, 5, 10), "degrees", _turn),
)
