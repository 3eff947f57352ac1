"""What a picture's header says: how large it is and how it was saved. Nothing is decoded."""

from dataclasses import dataclass
from pathlib import Path

from semblance.retrieval import images

_LOSSLESS = frozenset(("PNG", "BMP", "TIFF"))
_MAKE = 0x010F  # EXIF 2.32: who made the camera


@dataclass(frozen=True)
class Header:
    """Width and height as the picture is shown, the format, whether that keeps all pixels, and whether the file says
    by what camera it was taken, which most programs that save a picture anew leave out."""

    width: int
    height: int
    format: str
    lossless: bool
    camera: bool


def read(path: Path) -> Header:
    """The header of a file. Raises PictureError, and OSError where it cannot be read."""
    with images._opened(images.read(path)) as (image, turn):
        width, height = image.size[::-1] if turn >= 5 else image.size
        kind = "JPEG" if image.format == "MPO" else str(image.format)
        return Header(width, height, kind, kind in _LOSSLESS, bool(image.getexif().get(_MAKE)))
