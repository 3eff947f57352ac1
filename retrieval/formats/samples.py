"""Samples of a TIFF, of whatever depth: the bytes of rows -> 8 bits a sample, or floating point.

Integers keep their highest 8 bits, as Pillow does with 16-bit pictures; fewer than 8 are spread over 0..255.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

UNSIGNED, SIGNED, FLOAT, UNSAID = 1, 2, 3, 4
WHOLE_BYTES = (8, 16, 32, 64)
DEPTHS = {UNSIGNED: (*range(1, 17), 24, 32, 64), SIGNED: WHOLE_BYTES, FLOAT: (16, 24, 32, 64)}

Bytes = npt.NDArray[np.uint8]


class Depth(NamedTuple):
    """Bits of a sample, its kind (tag 339), whether its lowest byte comes first, and what was done to it before it was
    packed (tag 317)."""

    bits: int
    kind: int
    little: bool
    predictor: int


def known(depth: Depth) -> bool:
    """Whether `levels` has a rule for it."""
    kinds = {1: True, 2: depth.bits in WHOLE_BYTES, 3: depth.kind == FLOAT}
    return depth.bits in DEPTHS.get(depth.kind, ()) and kinds.get(depth.predictor, False)


def levels(rows: Bytes, wide: int, each: int, depth: Depth) -> npt.NDArray[Any]:
    """The bytes of rows (H, bytes) as (H, wide, each): uint8, or float32 where the samples are floating point."""
    high: npt.NDArray[Any]
    if depth.kind == FLOAT:
        return _floats(rows, wide, each, depth)
    if depth.bits in WHOLE_BYTES:
        values = _values(rows, wide, each, depth, "u")
        high = (values >> np.uint64(depth.bits - 8).astype(values.dtype)).astype(np.uint8)
        return high ^ np.uint8(128) if depth.kind == SIGNED else high
    if depth.bits == 24:
        high = rows[:, : wide * each * 3].reshape(len(rows), wide, each, 3)
        return high[..., 2 if depth.little else 0]
    high = _bits(rows, wide * each, depth.bits).reshape(len(rows), wide, each)
    return high if depth.bits >= 8 else (high.astype(np.uint16) * 255 // (2**depth.bits - 1)).astype(np.uint8)


def indices(rows: Bytes, wide: int, each: int, depth: Depth) -> npt.NDArray[Any]:
    """The same of a palette's indices, which are what they are: unsigned, of at most 16 bits."""
    if depth.bits in WHOLE_BYTES:
        return _values(rows, wide, each, depth, "u")
    each_index: npt.NDArray[Any] = _bits(rows, wide * each, depth.bits).reshape(len(rows), wide, each)
    return each_index


def _bits(rows: Bytes, count: int, bits: int) -> Bytes:
    """The highest 8 bits, or all where there are fewer, of samples that lie one after another, highest bit first."""
    single = np.unpackbits(rows, axis=1, count=count * bits).reshape(len(rows), count, bits)[..., :8]
    return np.packbits(single, axis=2)[..., 0] >> np.uint8(max(0, 8 - bits))


def _values(rows: Bytes, wide: int, each: int, depth: Depth, letter: str) -> npt.NDArray[Any]:
    """Samples of whole bytes, differences between neighbours added up again."""
    kind = np.dtype(f"{'<' if depth.little else '>'}{letter}{depth.bits // 8}")
    packed = np.ascontiguousarray(rows[:, : wide * each * kind.itemsize])
    values = packed.view(kind).reshape(len(rows), wide, each)
    return values.cumsum(1, kind.newbyteorder("=")) if depth.predictor == 2 else values.astype(kind.newbyteorder("="))


def _floats(rows: Bytes, wide: int, each: int, depth: Depth) -> npt.NDArray[np.float32]:
    size = depth.bits // 8
    if depth.predictor == 3:  # bytes of the same rank lie together, the highest first, and are differences
        planes = rows[:, : wide * each * size].reshape(len(rows), -1, each).cumsum(1, np.uint8)
        rows = planes.reshape(len(rows), size, -1).transpose(0, 2, 1).reshape(len(rows), -1)
        depth = depth._replace(little=False)
    if depth.bits == 24:  # a sign, 7 bits of exponent, 16 of fraction: TIFF technical note 3
        parts = rows[:, : wide * each * 3].reshape(len(rows), wide, each, 3).astype(np.uint32)
        parts = parts[..., ::-1] if depth.little else parts
        word = parts[..., 0] << np.uint32(16) | parts[..., 1] << np.uint32(8) | parts[..., 2]
        power = (word >> np.uint32(16) & np.uint32(127)).astype(np.int32) - 63
        value = np.ldexp(1 + (word & np.uint32(0xFFFF)) / np.float32(65536), power)
        signed = np.where(word >> np.uint32(23), -value, value)
        return np.where(word & np.uint32(0x7FFFFF), signed, 0).astype(np.float32)
    if depth.predictor == 2:
        return _values(rows, wide, each, depth, "u").view(f"f{size}").astype(np.float32)
    return _values(rows, wide, each, depth, "f").astype(np.float32)


def unsubsampled(data: Bytes, wide: int, rows: int, sharing: tuple[int, int]) -> bytes:
    """A strip of YCbCr, in which blocks of `sharing` (across, down) pixels have their Y and one Cb and Cr -> a Y, a Cb
    and a Cr for each pixel, `rows` x `wide` of them."""
    across, down = sharing
    blocks = data.reshape(-(-rows // down), -(-wide // across), across * down + 2)
    full = np.empty((blocks.shape[0], down, blocks.shape[1], across, 3), np.uint8)
    full[..., 0] = blocks[..., :-2].reshape(*blocks.shape[:2], down, across).swapaxes(1, 2)
    full[..., 1:] = blocks[:, None, :, None, -2:]
    return full.reshape(blocks.shape[0] * down, -1, 3)[:rows, :wide].tobytes()


def from_ycc(ycc: npt.NDArray[Any], weights: tuple[float, ...], reference: tuple[float, ...]) -> Bytes:
    """RGB of Y, Cb and Cr (H, W, 3) whose Y is red, green and blue by `weights`; `reference`: the codes of each that
    say nought and most (TIFF 6.0, section 21)."""
    low, high = np.array(reference[::2], np.float32), np.array(reference[1::2], np.float32)
    y, cb, cr = np.moveaxis((ycc - low) * (np.array((255, 127, 127), np.float32) / (high - low)), 2, 0)
    red, blue = y + (2 - 2 * weights[0]) * cr, y + (2 - 2 * weights[2]) * cb
    rgb = np.stack([red, (y - weights[0] * red - weights[2] * blue) / weights[1], blue], 2)
    return rgb.round().clip(0, 255).astype(np.uint8)
