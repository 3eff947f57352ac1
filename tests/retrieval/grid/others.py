"""JPEG, WebP, AVIF, HEIC, JPEG 2000, GIF and BMP: Pillow's, imagecodecs's, and put together here."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image

from tests.retrieval.grid.profiles import PROFILES
from tests.retrieval.grid.scene import ALPHA8, GREY8, HEIGHT, RGB8, RGBA8, SCENE, WIDTH, Case, Pixels, grey, on_white
from tests.retrieval.grid.scene import turned as turned_

pillow_heif.register_heif_opener()
RGB, RGBA, GREY = Image.fromarray(RGB8), Image.fromarray(RGBA8), Image.fromarray(GREY8)
SOLID = RGB.getchannel("R").point(lambda _: 255)
WIDE = ("P3", "Adobe", "ProPhoto")
FULL: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 96, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 99, "subsampling": "4:4:4"},
    "HEIF": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
    "PNG": {},
    "JPEG2000": {},
}


def case(name: str, image: Image.Image, format: str, true: Pixels | None = None, **options: Any) -> Case:
    out = io.BytesIO()
    image.save(out, format, **{**FULL.get(format, {}), **options})
    return Case(f"{format} {name}", Image.MIME.get(format, "image/heic"), out.getvalue(), true)


def cases() -> Iterator[Case]:
    yield from profiled()
    yield from turned()
    yield from containers()
    yield from gifs()
    yield from bmps()


def profiled() -> Iterator[Case]:
    for name, profile in PROFILES.items():
        options: dict[str, Any] = {"icc_profile": profile} if profile else {}
        for mode, image in (("RGB", RGB), ("grey", GREY), ("CMYK", RGB.convert("CMYK"))):
            yield case(f"{mode}, profile {name}", image, "JPEG", **options)
        for format in ("WEBP", "AVIF"):
            yield case(f"RGB, profile {name}", RGB, format, None if name in WIDE else RGB8.astype(float), **options)
        yield case(f"RGBA, profile {name}", RGBA, "WEBP", **options)
    for sharing in ("4:4:4", "4:2:2", "4:2:0"):
        yield case(f"{sharing}", RGB, "JPEG", subsampling=sharing)
        yield case(f"{sharing}", RGB, "AVIF", subsampling=sharing)
        yield case(f"{sharing} progressive", RGB, "JPEG", subsampling=sharing, progressive=True)


def turned() -> Iterator[Case]:
    for turn in range(1, 9):
        block = Image.Exif()
        block[0x0112] = turn
        true = turned_(RGB8.astype(float), turn)
        for format in ("JPEG", "PNG", "AVIF", "WEBP", "HEIF"):
            yield case(f"turn {turn}", RGB, format, true, exif=block.tobytes())
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    xmp += b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    for format in ("JPEG", "AVIF", "WEBP"):
        yield case("turn in XMP alone", RGB, format, RGB8.astype(float), xmp=xmp)


def containers() -> Iterator[Case]:
    yield case("RGBA", RGBA, "AVIF", on_white(SCENE), subsampling="4:4:4")
    yield case("grey", GREY, "AVIF")
    for primaries, transfer in ((1, 1), (1, 13), (12, 13), (9, 1), (1, 4), (2, 2)):
        data = imagecodecs.avif_encode(RGB8, level=95, primaries=primaries, transfer=transfer)
        yield Case(f"AVIF nclx {primaries} {transfer}", "image/avif", bytes(data))
    for depth in (10, 12):
        deep = (SCENE * (2**depth - 1)).round().astype(np.uint16)
        yield Case(
            f"AVIF {depth} bits", "image/avif", bytes(imagecodecs.avif_encode(deep, level=97, bitspersample=depth))
        )
    yield case("RGB", RGB, "HEIF", RGB8.astype(float))
    yield case("RGBA", RGBA, "HEIF", on_white(SCENE))
    yield case("grey", GREY, "HEIF", grey(GREY8 / 255))
    deep = (SCENE * 65535).round().astype(np.uint16)
    for depth in (10, 12):
        pillow_heif.options.SAVE_HDR_TO_12_BIT = depth == 12
        out = io.BytesIO()
        pillow_heif.encode("RGB;16", (WIDTH, HEIGHT), deep.tobytes(), out, **FULL["HEIF"])
        yield Case(f"HEIF {depth} bits", "image/heic", out.getvalue(), SCENE * 255)
    for mode, image in (("RGB", RGB), ("RGBA", RGBA), ("grey", GREY), ("grey and alpha", RGBA.convert("LA"))):
        yield case(mode, image, "JPEG2000", on_white(SCENE) if mode == "RGBA" else None)
        yield case(f"{mode}, lossy", image, "JPEG2000", irreversible=True, quality_layers=[2])
    yield case("grey 16", Image.fromarray((SCENE[..., 0] * 65535).round().astype(np.uint16)), "JPEG2000")
    yield Case("JPEG2000 RGB 16", "image/jp2", bytes(imagecodecs.jpeg2k_encode(deep, level=0, codecformat="jp2")))
    yield Case("JPEG2000 codestream", "image/jp2", bytes(imagecodecs.jpeg2k_encode(RGB8, level=0, codecformat="j2k")))


def gifs() -> Iterator[Case]:
    few = RGB.quantize(16)
    yield case("palette", few, "GIF")
    yield case("tRNS", few, "GIF", transparency=3)
    yield case("1 bit", GREY.convert("1"), "GIF")
    yield case("interlaced", few, "GIF", interlace=1)
    yield case("moving", few, "GIF", save_all=True, append_images=[few.transpose(Image.Transpose.ROTATE_180)])
    for left, top, right, bottom in (
        (0, 0, WIDTH, HEIGHT),
        (10, 8, 40, 30),
        (0, 0, 20, HEIGHT),
        (30, 20, WIDTH, HEIGHT),
    ):
        for clear in (None, 3):
            out = io.BytesIO()
            few.crop((left, top, right, bottom)).save(out, "GIF", **({} if clear is None else {"transparency": clear}))
            data = bytearray(out.getvalue())
            data[6:10] = struct.pack("<HH", WIDTH, HEIGHT)
            palette = 3 * 2 ** ((data[10] & 7) + 1) if data[10] & 128 else 0
            at = data.index(b",", 13 + palette)
            data[at + 1 : at + 5] = struct.pack("<HH", left, top)
            yield Case(f"GIF frame {left} {top} {right} {bottom}, clear {clear}", "image/gif", bytes(data))


def bmp(
    bits: int, packing: int, data: bytes, masks: tuple[int, ...] = (), header: int = 40, rows: int = HEIGHT
) -> bytes:
    """A BMP of the header's length."""
    body = struct.pack("<IiiHHIIiiII", header, WIDTH, rows, 1, bits, packing, len(data), 0, 0, 0, 0)
    body += struct.pack(f"<{len(masks)}I", *masks)
    body = body.ljust(max(header, len(body)), b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(data), 0, 0, 14 + len(body)) + body + data


def bmps() -> Iterator[Case]:
    for mode, image in (("1", GREY.convert("1")), ("L", GREY), ("P", RGB.quantize(200)), ("RGB", RGB), ("RGBA", RGBA)):
        yield case(mode, image, "BMP")
    wide = RGB8.astype(np.uint32), ALPHA8.astype(np.uint32)
    layouts = {
        (16, 0x7C00, 0x3E0, 0x1F): (0, 40),
        (16, 0xF800, 0x7E0, 0x1F): (3, 40),
        (16, 0xF00, 0xF0, 0xF): (3, 40),
        (16, 0xF00, 0xF0, 0xF, 0xF000): (3, 108),
        (16, 0x7C00, 0x3E0, 0x1F, 0x8000): (3, 108),
        (32, 0xFF0000, 0xFF00, 0xFF): (3, 40),
        (32, 0xFF, 0xFF00, 0xFF0000): (3, 40),
        (32, 0x3FF00000, 0xFFC00, 0x3FF): (3, 40),
        (32, 0xFF0000, 0xFF00, 0xFF, 0xFF000000): (3, 108),
        (32, 0xFF, 0xFF00, 0xFF0000, 0xFF000000): (3, 124),
    }
    for (bits, *masks), (packing, header) in layouts.items():
        channels = [wide[0][..., 0], wide[0][..., 1], wide[0][..., 2], wide[1]]
        values = np.zeros((HEIGHT, WIDTH), np.uint32)
        for mask, channel in zip(masks, channels, strict=False):
            low = mask & -mask
            values |= ((channel * (mask // low) + 127) // 255).astype(np.uint32) * np.uint32(low)
        for down in (False, True):
            data = (values if down else values[::-1]).astype(f"<u{bits // 8}").tobytes()
            name = f"BMP {bits} {' '.join(f'{mask:x}' for mask in masks)}{' top down' if down else ''}"
            said = tuple(masks) if packing else ()
            yield Case(name, "image/bmp", bmp(bits, packing, data, said, header, -HEIGHT if down else HEIGHT))
