"""Kinds of JPEG 2000 and BMP that few programs write: the pixels that were put in, or a refusal that says why."""

import struct

import numpy as np
import pytest
from imagecodecs import jpeg2k_encode

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture
from tests.retrieval.grid.scene import ALPHA, GREY, GREY8, HEIGHT, RGB8, SCENE, WIDTH, Pixels, grey, on_white


def off(data: bytes, true: Pixels) -> float:
    """The mean difference to what was written."""
    read = images.at_full_size(data)
    assert read.shape == true.shape
    return float(np.abs(read - true.astype(float)).mean())


@pytest.mark.parametrize("bits", [1, 2, 4, 7, 9, 10, 12, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_black_and_white_of_a_jpeg_2000_are_that_at_every_depth(bits: int, channels: int) -> None:
    """The last of 2 and 4 channels is an alpha, opaque."""
    most = 2**bits - 1
    ramp = np.linspace(0, 1, 64 * 48).reshape(48, 64, 1).repeat(channels - (channels in (2, 4)), 2)
    values = (ramp * most).round()
    if channels in (2, 4):
        values = np.concatenate([values, np.full((48, 64, 1), most)], 2)
    data = jpeg2k_encode(values.squeeze().astype(np.uint8 if bits <= 8 else np.uint16), level=0, bitspersample=bits)
    read = images.at_full_size(bytes(data))
    assert (read[0, 0] == 0).all()
    assert (read[-1, -1] == 255).all()
    assert np.abs(read - (ramp * most).round() / most * 255).max() < 2


def bmp(bits: int, packing: int, pixels: bytes, palette: bytes, said: int = 0, header: int = 40) -> bytes:
    """WIDTH x HEIGHT."""
    head = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, packing, len(pixels), 0, 0, said, 0)[:header]
    start = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + palette + pixels


BLACK_WHITE = bytes((0, 0, 0, 0, 255, 255, 255, 0))
RAMP = b"".join(bytes((n, n, n, 0)) for n in range(256))
MASK = GREY > 0.5
TWO = np.repeat(MASK[..., None] * 255.0, 3, 2)


def test_a_bmp_that_uses_two_colours_keeps_its_depth() -> None:
    assert off(bmp(8, 0, MASK[::-1].astype(np.uint8).tobytes(), BLACK_WHITE, 2), TWO) == 0
    halves = np.packbits(np.stack([np.zeros_like(MASK)] * 3 + [MASK], 2).reshape(HEIGHT, -1), 1)
    rows = b"".join(row.tobytes().ljust(32, b"\0") for row in halves[::-1])
    assert off(bmp(4, 0, rows, BLACK_WHITE, 2), TWO) == 0


def test_a_bmps_index_beyond_its_palette_is_black() -> None:
    true = np.where(GREY8 < 100, GREY8, 0)[..., None].repeat(3, 2)
    assert off(bmp(8, 0, GREY8[::-1].tobytes(), RAMP[:400], 100), true) == 0


def test_a_bmp_of_the_short_header_of_os2() -> None:
    assert off(bmp(8, 0, GREY8[::-1].tobytes(), RAMP, header=16), grey(GREY8 / 255)) < 0.001


def test_what_a_bmps_runs_leave_out_is_transparent() -> None:
    """By a jump, by the end of a row and by the end of all."""
    runs = bytes((0, 2, 5, 3)) + bytes((10, 90)) + bytes((0, 0)) + bytes((0, 3, 10, 20, 30, 0)) + bytes((0, 1))
    true = np.full((HEIGHT, WIDTH, 3), 255.0)
    true[HEIGHT - 4, 5:15] = 90
    true[HEIGHT - 5, :3] = [[10] * 3, [20] * 3, [30] * 3]
    assert off(bmp(8, 1, runs, RAMP), true) == 0
    four = bytes((6, 0x1F)) + bytes((0, 3, 0x2A, 0x30)) + bytes((0, 1))
    true = np.full((HEIGHT, WIDTH, 3), 255.0)
    true[-1, :9] = np.array((1, 15, 1, 15, 1, 15, 2, 10, 3))[:, None]
    assert off(bmp(4, 2, four, RAMP[:64], 16), true) == 0


def test_a_bmp_whose_runs_are_cut_short_is_damaged() -> None:
    whole = b"".join(bytes((WIDTH, 7, 0, 0)) for _ in range(HEIGHT))
    assert off(bmp(8, 1, whole + bytes((0, 1)), RAMP), np.full((HEIGHT, WIDTH, 3), 7)) == 0
    assert off(bmp(8, 1, whole[:-2], RAMP), np.full((HEIGHT, WIDTH, 3), 7)) == 0  # no end mark
    with pytest.raises(DamagedPicture, match="cut short"):
        images.at_full_size(bmp(8, 1, whole[: 4 * HEIGHT - 4], RAMP))
    with pytest.raises(DamagedPicture, match="cut short"):
        images.at_full_size(bmp(8, 1, whole[: 2 * HEIGHT], RAMP))


def test_masks_of_a_bmp_may_have_an_alpha_behind_the_usual_header() -> None:
    values = np.concatenate([RGB8[..., ::-1], (ALPHA * 255).round().astype(np.uint8)[..., None]], 2)
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    assert off(bmp(32, 6, values[::-1].tobytes(), masks), on_white(SCENE)) < 1
