"""The raw files of cameras: the JPEG that the camera put in for looking at, the largest there is, and which way up.

Raw files are dozens of kinds and most are secret; but all that cameras write hold such a JPEG, whole and in one piece:
it is found by its own marks, whatever stands around it. No raw data is developed.
"""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2

SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .dcr .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw".split()  # noqa: SIM905
    + ".orf .pef .raf .rw2 .rwl .sr2 .srf .srw .x3f".split()  # noqa: SIM905
)
_HEADS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb")
TIFFS = (b"II*\0", b"MM\0*")
_MOSAICS = (32803, 34892)  # photometric: colour filter array, linear raw
_JPEG = b"\xff\xd8\xff"
_LEAST = 160 * 120  # pixels: a smaller one is a mark on the camera's own screen
_MOST_BELOW, _MOST_MARKS = 16, 256  # beyond which a file is none of a camera's


class Preview(NamedTuple):
    """A JPEG's bytes and the turn (EXIF's 1 to 8) of the raw file it was found in; None where that says none."""

    jpeg: bytes
    turn: int | None


def is_by_name(head: bytes) -> bool:
    """Whether a file's first bytes are those of a kind of raw file that has a mark of its own."""
    return head.startswith(_HEADS) or head[4:11] == b"ftypcrx"


def is_raw(data: bytes) -> bool:
    """Whether a file is a camera's: by its own mark, or a TIFF that says so of itself or of a directory below."""
    if is_by_name(data[:16]) or data[8:11] in (b"CR\2", b"\xba\xb0\xac"):
        return True
    with suppress(Exception):  # a damaged directory is for the reader of TIFF to name
        return any(_is_raw(tags) for tags in _directories(data))
    return False


def largest(data: bytes) -> Preview | None:
    """What to show of a raw file; None where there is nothing."""
    found = max(_jpegs(data), default=None)
    return Preview(data[found[1] :], _turn(data)) if found and found[0] >= _LEAST else None


def _is_raw(tags: ImageFileDirectory_v2) -> bool:
    return 50706 in tags or 33421 in tags or tags.get(262) in _MOSAICS


def _directories(data: bytes) -> Iterator[ImageFileDirectory_v2]:
    """The first directory of a TIFF and those that it says are below it (tag 330)."""
    if not data.startswith(TIFFS):
        return
    file = io.BytesIO(data)
    first = ImageFileDirectory_v2(data[:8])
    file.seek(first.next)
    first.load(file)
    yield first
    below = first.get(330, ())
    for place in (below if isinstance(below, tuple) else (below,))[:_MOST_BELOW]:
        tags = ImageFileDirectory_v2(data[:8])
        file.seek(place)
        tags.load(file)
        yield tags


def _jpegs(data: bytes) -> Iterator[tuple[int, int]]:
    """The pixels and places of the JPEGs in a file that a viewer could show: not lossless, as raw data is."""
    at = data.find(_JPEG)
    for _ in range(_MOST_MARKS):
        if at < 0:
            return
        with suppress(Exception), JpegImageFile(io.BytesIO(data[at : at + 2**20]), "") as picture:
            if picture.mode in ("RGB", "L"):
                yield picture.width * picture.height, at
        at = data.find(_JPEG, at + 3)


def _turn(data: bytes) -> int | None:
    """The turn that a raw file states where its directory can be read: Olympus and Panasonic write TIFF by another
    mark, Canon one within a box."""
    box = data.find(b"CMT1", 0, 2**16)
    inner = data[box + 4 : box + 4 + 2**16] if data[4:11] == b"ftypcrx" and box > 0 else data
    head = {b"II": b"II*\0", b"MM": b"MM\0*"}.get(inner[:2])
    if head is None:
        return None
    with suppress(Exception):
        tags = next(_directories(head + inner[4:]))
        value = tags.get(274)
        return value if isinstance(value, int) and 1 <= value <= 8 else None
    return None
