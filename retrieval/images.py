"""A file, a picture or an array -> RGB uint8 (S, S, 3): the only place in Semblance that decodes or resizes a picture.

Training, indexing and querying all come through it, so the same file gives the same bytes on every road; most by way of
processes that run it (decoding/). What a header tells of a hostile file's cost is refused before anything is decoded.
"""

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import AvifImagePlugin, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from semblance.retrieval import bounds, files
from semblance.retrieval.errors import DamagedPicture, NotAPicture, PictureError, PictureTooLarge
from semblance.retrieval.facts import Facts
from semblance.retrieval.formats import beside, previews, readers, regions, saying
from semblance.retrieval.formats.regions import Region as Region
from semblance.retrieval.formats.rendering import render
from semblance.retrieval.inputs import InputSpec as InputSpec

Picture = npt.NDArray[np.uint8]  # (S, S, 3) RGB
Tell = Callable[[Facts], object]
Source = Path | str | bytes | Image.Image | npt.NDArray[Any]  # a file's path or bytes, Pillow's picture, or an array

FORMATS, SUFFIXES, MAX_FILE_BYTES, SNIFF_BYTES = readers.FORMATS, readers.SUFFIXES, bounds.MAX_FILE_BYTES, 32
_SCALED = ("JPEG", "MPO", "HEIF")  # formats that can be decoded smaller
_OUT_OF_MEMORY = re.compile("decoder error -9|(out of|insufficient) memory|memory allocation", re.IGNORECASE)

pillow_heif.register_heif_opener()
pillow_heif.options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the cores are shared out by pictures
Image.init()  # all readers now: media_type asks them before any picture has been opened


def load(source: Source, spec: InputSpec, region: Region | None = None) -> Picture:
    """Decode one picture to RGB uint8 (S, S, 3).

    A path (Path, or str with `~`), a file's bytes, a picture that Pillow holds, or an array uint8 (H, W, 3) RGB,
    (H, W, 4) RGBA or (H, W) grey; Pillow's picture stays open and as it was. JPEG is decoded at the smallest scale that
    leaves what the spec asks for, HEIC from its embedded thumbnail where one is as large as that. The EXIF turn is
    applied, the first frame taken (of Pillow's picture the one it stands at), any mode brought to RGB, laid on white.
    Of a `region` alone, see regions.py.

    The same pixels give the same bytes whichever way they come: a lossless file, Pillow's picture and an array agree
    to the bit, and so do a JPEG and Pillow's picture of it before anything has decoded it. A JPEG or HEIC decoded
    already has been decoded whole, and may differ a little from its file at the smaller scale; an array has no EXIF.

    Raises PictureTooLarge (see bounds.py), NotAPicture, DamagedPicture, and OSError where a path cannot be read.
    """
    return load_each(source, [spec], region=region)[spec]


def load_each(
    source: Source, specs: Iterable[InputSpec], tell: Tell | None = None, region: Region | None = None
) -> dict[InputSpec, Picture]:
    """One picture as each spec wants it, to the bit what `load` gives. It is decoded once for each scale that they come
    to: once for all where a format has but one. `tell` is told what it says of itself. Raises as `load` does."""
    scales: dict[tuple[int, int], Image.Image] = {}
    pictures: dict[InputSpec, Picture] = {}
    only: tuple[Image.Image, int] | None = None  # of a format that has but one: opened once, too
    for spec in specs:
        with nullcontext(only) if only else _opened(source) as (image, turn):
            if tell and not pictures:  # before a scale is asked for, which changes its size
                tell(saying.facts(image, turn))
            image.draft(None, regions.least(math.ceil(spec.least * spec.size), region, turn, image.size))
            decoded = scales.setdefault(image.size, image)
            part = regions.cut(decoded, region, turn)
            pictures[spec] = np.asarray(render(part, (spec.size, spec.size), turn, spec.resize))
            only = None if image.format in _SCALED else (decoded, turn)
    return pictures


def facts(data: bytes) -> Facts:
    """What a file says of its picture; nothing is decoded. Raises as `load` does, of what is wrong with its header."""
    with _identified(data) as image:
        return saying.facts(image, readers.turn(image))


def at_full_size(source: Source) -> Picture:
    """Decode one picture to RGB uint8 (H, W, 3), as large as it is and otherwise as `load` does. Raises as `load`."""
    with _opened(source) as (image, turn):
        return np.asarray(render(image, image.size, turn))


def thumbnail(source: Source, side: int, proportion: float = 1.0, quality: int = 85) -> bytes:
    """A JPEG: its shorter side at most `side` pixels, its longer `proportion` times that. Raises as `load`."""
    with _opened(source) as (image, turn):
        scale = min(1.0, side / min(image.size), proportion * side / max(image.size))
        width, height = (max(1, round(length * scale)) for length in image.size)
        image.draft(None, (2 * width, 2 * height))
        out = io.BytesIO()
        render(image, (width, height), turn).save(out, "JPEG", quality=quality)
        return out.getvalue()


def scaled(picture: Picture, side: int, box: tuple[float, float, float, float] | None = None) -> Picture:
    """What `box` (left, top, right, bottom in pixels; None: all) holds of a picture (S, S, 3), as (side, side, 3)."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC, box=box))


def media_type(head: bytes) -> str | None:
    """The media type that a file's first SNIFF_BYTES bytes promise, or None where they are no picture's."""
    if beside.is_text(head) or (head.startswith(b"BM") and not beside.is_bmp(head)):
        return None
    if head[4:12] in (b"ftypmif1", b"ftypmsf1"):  # a container of either: the brands that follow say which
        return "image/avif" if b"avif" in head[16:] else "image/heic"
    if previews.is_by_name(head):
        return "image/x-dcraw"
    for name in FORMATS:
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if accept is not None and accept(head) is True:
            return "image/heic" if name == "HEIF" else Image.MIME[name]
    return None


def read(path: Path) -> bytes:
    """The bytes of a file. PictureTooLarge where it has more than MAX_FILE_BYTES, OSError where it cannot be read."""
    with files.open_regular(path) as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise PictureTooLarge(bounds.TOO_LONG)
    return data


@contextmanager
def _opened(source: object) -> Iterator[tuple[Image.Image, int]]:
    """A picture of our own, its header read and checked but nothing decoded, and its EXIF turn (1 to 8)."""
    image = _identified(source) if isinstance(source, bytes) else _header(source)
    bounds.header(image)
    try:
        if isinstance(image, JpegImageFile) and image is not source:
            data = cast(io.BytesIO, image.fp).getvalue()
            image = image if data.endswith(beside.END) else _ended(image, data)
        turn = readers.turn(image)
        with image.copy() if image is source else image as own:
            if isinstance(own, TiffImageFile) and own.width * own.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                own.im = Image.new(own.mode, own._tile_size).im  # or TIFF asks Pillow's guard before it makes room
            yield own, turn
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder raises, the picture is at fault
        if _OUT_OF_MEMORY.search(str(error)):
            raise MemoryError(str(error)) from error
        said = re.sub(r" \(\d+ bytes not processed\)$", "", str(error))  # else no two files fail for one reason
        raise DamagedPicture(f"The picture is cut short or damaged: {said or type(error).__name__}.") from error


def _header(source: object) -> Image.Image:
    """A picture that is no file's bytes, not decoded: `source` itself where its pixels are nowhere else."""
    if isinstance(source, Image.Image):
        return _reopened(source) or source
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or not source.size or not (source.ndim == 2 or source.shape[2:] in ((3,), (4,))):
            raise NotAPicture(
                f"An array is a picture as uint8 (H, W, 3), (H, W, 4) or (H, W); this one is {source.dtype} "
                f"{source.shape}: convert it first."
            )
        return Image.fromarray(source)
    if isinstance(source, str | Path):
        return _identified(read(files.named(source) if isinstance(source, str) else source))
    raise NotAPicture(
        f"A picture is a path, a file's bytes, Pillow's picture or an array, not {type(source).__name__}."
    )


def _identified(data: bytes) -> ImageFile:
    """What `Image.open` does, but for its guard against bombs, which belongs to the whole process and warns of pictures
    that are allowed here: `_opened` has a limit of its own."""
    if len(data) > MAX_FILE_BYTES:
        raise PictureTooLarge(bounds.TOO_LONG)
    if not data:
        raise NotAPicture("The file is empty: there is no picture in it.")
    data = bounds.file(data)
    failure: Exception | None = None
    if not (jpeg := data.startswith(beside.JPEG)):
        if media_type(data[:SNIFF_BYTES]) is None:
            raise NotAPicture(f"The file is not a picture that Semblance reads ({readers.READABLE}).")
        if previews.is_raw(data):
            return _of_a_camera(data)
        data = beside.readable(data)
        if other := beside.foreign(data):
            raise NotAPicture(other)
    for name, (reader, accepts) in ((name, Image.OPEN[name]) for name in FORMATS if name in Image.OPEN):
        try:
            if accepts is None or accepts(data[:SNIFF_BYTES]) is True:
                return readers.opened(name, reader, data)
        except (PictureError, MemoryError):
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # a reader asks the guard too
            raise PictureTooLarge(f"The picture has too many pixels; {bounds.at_most()}") from error
        except Exception as error:  # a format's reader may raise anything on bytes that are not its own
            failure = error
    if jpeg and (mended := beside.readable(data)) is not data:
        return _identified(mended)
    if unread := beside.foreign(data) or beside.unread(failure, media_type(data[:SNIFF_BYTES])):
        raise NotAPicture(unread) from failure
    raise DamagedPicture("The picture's header is damaged or cut short: save or copy it anew.") from failure


def _of_a_camera(data: bytes) -> ImageFile:
    """The JPEG in a raw file, the way up that the raw file says."""
    if (found := previews.largest(data)) is None:
        kind = "TIFF" if media_type(data[:SNIFF_BYTES]) == "image/tiff" else "raw file"
        why = "a camera's raw data, and no JPEG inside to look at"
        raise NotAPicture(f"This kind of {kind} is not read ({why}): save it as PNG or JPEG.")
    image = _identified(found.jpeg)
    if data[:4] in previews.TIFFS:  # the file's own directories say more than what is in its JPEG
        image.info[saying.OF_CAMERA] = data
    if found.turn is not None:
        readers.state_turn(image, found.turn)
    return image


def _ended(image: Image.Image, data: bytes) -> Image.Image:
    """A JPEG that lacks nothing but its end mark, with one: what its decoder makes up behind it changes no pixel."""
    if (found := beside.unended(data)) is None:
        return image
    (data, other_bits), checks = found, []
    for behind in (b"", other_bits):
        with _identified(data + behind + beside.END) as tried:
            checks.append(beside.checksums(tried))
    return _identified(data + beside.END) if checks[0] == checks[1] else image


def _reopened(picture: Image.Image) -> Image.Image | None:
    """The file of Pillow's picture, read anew, where it is of a format that can be decoded smaller and nothing has
    decoded it: so it gives the bits that its file gives. Else None."""
    if picture.format not in _SCALED or not isinstance(picture, ImageFile) or picture.fp is None:
        return None
    if picture.format != "HEIF" and not picture.tile:
        return None
    try:
        place = picture.fp.tell()
        picture.fp.seek(0)
        data = picture.fp.read(MAX_FILE_BYTES + 1)
        picture.fp.seek(place)
    except (OSError, ValueError):  # its file is closed
        return None
    anew = _identified(data)
    same = (anew.size, anew.mode, anew.tell()) == (picture.size, picture.mode, picture.tell())
    return anew if same else None  # its owner wants another frame, or has asked for a scale
