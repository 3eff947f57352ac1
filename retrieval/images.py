"""Bytes or a path -> RGB uint8 (S, S, 3): the only place in Semblance that decodes or resizes a picture.

Training, indexing and querying all come through `load`, so the same file gives the same bytes on every road. Limits on
bytes and pixels are checked on the header, before anything is decoded: a hostile file costs no memory.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

from semblance.retrieval.errors import DamagedPicture, NotAPicture, PictureTooLarge

Picture = npt.NDArray[np.uint8]  # (S, S, 3) RGB
ResizeRule = Literal["squash-bicubic"]

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "BMP", "GIF", "TIFF")
SUFFIXES = frozenset(".jpg .jpeg .jpe .jfif .png .apng .webp .avif .heic .heif .hif .bmp .dib .gif .tif .tiff".split())  # noqa: SIM905
MAX_PIXELS = 100_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024
SNIFF_BYTES = 32

_READABLE = "JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF or TIFF"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

pillow_heif.register_heif_opener()
Image.init()  # all readers now: media_type asks them before any picture has been opened
Image.MAX_IMAGE_PIXELS = None  # _opened makes this check itself, at MAX_PIXELS and with a sentence for the user
warnings.filterwarnings("ignore", module=r"PIL\..*")  # remarks on odd metadata; what is wrong with a picture raises


@dataclass(frozen=True)
class InputSpec:
    """What a model wants to see: the side S in pixels, and the rule that brings a picture to S x S.

    `squash-bicubic`: both sides are scaled to S on their own, by antialiased bicubic interpolation.
    """

    size: int
    resize: ResizeRule = "squash-bicubic"


def load(source: Path | bytes, spec: InputSpec, max_bytes: int = MAX_FILE_BYTES) -> Picture:
    """Decode one picture to RGB uint8 (S, S, 3).

    JPEG is decoded at the smallest scale that leaves both sides at least 2 S, HEIC from its embedded thumbnail where
    one is as large as that. The EXIF turn is applied, the first frame taken, 16-bit, palette, grey and CMYK brought
    to RGB, transparency laid on white. Colour profiles are not applied.

    Raises PictureTooLarge (more than `max_bytes` bytes or MAX_PIXELS pixels), NotAPicture, DamagedPicture, and
    OSError where a path cannot be read.
    """
    with _opened(source, max_bytes) as (image, turn):
        image.draft(None, (2 * spec.size, 2 * spec.size))
        return np.asarray(_render(image, (spec.size, spec.size), turn))


def at_full_size(source: Path | bytes, max_bytes: int = MAX_FILE_BYTES) -> Picture:
    """Decode one picture to RGB uint8 (H, W, 3), as large as it is and otherwise as `load` does. Raises as `load`."""
    with _opened(source, max_bytes) as (image, turn):
        return np.asarray(_render(image, image.size, turn))


def thumbnail(source: Path | bytes, side: int, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """A JPEG of the picture, its proportions kept and its longer side at most `side` pixels. Raises as `load` does."""
    with _opened(source, max_bytes) as (image, turn):
        scale = min(1.0, side / max(image.size))
        width, height = (max(1, round(length * scale)) for length in image.size)
        image.draft(None, (2 * width, 2 * height))
        out = io.BytesIO()
        _render(image, (width, height), turn).save(out, "JPEG", quality=85)
        return out.getvalue()


def magnify(picture: Picture, box: tuple[float, float, float, float]) -> Picture:
    """What `box` (left, top, right, bottom in pixels, fractions allowed) holds of a picture, as large as the picture.

    Picture uint8 (S, S, 3) -> uint8 (S, S, 3), by the interpolation that `load` uses.
    """
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, box=box))


def media_type(head: bytes) -> str | None:
    """The media type that a file's first SNIFF_BYTES bytes promise, or None where they are no picture's."""
    if head[4:12] in (b"ftypmif1", b"ftypmsf1"):  # a container of either: the brands that follow say which
        return "image/avif" if b"avif" in head[16:] else "image/heic"
    for name in FORMATS:
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if accept is not None and accept(head) is True:
            return "image/heic" if name == "HEIF" else Image.MIME[name]
    return None


def read(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file. PictureTooLarge where it has more than `max_bytes`, OSError where it cannot be read."""
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    _check_bytes(len(data), max_bytes)
    return data


@contextmanager
def _opened(source: Path | bytes, max_bytes: int) -> Iterator[tuple[Image.Image, int]]:
    """The picture, its header read and checked but nothing decoded, and its EXIF turn (1 to 8)."""
    data = read(source, max_bytes) if isinstance(source, Path) else source
    _check_bytes(len(data), max_bytes)
    if not data:
        raise NotAPicture("The file is empty: there is no picture in it.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # a format's reader may raise anything on bytes that are not its own
        if media_type(data[:SNIFF_BYTES]) is None:
            raise NotAPicture(f"The file is not a picture that Semblance reads ({_READABLE}).") from error
        raise DamagedPicture("The picture's header is damaged or cut short: save or copy it anew.") from error
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise PictureTooLarge(
                f"The picture has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} megapixels are read. "
                "Save a smaller copy."
            )
        try:
            yield image, _turn(image)
        except Exception as error:  # likewise: whatever a decoder raises, the picture is at fault
            raise DamagedPicture(f"The picture is cut short or damaged: {error or type(error).__name__}.") from error


def _check_bytes(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise PictureTooLarge(f"The picture is over {max_bytes / 2**20:.0f} MB, the limit. Save a smaller copy.")


def _turn(image: Image.Image) -> int:
    if image.format == "TIFF":  # Pillow turns these itself as it loads them
        return 1
    try:
        turn = cast(int, image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata is no reason to refuse a picture that can be seen
        return 1
    return turn if turn in _TURNS else 1


def _render(image: Image.Image, size: tuple[int, int], turn: int) -> Image.Image:
    """Decode, bring to RGB or RGBA, resize, lay on white, turn. `size` is that of the picture before its turn."""
    image.load()
    image = _eight_bits(image)
    if image.has_transparency_data:
        # Pillow resizes RGBA with the colours weighted by alpha, so no colour bleeds in from transparent pixels.
        image = image.convert("RGBA").resize(size, Image.Resampling.BICUBIC)
        image = Image.alpha_composite(Image.new("RGBA", size, "white"), image).convert("RGB")
    else:
        image = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and floating-point greys to 8 bits; Pillow's own conversion cuts them off at 255."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        grey = Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
        if "transparency" in image.info:  # PNG may name one of the 65,536 greys transparent
            grey.putalpha(Image.fromarray(np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)))
        return grey
    if image.mode == "F":
        levels = np.nan_to_num(np.asarray(image, np.float64))
        scale = 255.0 if levels.max() <= 1 else 1.0  # the two conventions in use: 0..1 and 0..255
        return Image.fromarray((levels * scale).round().clip(0, 255).astype(np.uint8))
    return image
