"""Thumbnails that are kept: of the rule of today, and no other."""

import hashlib
import io
import zlib
from pathlib import Path

import pytest
from PIL import Image

from semblance.indexer.catalog import Entry
from semblance.indexer.derived import thumbnails
from tests.conftest import paint


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1600, 1200), (427, 320)),  # 320 / 1200 of each side
        ((1200, 1600), (320, 427)),
        ((4000, 1000), (1280, 320)),
        ((5000, 1000), (1280, 256)),  # 1280 / 5000
        ((200, 9000), (28, 1280)),
        ((5000, 3), (1280, 1)),
        ((300, 200), (300, 200)),  # never enlarged
        ((400, 200), (400, 200)),
    ],
)
def test_the_shorter_side_is_what_a_square_shows_and_the_longer_is_bounded(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    data = paint(tmp_path / "a.png", 1, size).read_bytes()
    small, as_indexed = thumbnails.make(tmp_path, Entry(1, "", 0, 0, hashlib.sha256(data).digest()), data)
    assert as_indexed
    assert Image.open(io.BytesIO(small)).size == expected


def test_one_of_the_rule_before_is_made_anew_and_is_no_damage(tmp_path: Path) -> None:
    """As it was kept up to 0.1: the longer side at most 320, the checksum right, behind another mark."""
    data = paint(tmp_path / "a.png", 1, (1600, 1200)).read_bytes()
    sha256 = hashlib.sha256(data).digest()
    old = paint(tmp_path / "old.jpg", 1, (320, 240)).read_bytes()
    place = thumbnails.thumbnail_path(tmp_path, sha256)
    place.parent.mkdir(parents=True)
    place.write_bytes(old + b"SEMBLNCT" + zlib.crc32(old, zlib.crc32(sha256)).to_bytes(4, "little"))
    assert thumbnails.read(tmp_path, sha256) is None
    assert [*thumbnails.damaged(tmp_path)] == []
    small, _ = thumbnails.make(tmp_path, Entry(1, "", 0, 0, sha256), data)
    assert thumbnails.read(tmp_path, sha256) == small
    assert Image.open(place).size == (427, 320), "it has taken the old one's place, and is a JPEG to others"
