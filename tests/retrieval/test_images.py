"""Every format and every oddity comes out as the same RGB, and what cannot be read says why without costing memory."""

import io
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageFile

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, NotAPicture, PictureError, PictureTooLarge, UsageError
from semblance.retrieval.images import InputSpec, load, media_type, thumbnail
from semblance.retrieval.inputs import spec_for
from tests.conftest import ROOT

RED, GREEN, BLUE, YELLOW, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255)
SPEC = InputSpec(8)
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "BMP": "image/bmp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
}
# Where the four corners of RED GREEN / BLUE YELLOW land, by EXIF 2.32, tag 274: "the visual top-left is ...".
TURNED = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


def four_colours(width: int = 96, height: int = 64) -> Image.Image:
    """Quarters of red, green / blue, yellow."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, YELLOW
    return Image.fromarray(pixels)


def textured(width: int, height: int) -> Image.Image:
    """Waves and a gradient with a little noise, as a photograph has: it does not compress to nothing."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    grain = np.random.default_rng(0).normal(0, 4, (height, width))
    channels = [127 + 90 * np.sin(9 * x + 4 * y), 255 * x, 127 + 90 * np.cos(7 * y - 3 * x)]
    return Image.fromarray(np.stack([channel + grain for channel in channels], 2).clip(0, 255).astype(np.uint8))


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """The file's bytes."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif(orientation: int) -> bytes:
    """An EXIF block that holds the orientation tag alone."""
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def corners(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The middles of the four quarters, (4, 3), in reading order."""
    near, far = len(picture) // 4, len(picture) - 1 - len(picture) // 4
    return picture[[near, near, far, far], [near, far, near, far]].astype(np.int64)


def assert_corners(picture: npt.NDArray[np.uint8], expected: list[tuple[int, int, int]], within: int = 8) -> None:
    assert np.abs(corners(picture) - np.array(expected)).max() <= within, corners(picture).tolist()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with a right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG whose header says what it is told to, whatever `rows` holds."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# ---- formats and modes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_every_format_is_read_and_recognised(format: str, tmp_path: Path) -> None:
    data = saved(four_colours(), format)
    picture = load(data, SPEC)
    assert picture.shape == (8, 8, 3)
    assert picture.dtype == np.uint8
    assert_corners(picture, TURNED[1])
    assert media_type(data[: images.SNIFF_BYTES]) == MEDIA_TYPES[format]
    (tmp_path / "no-suffix").write_bytes(data)
    assert np.array_equal(load(tmp_path / "no-suffix", SPEC), picture)
    assert np.array_equal(load(data, SPEC), picture)


def test_media_types_are_known_before_any_picture_was_opened() -> None:
    """A scan sniffs first; Pillow loads the readers of WebP, AVIF, HEIC and TIFF only when they are asked for."""
    heads = {format: saved(four_colours(), format)[: images.SNIFF_BYTES] for format in MEDIA_TYPES}
    program = "from semblance.retrieval.images import media_type\n"
    program += f"for head in {list(heads.values())}: print(media_type(head))"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == list(MEDIA_TYPES.values())


@pytest.mark.parametrize(
    ("brands", "kind"), [(b"mif1heic", "image/heic"), (b"miafavif", "image/avif"), (b"miafheic", "image/heic")]
)
def test_the_brands_say_what_a_container_of_either_holds(brands: bytes, kind: str) -> None:
    assert media_type(b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00" + brands) == kind


@pytest.mark.parametrize("head", [b"", b"hello, world", b"<svg/>", b"%PDF-1.7", b"\x00" * 32, b"P6 1 1 255 abc"])
def test_what_is_no_picture_has_no_media_type(head: bytes) -> None:
    assert media_type(head) is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
def test_orientation_is_applied_once(format: str, orientation: int) -> None:
    data = saved(four_colours(), format, exif=exif(orientation))
    assert_corners(load(data, SPEC), TURNED[orientation], within=12)
    shown = Image.open(io.BytesIO(thumbnail(data, 48)))
    assert shown.size == ((32, 48) if orientation >= 5 else (48, 32))
    assert_corners(np.asarray(shown.resize((8, 8))), TURNED[orientation], within=24)


@pytest.mark.parametrize("compression", ["raw", "tiff_deflate"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_orientation_tag(compression: str, orientation: int) -> None:
    data = saved(four_colours(), "TIFF", tiffinfo={274: orientation}, compression=compression)
    assert_corners(load(data, SPEC), TURNED[orientation])


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_passed_over(value: int) -> None:
    assert_corners(load(saved(four_colours(), "JPEG", exif=exif(value)), SPEC), TURNED[1])


def test_sixteen_bit_grey_keeps_its_shades() -> None:
    columns = np.array([0, 255, 256, 0x1234, 0x8000, 0xABCD, 0xFF00, 0xFFFF], np.uint16)
    grey = Image.fromarray(np.tile(columns, (8, 1)))
    for format in ("PNG", "TIFF"):
        picture = load(saved(grey, format), SPEC)
        for channel in range(3):
            assert picture[3, :, channel].tolist() == [0x00, 0x00, 0x01, 0x12, 0x80, 0xAB, 0xFF, 0xFF], format


def test_sixteen_bit_grey_with_a_transparent_shade() -> None:
    """One of 65,536 greys is transparent: that one alone turns white, and the others keep their shades."""
    columns = np.array([0x1200, 0x1200, 0x1200, 0x1200, 0x12FF, 0x12FF, 0x12FF, 0x12FF], np.uint16)
    data = saved(Image.fromarray(np.tile(columns, (8, 1))), "PNG", transparency=0x1200)
    assert load(data, SPEC)[4].tolist() == 4 * [[255, 255, 255]] + 4 * [[0x12, 0x12, 0x12]]


@pytest.mark.parametrize(("values", "shade"), [(0.5, 128), (128.0, 128), (300.0, 255), (-1.0, 0), (np.nan, 0)])
def test_floating_point_grey(values: float, shade: int) -> None:
    data = saved(Image.fromarray(np.full((8, 8), values, np.float32)), "TIFF")
    assert np.unique(load(data, SPEC)).tolist() == [shade]


def test_grey_bilevel_palette_cmyk_and_lab() -> None:
    grey = load(saved(Image.fromarray(np.full((8, 8), 77, np.uint8)), "PNG"), SPEC)
    assert np.unique(grey).tolist() == [77]
    assert np.unique(load(saved(Image.new("1", (8, 8), 1), "PNG"), SPEC)).tolist() == [255]
    assert_corners(load(saved(four_colours().quantize(4), "PNG"), SPEC), TURNED[1])
    assert_corners(load(saved(four_colours().quantize(4), "GIF"), SPEC), TURNED[1])
    assert_corners(load(saved(four_colours().convert("CMYK"), "JPEG"), SPEC), TURNED[1])
    assert_corners(load(saved(four_colours().convert("CMYK"), "TIFF"), SPEC), TURNED[1])
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.new("RGB", (8, 8), (200, 30, 60)), to_lab)
    assert lab is not None
    assert np.abs(load(saved(lab, "TIFF"), SPEC).astype(int) - (200, 30, 60)).max() <= 3


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
def test_transparency_is_laid_on_white(format: str) -> None:
    image = four_colours().convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 48, 32))  # the red quarter vanishes
    alpha.paste(128, (48, 0, 96, 32))  # the green one is half there
    image.putalpha(alpha)
    lossless: dict[str, object] = {"lossless": True} if format == "WEBP" else {}
    picture = load(saved(image, format, **lossless), SPEC)
    assert_corners(picture, [WHITE, (127, 255, 127), BLUE, YELLOW], within=12)


def test_grey_with_alpha_is_laid_on_white() -> None:
    assert np.unique(load(saved(Image.new("LA", (8, 8), (0, 0)), "PNG"), SPEC)).tolist() == [255]
    assert np.unique(load(saved(Image.new("LA", (8, 8), (40, 255)), "PNG"), SPEC)).tolist() == [40]


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_colour(format: str) -> None:
    image = four_colours().quantize(4)
    clear = image.getpixel((0, 0))
    picture = load(saved(image, format, transparency=clear), SPEC)
    assert_corners(picture, [WHITE, GREEN, BLUE, YELLOW])


def test_colours_under_full_transparency_never_bleed_in() -> None:
    """Transparent pixels that hold pure red, among opaque blue ones: no shrinking may make anything reddish."""
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[:, ::2] = (0, 0, 255, 255)
    picture = load(saved(Image.fromarray(pixels, "RGBA"), "PNG"), SPEC).astype(int)
    assert np.abs(picture[..., 0] - picture[..., 1]).max() <= 3  # white and blue alone: red equals green
    assert picture[..., 2].min() >= 250
    assert 90 <= picture[..., 0].mean() <= 165  # and both are there


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_first_frame_counts(format: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, GREEN, BLUE)]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
    assert_corners(load(data, SPEC), [RED] * 4)


def test_a_camera_file_of_several_jpegs_counts_as_its_first() -> None:
    data = saved(four_colours(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))], exif=exif(6))
    assert_corners(load(data, SPEC), TURNED[6], within=12)


# ---- scaling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [32, 64, 100])
def test_a_jpeg_decoded_at_reduced_scale_is_near_the_full_one(side: int) -> None:
    image = textured(1531, 1103)
    data = saved(image, "JPEG", quality=92)
    full = np.asarray(Image.open(io.BytesIO(data)).resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    difference = np.abs(load(data, InputSpec(side)).astype(int) - full)
    assert difference.mean() < 1.5
    assert difference.max() < 24


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The size of every picture that is decoded, as it comes."""
    sizes: list[tuple[int, int]] = []
    decode = ImageFile.ImageFile.load

    def spy(image: ImageFile.ImageFile) -> object:
        if image.tile:
            sizes.append(image.size)
        return decode(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", spy)
    return sizes


def test_reduced_scale_leaves_twice_the_target(decoded: list[tuple[int, int]]) -> None:
    """A JPEG of 1531 x 1103 for 32 x 32 is decoded at an eighth, and never below 64 on a side."""
    for width, height in ((1531, 1103), (300, 200), (130, 4000)):
        load(saved(Image.new("RGB", (width, height)), "JPEG"), InputSpec(32))
    assert decoded == [(192, 138), (150, 100), (65, 2000)]


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (2, (1152, 864)),
        (1.93, (1152, 864)),
        (1.92, (576, 432)),
        (1.5, (576, 432)),
        (0.97, (576, 432)),
        (0.96, (288, 216)),
    ],
)
def test_a_spec_says_how_small_a_jpeg_may_be_decoded(
    decoded: list[tuple[int, int]], least: float, expected: tuple[int, int]
) -> None:
    """Of 864 pixels, half are 1.928 times 224, and a quarter 0.964 times."""
    load(saved(Image.new("RGB", (1152, 864)), "JPEG"), InputSpec(224, least=least))
    assert decoded == [expected]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("turn", [1, 6])
def test_several_specs_get_what_each_gets_alone(decoded: list[tuple[int, int]], format: str, turn: int) -> None:
    specs = [spec_for(224), InputSpec(64, "squash-boxes-bicubic", 5.25), InputSpec(64), InputSpec(100)]
    data = saved(textured(1000, 700), format, exif=exif(turn))
    each = images.load_each(data, specs)
    sizes = [(max(size), min(size)) for size in decoded]
    assert sizes == ([(500, 350), (250, 175)] if format == "JPEG" else [(1000, 700)]), "once for each scale"
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        others: list[images.Source] = [opened, textured(9, 7)]
        for source, given in [(data, each), *((other, images.load_each(other, specs)) for other in others)]:
            for spec in specs:
                assert np.array_equal(given[spec], load(source, spec))


def test_trim_cuts_the_longer_side_half_way_to_the_square() -> None:
    """Of 256 x 64 pixels the middle 128 are seen, whose proportion is 2, the square root of 4; of 64 x 256 likewise."""
    trimmed = InputSpec(32, "trim-bicubic")
    for image, middle in ((textured(256, 64), (64, 0, 192, 64)), (textured(64, 256), (0, 64, 64, 192))):
        expected = np.asarray(image.crop(middle).resize((32, 32), Image.Resampling.BICUBIC)).astype(int)
        for turn, turns in ((1, 0), (6, -1)):
            seen = load(saved(image, "PNG", exif=exif(turn)), trimmed)
            difference = np.abs(seen - np.rot90(expected, turns))
            assert difference.mean() < 1
            assert difference.max() < 16, "at the edges a little of what is beyond shines in"
            assert np.abs(load(np.asarray(image), InputSpec(32)) - expected).mean() > 5
    square = textured(100, 100)
    assert np.array_equal(load(np.asarray(square), trimmed), load(np.asarray(square), InputSpec(32)))


def test_boxes_are_averaged_down_to_twice_the_target() -> None:
    """400 x 300 for 32 x 32: boxes of 6 x 4 leave 67 x 75, since 7 and 5 would leave less than 64."""
    image = textured(400, 300)
    expected = image.reduce((6, 4)).resize((32, 32), Image.Resampling.BICUBIC, box=(0, 0, 400 / 6, 300 / 4))
    assert np.array_equal(load(np.asarray(image), InputSpec(32, "squash-boxes-bicubic")), np.asarray(expected))
    small = np.asarray(textured(127, 100))
    assert np.array_equal(load(small, InputSpec(32, "squash-boxes-bicubic")), load(small, InputSpec(32)))


def test_a_heic_with_an_embedded_thumbnail_is_near_the_full_one() -> None:
    image = textured(640, 480)
    load_with, load_without = (
        load(saved(image, "HEIF", quality=90, thumbnails=sizes), InputSpec(32)).astype(int) for sizes in ([256], [])
    )
    assert np.abs(load_with - load_without).mean() < 3


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for format in ("PNG", "BMP", "TIFF"):
        assert np.array_equal(load(saved(Image.fromarray(pixels), format), InputSpec(32)), pixels)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (256, 192)),
        ((480, 640), (192, 256)),
        ((100, 80), (100, 80)),
        ((4000, 3), (256, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_thumbnails_keep_proportions_and_never_grow(size: tuple[int, int], expected: tuple[int, int]) -> None:
    for format in ("JPEG", "PNG"):
        shown = Image.open(io.BytesIO(thumbnail(saved(Image.new("RGB", size), format), 256)))
        assert (shown.format, shown.mode, shown.size) == ("JPEG", "RGB", expected)


# ---- pictures that Pillow holds, and arrays -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_whichever_way_the_same_pixels_come_they_give_the_same_bytes(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = textured(61, 47)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.convert(mode)
    image.save(tmp_path / "a.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    opened = Image.open(tmp_path / "a.png")
    decoded = Image.open(tmp_path / "a.png")
    decoded.load()
    path, array = tmp_path / "a.png", np.asarray(image)
    ways: list[images.Source] = [path.read_bytes(), str(path), "~/a.png", image, opened, decoded]
    squashed = load(path, SPEC)
    if mode == "RGB":
        assert np.array_equal(squashed, np.asarray(image.resize((8, 8), Image.Resampling.BICUBIC)))
    for way in [*ways, array, np.asfortranarray(array)]:
        assert np.array_equal(load(way, SPEC), squashed)
        assert np.array_equal(images.at_full_size(way), images.at_full_size(path))
        assert thumbnail(way, 20) == thumbnail(path, 20)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("format", [*MEDIA_TYPES, "MPO"])
def test_a_picture_just_opened_gives_the_bits_of_its_file(format: str, orientation: int) -> None:
    more: dict[str, object] = {"exif": exif(orientation)} if format not in ("BMP", "GIF") else {}
    if format == "HEIF":
        more["thumbnails"] = [128]
    if format == "MPO":
        more |= {"save_all": True, "append_images": [Image.new("RGB", (96, 64))]}
    data = saved(textured(640, 480), format, **more)
    file = load(data, SPEC)
    opened = Image.open(io.BytesIO(data))
    assert np.array_equal(load(opened, SPEC), file)
    opened.load()
    decoded = load(opened, SPEC)
    assert np.array_equal(load(opened.copy(), SPEC), decoded), "a copy still knows which way up it is"
    if format in ("JPEG", "HEIF", "MPO"):  # decoded whole, while the file is decoded at a smaller scale
        assert not np.array_equal(decoded, file)
        assert np.abs(decoded.astype(int) - file).mean() < 3
    else:
        assert np.array_equal(decoded, file)


@pytest.mark.parametrize("format", ["JPEG", "HEIF", "PNG", "GIF"])
def test_the_caller_s_picture_stays_as_it_was(format: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(saved(textured(640, 480), format))
    whole = np.asarray(Image.open(path).convert("RGB"))
    for opened in (Image.open(path), Image.open(io.BytesIO(path.read_bytes())), Image.open(path).copy()):
        before = opened.size, opened.mode, opened.format
        load(opened, SPEC)
        thumbnail(opened, 64)
        assert (opened.size, opened.mode, opened.format) == before
        assert np.array_equal(np.asarray(opened.convert("RGB")), whole), "it can be used, and at its full size"
        opened.close()


def test_of_a_picture_that_stands_at_a_later_frame_that_one_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in (RED, GREEN, BLUE)]
    for format in ("GIF", "MPO", "HEIF"):
        (tmp_path / format).write_bytes(saved(frames[0], format, save_all=True, append_images=frames[1:]))
        opened = Image.open(tmp_path / format)
        assert_corners(load(opened, SPEC), [RED] * 4)
        opened.seek(2)
        assert_corners(load(opened, SPEC), [BLUE] * 4)
        assert (opened.tell(), opened.size) == (2, (64, 64))
        opened.seek(1)
        assert_corners(np.asarray(opened.convert("RGB")), [GREEN] * 4)


def test_a_scale_or_mode_that_the_caller_asked_for_is_kept() -> None:
    data = saved(textured(640, 480), "JPEG")
    for mode, size in (("L", None), ("RGB", (100, 100))):
        drafted, same = (Image.open(io.BytesIO(data)) for _ in range(2))
        for image in (drafted, same):
            image.draft(mode, size)
        assert np.array_equal(load(drafted, SPEC), load(same.copy(), SPEC))
        assert not np.array_equal(load(drafted, SPEC), load(data, SPEC))


def test_a_closed_picture_is_a_sentence() -> None:
    for format in MEDIA_TYPES:
        closed, orphan = (Image.open(io.BytesIO(saved(four_colours(), format))) for _ in range(2))
        closed.close()
        assert orphan.fp is not None
        orphan.fp.close()
        with pytest.raises(DamagedPicture):
            load(closed, SPEC)
        try:
            assert_corners(load(orphan, SPEC), TURNED[1], within=12)  # some have read all of the file by now
        except DamagedPicture:
            continue


@pytest.mark.parametrize(
    "wrong",
    [
        np.full((8, 8, 3), np.nan),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.int64),
        np.zeros((8, 8, 3), bool),
        np.zeros((8, 8, 2), np.uint8),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros(8, np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros((8, 0), np.uint8),
        np.array("a.png"),
    ],
    ids=lambda wrong: f"{wrong.dtype} {wrong.shape}",
)
def test_an_array_that_is_no_picture_is_refused_in_a_sentence(wrong: npt.NDArray[np.generic]) -> None:
    with pytest.raises(NotAPicture) as refused:
        load(wrong, SPEC)
    assert str(refused.value).endswith(f"this one is {wrong.dtype} {wrong.shape}: convert it first.")


@pytest.mark.parametrize("wrong", [None, 42, ["a.png"], bytearray(b"x")])
def test_what_can_be_no_picture_is_refused_in_a_sentence(wrong: object) -> None:
    with pytest.raises(NotAPicture, match=f"not {type(wrong).__name__}"):
        load(wrong, SPEC)  # type: ignore[arg-type]


def test_an_empty_path_is_not_the_working_folder() -> None:
    with pytest.raises(UsageError, match="empty"):
        load("", SPEC)


# ---- Pillow's guard belongs to the process --------------------------------------------------------------------------


def test_importing_changes_nothing_for_others() -> None:
    program = """
import warnings
from PIL import Image
import numpy, onnxruntime
before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
import semblance.retrieval.codec, semblance.retrieval.images
assert Image.MAX_IMAGE_PIXELS is not None
assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_between_its_limit_and_ours_nobody_is_warned(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As between 89 and 100 megapixels, on a small scale."""
    data = saved(textured(96, 64), format)
    expected = load(data, SPEC)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 96 * 64 - 1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert np.array_equal(load(data, SPEC), expected)
        assert thumbnail(data, 32)
    assert [str(warning.message) for warning in said] == []
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(data))  # others still are


# ---- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"hello", b"<html></html>", b"%PDF-1.7\n", bytes(1000), b"P6\n1 1\n255\nabc"])
def test_not_a_picture(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(data)
    for source in (data, tmp_path / "picture.jpg"):
        for use in (lambda source: load(source, SPEC), lambda source: thumbnail(source, 64)):
            with pytest.raises(NotAPicture):
                use(source)


def test_formats_that_are_not_offered_are_not_read() -> None:
    """Pillow reads many more, PostScript among them by running a program."""
    for format in ("PPM", "ICO", "TGA", "PCX", "EPS", "PDF"):
        with pytest.raises(NotAPicture):
            load(saved(four_colours(), format), SPEC)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_cut_short(format: str, share: float) -> None:
    data = saved(textured(300, 200), format)
    cut = data[: int(len(data) * share)]
    with pytest.raises(DamagedPicture, match="cut short") as said:
        load(cut, SPEC)
    assert "bytes not processed" not in str(said.value), "or no two files would be left out for one reason"
    with pytest.raises(DamagedPicture, match="cut short"):
        thumbnail(cut, 64)


def test_sentences_are_for_people() -> None:
    """No addresses of objects, and the same words every time."""
    for data in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"BM", b"GIF89a", b"\x00\x00\x00\x18ftypheic"):
        with pytest.raises(DamagedPicture) as first:
            load(data, SPEC)
        assert "0x" not in str(first.value)
        assert "<" not in str(first.value)


def test_a_part_of_a_picture_is_brought_to_the_size_of_the_whole() -> None:
    picture = np.asarray(four_colours(32, 32))
    for box, colour in (((0, 0, 16, 16), RED), ((16, 0, 32, 16), GREEN), ((0, 16, 16, 32), BLUE)):
        found = images.scaled(picture, 32, box)
        assert (found.shape, str(found.dtype)) == ((32, 32, 3), "uint8")
        assert (found[4:-4, 4:-4] == colour).all(), "the box alone, but for its edge, where neighbours have a say"
    assert np.array_equal(images.scaled(picture, 32, (0, 0, 32, 32)), picture)
    left = images.scaled(np.asarray(textured(32, 32)), 32, (0, 0, 31.5, 32))
    assert not np.array_equal(left, images.scaled(np.asarray(textured(32, 32)), 32, (0, 0, 31, 32))), "fractions count"


def lying_headers() -> dict[str, bytes]:
    """Tiny files that claim more than 100 megapixels."""
    bmp = bytearray(saved(four_colours(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 50_000, 50_000)
    jpeg = bytearray(saved(four_colours(), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    pixel = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00;"
    canvas = b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + pixel
    frame_outside = canvas[:6] + struct.pack("<HH", 1, 1) + canvas[10:24] + struct.pack("<HH", 60_000, 60_000)
    return {
        "png": png(40_000, 40_000, b"\0"),
        "just over": png(10_001, 10_000, b"\0"),
        "bmp": bytes(bmp),
        "jpeg": bytes(jpeg),
        "gif canvas": canvas,
        "gif frame": frame_outside + canvas[28:],
    }


@pytest.mark.parametrize("name", lying_headers())
def test_too_many_pixels_is_said_before_decoding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = lying_headers()[name]
    assert len(data) < 20_000
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it was decoded"))
    started = time.perf_counter()
    with pytest.raises(PictureTooLarge, match="100 megapixels"):
        load(data, SPEC)
    with pytest.raises(PictureTooLarge, match="100 megapixels"):
        thumbnail(data, 64)
    assert time.perf_counter() - started < 1


def test_exactly_the_limit_of_pixels_is_not_too_large() -> None:
    with pytest.raises(DamagedPicture):  # there are no such pixels in the file, but their number is allowed
        load(png(10_000, 10_000, b"\0", depth=1, colour=0), SPEC)


def test_a_header_bigger_than_the_data() -> None:
    with pytest.raises(DamagedPicture):
        load(png(300, 300, b"\0" * 1000), SPEC)
    bmp = bytearray(saved(four_colours(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 300, 300)
    with pytest.raises(DamagedPicture):
        load(bytes(bmp), SPEC)
    for sides in ((0, 10), (10, 0)):
        with pytest.raises(DamagedPicture):
            load(png(*sides, b"\0"), SPEC)


def test_too_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(four_colours(), "PNG")
    (tmp_path / "picture.png").write_bytes(data)
    monkeypatch.setattr(images, "MAX_FILE_BYTES", len(data))
    for source in (data, tmp_path / "picture.png"):
        assert load(source, SPEC).shape == (8, 8, 3)
    assert images.read(tmp_path / "picture.png") == data
    monkeypatch.setattr(images, "MAX_FILE_BYTES", len(data) - 1)
    for source in (data, tmp_path / "picture.png"):
        with pytest.raises(PictureTooLarge, match="MB"):
            load(source, SPEC)
        with pytest.raises(PictureTooLarge, match="MB"):
            thumbnail(source, 64)
    with pytest.raises(PictureTooLarge):
        images.read(tmp_path / "picture.png")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_does_not_cost_the_picture(format: str) -> None:
    for block in (
        b"Exif\x00\x00garbage",
        b"Exif\x00\x00MM\x00*\xff\xff\xff\xff",
        b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff",
    ):
        assert_corners(load(saved(four_colours(), format, exif=block), SPEC), TURNED[1], within=12)


def test_a_file_that_cannot_be_opened_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.png", SPEC)
    with pytest.raises(IsADirectoryError):
        load(tmp_path, SPEC)


def test_flipped_bytes_give_a_picture_or_a_picture_error() -> None:
    """Whatever a decoder thinks of, nothing else than the tree of errors comes out."""
    random = np.random.default_rng(0)
    for format in MEDIA_TYPES:
        data = saved(textured(60, 40), format)
        for _ in range(30):
            damaged = np.frombuffer(data, np.uint8).copy()
            damaged[random.integers(0, len(data), 5)] = random.integers(0, 256, 5)
            try:
                assert load(damaged.tobytes(), SPEC).shape == (8, 8, 3)
            except PictureError:
                continue
