"""TIFF, written by tifffile, and by hand what that does not write."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

from tests.retrieval.grid.scene import (
    ALPHA,
    ALPHA8,
    GREY,
    GREY8,
    HEIGHT,
    RGB8,
    SCENE,
    WIDTH,
    Case,
    Pixels,
    grey,
    on_white,
    quantised,
    stepped,
    turned,
)

PLAIN = (8, 16, 32, 64)


def written(name: str, data: Pixels, true: Pixels | None = None, planar: bool = False, **options: Any) -> Case:
    """One picture of tifffile's."""
    out = io.BytesIO()
    if data.ndim == 3:
        options["planarconfig"] = "separate" if planar else "contig"
        data = data.transpose(2, 0, 1) if planar else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tifffile.imwrite(out, np.ascontiguousarray(data), metadata=None, **options)
    return Case(f"TIFF {name}{' planar' if planar else ''}", "image/tiff", out.getvalue(), true)


def cases() -> Iterator[Case]:
    yield from depths()
    yield from kinds()
    yield from alphas()
    yield from compressions()
    yield from colours()
    yield from by_hand()


def depths() -> Iterator[Case]:
    for bits in (1, 2, 4, 6, 8, 10, 12, 14, 16, 32):
        packed: dict[str, Any] = {} if bits in PLAIN else {"bitspersample": bits}
        shown, values = stepped(GREY, bits), quantised(GREY, bits)
        for order in "<>" if bits in (8, 16, 32) else "<":
            data = values.astype(bool) if bits == 1 else values
            for white, photometric in ((False, "minisblack"), (True, "miniswhite")):
                true = grey(1 - shown if white else shown)
                yield written(
                    f"grey {bits} {photometric} {order}", data, true, photometric=photometric, byteorder=order, **packed
                )
        for planar in (False, True) if bits > 1 else ():
            true = stepped(SCENE, bits) * 255
            yield written(f"RGB {bits}", quantised(SCENE, bits), true, planar, photometric="rgb", **packed)


def kinds() -> Iterator[Case]:
    for kind, bits in (("i", 8), ("i", 16), ("i", 32), ("f", 16), ("f", 32), ("f", 64), ("u", 64)):
        for photometric in ("minisblack", "miniswhite"):
            true = grey(GREY if photometric == "minisblack" else 1 - GREY)
            yield written(
                f"grey {kind}{bits} {photometric}", quantised(GREY, bits, kind), true, photometric=photometric
            )
        for planar in (False, True):
            yield written(f"RGB {kind}{bits}", quantised(SCENE, bits, kind), SCENE * 255, planar, photometric="rgb")


def alphas() -> Iterator[Case]:
    for bits in (8, 16, 32):
        for extra in ("unspecified", "assocalpha", "unassalpha"):
            by = ALPHA[..., None] if extra == "assocalpha" else 1
            for planar in (False, True):
                true = SCENE * 255 if extra == "unspecified" else on_white(SCENE)
                data = quantised(np.concatenate([SCENE * by, ALPHA[..., None]], 2), bits)
                yield written(f"RGB {extra} {bits}", data, true, planar, photometric="rgb", extrasamples=[extra])
                single = GREY[..., None]
                true = grey(GREY) if extra == "unspecified" else on_white(single.repeat(3, 2))
                data = quantised(np.concatenate([single * by, ALPHA[..., None]], 2), bits)
                options = {"photometric": "minisblack", "extrasamples": [extra]}
                yield written(f"grey {extra} {bits}", data, true, planar, **options)


def compressions() -> Iterator[Case]:
    for name in ("lzw", "deflate", "packbits", "lzma", "zstd"):
        for kind, bits in (("u", 8), ("u", 16), ("f", 32)):
            for tile in (None, (16, 32)):
                for planar in (False, True):
                    for predictor in (False,) if name == "packbits" else (False, True):
                        layout = {"tile": tile} if tile else {"rowsperstrip": 16}
                        title = f"{name} {kind}{bits}{' tiles' if tile else ''}{' predictor' if predictor else ''}"
                        data = quantised(SCENE, bits, kind)
                        options: dict[str, Any] = {"compression": name, "predictor": predictor, **layout}
                        yield written(title, data, SCENE * 255, planar, photometric="rgb", **options)
    for name in ("jpeg", "webp", "jpeg2000", "png", "jpegxl"):
        for tile in (None, (16, 32)):
            options = {"compression": name, "tile": tile, "photometric": "rgb"}
            yield written(f"{name}{' tiles' if tile else ''}", RGB8, None if name == "jpeg" else SCENE * 255, **options)
    for sharing in ((1, 1), (2, 1), (2, 2)):
        yield written(f"jpeg {sharing}", RGB8, photometric="ycbcr", compression="jpeg", subsampling=sharing)


def colours() -> Iterator[Case]:
    map16 = np.random.default_rng(0).integers(0, 65536, (3, 256)).astype(np.uint16)
    for name, colormap in (("16-bit map", map16), ("8-bit map", map16 >> 8)):
        true = (map16 >> 8).T[GREY8].astype(float)
        yield written(f"palette {name}", GREY8, true, photometric="palette", colormap=colormap)
    long = np.random.default_rng(0).integers(0, 65536, (3, 65536)).astype(np.uint16)
    indices = GREY8.astype(np.uint16) * 200
    yield written(
        "palette 16 bits", indices, (long >> 8).T[indices].astype(float), photometric="palette", colormap=long
    )
    for bits in (8, 16, 32):
        for planar in (False, True):
            inks = np.concatenate([1 - SCENE, 0.2 * ALPHA[..., None]], 2)
            yield written(f"CMYK {bits}", quantised(inks, bits), None, planar, photometric="separated")
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    pastel = (64 + RGB8 // 2).astype(np.uint8)
    lab = ImageCms.applyTransform(Image.fromarray(pastel), to_lab)
    assert lab is not None
    signed = np.frombuffer(lab.tobytes(), np.uint8).reshape(HEIGHT, WIDTH, 3)
    for bits, times in ((8, 1), (16, 256)):
        for name, values in (("cielab", signed), ("icclab", signed ^ np.array((0, 128, 128), np.uint8))):
            data = values if bits == 8 else (values.astype(np.uint16) * times)
            yield written(f"{name} {bits}", data, pastel.astype(float), photometric=name)
    for turn in range(1, 9):
        for bits, planar in ((8, False), (16, True), (12, False)):
            more: dict[str, Any] = {"extratags": [(274, 3, 1, turn, True)], "photometric": "rgb"}
            more |= {} if bits in PLAIN else {"bitspersample": bits}
            yield written(f"turn {turn} {bits}", quantised(SCENE, bits), turned(SCENE * 255, turn), planar, **more)
    for order in "<>":
        for planar in (False, True):
            more = {"photometric": "rgb", "bigtiff": True, "byteorder": order}
            yield written(f"BigTIFF {order}", quantised(SCENE, 16), SCENE * 255, planar, **more)


def laid_out(name: str, data: bytes, true: Pixels | None, **tags: Any) -> Case:
    """One strip, little-endian, with the tags given by number."""
    values = {
        256: (4, [WIDTH]),
        257: (4, [HEIGHT]),
        259: (3, [1]),
        273: (4, [8]),
        278: (4, [HEIGHT]),
        279: (4, [len(data)]),
    }
    values |= {int(tag[1:]): (3, value) for tag, value in tags.items()}
    out, rows = bytearray(b"II*\0" + bytes(4) + data + bytes(len(data) % 2)), []
    for tag, (kind, numbers) in sorted(values.items()):
        packed = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(packed) > 4:
            out, packed = out + packed, struct.pack("<I", len(out))
        rows.append(struct.pack("<HHI", tag, kind, len(numbers)) + packed.ljust(4, b"\0"))
    out[4:8] = struct.pack("<I", len(out))
    return Case(
        f"TIFF {name}", "image/tiff", bytes(out) + struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4), true
    )


def from_ycc(values: Pixels) -> Pixels:
    """Y, Cb and Cr (H, W, 3), after ITU-R BT.601 and JFIF, as RGB."""
    luma, blue, red = values[..., 0].astype(float), values[..., 1] - 128.0, values[..., 2] - 128.0
    channels = [luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue]
    return np.stack(channels, 2).clip(0, 255)


def by_hand() -> Iterator[Case]:
    whole = (SCENE * (2**24 - 1)).round().astype("<u4")
    three = whole.view(np.uint8).reshape(HEIGHT, WIDTH, 3, 4)[..., :3].tobytes()
    yield laid_out("RGB 24", three, SCENE * 255, t258=[24] * 3, t262=[2], t277=[3])
    reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    for name, compression, data in (("", 1, RGB8.tobytes()), (" deflate", 8, zlib.compress(RGB8.tobytes()))):
        data = data.translate(reverse)
        yield laid_out(
            f"fill order{name}", data, SCENE * 255, t258=[8] * 3, t262=[2], t277=[3], t266=[2], t259=[compression]
        )
    deep = quantised(GREY, 16).astype("<u2").tobytes().translate(reverse)
    yield laid_out("fill order 16", deep, grey(GREY), t258=[16], t262=[0 + 1], t277=[1], t266=[2])
    yield laid_out("a mask", bytes(HEIGHT * 8), None, t258=[1], t262=[4], t277=[1])
    five = np.concatenate([RGB8, RGB8[..., :1], ALPHA8[..., None]], 2)
    yield laid_out("RGB, data, alpha", five.tobytes(), on_white(SCENE), t258=[8] * 5, t262=[2], t277=[5], t338=[0, 2])
    ycc = np.asarray(Image.fromarray(RGB8).convert("YCbCr"))
    for across, down in ((1, 1), (2, 1), (2, 2), (4, 2)):
        tall, wide = -(-HEIGHT // down) * down, -(-WIDTH // across) * across
        full = np.pad(ycc, ((0, tall - HEIGHT), (0, wide - WIDTH), (0, 0)), mode="edge")
        blocks = full.reshape(tall // down, down, wide // across, across, 3).transpose(0, 2, 1, 3, 4)
        luma, chroma = blocks[..., 0].reshape(*blocks.shape[:2], -1), blocks[..., 1:].mean((2, 3)).round()
        data = np.concatenate([luma, chroma], 2).astype(np.uint8).tobytes()
        spread = np.stack([full[..., 0], *chroma.repeat(down, 0).repeat(across, 1).transpose(2, 0, 1)], 2)
        true = from_ycc(spread[:HEIGHT, :WIDTH])
        yield laid_out(f"YCbCr {across} x {down}", data, true, t258=[8] * 3, t262=[6], t277=[3], t530=[across, down])
