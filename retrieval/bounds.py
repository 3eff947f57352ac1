"""What one picture may cost, and what can be told of that before anything is decoded.

A file of a few bytes can ask for gigabytes or hours. What its header tells is refused here, with what is wrong; what a
decoder does in spite of it ends with the process that decodes (decoding/), which learns here how large a picture is.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from semblance.retrieval.errors import PictureTooLarge, UsageError

PREFIX = "SEMBLANCE_DECODE_"  # and a field of Limits in capitals: the variable that sets it
MAX_FILE_BYTES = 512 * 1024 * 1024
TOO_LONG = f"The picture is over {MAX_FILE_BYTES / 2**20:.0f} MB, the limit. Save a smaller copy."
SCANS = 100  # of a JPEG; encoders make some ten, and 64 coefficients could be sent bit by bit in few more
_SCAN = b"\xff\xda"
_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF 6.0, section 15
_SMALL_TILE = 2**22  # pixels: a tile of these may be larger than its whole picture


@dataclass(frozen=True)
class Limits:
    """What decoding one picture may cost: so much, and so much more for its pixels.

    `seconds` and `seconds_per_megapixel` of processor time; `megabytes` and `bytes_per_pixel` of memory, over what a
    decoding process takes at rest and the file itself; `megapixels` and `side` (pixels) of what is decoded at all.
    `patience`: seconds by the clock without a word from that process, which a hung disk can cost.
    """

    seconds: float = 1.0
    seconds_per_megapixel: float = 0.1
    megabytes: float = 256.0
    bytes_per_pixel: float = 12.0
    megapixels: float = 100.0
    side: float = 500_000.0
    patience: float = 60.0

    def time(self, pixels: int) -> float:
        """Seconds of processor time for a picture of so many pixels."""
        return self.seconds + self.seconds_per_megapixel * pixels / 10**6

    def memory(self, pixels: int) -> int:
        """Bytes for a picture of so many pixels."""
        return int(self.megabytes * 2**20 + self.bytes_per_pixel * pixels)


def of_environment(variables: Mapping[str, str]) -> Limits:
    """The limits that variables like SEMBLANCE_DECODE_SECONDS set. Raises UsageError where one is no number above 0."""
    given = {}
    for name in (field.name for field in fields(Limits)):
        said = variables.get(PREFIX + name.upper())
        try:
            if said is not None and not 0 < (number := float(said)) < 10**12:
                raise ValueError(said)
        except ValueError as error:
            raise UsageError(
                f"{PREFIX}{name.upper()} is a number above 0, not {said!r}: mend it or unset it."
            ) from error
        if said is not None:
            given[name] = number
    return Limits(**given)


_limits: list[Limits] = []  # of this process: one, when it is known
_told: Callable[[int], object] = int


def current() -> Limits:
    """The limits that hold in this process: those of `keep`, else what the environment says. Raises UsageError."""
    if not _limits:
        keep(of_environment(os.environ))
    return _limits[0]


def keep(limits: Limits, told: Callable[[int], object] | None = None) -> None:
    """Let these limits hold in this process; `told` is called with the pixels of each picture before it is decoded."""
    global _told
    _limits[:] = [limits]
    _told = told or _told


def size(width: int, height: int) -> None:
    """A picture is about to be decoded that is so large. Raises PictureTooLarge."""
    limits = current()
    if max(width, height) > limits.side:
        most = f"at most {limits.side:,.0f} in a row or column are read. Save a smaller copy."
        raise PictureTooLarge(f"The picture has {width} x {height} pixels; {most}")
    if width * height > limits.megapixels * 10**6:
        raise PictureTooLarge(f"The picture has {width} x {height} pixels; {at_most()}")
    _told(width * height)


def at_most() -> str:
    """How large a picture may be, as the end of a sentence."""
    return f"at most {current().megapixels:g} megapixels are read. Save a smaller copy."


def header(image: Any) -> None:
    """The same for a picture that Pillow has read the header of: its size, and that of a TIFF's tiles."""
    size(*image.size)
    tags = getattr(image, "tag_v2", None) or {}
    across, down = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    numbers = isinstance(across, int) and isinstance(down, int)
    if numbers and across * down > max(_SMALL_TILE, 4 * image.width * image.height):
        raise PictureTooLarge(
            f"The picture has {image.width} x {image.height} pixels in tiles of {across} x {down}: save it anew."
        )


def file(data: bytes) -> bytes:
    """A file's bytes, before any reader sees them: some make room, or run through all of it, on opening. A JPEG of very
    many scans without those that come when every coefficient has all its bits already, and can say nothing. Raises
    PictureTooLarge."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and (canvas := _webp(data[:30])):
        size(*canvas)
    if data[:3] != b"\xff\xd8\xff" or data.count(_SCAN) <= SCANS:
        return data
    count, whole = _scans(data)
    if count > SCANS and whole is None:
        raise PictureTooLarge(f"The picture comes in more than {SCANS} scans, each over all of it: save it anew.")
    return data[:whole] + b"\xff\xd9" if count > SCANS else data


def _webp(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP's canvas (RFC 9649)."""
    kind, body = head[12:16], head[20:]
    if len(head) < 30:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _scans(data: bytes) -> tuple[int, int | None]:
    """The scans of a JPEG up to its end mark, none of a picture within its metadata, nor of what follows it; and where
    the first begins before which all was sent: each bit of a coefficient is, once (ITU-T T.81, G.1.1.1)."""
    at, count, sent, wanted, whole = 2, 0, set[tuple[int, int]](), -1, None
    while 0 <= at < len(data) - 4 and count <= SCANS:
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD7:
            at = data.find(b"\xff", at + 1)
            continue
        if marker == 0xD9:
            break
        body = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
        if marker in (0xC0, 0xC1, 0xC2) and len(body) > 5:
            wanted = 64 * body[5]
        if marker == 0xDA:
            count += 1
            whole = at if whole is None and len(sent) == wanted else whole
            sent |= _sent(body)
        at += 2 + (0 if marker in (0x01, 0xD8) else 2 + len(body))
    return count, whole


def _sent(scan: bytes) -> set[tuple[int, int]]:
    """The coefficients of which a scan sends the last bit: (component, place)."""
    if not scan or len(scan) < 4 + 2 * scan[0] or scan[3 + 2 * scan[0]] & 15:
        return set()
    first, last = scan[1 + 2 * scan[0] : 3 + 2 * scan[0]]
    return {(scan[1 + 2 * n], k) for n in range(scan[0]) for k in range(first, min(last, 63) + 1)}
