"""What a TIFF's first directory says of its picture, and who reads that kind: Pillow, `tiffs.py`, or nobody.

After TIFF 6.0 and its supplements. What no rule is known for is refused with its name: never wrong pixels.
"""

import io
from typing import Any, NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from semblance.retrieval.formats import containers, samples, strips

WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
INKS = {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3, ICC_LAB: 3}
_NAMES = {
    4: "a mask",
    10: "ITU Lab",
    32803: "a camera's mosaic",
    34892: "a camera's linear data",
    32844: "LogL",
    32845: "LogLuv",
}
ASSOCIATED, UNASSOCIATED = 1, 2
_BIG_BIG = b"MM\0+"  # BigTIFF, big-endian
_FAX = (2, 3, 4)
_PREDICTED = (strips.LZW, *strips.DEFLATES, strips.LZMA, strips.ZSTD)  # for the others tag 317 says nothing
_PILLOW = (strips.NONE, strips.LZW, *strips.DEFLATES, strips.PACKBITS, strips.LZMA, strips.ZSTD)
_RIGHT = {  # what Pillow reads right, chunky and unsigned: photometric -> bits
    WHITE_IS_ZERO: (1, 2, 4, 8),
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    CMYK: (8, 16),
    YCBCR: (8,),
    LAB: (8,),
}


class Directory(NamedTuple):
    """What a TIFF's first directory says of its picture, defaults filled in."""

    tags: ImageFileDirectory_v2
    size: tuple[int, int]
    photometric: int
    samples: int
    depth: samples.Depth
    compression: int
    planes: int
    extra: tuple[int, ...]


def many(tags: ImageFileDirectory_v2, tag: int, default: tuple[int, ...] = ()) -> tuple[Any, ...]:
    value = tags.get(tag, default)
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def read(file: io.BytesIO) -> Directory | None:
    """None where what it says is of no picture that could be read here."""
    if containers.lost(file.getvalue()):
        raise SyntaxError("its directory is damaged")
    head = file.read(16)
    tags = ImageFileDirectory_v2(head if head[2] == 43 else head[:8])
    if head.startswith(_BIG_BIG):  # which Pillow takes for a small one
        tags._bigtiff, tags.next = True, int.from_bytes(head[8:16])
    file.seek(tags.next)
    tags.load(file)
    one = {tag: (many(tags, tag) or (None,))[0] for tag in (256, 257, 259, 262, 277, 284, 317)}
    if not (one[256] and one[257]):
        return None
    bits = many(tags, 258, (1,))
    kinds = set(many(tags, 339, (samples.UNSIGNED,)))
    kind = samples.UNSIGNED if kinds == {samples.UNSAID} else min(kinds)
    several = len(set(bits)) > 1 or len(kinds) > 1
    count, compression = one[277] or len(bits), one[259] or 1
    predictor = (one[317] or 1) if compression in _PREDICTED else 1
    return Directory(
        tags,
        (one[256], one[257]),
        _guessed(count, compression) if one[262] is None else one[262],
        count,
        samples.Depth(0 if several else bits[0], kind, head[:2] == b"II", predictor),
        compression,
        count if one[284] == 2 else 1,
        many(tags, 338),
    )


def _guessed(count: int, compression: int) -> int:
    """The photometric of a directory that lacks it, as libtiff has it."""
    return WHITE_IS_ZERO if compression in _FAX else GREY if count < 3 else RGB


def by_pillow(of: Directory) -> bool:
    """Whether Pillow reads this kind right."""
    if of.tags.prefix == b"MM" and of.tags._bigtiff:
        return False
    if of.compression in _FAX or of.compression == 6:
        return of.photometric not in _NAMES
    if of.compression == strips.JPEG and of.photometric != CMYK:
        return of.photometric not in _NAMES and of.depth.bits == 8
    if of.compression == strips.NONE and many(of.tags, 266, (1,))[0] == 2:
        return False
    if 262 not in of.tags or (277 not in of.tags and of.samples > 1):  # which Pillow has other defaults for
        return False
    if of.depth.kind == samples.FLOAT:
        return (of.depth.bits, of.photometric, of.samples, of.depth.predictor) == (32, GREY, 1, 1)
    right = (
        of.depth.kind == samples.UNSIGNED
        and (of.depth.bits >= 8 or of.depth.predictor == 1)
        and of.depth.bits in _RIGHT.get(of.photometric, ())
        and of.planes == 1
    )
    right = right and of.compression in _PILLOW and len(of.extra) <= 1
    if of.photometric in (WHITE_IS_ZERO, GREY) and of.samples > 1:
        return right and (of.depth.bits, of.photometric, of.extra) in ((8, GREY, (0,)), (8, GREY, (UNASSOCIATED,)))
    if of.photometric == PALETTE:
        return right and (of.samples, of.planes) == (1, 1) and max(many(of.tags, 320, (0,))) > 255
    if of.photometric == YCBCR:
        return right and of.compression != strips.NONE
    return right and of.samples - INKS[of.photometric] <= (of.photometric == RGB)


def segment_sides(of: Directory) -> tuple[int, int]:
    """Width and height of a tile or strip."""
    if 322 in of.tags:
        return many(of.tags, 322)[0], many(of.tags, 323)[0]
    return of.size[0], min(of.size[1], many(of.tags, 278, (of.size[1],))[0] or of.size[1])


def row_bytes(of: Directory, wide: int) -> int:
    return -(-wide * (of.samples // of.planes) * of.depth.bits // 8)


def sharing(of: Directory) -> tuple[int, int]:
    """How many pixels across and down share their colour difference; one each where the decoder has seen to it."""
    if of.photometric != YCBCR or of.compression in strips.WHOLE or of.planes > 1:
        return 1, 1
    across, down = many(of.tags, 530, (2, 2))
    return across, down


def refused(of: Directory) -> str | None:
    """What there is no rule for, in words."""
    if of.photometric in _NAMES or of.photometric not in INKS:
        return _NAMES.get(of.photometric, f"photometric {of.photometric}")
    if of.compression not in strips.KNOWN:
        return f"compression {of.compression}"
    if of.compression in strips.WHOLE and of.depth.bits != 8:
        return f"compression {of.compression} of {of.depth.bits} bits"
    if of.depth.kind == samples.SIGNED and (of.depth.bits, of.photometric) != (16, GREY):
        return "signed numbers: which of them is black is not said"
    if not samples.known(of.depth) or (of.photometric == PALETTE and of.depth.kind != samples.UNSIGNED):
        kind = {samples.SIGNED: "signed", samples.FLOAT: "floating-point"}.get(of.depth.kind, "unsigned")
        if of.depth.predictor != 1 and of.depth.bits:
            kind += f", predictor {of.depth.predictor}"
        return f"{of.depth.bits} bits, {kind}" if of.depth.bits else "channels of different depths"
    if of.photometric == CMYK and many(of.tags, 332, (1,))[0] != 1:
        return "inks that are not CMYK"
    if of.samples < INKS[of.photometric]:
        return f"{of.samples} samples a pixel"
    if of.photometric in (LAB, ICC_LAB, YCBCR) and of.depth.kind == samples.FLOAT:
        return "floating-point colours that are not RGB"
    return None
