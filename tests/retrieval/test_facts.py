"""What pictures say of themselves: EXIF laid byte by byte after CIPA DC-008, with values worked out by hand."""

import io
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from semblance.retrieval import decoding, images
from semblance.retrieval.facts import Facts
from semblance.retrieval.formats import xmp
from semblance.retrieval.inputs import InputSpec
from tests.exif import ASCII, CANON, DATED, MUNICH, RATIONAL, SHORT, Entry, directory, exif, saved

EXPECTED = Facts(40, 30, "2019-05-04T13:02:01.25+02:00", "Canon EOS R5", 48.1375, 11.575)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "MPO"])
def test_every_format_that_holds_exif_says_what_it_holds(kind: str, order: str) -> None:
    assert images.facts(saved(kind, exif=exif(CANON, DATED, MUNICH, order))) == EXPECTED


def test_a_tiff_says_it_in_its_own_directories(tmp_path: Path) -> None:
    """With a turn by a quarter: shown it is as high as it was wide. Both readers, of Pillow's kinds and of ours."""
    block = Image.Exif()
    block.load(exif(CANON, DATED, MUNICH))
    block[0x0112] = 6
    for mode in ("RGB", "I;16"):
        out = io.BytesIO()
        Image.new(mode, (40, 30)).save(out, "TIFF", exif=block)
        assert images.facts(out.getvalue()) == replace(EXPECTED, width=30, height=40), mode
    assert images.load_each(out.getvalue(), [InputSpec(16)])[InputSpec(16)].shape == (16, 16, 3)


@pytest.mark.parametrize("turn", range(1, 9))
def test_width_and_height_are_as_the_picture_is_shown(turn: int) -> None:
    data = saved("JPEG", exif=exif([(0x0112, SHORT, turn)]))
    seen = images.at_full_size(data)
    assert (images.facts(data).height, images.facts(data).width) == seen.shape[:2]


@pytest.mark.parametrize(
    ("first", "deeper", "taken"),
    [
        ([], [(0x9003, ASCII, "2019:05:04 13:02:01")], "2019-05-04T13:02:01"),
        ([(0x0132, ASCII, "2001:01:01 00:00:00")], [(0x9004, ASCII, "2002:02:02 02:02:02")], "2002-02-02T02:02:02"),
        ([(0x0132, ASCII, "2001:01:01 00:00:00")], [(0x9003, ASCII, "0000:00:00 00:00:00")], "2001-01-01T00:00:00"),
        ([(0x0132, ASCII, "2001:01:01 00:00:00"), (0x9290, ASCII, "9")], [], "2001-01-01T00:00:00"),
        ([], [(0x9003, ASCII, "2019:02:29 13:02:01")], None),
        ([], [(0x9003, ASCII, "2020:02:29 24:00:00")], None),
        ([], [(0x9003, ASCII, "0001:01:01 00:00:00")], None),
        ([], [(0x9003, ASCII, "    :  :     :  :  ")], None),
        ([], [*DATED[:1], (0x9291, ASCII, "x"), (0x9011, ASCII, "+99:00")], "2019-05-04T13:02:01"),
        ([], [(0x9003, ASCII, "2019:05:04 13:02:01"), (0x9291, ASCII, "12345678")], "2019-05-04T13:02:01.123456"),
        ([], [(0x9003, ASCII, "yesterday")], None),
        ([], [(0x9003, SHORT, 2019)], None),
    ],
)  # fmt: skip
def test_a_date_that_is_none_is_none(first: list[Entry], deeper: list[Entry], taken: str | None) -> None:
    assert images.facts(saved("JPEG", exif=exif(first, deeper))).taken == taken


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("EASTMAN KODAK COMPANY", "KODAK DX3600 DIGITAL CAMERA", "KODAK DX3600 DIGITAL CAMERA"),
        ("SAMSUNG TECHWIN CO., LTD.", "S860", "SAMSUNG TECHWIN S860"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("HUAWEI", "huawei-P20", "huawei-P20"),
        ("", "X100", "X100"),
        ("Leica", "", "Leica"),
        ("  ", "\t", None),
        ("Ev\x07il\u202e", "a\nb\x1b[31m", "Ev il a b [31m"),
        (b"Caf\xe9\0junk", b"Model\0\0\0hidden", "Café Model"),
        ("x" * 90, "y" * 90, ("x" * 90 + " " + "y" * 90)[:100]),
    ],
)
def test_a_camera_is_named_once_and_can_be_printed(make: str | bytes, model: str | bytes, camera: str | None) -> None:
    first = [(tag, ASCII, name) for tag, name in ((0x010F, make), (0x0110, model))]
    assert images.facts(saved("JPEG", exif=exif(first))).camera == camera


@pytest.mark.parametrize(
    ("halves", "latitude", "longitude", "expected"),
    [
        ("SW", [22, 1, 54, 1, 30, 1], [43, 1, 12, 1, 0, 1], (-22.9083333, -43.2)),
        ("NE", [90, 1, 0, 1, 0, 1], [180, 1, 0, 1, 0, 1], (90.0, 180.0)),
        ("NE", [91, 1, 0, 1, 0, 1], [11, 1, 0, 1, 0, 1], None),
        ("NE", [48, 1, 0, 1, 0, 1], [181, 1, 0, 1, 0, 1], None),
        ("NE", [48, 1, 99, 1, 0, 1], [11, 1, 0, 1, 0, 1], None),
        ("NE", [48, 0, 0, 1, 0, 1], [11, 1, 0, 1, 0, 1], None),  # by nought
        ("NE", [48, 1, 0, 1, 0, 0], [11, 1, 0, 1, 0, 1], None),
        ("NE", [0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1], None),  # a receiver that has found no place
        ("X ", [48, 1, 0, 1, 0, 1], [11, 1, 0, 1, 0, 1], None),
        ("NE", [48, 1], [11, 1], (48.0, 11.0)),
    ],
)
def test_a_place_is_on_the_earth_or_none(
    halves: str, latitude: list[int], longitude: list[int], expected: tuple[float, float] | None
) -> None:
    place = [(1, ASCII, halves[0]), (2, RATIONAL, latitude), (3, ASCII, halves[1]), (4, RATIONAL, longitude)]
    found = images.facts(saved("JPEG", exif=exif([], [], place)))
    assert (found.latitude, found.longitude) == (expected or (None, None))


def test_what_xmp_alone_says_counts_and_exif_comes_first() -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
        '<rdf:Description exif:DateTimeOriginal="2011-02-03T04:05:06+01:00"'
        " tiff:Make='A &amp; B' exif:GPSLatitude=\"33,51.5S\"><tiff:Model>Box</tiff:Model>"
        "<exif:GPSLongitude>151,12,36E</exif:GPSLongitude></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    said = Facts(40, 30, "2011-02-03T04:05:06+01:00", "A & B Box", -33.8583333, 151.21)
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", packet)
    for data in (saved("JPEG", xmp=packet.encode()), saved("WEBP", xmp=packet.encode()), saved("PNG", pnginfo=text)):
        assert images.facts(data) == said
    both = saved("JPEG", xmp=packet.encode(), exif=exif(CANON, DATED))
    assert images.facts(both) == replace(said, taken=EXPECTED.taken, camera="Canon EOS R5")
    bomb = '<!DOCTYPE a [<!ENTITY b "' + "c" * 9 + '">]>' + "<tiff:Model>&b;" * 10_000
    assert xmp.read(bomb) == {"tiff:Model": "&b;"} or xmp.read(bomb) == {}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_hostile_exif_says_nothing_wrong_and_costs_no_picture(kind: str) -> None:
    """Each byte of a block changed, one at a time, in several ways; what is said can be printed, and is bounded."""
    block = exif(CANON, DATED, MUNICH)
    plain = images.load(saved(kind), InputSpec(8))
    chance = np.random.default_rng(1)
    for at in range(6, len(block), 1 if kind == "JPEG" else 7):
        damaged = bytearray(block)
        damaged[at] = int(chance.integers(256)) if at % 3 else 255
        data = saved(kind, exif=bytes(damaged))
        said = images.facts(data)
        assert sorted((said.width, said.height)) == [30, 40]
        assert (said.camera or "x").isprintable()
        assert len(said.camera or "") <= 100
        assert said.latitude is None or (abs(said.latitude) <= 90 and abs(said.longitude or 0) <= 180)
        if images.load(data, InputSpec(8)).shape != plain.shape:
            raise AssertionError(at)


def test_a_block_whose_entries_all_point_at_one_large_place_takes_no_memory() -> None:
    """5,000 entries of 60 kB each would be 300 MB, if all were copied."""
    entries = [(0x1000 + number, ASCII, b"") for number in range(5000)]
    whole = bytearray(directory(8, [(0x010F, ASCII, "Sony"), *entries], "<"))
    for number in range(5000):
        struct.pack_into("<HHII", whole, 2 + 12 * (number + 1), 0x1000 + number, 7, 60_000, 8)
    data = saved("PNG", exif=b"Exif\0\0II*\0\x08\0\0\0" + bytes(whole) + bytes(10_000))
    tracemalloc.start()
    try:
        assert images.facts(data).camera == "Sony"
        images.load(data, InputSpec(8))
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_decoders_say_it_with_what_they_show_and_of_a_jpeg_read_no_more_than_its_beginning(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg", quality=95, exif=exif(CANON, DATED, MUNICH))
    Image.fromarray(noise[:60]).save(tmp_path / "b.png", exif=exif(CANON))
    whole = (tmp_path / "a.jpg").read_bytes()
    assert len(whole) > 2 * 256 * 1024
    (tmp_path / "cut.jpg").write_bytes(whole[: 300 * 1024])
    expected = replace(EXPECTED, width=1200, height=1500)
    with decoding.one() as decoder:
        assert decoder.see([InputSpec(32)], tmp_path / "a.jpg")[InputSpec(32)].shape == (32, 32, 3)
        assert decoder.said == expected
        for name in ("a.jpg", "cut.jpg"):
            assert decoder.see([], tmp_path / name) == {}
            assert decoder.said == expected
        decoder.see([], tmp_path / "b.png")
        assert decoder.said == Facts(1200, 60, camera="Canon EOS R5")
        decoder.open(tmp_path / "b.png")
        decoder.see([])
        assert decoder.said == Facts(1200, 60, camera="Canon EOS R5"), "of the file that is held, too"
