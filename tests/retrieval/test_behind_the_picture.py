"""Files that were cut behind their picture, and files that begin as another kind does: read whole, or named."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from imagecodecs import jpegls_encode
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, NotAPicture
from tests.retrieval.test_images import chunk, saved, textured


@pytest.mark.parametrize("options", [{}, {"tile_size": (40, 40)}, {"no_jp2": True}], ids=str)
def test_a_jpeg_2000_without_its_end_mark_is_whole(options: dict[str, object]) -> None:
    whole = saved(textured(100, 70), "JPEG2000", **options)
    assert whole.endswith(b"\xff\xd9")
    for cut in (1, 2):
        assert np.array_equal(images.at_full_size(whole[:-cut]), images.at_full_size(whole))
    last = whole.rindex(b"\xff\x90")
    for end in (len(whole) - 3, len(whole) - 30, *([last, last + 1] if "tile_size" in options else [])):
        with pytest.raises(DamagedPicture):
            images.at_full_size(whole[:end])


@pytest.mark.parametrize("kind", ["exif", "xmp"])
def test_a_heic_that_is_cut_in_what_follows_its_picture_is_whole(kind: str) -> None:
    metadata = b"Exif\0\0II*\0\x08\0\0\0\0\0" + bytes(3000) if kind == "exif" else b"<x>" + b"a" * 3000
    whole = saved(textured(100, 70), "HEIF", **{kind: metadata})
    for cut in (1, 100, 1500):
        assert np.array_equal(images.at_full_size(whole[:-cut]), images.at_full_size(whole))
    with pytest.raises(DamagedPicture):
        images.at_full_size(whole[:-3200])


def test_a_png_of_apples_phones_and_a_jpeg_ls_are_named() -> None:
    packer = zlib.compressobj(wbits=-15)
    pixels = packer.compress(bytes(41 * 4 * 10)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 40, 8, 6, 0, 0, 0))
    crushed = b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", b"\x50\0\x20\2") + header + chunk(b"IDAT", pixels)
    with pytest.raises(NotAPicture, match="CgBI"):
        images.at_full_size(crushed + chunk(b"IEND", b""))
    with pytest.raises(NotAPicture, match="JPEG-LS"):
        images.at_full_size(bytes(jpegls_encode(np.asarray(textured(60, 40)))))


@pytest.mark.parametrize("tag", [256, 258, 259, 277, 284])
@pytest.mark.parametrize("damage", [b"\x63\0\1\0\0\0", b"\3\0\0\0\0\0", b"\3\0\xff\xff\xff\x7f", b"\2\0\1\0\0\0"])
def test_a_tiff_whose_directory_is_damaged_is_not_read_by_defaults(tag: int, damage: bytes) -> None:
    """A kind or a number of values that cannot be: the depth is not 1 bit then, nor are there no channels."""
    data = bytearray(saved(Image.new("RGB", (64, 48), "red"), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, first)
    at = next(at for at in range(first + 2, first + 2 + 12 * number, 12) if data[at : at + 2] == struct.pack("<H", tag))
    data[at + 2 : at + 8] = damage
    with pytest.raises(DamagedPicture, match="header is damaged"):
        images.at_full_size(bytes(data))


def test_what_pillow_warns_of_reaches_no_terminal(tmp_path: Path) -> None:
    """`duplicates --sheet` draws pictures in the process that is the command; their EXIF is damaged."""
    folder, library = tmp_path / "pictures", tmp_path / "library"
    folder.mkdir()
    for name, quality in (("a", 90), ("b", 80)):
        data = saved(textured(300, 200), "JPEG", quality=quality, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
        (folder / f"{name}.jpg").write_bytes(data)
    for command in (["index", str(folder)], ["duplicates", "--sheet", str(tmp_path / "copies.html")]):
        asked = [sys.executable, "-m", "semblance", *command, "--library", str(library)]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        assert "EXIF" not in done.stdout + done.stderr
    assert "b.jpg" in done.stdout  # the headers of both were looked at
