"""`hostile`: pictures that want to cost memory, time or the process, and files with damage anywhere, are decoded.

The bombs are made of what formats promise: a canvas, a tile, a frame, scans, chunks that unpack to more than they are.
"""

import io
import json
import resource
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, features

from semblance.retrieval import decoding
from semblance.retrieval.errors import PictureError
from semblance.retrieval.inputs import InputSpec
from semblance.scripts.benchmarks.figures import Asked, Row, row

MUTATED = 10_000
_SPECS = [InputSpec(224, "trim-bicubic", 1.5), InputSpec(64)]
_SIDES = ((16383, 16383), (9900, 9900), (1, 20_000_000), (20_000_000, 1), (400_000, 200), (65_535, 65_535))


def hostile(asked: Asked) -> list[Row]:
    """All bombs, then MUTATED files with damage, by a process of which nothing else makes the memory grow."""
    folders = asked.scratch / "bombs", asked.scratch / "damaged"
    for folder, contents in zip(folders, ((data for _, data in bombs()), mutated(MUTATED)), strict=True):
        folder.mkdir()
        for number, data in enumerate(contents):
            (folder / f"{number:05}").write_bytes(data)
    rows = []
    for folder in folders:
        program = f"import sys; from {__name__} import tried; tried(sys.argv[1])"
        done = subprocess.run([sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True, check=True)
        said = json.loads(done.stdout)
        rows += [row(f"{folder.name}: {answer}", count, "files") for answer, count in said["answers"].items()]
        rows += [
            row(f"{folder.name}: the slowest", said["slowest"], "s"),
            row(f"{folder.name}: the parent's peak memory over its rest", said["grown"], "MB", "at most 50"),
        ]
    return rows


def tried(folder: str) -> None:
    """Decode all files of a folder, and print what they come to, the seconds of the slowest, and the growth in MB."""
    paths, slowest, answers = sorted(Path(folder).iterdir()), 0.0, Counter[str]()
    with suppress(PictureError):
        decoding.load_each(paths[0], _SPECS)
    rest = peak_mb()
    for path in paths:
        started = time.monotonic()
        try:
            decoding.load_each(path, _SPECS)
            answers["read"] += 1
        except PictureError as error:
            answers[type(error).__name__] += 1
        slowest = max(slowest, time.monotonic() - started)
    sys.stdout.write(json.dumps({"answers": answers, "slowest": slowest, "grown": peak_mb() - rest}))


def peak_mb() -> float:
    """Of this process alone: what the system says of resources counts what was there before the program began."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def bombs(all_: bool = True) -> Iterator[tuple[str, bytes]]:
    """Eighty files and more, each with its name: none is larger than some MB, each asks for far more. Some are quickly
    made and seen through; not `all_`: these alone."""
    for width, height in _SIDES:
        if not all_ and width * height < 10**8 and max(width, height) < 10**6:
            continue
        size = f"{width} x {height}"
        for form in ((1, 0, 1), (8, 2, 3), (8, 6, 4), (16, 0, 1), (16, 2, 3), (16, 6, 4)):
            yield (
                f"PNG {size}, {form[0]} bits, colour {form[1]}",
                png(width, height, form, unpacked=0 if all_ else 2**20),
            )
        yield f"GIF {size}", gif(width, height)
        yield f"WebP {size}", webp(width, height)
        yield f"BMP {size}", b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, *6 * [0])
        yield f"TIFF {size}", tiff(width, height, {})
        yield f"TIFF {size}, floats", tiff(width, height, {258: 32, 339: 3})
    for side in (4_096, 16_384, 65_520, 2**31):
        yield f"TIFF of one tile, {side}", tiff(8, 8, {322: side, 323: side, 324: 8, 325: 8})
        yield f"TIFF of strips, {side}", tiff(8, 8, {278: side, 277: 200})
    for count, side in ((150, 300), (2_000, 2_000), (20_000, 1_000)):
        yield f"JPEG of {count} scans, {side}", scans(count, side)
    for kind in (b"iTXt", b"zTXt", b"iCCP", b"eXIf"):
        packed = zlib.compress(bytes((200 if all_ else 70) * 2**20), 9)
        body = {b"iTXt": b"a\0\1\0\0\0" + packed, b"zTXt": b"a\0\0" + packed, b"iCCP": b"a\0\0" + packed}
        yield f"PNG, {kind.decode()} of many MB", png(60, 40, (8, 2, 3), (kind, body.get(kind, packed)))
    yield "PNG, pixels that unpack to many MB", png(60, 40, (8, 2, 3), unpacked=(400 if all_ else 70) * 2**20)
    if all_:
        yield from _long()


def _long() -> Iterator[tuple[str, bytes]]:
    yield "JPEG of 90 scans, 9000", scans(90, 9_000)
    still = Image.new("P", (3_000, 3_000))
    for name in ("GIF", "WEBP", "PNG"):
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


def png(width: int, height: int, form: tuple[int, int, int], *extra: tuple[bytes, bytes], unpacked: int = 0) -> bytes:
    """Of a form (bits, colour type, channels), with as many noughts as make it whole, 200 MB of them at most."""
    depth, colour, channels = form
    packer, parts = zlib.compressobj(9), []
    left = unpacked or min((1 + (width * channels * depth + 7) // 8) * height, 200 * 2**20)
    while left > 0:
        parts.append(packer.compress(bytes(min(left, 2**22))))
        left -= 2**22
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", b"".join([*parts, packer.flush()])), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def gif(width: int, height: int) -> bytes:
    frame = struct.pack("<HHHH", 0, 0, width & 0xFFFF, height & 0xFFFF)
    head = b"GIF89a" + struct.pack("<HHBBB", width & 0xFFFF, height & 0xFFFF, 0x80, 0, 0) + bytes(6)
    return head + b"\x2c" + frame + b"\0\2\2\x4c\1\0\x3b"


def webp(width: int, height: int) -> bytes:
    bits = (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14
    body = b"VP8L" + struct.pack("<I", 14) + b"\x2f" + struct.pack("<I", bits) + bytes(9)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def tiff(width: int, height: int, more: dict[int, int]) -> bytes:
    strip = {} if 322 in more else {273: 8, 278: height, 279: 8}
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, **strip, **more}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def scans(count: int, side: int, at: int = -1) -> bytes:
    """A progressive JPEG, with its last scan so many times more; or before all was sent, with one of the others."""
    data = _saved(Image.linear_gradient("L").resize((side, side)), "JPEG", progressive=True)
    marks = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    begin, end = marks[at], [*marks, len(data) - 2][at + len(marks) + 1]
    again = data[begin : data.find(b"\xff\xc4", begin, end) if at != -1 else end]
    return data[:end] + again * count + data[end:]
