"""What a file holds beside its picture, and whether the picture is all there: read from the bytes, nothing decoded.

Damage in what is not the picture never costs the picture: `retrieval/images.py` asks here what to pass over.
"""

import io
import re
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import cast

from PIL import Image
from PIL.PngImagePlugin import PngStream

from semblance.retrieval.formats import boxes, containers

_PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
_JPEG_2000 = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
_JPEG_LS, _OF_APPLE = 0xF7, b"CgBI"
END = b"\xff\xd9"  # of a JPEG
_BITS = bytes((165 + index * index * 7 + index * 90) % 255 for index in range(512))  # none a marker's

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)  # but those that stand within a scan
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # their lengths, by which their kinds are told apart
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_ALONE = (0x01, 0xD8, 0xD9)  # markers that no length follows
_UNREAD = ("unknown pixel mode", "its depth and kind of channels")  # what Pillow calls it, and what it is
_UNKNOWN = ("cannot handle", "Unsupported BMP", "unknown data organization")
_COMPRESSIONS = (34712, 34892, 34933, 50002, 52546)  # of TIFF and DNG: JPEG 2000, lossy JPEG, PNG, JPEG XL
_LEAST = {(0xE0, b"JFIF"): 9, (0xE2, b"ICC_"): 16, (0xEE, b"Adob"): 9}  # bytes that Pillow reads without asking
_FRAMES = (0xC0, 0xC1, 0xC2)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """A JPEG's markers, where each begins, and where what belongs to it begins; the end mark is the last."""
    at = 2
    while found := _MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        yield marker, found.start(), at
        if marker == END[1]:
            return
        at += 0 if marker in _ALONE else int.from_bytes(data[at : at + 2])


def unended(data: bytes) -> tuple[bytes, bytes] | None:
    """A JPEG that has no end mark, as far as its last scan goes, and other bits that may stand behind it and change no
    pixel if it is all there. None where the end is marked, or where some component has not all bits of all coefficients
    in some scan: only the last scan can be cut short otherwise."""
    if data.endswith(END):
        return None
    wanted, scanned, begin, end = 0, set[tuple[int, int]](), 0, 0
    for marker, start, at in _segments(data):
        if marker == END[1]:
            return None
        end = end or start
        if marker in _FRAMES:
            wanted = 64 * data[at + 7] if at + 7 < len(data) else 0
        if marker == 0xDA and at + 2 < len(data):
            tail = at + 3 + 2 * data[at + 2]
            first, last, bits = (*data[tail : tail + 3], 0, 0, 1)[:3]
            if not bits & 15:
                scanned |= {(data[at + 3 + 2 * n], k) for n in range(data[at + 2]) for k in range(first, last + 1)}
            begin, end = at, 0
    if not wanted or len(scanned) != wanted:
        return None
    picture = data[: end or len(data)].rstrip(b"\xff")
    return picture, _other_bits(_RESTART.findall(picture, begin))


def _other_bits(restarts: list[bytes]) -> bytes:
    """Bits of which the first is not the nought that a decoder makes up behind the end, in parts as restart marks
    make them, the next of which comes first."""
    following = restarts[-1][-1] + 1 if restarts else 0xD0
    return b"".join(_BITS + bytes((0xFF, 0xD0 + (following + n) % 8)) for n in range(8)) + _BITS


def readable(data: bytes) -> bytes:
    """A file without those parts beside its picture that cannot be read: in a PNG chunks whose checksum is wrong, which
    are malformed or which hold more than Pillow takes; in a JPEG segments too short for what they say they are; in WebP
    and TIFF what `containers` leaves out; with what `boxes` puts in. The file itself where nothing is amiss."""
    if data.startswith(b"RIFF"):
        return containers.webp(data)
    if data.startswith((b"II", b"MM")):
        return containers.tiff(data)
    if data[4:8] == b"ftyp":
        return boxes.heif(data)
    if data.startswith(_JPEG_2000):
        return boxes.jpeg_2000(data)
    if not data.startswith((_PNG, JPEG)):
        return data
    kept, since = [], 0
    for start, end in _unreadable(data) if data.startswith(_PNG) else _too_short(data):
        kept.append(data[since:start])
        since = end
    return b"".join([*kept, data[since:]]) if kept else data


def _too_short(data: bytes) -> Iterator[tuple[int, int]]:
    """Where those segments of a JPEG begin and end that its picture does not need and that are too short."""
    for marker, start, at in _segments(data):
        if marker == 0xDA:
            return
        length = int.from_bytes(data[at : at + 2])
        if 2 <= length < _LEAST.get((marker, data[at + 2 : at + 6]), 0):
            yield start, at + length


def _unreadable(data: bytes) -> Iterator[tuple[int, int]]:
    """Where those chunks of a PNG begin and end that its picture does not need and that cannot be read."""
    stream, at, pixels = PngStream(io.BytesIO(data)), len(_PNG), False
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        start, at = at, at + 12 + length
        if at > len(data) or not kind.isalpha() or kind == b"IEND":
            return
        pixels = pixels or kind == b"IDAT"
        of_a_later_frame = pixels and kind in (b"fcTL", b"fdAT")
        if of_a_later_frame or (kind != b"IHDR" and kind[:1].isupper()):
            continue
        well = zlib.crc32(memoryview(data)[start + 4 : at - 4]) == int.from_bytes(data[at - 4 : at])
        if well:
            cast(io.BytesIO, stream.fp).seek(start + 8)
            try:
                stream.call(kind, start + 8, length)
            except (AttributeError, EOFError):  # a kind that Pillow does not know; a frame's pixels
                continue
            except Exception:  # what it knows and cannot read
                well = False
        if not well and kind != b"IHDR":
            yield start, at


def is_text(head: bytes) -> bool:
    """Whether a file's first bytes are text, whatever mark they happen to begin with: no picture's are without a byte
    that no text holds. What lacks more than its mark and a size is not judged."""
    return len(head) > 6 and not _NO_TEXT.search(head)


def is_bmp(head: bytes) -> bool:
    """Whether a file that begins with BM goes on as a BMP does, as far as its first bytes go."""
    return not is_text(head) and (len(head) < 18 or int.from_bytes(head[14:18], "little") in _BMP_HEADERS)


def checksums(picture: Image.Image) -> list[int]:
    """Of a picture's pixels, in bands, so that there is no second copy of them."""
    bands = (picture.crop((0, top, picture.width, top + 64)) for top in range(0, picture.height, 64))
    return [zlib.crc32(band.tobytes()) for band in bands]


def foreign(data: bytes) -> str | None:
    """A sentence of a file that begins as a picture that is read does, and is of another kind."""
    if data.startswith(_PNG) and data[12:16] == _OF_APPLE:
        return "This kind of PNG is not read (CgBI, made for Apple's phones): save it as PNG or JPEG."
    if data.startswith(JPEG) and any(marker == _JPEG_LS for marker, _, _ in islice(_segments(data), 20)):
        return "This kind of JPEG is not read (JPEG-LS): save it as PNG or JPEG."
    return None


def unread(failure: Exception | None, media_type: str | None) -> str | None:
    """A sentence of what a file has that its format allows and its reader does not know, where that is why the reader
    failed: the file may be whole."""
    reason = failure.args[0] if failure and failure.args else None
    what = _UNREAD[1] if reason == _UNREAD[0] else str(reason)
    if isinstance(reason, KeyError) and reason.args[0] in _COMPRESSIONS:
        what = f"compression {reason.args[0]}"
    elif reason != _UNREAD[0] and not what.startswith(_UNKNOWN):
        return None
    kind = (media_type or "image/file").removeprefix("image/").upper()
    return f"This kind of {kind} is not read ({what}): save it as PNG or JPEG."
