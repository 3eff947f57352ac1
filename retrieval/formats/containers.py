"""WebP and TIFF with damage in what is not their picture: the same file without it, for their readers to see the rest.

Nothing is decoded. What the picture needs is left as it is, whatever state it is in: its reader says what is wrong.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

_PICTURE = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")  # chunks of a WebP that are never left out
_NEEDED = {*range(254, 263), 266, 273, *range(277, 280), 284, 317, *range(320, 326), 330, 332, 338, 339, 347}
_NEEDED |= set(range(512, 534))  # JPEG's and YCbCr's
_DECISIVE = {256, 257, 258, 259, 273, 277, 284, 317, *range(320, 326), 338, 339}
_NUMBERS = (1, 3, 4, 6, 8, 9, 13, 16, 17, 18)  # kinds of entries that hold whole ones
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def webp(data: bytes) -> bytes:
    """A WebP whose length is what its header says, without a chunk behind its picture that is cut short. The file
    itself where nothing is wrong, or its picture is cut short."""
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if end > len(data):
            if kind in _PICTURE or kind == b"VP8X":
                end = at + 8 + size  # nothing but its padding may be missing
                if end > len(data):
                    return data
                return _riff(data[:end] + b"\0")
            break
        if not kind.isascii() or not kind.strip().isalnum():
            break
        at = end
    return data if at == len(data) == 8 + int.from_bytes(data[4:8], "little") else _riff(data[:at])


def _riff(data: bytes) -> bytes:
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def tiff(data: bytes) -> bytes:
    """A TIFF in whose first directory those entries that its picture does not need and whose values lie beyond the end
    of the file are a single nought. The file itself where there are none."""
    order, word, inline = _layout(data)
    try:
        bad = [entry.at for entry in _entries(data) if entry.tag not in _NEEDED and entry.end > len(data)]
    except struct.error:  # the directory itself is cut short
        return data
    if not bad:
        return data
    mended = bytearray(data)
    for at in bad:
        struct.pack_into(f"{order}H{word}", mended, at + 2, 1, 1)
        mended[at + 4 + inline : at + 4 + 2 * inline] = bytes(inline)
    return bytes(mended)


def lost(data: bytes) -> bool:
    """Whether something that decides how a TIFF's picture is read stands in its directory and cannot be read itself:
    it was no default that was meant."""
    decisive = [entry for entry in _entries(data) if entry.tag in _DECISIVE]
    return any(each.kind not in _NUMBERS or not each.number or each.end > len(data) for each in decisive)


class _Entry(NamedTuple):
    """Of a directory: where it stands, what it says of its kind, and where its values end."""

    at: int
    tag: int
    kind: int
    number: int
    end: int


def _layout(data: bytes) -> tuple[str, str, int]:
    """The order of bytes, as struct says, a place, and the bytes of one."""
    return "<" if data[:2] == b"II" else ">", *(("Q", 8) if 43 in data[2:4] else ("I", 4))


def _entries(data: bytes) -> Iterator[_Entry]:
    """Those of the first directory. Raises struct.error where it is cut short."""
    order, word, inline = _layout(data)
    (first,) = struct.unpack_from(order + word, data, inline)
    (number,) = struct.unpack_from(order + ("Q" if inline == 8 else "H"), data, first)
    first += inline if inline == 8 else 2
    for at in range(first, first + (4 + 2 * inline) * min(number, 65535), 4 + 2 * inline):
        tag, kind, count, place = struct.unpack_from(f"{order}HH{word}{word}", data, at)
        size = _SIZES.get(kind, 1) * count
        yield _Entry(at, tag, kind, count, place + size if size > inline else 0)
