"""Kinds of TIFF that few programs write: the pixels that were put in, or a refusal that says why."""

import io
import zlib

import numpy as np
import pytest
import tifffile

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, NotAPicture
from tests.retrieval.grid.scene import ALPHA, GREY, GREY8, HEIGHT, RGB8, SCENE, Pixels, grey, on_white
from tests.retrieval.grid.tiffs import laid_out
from tests.retrieval.test_rare_kinds import off

RGB = {"t258": [8] * 3, "t262": [2], "t277": [3]}


def tiff(data: bytes, **tags: list[int]) -> bytes:
    return laid_out("", data, None, **tags).data


def test_a_tiffs_predictor_counts_for_those_packings_alone_that_have_one() -> None:
    """As libtiff has it: of samples that lie there unpacked, tag 317 says nothing."""
    deep = (GREY * 65535).round().astype("<u2")
    inverted = tiff((65535 - deep).tobytes(), t258=[16], t262=[0], t277=[1], t317=[2])
    assert off(inverted, grey(GREY)) < 1
    floats = tiff(GREY.astype("<f4").tobytes(), t258=[32], t262=[1], t277=[1], t317=[3], t339=[3])
    assert off(floats, grey(GREY)) < 1
    differences = np.diff(deep.astype(np.int64), axis=1, prepend=0).astype("<u2").tobytes()
    packed = tiff(zlib.compress(differences), t258=[16], t262=[0], t277=[1], t317=[2], t259=[8])
    assert off(packed, 255 - grey(GREY)) < 1
    with pytest.raises(NotAPicture, match="2 bits, unsigned, predictor 2"):
        images.at_full_size(tiff(zlib.compress(bytes(HEIGHT * 15)), t258=[2], t262=[1], t277=[1], t317=[2], t259=[8]))


def test_a_tiff_that_leaves_out_what_its_channels_mean_is_read_as_libtiff_does() -> None:
    assert off(tiff(GREY8.tobytes(), t258=[8], t277=[1]), grey(GREY)) < 1
    assert off(tiff(RGB8.tobytes(), t258=[8] * 3, t277=[3]), RGB8) < 1
    assert off(tiff(RGB8.tobytes(), t258=[8] * 3, t262=[2]), RGB8) < 1


@pytest.mark.parametrize("bits", [8, 16])
def test_channels_of_a_tiff_beside_its_colours_are_an_alpha_or_nothing(bits: int) -> None:
    def put(values: Pixels, **tags: list[int]) -> bytes:
        count = values.shape[2]
        data = (values * (2**bits - 1)).round().astype(f"<u{bits // 8}").tobytes()
        return tiff(data, t258=[bits] * count, t277=[count], **tags)

    inks = np.concatenate([1 - SCENE, 0 * ALPHA[..., None], ALPHA[..., None]], 2)
    assert off(put(inks, t262=[5], t338=[2]), on_white(SCENE)) < 1
    assert off(put(inks, t262=[5], t338=[0]), SCENE * 255) < 1
    five = np.concatenate([SCENE, SCENE[..., :2]], 2)
    assert off(put(five, t262=[2]), SCENE * 255) < 1


def test_a_palette_of_a_tiff_may_have_an_alpha_of_4_bits() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 3))
    index, alpha = ((values * 15).round().astype(np.uint8) for values in (GREY, ALPHA))
    data = (index << 4 | alpha).tobytes()
    table = (colours.T * 257).ravel().tolist()
    read = tiff(data, t258=[4] * 2, t262=[3], t277=[2], t338=[2], t320=table)
    assert off(read, on_white(colours[index] / 255, alpha / 15)) < 1


def test_cmyk_in_a_jpeg_in_a_tiff_is_as_the_tiff_says_and_not_adobes_inverse() -> None:
    smooth = (np.array((0.2, 0.6, 0.8, 0.0)) * 255).round().astype(np.uint8) + np.zeros((64, 64, 4), np.uint8)
    for tile in (None, (32, 32)):
        out = io.BytesIO()
        tifffile.imwrite(out, smooth, photometric="separated", compression="jpeg", tile=tile, metadata=None)
        assert off(out.getvalue(), 255 - smooth[..., :3]) < 2


def test_a_jpeg_of_12_bits_in_a_tiff_is_refused_by_name() -> None:
    out = io.BytesIO()
    deep = (GREY * 4095).round().astype(np.uint16)
    tifffile.imwrite(out, deep, photometric="minisblack", compression="jpeg", bitspersample=12, metadata=None)
    with pytest.raises(NotAPicture, match="compression 7 of 12 bits"):
        images.at_full_size(out.getvalue())


def test_ycbcr_of_a_tiff_goes_by_its_own_weights_and_range() -> None:
    """ITU-R BT.709, and the range of video, which the directory states."""
    red, green, blue = (RGB8[..., n].astype(float) for n in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    ycc = np.stack([luma * 219 / 255 + 16, (blue - luma) / 1.8556 * 224 / 254, (red - luma) / 1.5748 * 224 / 254], 2)
    ycc[..., 1:] += 128
    stated = {529: (2126, 10000, 7152, 10000, 722, 10000), 532: (16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1)}
    out = io.BytesIO()
    tags = [(tag, 5, len(value) // 2, value, True) for tag, value in stated.items()]
    tifffile.imwrite(
        out, ycc.round().astype(np.uint8), photometric="ycbcr", subsampling=(1, 1), extratags=tags, metadata=None
    )
    assert off(out.getvalue(), RGB8) < 1.5


def test_a_tiff_that_names_too_few_strips_says_so() -> None:
    with pytest.raises(DamagedPicture, match="fewer strips"):
        images.at_full_size(tiff(RGB8.tobytes(), **RGB, t284=[2]))
