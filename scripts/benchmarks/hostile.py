"""`hostile`: pictures that want to cost memory, time or the process, and files with damage anywhere, through the decoder.

The bombs are made of what formats promise: a canvas, a tile, a frame, scans, chunks that unpack to more than they are.
"""

import io
import resource
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from semblance.retrieval import decoding
from semblance.retrieval.errors import PictureError
from semblance.retrieval.inputs import InputSpec
from semblance.scripts.benchmarks.figures import Asked, Row, row

MUTATED = 10_000
_SPECS = [InputSpec(224, "trim-bicubic", 1.5), InputSpec(64)]
_SIDES = ((16383, 16383), (9900, 9900), (1, 20_000_000), (20_000_000, 1), (400_000, 200), (65_535, 65_535))


def hostile(_: Asked) -> list[Row]:
    """All bombs, and MUTATED files with damage, one after the other; what the parent's memory grew by meanwhile."""
    decoding.load(_saved(Image.new("RGB", (8, 8)), "PNG"), InputSpec(8))
    slowest, rest = 0.0, peak_mb()
    answers = Counter[str]()
    for _name, data in bombs():
        started = time.monotonic()
        answers[answer(data)] += 1
        slowest = max(slowest, time.monotonic() - started)
    damaged = Counter(answer(data) for data in mutated(MUTATED))
    return [
        *(row(f"bombs: {name}", count, "files") for name, count in sorted(answers.items())),
        row("bombs: the slowest", slowest, "s"),
        *(row(f"damaged: {name}", count, "files") for name, count in sorted(damaged.items())),
        row("hostile: the parent's peak memory, more than at rest", peak_mb() - rest, "MB", "at most 50"),
    ]


def answer(data: bytes) -> str:
    """What a file comes to: read, or the kind of error that names it."""
    try:
        decoding.load_each(data, _SPECS)
    except PictureError as error:
        return type(error).__name__
    return "read"


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def bombs() -> Iterator[tuple[str, bytes]]:
    """Eighty files and more, each with its name: none is larger than some MB, each asks for far more."""
    for width, height in _SIDES:
        size = f"{width} x {height}"
        for depth, colour, channels in ((1, 0, 1), (8, 2, 3), (8, 6, 4), (16, 0, 1), (16, 2, 3), (16, 6, 4)):
            yield f"PNG {size}, {depth} bits, colour {colour}", _png(width, height, depth, colour, channels)
        yield f"GIF {size}", _gif(width, height)
        yield f"WebP {size}", _webp(width, height)
        yield (
            f"BMP {size}",
            b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0),
        )
        yield f"TIFF {size}", _tiff(width, height, {})
        yield f"TIFF {size}, floats", _tiff(width, height, {258: 32, 339: 3})
    for side in (4_096, 16_384, 65_520, 2**31):
        yield f"TIFF of one tile, {side}", _tiff(8, 8, {322: side, 323: side, 324: 8, 325: 8})
        yield f"TIFF of strips, {side}", _tiff(8, 8, {278: side, 277: 200})
    for count, side in ((150, 300), (2_000, 2_000), (90, 9_000), (20_000, 1_000)):
        yield f"JPEG of {count} scans, {side}", _scans(count, side)
    for kind in (b"iTXt", b"zTXt", b"iCCP", b"eXIf"):
        packed = zlib.compress(bytes(200 * 2**20), 9)
        body = {b"iTXt": b"a\0\1\0\0\0" + packed, b"zTXt": b"a\0\0" + packed, b"iCCP": b"a\0\0" + packed}
        yield f"PNG, {kind.decode()} of 200 MB", _png(60, 40, 8, 2, 3, (kind, body.get(kind, packed)))
    yield "PNG, pixels that unpack to 400 MB", _png(60, 40, 8, 2, 3, rows=400 * 2**20)
    still = Image.new("P", (3_000, 3_000))
    for name in ("GIF", "WEBP", "TIFF", "PNG"):
        yield f"{name} of 60 frames", _saved(still, name, save_all=True, append_images=[still] * 59)
    large = Image.new("L", (9_500, 9_500))
    if features.check("avif"):
        yield "AVIF, 90 megapixels", _saved(large.convert("RGB"), "AVIF", speed=10, quality=10)
    yield "HEIC, 36 megapixels", _saved(large.crop((0, 0, 6_000, 6_000)), "HEIF", quality=10)


def mutated(count: int, seed: int = 0) -> Iterator[bytes]:
    """Sound files of every format with bytes changed, cut out, doubled, put in or cut off."""
    rng = np.random.default_rng(seed)
    pixels = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).resize((96, 72))
    kinds = [name for name in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "BMP", "GIF", "TIFF") if name in Image.SAVE]
    sound = [_saved(pixels, name) for name in kinds]
    sound += [_saved(pixels, "JPEG", progressive=True), _saved(pixels, "TIFF", compression="tiff_lzw")]
    sound += [_saved(pixels.convert(mode), "PNG") for mode in ("P", "RGBA", "I;16")]
    for number in range(count):
        data = bytearray(sound[number % len(sound)])
        for _ in range(rng.integers(1, 9)):
            at = int(rng.integers(0, len(data) if rng.random() < 0.5 else min(120, len(data))))
            some = int(rng.integers(1, 40))
            match rng.integers(0, 5):
                case 0:
                    data[at] = int(rng.integers(0, 256))
                case 1:
                    data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\1\0\0"])
                case 2:
                    del data[at : at + some]
                case 3:
                    data[at:at] = data[at : at + some]
                case _:
                    data[at:at] = rng.bytes(some)
        yield bytes(data[: int(rng.integers(1, len(data) + 1))] if rng.random() < 0.1 and data else data)


def _saved(picture: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    channels: int,
    extra: tuple[bytes, bytes] | None = None,
    rows: int = 0,
) -> bytes:
    """With as many rows of noughts as make it whole, 200 MB of them at most."""
    packer, left = zlib.compressobj(9), rows or min((1 + (width * channels * depth + 7) // 8) * height, 200 * 2**20)
    parts = []
    while left > 0:
        parts.append(packer.compress(bytes(min(left, 2**22))))
        left -= 2**22
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        *([extra] if extra else []),
        (b"IDAT", b"".join([*parts, packer.flush()])),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _gif(width: int, height: int) -> bytes:
    frame = struct.pack("<HHHH", 0, 0, width & 0xFFFF, height & 0xFFFF)
    head = b"GIF89a" + struct.pack("<HHBBB", width & 0xFFFF, height & 0xFFFF, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + frame + b"\0\2\2\x4c\1\0\x3b"


def _webp(width: int, height: int) -> bytes:
    bits = (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14
    body = b"VP8L" + struct.pack("<I", 14) + b"\x2f" + struct.pack("<I", bits) + bytes(9)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _tiff(width: int, height: int, more: dict[int, int]) -> bytes:
    strip = {} if 322 in more else {273: 8, 278: height, 279: 8}
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, **strip, **more}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def _scans(count: int, side: int) -> bytes:
    data = _saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"
