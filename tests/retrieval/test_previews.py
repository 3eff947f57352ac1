"""Raw files of cameras show the JPEG that the camera put in, the way up that the raw file says, or say why not."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import NotAPicture, PictureError
from tests.retrieval.test_images import SPEC, TURNED, assert_corners, exif, four_colours, saved

SMALL = saved(four_colours(160, 120).convert("L").convert("RGB"), "JPEG")
LARGE = saved(four_colours(640, 480), "JPEG", quality=95)
MOSAIC = np.random.default_rng(0).integers(0, 4096, (60, 80)).astype("<u2").tobytes()


def directory(tags: dict[int, tuple[int, int]]) -> bytes:
    """A directory of single values: tag -> type (3: 16 bits, 4: 32 bits, 1: bytes), value."""
    rows = [
        struct.pack("<HHII", tag, kind, 4 if kind == 1 else 1, value) for tag, (kind, value) in sorted(tags.items())
    ]
    return struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)


def raw(
    head: bytes = b"II*\0", turn: int = 6, jpegs: tuple[bytes, ...] = (SMALL, LARGE), version: bool = True
) -> bytes:
    """As DNG, NEF and ARW are: a first directory of a thumbnail that points to one of a mosaic; JPEGs lie between."""
    out = bytearray(head.ljust(16, b"\0"))
    thumbnail = len(out)
    out += np.asarray(four_colours(32, 24)).tobytes()
    for jpeg in jpegs:
        out += jpeg + bytes(7)
    pixels = len(out)
    out += MOSAIC
    below = len(out)
    out += directory(
        {256: (3, 80), 257: (3, 60), 258: (3, 16), 259: (3, 1), 262: (3, 32803), 273: (4, pixels), 277: (3, 1)}
    )
    first = len(out)
    tags = {254: (4, 1), 256: (3, 32), 257: (3, 24), 258: (3, 8), 259: (3, 1), 262: (3, 2), 273: (4, thumbnail)}
    tags |= {274: (3, turn), 277: (3, 3), 278: (3, 24), 279: (4, 32 * 24 * 3), 330: (4, below)}
    out += directory(tags | ({50706: (1, 1)} if version else {}))
    out[4:8] = struct.pack("<I", first)
    return bytes(out)


def canon(turn: int) -> bytes:
    """CR3: boxes, one of them a TIFF of its own."""
    inner = b"II*\0" + struct.pack("<I", 8) + directory({274: (3, turn)})
    boxes = [(b"ftyp", b"crx \0\0\0\1crx isom"), (b"CMT1", inner), (b"PRVW", bytes(16) + LARGE), (b"mdat", MOSAIC)]
    return b"".join(struct.pack(">I", 8 + len(body)) + kind + body for kind, body in boxes)


RAWS: dict[str, Callable[[int], bytes]] = {
    "DNG": lambda turn: raw(turn=turn),
    "NEF": lambda turn: raw(turn=turn, version=False),
    "CR2": lambda turn: raw(b"II*\0\0\0\0\0CR\2\0", turn),
    "ORF": lambda turn: raw(b"IIRO", turn),
    "RW2": lambda turn: raw(b"IIU\0", turn),
    "CR3": canon,
}


@pytest.mark.parametrize("turn", [1, 6, 8])
@pytest.mark.parametrize("kind", RAWS)
def test_the_largest_jpeg_is_shown_the_way_up_that_the_raw_file_says(kind: str, turn: int, tmp_path: Path) -> None:
    (tmp_path / f"a.{kind.lower()}").write_bytes(RAWS[kind](turn))
    picture = images.at_full_size(tmp_path / f"a.{kind.lower()}")
    assert picture.shape == ((640, 480, 3) if turn > 4 else (480, 640, 3))
    assert_corners(images.load(tmp_path / f"a.{kind.lower()}", SPEC), TURNED[turn], within=12)
    assert images.media_type(RAWS[kind](turn)[: images.SNIFF_BYTES]) in ("image/tiff", "image/x-dcraw")
    assert f".{kind.lower()}" in images.SUFFIXES


def test_where_the_raw_file_says_nothing_the_jpeg_s_own_turn_counts() -> None:
    """As Fujifilm's: no TIFF around it."""
    data = b"FUJIFILMCCD-RAW 0201" + bytes(80) + saved(four_colours(640, 480), "JPEG", exif=exif(6)) + MOSAIC
    assert_corners(images.load(data, SPEC), TURNED[6], within=12)


@pytest.mark.parametrize("data", [raw(jpegs=()), raw(jpegs=(saved(four_colours(80, 60), "JPEG"),))])
def test_without_a_jpeg_to_look_at_the_reason_is_said_and_no_thumbnail_shown(data: bytes) -> None:
    with pytest.raises(NotAPicture, match=r"^This kind of TIFF is not read \(a camera's raw data, and no JPEG inside"):
        images.at_full_size(data)
    with pytest.raises(NotAPicture, match=r"^This kind of raw file is not read"):
        images.at_full_size(b"FUJIFILMCCD-RAW 0201" + MOSAIC)


def test_a_photograph_saved_as_tiff_is_no_raw_file() -> None:
    data = saved(four_colours(), "TIFF", tiffinfo={271: "Canon", 272: "EOS", 274: 6})
    assert_corners(images.load(data, SPEC), TURNED[6])


def test_a_raw_file_that_is_all_marks_costs_no_time() -> None:
    with pytest.raises(PictureError):
        images.at_full_size(b"IIRO" + b"\xff\xd8\xff" * 1_000_000)


def test_the_pixels_are_the_jpeg_s() -> None:
    assert np.array_equal(images.at_full_size(raw(turn=1)), np.asarray(Image.open(io.BytesIO(LARGE))))
