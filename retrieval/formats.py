"""What a file holds beside its picture, and whether the picture is all there: read from the bytes, nothing decoded.

Damage in what is not the picture never costs the picture: `retrieval/images.py` asks here what to pass over.
"""

import re
from collections.abc import Iterator

from PIL import Image

END = b"\xff\xd9"  # of a JPEG
_BITS = bytes((165 + index * index * 7 + index * 90) % 255 for index in range(512))  # none a marker's

_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)  # but those that stand within a scan
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_ALONE = (0x01, 0xD8, 0xD9)  # markers that no length follows
_FRAMES = (0xC0, 0xC1, 0xC2)

TURNS = {  # EXIF 2.32, tag 274
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
