"""Damage in what is not the picture never costs the picture; a picture that is really cut short stays damaged."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, NotAPicture
from semblance.retrieval.images import InputSpec
from tests.retrieval.test_images import chunk, exif, saved, textured

SPECS = (InputSpec(8), InputSpec(32))
JPEGS = {
    "plain": {},
    "progressive": {"progressive": True},
    "all colours": {"quality": 98, "subsampling": 0},
    "restarts": {"restart_marker_blocks": 3},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 2},
    "turned": {"exif": exif(6)},
}
ROADS: dict[str, Callable[[bytes], object]] = {
    "load": lambda data: [images.load(data, spec).tobytes() for spec in SPECS],
    "load_each": lambda data: [picture.tobytes() for picture in images.load_each(data, SPECS).values()],
    "at_full_size": lambda data: images.at_full_size(data).tobytes(),
    "thumbnail": lambda data: images.thumbnail(data, 40),
}


def assert_same(data: bytes, whole: bytes) -> None:
    """On every road the bytes of the file that nothing is wrong with."""
    for name, road in ROADS.items():
        assert road(data) == road(whole), name


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(150, 101), (64, 64), (8, 8)])
def test_a_jpeg_without_its_end_mark_is_whole(options: dict[str, object], size: tuple[int, int]) -> None:
    whole = saved(textured(*size), "JPEG", **options)
    assert whole.endswith(b"\xff\xd9")
    for data in (whole[:-2], whole[:-1]):
        assert_same(data, whole)


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [(150, 101), (64, 64), (8, 8)])
def test_a_jpeg_whose_pixels_are_cut_short_is_damaged(options: dict[str, object], size: tuple[int, int]) -> None:
    """By however little: wherever the cut is, what comes is the whole picture or no picture."""
    whole = saved(textured(*size), "JPEG", **options)
    expected = images.at_full_size(whole)
    damaged = 0
    for cut in (*range(3, 24), len(whole) // 3, len(whole) // 2, len(whole) - 200):
        try:
            assert np.array_equal(images.at_full_size(whole[:-cut]), expected), cut
        except DamagedPicture as error:
            assert "cut short" in str(error)  # noqa: PT017 - a cut that costs no pixel is no fault
            damaged += 1
    assert damaged >= 22


def test_a_progressive_jpeg_that_lacks_a_scan_is_damaged() -> None:
    """Cut where a scan ends, it could be shown, coarser than it is."""
    whole = saved(textured(150, 101), "JPEG", progressive=True)
    ends = [at for at in range(len(whole)) if whole[at : at + 2] in (b"\xff\xda", b"\xff\xc4")]
    assert len(ends) > 5
    for at in ends:
        with pytest.raises(DamagedPicture, match="cut short"):
            images.load(whole[:at], SPECS[0])


def with_chunks(png: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """A PNG with more chunks in front of its pixels and behind them."""
    at = png.index(b"IDAT") - 4
    return png[:at] + before + png[at:-12] + after + png[-12:]


def wrong(good: bytes) -> bytes:
    """A chunk with a wrong checksum."""
    return good[:-1] + bytes((good[-1] ^ 1,))


BIG = zlib.compress(bytes(2_000_000))
METADATA = {
    "compressed text": chunk(b"zTXt", b"parameters\0\0" + BIG),
    "international text": chunk(b"iTXt", b"workflow\0\1\0\0\0" + BIG),
    "much plain text": chunk(b"tEXt", b"a\0" + b"x" * 1_200_000) * 60,
    "much compressed text": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 70,
    "an unknown method": chunk(b"zTXt", b"a\0\7abc"),
    "a short profile": chunk(b"iCCP", b"p\0"),
    "a profile's method": chunk(b"iCCP", b"p\0\3abc"),
    "a big profile": chunk(b"iCCP", b"p\0\0" + BIG),
    "short pHYs": chunk(b"pHYs", b"\0\0"),
    "short gAMA": chunk(b"gAMA", b""),
    "short cHRM": chunk(b"cHRM", b"\0" * 5),
    "empty sRGB": chunk(b"sRGB", b""),
    "short acTL": chunk(b"acTL", b"\0"),
    "a frame out of turn": chunk(b"fcTL", struct.pack(">IIIIIHHBB", 9, 60, 40, 0, 0, 1, 1, 0, 0)),
    "a short tRNS": chunk(b"tRNS", b"\0"),
    **{f"checksum of {kind.decode()}": wrong(chunk(kind, b"a\0abc")) for kind in (b"tEXt", b"tIME", b"prVt", b"bKGD")},
    "checksum of gAMA": wrong(chunk(b"gAMA", struct.pack(">I", 45455))),
    "checksum of eXIf": wrong(chunk(b"eXIf", exif(6)[6:])),
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_what_a_png_holds_beside_its_picture_does_not_cost_it(metadata: bytes) -> None:
    whole = saved(textured(60, 40), "PNG")
    assert np.array_equal(images.at_full_size(whole), np.asarray(textured(60, 40)))
    assert_same(with_chunks(whole, before=metadata), whole)
    assert_same(with_chunks(whole, after=metadata), whole)


def test_what_can_be_read_beside_a_bad_chunk_still_counts() -> None:
    """Its turn, its transparency, its palette; and a moving PNG is its first frame."""
    picture = textured(60, 40)
    bad = METADATA["compressed text"] + METADATA["checksum of tIME"]
    turned = saved(picture, "PNG", exif=exif(6))
    assert_same(with_chunks(turned, bad, bad), turned)
    assert images.at_full_size(turned).shape == (60, 40, 3)
    palette = saved(picture.quantize(16), "PNG", transparency=3)
    assert_same(with_chunks(palette, bad, bad), palette)
    assert (images.at_full_size(palette) == 255).all(2).any()
    moving = saved(picture, "PNG", save_all=True, append_images=[Image.new("RGB", (60, 40)), picture])
    assert_same(with_chunks(moving, bad, bad), moving)
    assert np.array_equal(images.at_full_size(with_chunks(moving, bad)), np.asarray(picture))
    with Image.open(io.BytesIO(moving)) as opened:
        assert getattr(opened, "n_frames", 1) == 3


def test_a_png_whose_pixels_are_cut_short_is_damaged_whatever_stands_beside_them() -> None:
    whole = saved(textured(60, 40), "PNG")
    for cut in (13, 40, len(whole) // 2):
        with pytest.raises(DamagedPicture, match="cut short"):
            images.load(with_chunks(whole, before=METADATA["compressed text"])[: -cut - 12], SPECS[0])
    assert_same(whole[:-12], whole)  # without its end mark
    header = bytearray(whole)
    header[29] ^= 1  # the checksum of its sides
    with pytest.raises(DamagedPicture):
        images.load(bytes(header), SPECS[0])


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        *[(0xE0, b"JFIF"), (0xE0, b"JFIF\0"), (0xE2, b"ICC_PROFILE\0"), (0xE2, b"ICC_PROFILE\0\1"), (0xEE, b"Adobe")],
        *[(0xE2, b"MPF\0"), (0xED, b"Photoshop 3.0\0008BIM\3"), (0xE1, b"Exif\0\0I"), (0xE1, b""), (0xFE, b"")],
    ],
)
def test_what_a_jpeg_holds_beside_its_picture_does_not_cost_it(marker: int, body: bytes) -> None:
    whole = saved(textured(60, 40), "JPEG")
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
    assert_same(whole[:2] + segment + whole[2:], whole)


TEXTS = [
    b"BMW service, 2021\n",
    b"BMX\tbicycle\r\n",
    b"BM\n" + b"a" * 500,
    "BMW für Zürich, zweitausendeinundzwanzig".encode(),
    b"BM" + "für immer und ewig".encode("latin-1"),
    b"GIF89a is a format of 1989, GIF87a one of 1987.",
    b"GIF87a\n",
    b"BM" + bytes(range(60)),  # no text, and no BMP either: its header has no length that there is
]


@pytest.mark.parametrize("data", TEXTS)
def test_a_text_that_begins_as_a_picture_does_is_none(data: bytes) -> None:
    assert images.media_type(data[: images.SNIFF_BYTES]) is None
    for road in ROADS.values():
        with pytest.raises(NotAPicture, match="not a picture that Semblance reads"):
            road(data)


@pytest.mark.parametrize("sides", [(1, 1), (60, 40), (0x4142, 1), (1, 0x4142)])
@pytest.mark.parametrize("format", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_no_picture_is_taken_for_a_text(format: str, sides: tuple[int, int]) -> None:
    for mode in ("1", "L", "P", "RGB"):
        if format != "WEBP" or max(sides) < 16384:
            picture = Image.new("RGB", sides, "#414243").convert(mode)
            data = saved(picture.convert("L") if format == "JPEG" else picture, format)
            assert images.media_type(data[: images.SNIFF_BYTES]) == f"image/{format.lower()}"
    if format == "BMP":
        data = saved(Image.new("RGB", sides), format)
        for cut in (2, 6, 10, 17, 20, 30):
            with pytest.raises(DamagedPicture):
                images.load(data[:cut], SPECS[0])


def tiff(bits: int, photometric: int, samples: int, **more: int) -> bytes:
    """A whole TIFF 8 x 8 of one strip, little-endian, all noughts."""
    strip = bytes(8 * 8 * samples * bits // 8)
    depths = struct.pack(f"<{samples}H", *[bits] * samples)
    inline = depths.ljust(4, b"\0") if len(depths) <= 4 else struct.pack("<I", 8)
    tags = {256: 8, 257: 8, 259: 1, 262: photometric, 273: 16, 277: samples, 278: 8, 279: len(strip)}
    tags |= {int(name[1:]): value for name, value in more.items()}
    rows = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items()}
    rows[258] = struct.pack("<HHI", 258, 3, samples) + inline
    directory = struct.pack("<H", len(rows)) + b"".join(row for _, row in sorted(rows.items())) + bytes(4)
    return b"II*\0" + struct.pack("<I", 16 + len(strip)) + depths.ljust(8, b"\0") + strip + directory


UNREAD = {
    "signed RGB": tiff(16, 2, 3, t339=2),
    "a mask": tiff(1, 4, 1),
    "LogLuv": tiff(16, 32845, 3, t259=34676),
    "a camera's mosaic": tiff(16, 32803, 1),
    "lossy DNG": tiff(8, 34892, 3, t259=34892),
    "JPEG, 12 bits": saved(textured(16, 16), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
    "BMP, 3 bits": saved(textured(16, 16), "BMP").replace(b"\1\0\x18\0", b"\1\0\3\0", 1),
}


@pytest.mark.parametrize("data", UNREAD.values(), ids=UNREAD)
def test_a_whole_file_of_a_kind_that_is_not_read_is_not_called_damaged(data: bytes) -> None:
    for road in ROADS.values():
        with pytest.raises(NotAPicture, match=r"^This kind of (TIFF|JPEG|BMP) is not read \(.+\): save it as PNG"):
            road(data)


def test_a_tiff_that_is_read_still_is_and_cut_short_it_is_damaged() -> None:
    assert images.at_full_size(tiff(8, 2, 3)).shape == (8, 8, 3)
    with pytest.raises(DamagedPicture):
        images.load(tiff(8, 2, 3)[:150], SPECS[0])
