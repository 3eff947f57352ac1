"""Which reader reads a format, and what it is told besides: a file's bytes -> a picture, nothing of it decoded yet.

Pillow reads most; `pngs`, `gifs`, `bmps` and `tiffs` put its readers right. A picture comes with what decides how it
looks in its `info`: `exif` (the turn), `transparency`, `icc_profile`.
"""

import io
from collections.abc import Callable
from contextlib import suppress

from PIL import Image
from PIL.ImageFile import ImageFile

from semblance.retrieval.formats import bmps, colours, exif, previews, saying, tiffs
from semblance.retrieval.formats.gifs import Gif
from semblance.retrieval.formats.jp2s import Jp2
from semblance.retrieval.formats.pngs import Png
from semblance.retrieval.formats.webps import WebP

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "BMP", "GIF", "TIFF", "JPEG2000")
SUFFIXES = previews.SUFFIXES | frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .avif .heic .heif .hif .bmp .dib .gif .tif .tiff".split()  # noqa: SIM905
    + ".jp2 .j2k .jpx .jpf .jpc .j2c".split()  # noqa: SIM905
)
READABLE = "JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF, TIFF, JPEG 2000 or a camera's raw file"


def opened(name: str, pillow: Callable[[io.BytesIO, str], ImageFile], data: bytes) -> ImageFile:
    """The picture in a file of the format `name`, which `pillow` is Pillow's reader of. Raises NotAPicture for a kind
    that no reader has a rule for, and whatever a reader raises of what is damaged."""
    if name == "PNG":
        image: ImageFile = Png(io.BytesIO(data), "")
    elif name == "GIF":
        image = Gif(io.BytesIO(data), "")
    elif name == "JPEG2000":
        image = Jp2(io.BytesIO(data), "")
    elif name == "WEBP":
        image = WebP(io.BytesIO(data), "")
    elif name == "BMP":
        image = bmps.opened(io.BytesIO(data))
    elif name == "TIFF" and (own := tiffs.opened(io.BytesIO(data))) is not None:
        return own
    else:
        image = pillow(io.BytesIO(data), "")
    for key in ("xmp", "XML:com.adobe.xmp"):  # a turn that XMP alone states is one that no viewer applies
        if packet := image.info.pop(key, None):
            image.info[saying.XMP] = packet
    if "icc_profile" not in image.info and (profile := _profile(name, data)):
        image.info["icc_profile"] = profile
    return image


def turn(image: Image.Image) -> int:
    """The turn (1 to 8) that is still to be applied: EXIF's, but for TIFF, which Pillow turns as it loads it."""
    if isinstance(image, tiffs.Samples):
        return int(image.turn)
    if image.format == "TIFF":
        return 1
    with suppress(Exception):  # damaged metadata is no reason to refuse a picture that can be seen
        return int(exif.read(image.info.get("exif") or b"")[0].get(exif.TURN, [1])[0])
    return 1


def state_turn(image: Image.Image, value: int) -> None:
    """Have `turn` say `value`, whatever the file itself says."""
    block = Image.Exif()
    block[0x0112] = value
    image.info["exif"] = block.tobytes()


def _profile(name: str, data: bytes) -> bytes | None:
    """What a container says of its colours and Pillow does not tell."""
    if name in ("AVIF", "HEIF") and (at := data.find(b"colrnclx", 0, 2**16)) > 0:
        primaries, transfer = (int.from_bytes(data[at + 8 + 2 * n : at + 10 + 2 * n]) for n in (0, 1))
        return colours.coded(primaries, 13 if transfer in (1, 6, 14, 15) else transfer)  # video's curves: sRGB's
    if name == "JPEG2000" and (at := data.find(b"colr\2", 0, 2**16)) > 0:
        return data[at + 7 : at + 7 + int.from_bytes(data[at + 7 : at + 11])]
    return None
