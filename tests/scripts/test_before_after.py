"""The sheet of neighbours before and after a training: which pictures stand where."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval.codec import Codec
from semblance.retrieval.images import Picture
from semblance.scripts.report import before_after
from semblance.scripts.report.before_after import write_before_and_after


@pytest.fixture
def pairs(codec: Codec) -> Picture:
    """Plain pictures in 24 colours, and each again a little lighter: (48, S, S, 3)."""
    colours = np.random.default_rng(3).integers(0, 240, (24, 1, 1, 1, 3))
    size = codec.spec.size
    once = np.broadcast_to(colours, (24, 1, size, size, 3)).astype(np.uint8).reshape(24, size, size, 3)
    return np.concatenate([once, once + 1])


def tile(sheet: Image.Image, line: int, block: int, place: int) -> list[int]:
    """The colour in the middle of a tile; the blocks are the picture asked, before, after."""
    step = before_after._TILE + before_after._GAP
    left = before_after._MARGIN * (block + 1) + step * [0, 1, 1 + before_after._NEIGHBOURS][block]
    middle = before_after._TILE // 2
    colour = sheet.getpixel((left + place * step + middle, before_after._TITLE + line * step + middle))
    assert isinstance(colour, tuple)
    return list(colour)


def test_a_picture_stands_beside_its_nearest_by_pixels_and_never_beside_itself(
    codec: Codec, pairs: Picture, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    path = write_before_and_after(None, codec, pairs, tmp_path, lambda done, total: seen.append((done, total)))
    sheet = Image.open(path)
    assert path == tmp_path / "neighbours.png"
    assert seen[-1] == (48, 48)
    for line in range(8):
        asked, nearest = tile(sheet, line, 0, 0), tile(sheet, line, 1, 0)
        assert [abs(one - other) for one, other in zip(asked, nearest, strict=True)] == [1, 1, 1]  # its lighter twin


def test_before_is_the_model_that_training_began_with(pairs: Picture, tmp_path: Path) -> None:
    codec, other = Codec("cifar10-fast"), Codec("cifar10-ae")
    pairs = pairs[:, : codec.spec.size, : codec.spec.size]

    def blocks(before: Codec, after: Codec) -> list[list[list[int]]]:
        sheet = Image.open(write_before_and_after(before, after, pairs, tmp_path, lambda *_: None))
        return [[tile(sheet, line, block, place) for line in range(8) for place in range(6)] for block in (1, 2)]

    one, two = blocks(codec, other)
    assert one != two
    assert blocks(other, codec) == [two, one]


def test_a_handful_of_pictures_is_a_smaller_sheet(codec: Codec, pairs: Picture, tmp_path: Path) -> None:
    sheet = Image.open(write_before_and_after(None, codec, pairs[:3], tmp_path, lambda *_: None))
    assert sheet.height < 4 * (before_after._TILE + before_after._GAP) + before_after._TITLE
