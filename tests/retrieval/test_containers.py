"""Damage in what is not the picture of a WebP, TIFF, GIF or BMP costs nothing; damage in the picture is said."""

import io
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, NotAPicture, PictureTooLarge
from tests.retrieval.grid.pngs import chunk, png
from tests.retrieval.grid.profiles import PROFILES
from tests.retrieval.grid.scene import SCENE, quantised
from tests.retrieval.grid.tiffs import laid_out, written
from tests.retrieval.test_formats import assert_same
from tests.retrieval.test_images import exif, saved, textured

PICTURE = textured(60, 40)


def webps(lossless: bool) -> Iterator[tuple[str, bytes]]:
    full = saved(PICTURE, "WEBP", lossless=lossless, exif=exif(1), icc_profile=PROFILES["sRGB"], xmp=b"<x/>")
    plain = saved(PICTURE, "WEBP", lossless=lossless)
    place = full.index(b"EXIF")
    for name, data in (("full", full), ("plain", plain)):
        for size in (0, len(data) + 92, len(data) - 40, 2**31):
            yield f"{name}, length {size}", data[:4] + struct.pack("<I", size) + data[8:]
        yield f"{name}, more behind", data + b"garbage" * 50
    for cut in (place, place + 3, place + 6, place + 12, len(full) - 3):
        yield f"cut at {cut - place} of its EXIF", full[:cut]
    yield "a chunk of 100 MB", full[: place + 4] + struct.pack("<I", 10**8) + full[place + 8 :]


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_is_its_picture(lossless: bool) -> None:
    whole = saved(PICTURE, "WEBP", lossless=lossless)
    for name, data in webps(lossless):
        assert np.array_equal(images.at_full_size(data), images.at_full_size(whole)), name
    assert_same(saved(PICTURE, "WEBP", lossless=lossless, exif=exif(1))[:-4], whole)
    for cut in (20, 100, len(whole) // 2, len(whole) - 4):
        with pytest.raises(DamagedPicture, match="cut short"):
            images.at_full_size(whole[:cut])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
def test_a_tiff_is_its_picture(compression: str) -> None:
    texts = {270: "hello " * 20, 305: "soft" * 10, 315: "someone " * 9}
    whole = saved(PICTURE, "TIFF", compression=compression, tiffinfo=texts, icc_profile=PROFILES["sRGB"])
    (first,) = struct.unpack_from("<I", whole, 4)
    (number,) = struct.unpack_from("<H", whole, first)
    tried = 0
    for at in range(first + 2, first + 2 + 12 * number, 12):
        tag, kind, count, place = struct.unpack_from("<HHII", whole, at)
        if tag in (*texts, 34675):
            for entry in ((kind, count, 2**31), (kind, 2**30, place), (0, count, place), (99, count, place)):
                damaged = whole[:at] + struct.pack("<HHII", tag, *entry) + whole[at + 12 :]
                assert np.array_equal(images.at_full_size(damaged), images.at_full_size(whole)), (tag, entry)
                tried += 1
    assert tried == 16
    for following in (2**31, 20, first):  # where the next directory is said to be
        end = first + 2 + 12 * number
        assert_same(whole[:end] + struct.pack("<I", following) + whole[end + 4 :], whole)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd"])
def test_a_tiff_of_any_depth_that_is_cut_short_is_damaged(planar: bool, compression: str | None) -> None:
    deep = written("", quantised(SCENE, 32), None, planar, photometric="rgb", compression=compression).data
    (place,) = struct.unpack_from("<I", deep, 4)
    assert place < len(deep) // 2, "tifffile writes the directory first"
    assert images.at_full_size(deep).shape == (43, 60, 3)
    with pytest.raises(DamagedPicture, match="cut short"):
        images.at_full_size(deep[: len(deep) - len(deep) // 4])


def test_a_tile_larger_than_any_picture_is_refused_before_anything_is_decoded() -> None:
    small = laid_out("", bytes(60 * 43), None, t258=[8], t262=[1], t277=[1], t322=[60_000], t323=[60_000]).data
    with pytest.raises(PictureTooLarge, match="in tiles of"):
        images.at_full_size(small)


@pytest.mark.parametrize(
    ("bits", "kind", "photometric", "why"),
    [(32, 2, 2, "signed"), (16, 1, 32845, "LogLuv"), (1, 1, 4, "a mask"), (18, 1, 1, "18 bits"), (16, 1, 9999, "9999")],
)
def test_what_is_refused_is_named(bits: int, kind: int, photometric: int, why: str) -> None:
    number = 3 if photometric in (2, 32845) else 1
    tags = {"t258": [bits] * number, "t339": [kind] * number, "t262": [photometric], "t277": [number]}
    with pytest.raises(NotAPicture, match=rf"^This kind of TIFF is not read \(.*{why}.*\): save it as PNG or JPEG\.$"):
        images.at_full_size(laid_out("", bytes(60 * 43 * 12), None, **tags).data)


def test_floating_point_is_of_0_to_1_or_of_0_to_255() -> None:
    for times in (1, 255):
        data = written("", (SCENE * times).astype(np.float32), None, photometric="rgb").data
        assert np.abs(images.at_full_size(data) - SCENE * 255).max() <= 0.51


def test_a_gif_needs_no_trailer_and_a_bmp_no_size() -> None:
    gif = saved(PICTURE.quantize(64), "GIF")
    for data in (gif[:-1], gif[:-2], gif + b"x" * 50):
        assert_same(data, gif)
    bmp = saved(PICTURE, "BMP")
    for size in (0, 1, 2**32 - 1):
        said = struct.pack("<I", size)
        assert_same(bmp[:2] + said + bmp[6:], bmp)
        assert_same(bmp[:34] + said + bmp[38:] + b"behind", bmp)


def test_a_picture_beside_its_turn_in_xmp_or_a_text_stays_as_it_is() -> None:
    """What no browser turns by: XMP, in every format, and ImageMagick's text in a PNG."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    for format in ("JPEG", "WEBP", "AVIF"):
        assert images.at_full_size(saved(PICTURE, format, xmp=xmp)).shape == (40, 60, 3)
    tagged = written("", quantised(SCENE, 8), None, photometric="rgb", extratags=[(700, 1, len(xmp), xmp, True)]).data
    with Image.open(io.BytesIO(tagged)) as turned_by_pillow:
        turned_by_pillow.load()
        assert turned_by_pillow.size == (43, 60)
    assert np.abs(images.at_full_size(tagged) - SCENE * 255).max() <= 0.51
    text, block = PngInfo(), exif(6)
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    assert images.at_full_size(saved(PICTURE, "PNG", pnginfo=text)).shape == (40, 60, 3)
    assert images.at_full_size(saved(PICTURE, "PNG", exif=block)).shape == (60, 40, 3)


def test_one_of_all_16_bit_colours_is_transparent_and_its_neighbours_are_not() -> None:
    """They differ from it in their lower bytes alone, which 8 bits do not show."""
    values = np.full((43, 60, 3), 0x1234)
    values[:, 20:40, 1], values[:, 40:, 2] = 0x1235, 0x1334
    clear = chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x1234, 0x1234))
    picture = images.at_full_size(png(values, 16, 2, clear))
    assert np.unique(picture[:, :20]).tolist() == [255]
    assert np.unique(picture[:, 20:40]).tolist() == [0x12]
    assert np.unique(picture[:, 40:], axis=1)[0].tolist() == [[0x12, 0x12, 0x13]]
