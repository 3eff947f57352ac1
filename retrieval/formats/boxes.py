"""Containers of boxes (ISO/IEC 14496-12): HEIC, AVIF and JPEG 2000 that were cut behind their picture, made whole.

Nothing is decoded. Where anything of the picture itself is missing the file is left as it is: its reader says so.
"""

from collections.abc import Iterator

_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000 (ITU-T T.800, A.4.1)
_PART, _END = b"\xff\x90", b"\xff\xd9"
_BESIDE = (b"Exif", b"mime", b"uri ")  # kinds of items that are no pictures


def jpeg_2000(data: bytes) -> bytes:
    """A JPEG 2000 with its end mark, where it lacks nothing else: every part of every tile is there."""
    start = length_at = 0
    if not data.startswith(_CODESTREAM):
        found = next(((at, body) for kind, at, body, _ in _boxes(data, 0, len(data)) if kind == b"jp2c"), None)
        if found is None:
            return data
        length_at, start = found
    at = start + 2
    while 0 < at < len(data) - 4 and data[at] == 0xFF and data[at : at + 2] != _PART:
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    ended, left = set[int](), _tiles(data[start:])
    while data[at : at + 2] == _PART and len(data) >= at + 12:
        length, part, parts = int.from_bytes(data[at + 6 : at + 10]), data[at + 10], data[at + 11]
        if parts == part + 1:
            ended.add(int.from_bytes(data[at + 4 : at + 6]))
        if length < 14:
            return data
        at += length
    if len(ended) != left or data[at:] not in (b"", _END[:1]):
        return data
    begin = data[:length_at] + bytes(4) + data[length_at + 4 : start] if start else b""  # which goes on to the end now
    return begin + data[start:at] + _END


def _tiles(codestream: bytes) -> int:
    size = [int.from_bytes(codestream[at : at + 4]) for at in range(8, 40, 4)]
    across, down, _, _, wide, high, left, top = size
    return -(-(across - left) // wide) * -(-(down - top) // high) if wide and high else -1


def heif(data: bytes) -> bytes:
    """A HEIC or AVIF with noughts for what is missing at its end, where nothing of that is a picture's."""
    meta = next(((body, end) for kind, _, body, end in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return data
    inner = {kind: data[body:end] for kind, _, body, end in _boxes(data, meta[0] + 4, meta[1])}
    try:
        kinds, most = _kinds(inner.get(b"iinf", b"")), 0
        for item, end in _extents(inner.get(b"iloc", b"")):
            if end > len(data) and kinds.get(item) not in _BESIDE:
                return data
            most = max(most, end)
    except IndexError:
        return data
    return data + bytes(most - len(data)) if len(data) < most < len(data) + 2**24 else data


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """The kind of each box, where it begins, and where what it holds begins and ends."""
    while at + 8 <= end:
        length, body = int.from_bytes(data[at : at + 4]), at + 8
        if length == 1:
            length, body = int.from_bytes(data[at + 8 : at + 16]), at + 16
        after = at + length if length else end
        if after < body:
            return
        yield data[at + 4 : at + 8], at, body, min(after, end)
        at = after


def _kinds(iinf: bytes) -> dict[int, bytes]:
    """What kind each item is of."""
    found = {}
    for kind, _, body, end in _boxes(iinf, 6 if iinf[:1] == b"\0" else 8, len(iinf)):
        entry = iinf[body:end]
        wide = 4 if entry[0] > 2 else 2
        if kind == b"infe" and entry[0] >= 2:
            found[int.from_bytes(entry[4 : 4 + wide])] = entry[6 + wide : 10 + wide]
    return found


def _extents(iloc: bytes) -> Iterator[tuple[int, int]]:
    """Of each item that lies in the file where a part of it ends. IndexError where the box is cut short."""
    version, at = iloc[0], 6
    offset, length, base, index = iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15 if version else 0

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(iloc):
            raise IndexError
        return int.from_bytes(iloc[at - size : at])

    wide = 4 if version > 1 else 2
    for _ in range(number(wide)):
        item, way = number(wide), number(2) & 15 if version else 0
        start = (number(2), number(base))[1]
        for _ in range(number(2)):
            place = (number(index), number(offset))[1]
            end = start + place + number(length)
            if not way:
                yield item, end
