"""The few values of an EXIF block that say which way up a picture is, and when, by what and where it was taken (CIPA
DC-008, TIFF 6.0).

A reader of our own, since Pillow's copies whatever each of up to 65,535 entries points at: a block of 60 kB makes it
take 300 MB. Here only the entries that are asked for are looked at, and no more of each than such a value has.
"""

import struct
from typing import Any

Values = dict[int, Any]  # tag -> text, or a list of numbers; of a rational with denominator 0, None

MAKE, MODEL, TURN, CHANGED = 0x010F, 0x0110, 0x0112, 0x0132
ORIGINAL, DIGITIZED = 0x9003, 0x9004
OFFSETS = {CHANGED: 0x9010, ORIGINAL: 0x9011, DIGITIZED: 0x9012}
FRACTIONS = {CHANGED: 0x9290, ORIGINAL: 0x9291, DIGITIZED: 0x9292}
SOUTH_OR_NORTH, LATITUDE, WEST_OR_EAST, LONGITUDE = 1, 2, 3, 4  # of the directory of GPS
_BELOW, _GPS = 0x8769, 0x8825
_FIRST = (MAKE, MODEL, TURN, CHANGED, _BELOW, _GPS)
_DEEPER = (ORIGINAL, DIGITIZED, *OFFSETS.values(), *FRACTIONS.values())
_PLACE = (SOUTH_OR_NORTH, LATITUDE, WEST_OR_EAST, LONGITUDE)
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SIGNED_RATIONAL = 1, 2, 3, 4, 5, 7, 10
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _UNDEFINED: 1, _SIGNED_RATIONAL: 8}
_NUMBERS = {_BYTE: "B", _SHORT: "H", _LONG: "I", _RATIONAL: "II", _SIGNED_RATIONAL: "ii"}
_MOST_TEXT, _MOST_NUMBERS = 256, 3
_MARK = b"Exif\0\0"


def read(block: bytes) -> tuple[Values, Values]:
    """What an EXIF block, or a whole TIFF, says of the picture, and of its place. Whatever is damaged is left out."""
    block = block.removeprefix(_MARK)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return {}, {}
    first = _directory(block, order, 4, _FIRST)
    deeper = {} if _BELOW not in first else _entries(block, order, first[_BELOW][0], _DEEPER)
    place = {} if _GPS not in first else _entries(block, order, first[_GPS][0], _PLACE)
    return first | deeper, place


def _directory(block: bytes, order: str, at: int, wanted: tuple[int, ...]) -> Values:
    """The entries of the directory that is named at this place."""
    return _entries(block, order, struct.unpack_from(order + "I", block, at)[0], wanted) if len(block) >= at + 4 else {}


def _entries(block: bytes, order: str, at: Any, wanted: tuple[int, ...]) -> Values:
    found: Values = {}
    if not isinstance(at, int) or at + 2 > len(block):
        return found
    (count,) = struct.unpack_from(order + "H", block, at)
    for start in range(at + 2, min(at + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", block, start)
        if tag in wanted and tag not in found and (value := _value(block, order, start + 8, kind, number)):
            found[tag] = value
    return found


def _value(block: bytes, order: str, at: int, kind: int, count: int) -> Any:
    """Text as far as its first NUL, or numbers; None where there is none of a kind that is known."""
    if kind not in _SIZES or not count:
        return None
    if _SIZES[kind] * count > 4:
        (at,) = struct.unpack_from(order + "I", block, at)
    if kind in (_ASCII, _UNDEFINED):
        return _text(block[at : at + min(count, _MOST_TEXT)].partition(b"\0")[0])
    count = min(count, _MOST_NUMBERS)
    if at + _SIZES[kind] * count > len(block):
        return None
    numbers = struct.unpack_from(order + _NUMBERS[kind] * count, block, at)
    if len(_NUMBERS[kind]) == 1:
        return [*numbers]
    return [over / under if under else None for over, under in zip(numbers[::2], numbers[1::2], strict=True)]


def _text(said: bytes) -> str:
    try:
        return said.decode()
    except UnicodeDecodeError:
        return said.decode("latin-1")
