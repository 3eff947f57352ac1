"""The picture that all files of the grid hold, at every depth, and what each must look like."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[Any]

HEIGHT, WIDTH = 43, 60
_Y, _X = np.mgrid[:HEIGHT, :WIDTH].astype(float)
SCENE: Pixels = (
    np.stack([127 + 120 * np.sin(_X / 7 + _Y / 13), 255 * _X / WIDTH, 127 + 120 * np.cos(_Y / 5 - _X / 17)], 2) / 255
).clip(0, 1)  # (H, W, 3), 0..1
GREY: Pixels = SCENE[..., 0]
ALPHA: Pixels = (_X + _Y) / (_X + _Y).max()
RGB8: Pixels = (SCENE * 255).round().astype(np.uint8)
GREY8: Pixels = RGB8[..., 0]
ALPHA8: Pixels = (ALPHA * 255).round().astype(np.uint8)
RGBA8: Pixels = np.concatenate([RGB8, ALPHA8[..., None]], 2)


class Case(NamedTuple):
    """A file, and its pixels (H, W, 3) in 0..255 where they are known without a decoder."""

    name: str
    media_type: str
    data: bytes
    true: Pixels | None = None


def grey(values: Pixels) -> Pixels:
    """0..1 (H, W) as RGB 0..255."""
    return np.repeat(values[..., None] * 255, 3, 2)


def on_white(values: Pixels, alpha: Pixels = ALPHA) -> Pixels:
    """0..1 (H, W, 3), laid on white, in 0..255."""
    return 255 * (values * alpha[..., None] + 1 - alpha[..., None])


def turned(values: Pixels, turn: int) -> Pixels:
    """As EXIF 2.32, tag 274, has it."""
    if turn in (5, 6, 7, 8):  # the first row is the left or right side
        values = values.swapaxes(0, 1)
    across, down = turn in (2, 3, 6, 7), turn in (3, 4, 7, 8)
    shown: Pixels = values[:: -1 if down else 1, :: -1 if across else 1]
    return shown


def stepped(values: Pixels, bits: int) -> Pixels:
    """What `bits` bits leave of 0..1."""
    return (values * (2**bits - 1)).round() / (2**bits - 1) if bits < 8 else values


def quantised(values: Pixels, bits: int, kind: str = "u") -> Pixels:
    """0..1 as unsigned (u) or signed (i) integers or floating point (f) of `bits` bits."""
    if kind == "f":
        return values.astype(f"f{bits // 8}")
    whole = np.dtype(f"u{max(1, 1 << max(0, (bits - 1).bit_length() - 3))}")
    steps = (values * 2.0**63).astype(whole) * whole.type(2) if bits == 64 else (values * (2.0**bits - 1)).round()
    unsigned = steps.astype(whole)
    if kind == "u":
        return unsigned
    signed: Pixels = (unsigned ^ whole.type(1 << (bits - 1))).view(whole.str.replace("u", "i"))
    return signed
