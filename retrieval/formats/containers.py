"""WebP and TIFF with damage in what is not their picture: the same file without it, for their readers to see the rest.

Nothing is decoded. What the picture needs is left as it is, whatever state it is in: its reader says what is wrong.
"""

import struct

_PICTURE = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")  # chunks of a WebP that are never left out
_NEEDED = {*range(254, 263), 266, 273, *range(277, 280), 284, 317, *range(320, 326), 330, 332, 338, 339, 347}
_NEEDED |= set(range(512, 534))  # JPEG's and YCbCr's
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
    order, big = "<" if data[:2] == b"II" else ">", 43 in data[2:4]
    word, head, each, inline = ("Q", 8, 20, 8) if big else ("I", 2, 12, 4)
    try:
        (first,) = struct.unpack_from(order + word, data, 8 if big else 4)
        (number,) = struct.unpack_from(order + ("Q" if big else "H"), data, first)
        entries = [first + head + each * n for n in range(min(number, 65535))]
        bad = [at for at in entries if _beyond(data, at, order, word, inline)]
    except struct.error:  # the directory itself is cut short
        return data
    if not bad:
        return data
    mended = bytearray(data)
    for at in bad:
        struct.pack_into(f"{order}H{word}", mended, at + 2, 1, 1)
        mended[at + 4 + inline : at + each] = bytes(inline)
    return bytes(mended)


def _beyond(data: bytes, at: int, order: str, word: str, inline: int) -> bool:
    tag, kind, count, place = struct.unpack_from(f"{order}HH{word}{word}", data, at)
    size = _SIZES.get(kind, 1) * count
    return tag not in _NEEDED and size > inline and place + size > len(data)
