"""What a picture's header says: how large it is and how it was saved. Nothing is decoded."""

from dataclasses import dataclass
from pathlib import Path

from semblance.retrieval import images, storage

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


def read(place: Path | str) -> Header:
    """The header of a file, or of what lies at an address. Raises PictureError, and OSError where it cannot be read."""
    return _of(images.read(place)) if isinstance(place, Path) else storage.header(place, _of)


def _of(data: bytes) -> Header:
    with images._opened(data) as (image, turn):
        width, height = image.size[::-1] if turn >= 5 else image.size
        kind = "JPEG" if image.format == "MPO" else str(image.format)
        return Header(width, height, kind, kind in _LOSSLESS, bool(image.getexif().get(_MAKE)))
