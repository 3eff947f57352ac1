"""PNG, put together here: every depth, colour type and tRNS, interlaced or not, and every way to name its colours."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from tests.retrieval.grid.profiles import PROFILES
from tests.retrieval.grid.scene import ALPHA, GREY, GREY8, HEIGHT, RGB8, RGBA8, SCENE, WIDTH, Case, Pixels

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
_SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(values: Pixels, depth: int, colour: int, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """Samples (H, W, n) as a PNG."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(_rows(values[top::down, left::across], depth) for left, top, across, down in passes)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlaced)
    chunks = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _rows(values: Pixels, depth: int) -> bytes:
    if depth == 16:
        packed = values.astype(">u2").reshape(len(values), -1).view(np.uint8)
    else:
        bits = np.unpackbits(values.astype(np.uint8).reshape(len(values), -1, 1), axis=2)[..., 8 - depth :]
        packed = np.packbits(bits.reshape(len(values), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in packed)


def cases() -> Iterator[Case]:
    for interlaced in (False, True):
        for name, data in _kinds(interlaced):
            yield Case(f"PNG {name}{' interlaced' if interlaced else ''}", "image/png", data)
    for name, extra in _colours():
        yield Case(f"PNG {name}", "image/png", png(RGB8, 8, 2, extra), RGB8.astype(float))
    for name, profile in PROFILES.items():
        extra = chunk(b"iCCP", b"p\0\0" + zlib.compress(profile)) if profile else b""
        yield Case(f"PNG grey, profile {name}", "image/png", png(GREY8[..., None], 8, 0, extra))
        yield Case(f"PNG RGBA, profile {name}", "image/png", png(RGBA8, 8, 6, extra))
        yield Case(f"PNG RGB, profile {name}", "image/png", png(RGB8, 8, 2, extra))
        yield Case(f"PNG RGB 16, profile {name}", "image/png", png((SCENE * 65535).round(), 16, 2, extra))


def _kinds(interlaced: bool) -> Iterator[tuple[str, bytes]]:
    for depth in (1, 2, 4, 8, 16):
        most = 2**depth - 1
        shades = (GREY * most).round()[..., None]
        clear = chunk(b"tRNS", struct.pack(">H", int(shades[20, 30, 0])))
        for name, extra in ((" tRNS", clear), ("", b"")):
            yield f"grey {depth}{name}", png(shades, depth, 0, extra, interlaced)
        if depth >= 8:
            colours, alpha = (SCENE * most).round(), (ALPHA * most).round()[..., None]
            clear = chunk(b"tRNS", struct.pack(">3H", *(int(value) for value in colours[20, 30])))
            for name, extra in ((" tRNS", clear), ("", b"")):
                yield f"RGB {depth}{name}", png(colours, depth, 2, extra, interlaced)
            yield f"RGBA {depth}", png(np.concatenate([colours, alpha], 2), depth, 6, b"", interlaced)
            yield f"grey and alpha {depth}", png(np.concatenate([shades, alpha], 2), depth, 4, b"", interlaced)
        if depth <= 8:
            number = 2**depth
            palette = chunk(b"PLTE", np.random.default_rng(depth).integers(0, 256, (number, 3), np.uint8).tobytes())
            clear = chunk(b"tRNS", bytes(255 * n // number for n in range(number)))
            for name, extra in ((" tRNS", clear), ("", b"")):
                yield f"palette {depth}{name}", png(shades, depth, 3, palette + extra, interlaced)


def _colours() -> Iterator[tuple[str, bytes]]:
    def gamma(value: int) -> bytes:
        return chunk(b"gAMA", struct.pack(">I", value))

    primaries = {name: chunk(b"cHRM", struct.pack(">8I", *of)) for name, of in (("P3", _P3), ("sRGB", _SRGB))}
    for value in (45455, 55556, 100000, 0):
        yield f"gAMA {value}", gamma(value)
        for name, of in primaries.items():
            yield f"gAMA {value}, cHRM {name}", gamma(value) + of
    yield "cHRM alone", primaries["P3"]
    yield "cHRM of nothing", gamma(55556) + chunk(b"cHRM", bytes(32))
    yield "sRGB before gAMA", chunk(b"sRGB", b"\0") + gamma(100000)
    for code in (
        (12, 13),
        (1, 1),
        (9, 1),
        (1, 8),
        (1, 4),
        (9, 14),
        (9, 15),
        (11, 13),
        (5, 13),
        (6, 6),
        (1, 5),
        (22, 13),
    ):
        yield f"cICP {code}", chunk(b"cICP", bytes((*code, 0, 1)))
    for code in ((2, 13), (12, 2), (9, 16), (9, 18), (12, 16)):
        yield f"cICP {code}", chunk(b"cICP", bytes((*code, 0, 1)))
    adobe = PROFILES["Adobe"]
    assert adobe
    yield "iCCP and cICP", chunk(b"iCCP", b"p\0\0" + zlib.compress(adobe)) + chunk(b"cICP", bytes((12, 13, 0, 1)))
