"""EXIF laid byte by byte after CIPA DC-008 and TIFF 6.0, and pictures that hold it."""

import io
import struct
from typing import Any

from PIL import Image

ASCII, SHORT, LONG, RATIONAL = 2, 3, 4, 5
_CODES = {SHORT: "H", LONG: "I", RATIONAL: "I"}
Entry = tuple[int, int, Any]  # tag, type, text or numbers


def directory(at: int, entries: list[Entry], order: str) -> bytes:
    """An image file directory that stands at this place, its larger values behind it."""
    head, body = struct.pack(order + "H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        if kind == ASCII:
            data = value if isinstance(value, bytes) else value.encode() + b"\0"
            count = len(data)
        else:
            numbers = value if isinstance(value, list) else [value]
            data = struct.pack(order + _CODES[kind] * len(numbers), *numbers)
            count = len(numbers) // (2 if kind == RATIONAL else 1)
        head += struct.pack(order + "HHI", tag, kind, count)
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack(order + "I", behind + len(body))
            body += data
    return head + bytes(4) + body


def exif(first: list[Entry], deeper: list[Entry] = [], place: list[Entry] = [], order: str = "<") -> bytes:  # noqa: B006
    """A block whose other two directories stand behind the first."""
    at = {0x8769: 0, 0x8825: 0}
    for _ in range(2):  # the second time it is known how long the first is
        named = [*first, *((tag, LONG, where) for tag, where in at.items())]
        whole = directory(8, named, order)
        at[0x8769] = 8 + len(whole)
        whole += directory(at[0x8769], deeper, order)
        at[0x8825] = 8 + len(whole)
        whole += directory(at[0x8825], place, order)
    return b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + whole


def saved(kind: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (90, 120, 30)).save(out, kind, **options)
    return out.getvalue()


MUNICH = [
    (1, ASCII, "N"),
    (2, RATIONAL, [48, 1, 8, 1, 15, 1]),  # 48 + 8/60 + 15/3600 = 48.1375
    (3, ASCII, "E"),
    (4, RATIONAL, [11, 1, 345, 10, 0, 1]),  # 11 + 34.5/60 = 11.575
]
DATED = [(0x9003, ASCII, "2019:05:04 13:02:01"), (0x9291, ASCII, "25"), (0x9011, ASCII, "+02:00")]
CANON = [(0x010F, ASCII, "Canon"), (0x0110, ASCII, "Canon EOS R5")]
