"""TIFF of those kinds that Pillow reads wrong or not at all: samples of any depth -> a picture of 8 bits a channel.

Pillow keeps the kinds that it reads right, so their pixels stay what they were. Rows are brought to 8 bits in bands:
beside the picture there is but one strip, or one row of tiles.
"""

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from semblance.retrieval.errors import NotAPicture
from semblance.retrieval.formats import colours, directories, samples, strips
from semblance.retrieval.formats.directories import (
    ASSOCIATED,
    CMYK,
    ICC_LAB,
    INKS,
    LAB,
    PALETTE,
    RGB,
    UNASSOCIATED,
    WHITE_IS_ZERO,
    YCBCR,
    Directory,
    many,
)

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_WEIGHTS, _REFERENCE = (0.299, 0.587, 0.114), (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)  # of YCbCr, where not said
_BAND = 64  # rows that are brought to 8 bits at once


def opened(file: io.BytesIO) -> "Samples | None":
    """A TIFF's picture, its header read and nothing decoded; None where Pillow is the one to read it. Raises
    NotAPicture for a kind that nobody reads here, and whatever Pillow raises of a damaged directory."""
    directory = directories.read(file)
    return None if directory is None or directories.by_pillow(directory) else Samples(file, directory)


class Samples(ImageFile.ImageFile):
    """A TIFF's picture, which `turn` (its tag 274) has not been applied to."""

    format = "TIFF"

    def __init__(self, file: io.BytesIO, of: Directory) -> None:
        if what := directories.refused(of):
            raise NotAPicture(f"This kind of TIFF is not read ({what}): save it as PNG or JPEG.")
        self.of, self.tag_v2 = of, of.tags  # by which bounds.py looks at its tiles, as at those of Pillow's
        super().__init__(file, "")

    def _open(self) -> None:
        of = self.of
        inks = INKS[of.photometric]
        extra = of.extra[: of.samples - inks] or (UNASSOCIATED,) * (of.photometric == RGB and of.samples == 4)
        alphas = [at for at, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)]
        self.associated = bool(alphas) and extra[alphas[0]] == ASSOCIATED
        on_paper = self.associated and of.photometric == CMYK  # no ink is white: there is nothing to lay it on
        self.alpha = inks + alphas[0] if alphas and not on_paper else None
        self._size = of.size
        self._mode = "LAB" if of.photometric in (LAB, ICC_LAB) else _MODES[3 if of.photometric == PALETTE else inks]
        if self.alpha is not None:
            self._mode = "LA" if inks == 1 and of.photometric != PALETTE else "RGBA"
        self.turn = many(of.tags, 274, (1,))[0]
        self.profile = of.tags.get(34675)
        if self.profile and not (self.alpha and of.photometric == CMYK):  # which `_shown` sees to
            self.info["icc_profile"] = self.profile

    def load(self) -> Any:
        """Decode, once."""
        if self._im is None:
            picture = Image.new(self._mode, self._size)
            scale = 255.0
            if self.of.depth.kind == samples.FLOAT:  # the two conventions in use: 0..1 and 0..255
                scale = 255.0 if max(np.nan_to_num(band).max() for _, band in self._bands()) <= 1 else 1.0
            for top, band in self._bands():
                picture.paste(self._shown(band, scale), (0, top))
            self.im = picture.im
        return Image.Image.load(self)

    def _bands(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Rows of samples (rows, W, samples) as `samples` gives them, from the top."""
        of, (width, height) = self.of, self.of.size
        wide, tall = directories.segment_sides(of)
        across, down = math.ceil(width / wide), math.ceil(height / tall)
        for row in range(down):
            rows = tall if 322 in of.tags else min(tall, height - row * tall)
            places = [[(plane * down + row) * across + at for at in range(across)] for plane in range(of.planes)]
            packed = [[self._held(at, rows, wide) for at in line] for line in places]
            for top in range(0, min(rows, height - row * tall), _BAND):
                end = min(top + _BAND, rows, height - row * tall)
                lines = [np.concatenate([self._levels(each, top, end, wide) for each in line], 1) for line in packed]
                yield row * tall + top, np.concatenate(lines, 2)[:, :width]

    def _held(self, at: int, rows: int, wide: int) -> "strips.Unpacked | npt.NDArray[Any]":
        """A strip or tile until it is needed; of planes, which may each be a single strip, no deeper than it has to."""
        segment = self._segment(at, rows, wide)
        if self.of.planes == 1 or self.of.photometric == PALETTE:
            return segment
        levels = np.empty((rows, wide, 1), np.float16 if self.of.depth.kind == samples.FLOAT else np.uint8)
        with np.errstate(over="ignore"):
            for top in range(0, rows, _BAND):
                end = min(top + _BAND, rows)
                levels[top:end] = self._levels(segment, top, end, wide)
        return levels

    def _segment(self, at: int, rows: int, wide: int) -> strips.Unpacked:
        """One strip or tile."""
        of = self.of
        offsets, sizes = (many(of.tags, tag) for tag in ((324, 325) if 322 in of.tags else (273, 279)))
        row_bytes = directories.row_bytes(of, wide)
        if at >= len(offsets):
            raise OSError("its directory names fewer strips than it has")
        size = sizes[at] if at < len(sizes) and sizes[at] else rows * row_bytes
        assert isinstance(self.fp, io.BytesIO)
        data = memoryview(self.fp.getvalue())[offsets[at] : offsets[at] + size]
        strip = strips.Strip(
            of.compression,
            many(of.tags, 266, (1,))[0] == 2,
            of.tags.get(347, b""),
            rows,
            row_bytes,
            of.samples // of.planes,
        )
        if (sharing := directories.sharing(of)) == (1, 1):
            return strips.unpacked(data, strip)
        across, down = sharing
        packed = strip._replace(rows=-(-rows // down), row_bytes=-(-wide // across) * (across * down + 2))
        blocks = strips.unpacked(data, packed).rows(0, packed.rows, packed.row_bytes)
        return strips.Unpacked(samples.unsubsampled(blocks, wide, rows, sharing))

    def _levels(self, segment: "strips.Unpacked | npt.NDArray[Any]", top: int, end: int, wide: int) -> npt.NDArray[Any]:
        of = self.of
        if isinstance(segment, np.ndarray):
            return segment[top:end]
        rows = segment.rows(top, end, directories.row_bytes(of, wide))
        read = samples.indices if of.photometric == PALETTE else samples.levels
        return read(rows, wide, of.samples // of.planes, of.depth)

    def _shown(self, band: npt.NDArray[Any], scale: float) -> Image.Image:
        """A band of the picture."""
        of = self.of
        if of.depth.kind == samples.FLOAT:
            band = (np.nan_to_num(band.astype(np.float32)) * scale).round().clip(0, 255).astype(np.uint8)
        inks = band[..., : INKS[of.photometric]]
        if of.photometric == WHITE_IS_ZERO:
            inks = 255 - inks
        if of.photometric == PALETTE:
            inks = self._palette()[inks[..., 0]]
        if of.photometric == ICC_LAB:  # Pillow's own bytes are CIE's, whose a and b have a sign
            inks = inks ^ np.array((0, 128, 128), np.uint8)
        if of.photometric == YCBCR:
            inks = samples.from_ycc(inks, *self._ycc())
        if self.alpha is None:
            return Image.frombytes(self._mode, inks.shape[1::-1], inks.tobytes())
        if of.photometric in (LAB, ICC_LAB):
            inks = np.asarray(Image.frombytes("LAB", inks.shape[1::-1], inks.tobytes()).convert("RGB"))
        if of.photometric == CMYK:
            bare = Image.frombytes("CMYK", inks.shape[1::-1], inks.tobytes())
            inks = np.asarray(colours.to_srgb(bare, self.profile, "CMYK"))
        alpha = band[..., self.alpha : self.alpha + 1]
        if of.photometric == PALETTE:  # whose band holds whole numbers
            alpha = (alpha.astype(np.float64) * (255 / (2**of.depth.bits - 1))).round().astype(np.uint8)
        whole = np.concatenate([inks, alpha], 2)
        mode = {"LA": "La", "RGBA": "RGBa"}[self._mode] if self.associated else self._mode
        return Image.frombytes(mode, whole.shape[1::-1], whole.tobytes()).convert(self._mode)

    def _ycc(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The weights of YCbCr and its reference of black and white: as said, where it can be meant."""
        weights, reference = (tuple(map(float, many(self.of.tags, tag))) for tag in (529, 532))
        usual = _WEIGHTS if len(weights) != 3 or min(weights) <= 0 else weights
        sound = len(reference) == 6 and all(white > black for black, white in zip(*[iter(reference)] * 2, strict=True))
        return usual, reference if sound else _REFERENCE

    def _palette(self) -> npt.NDArray[np.uint8]:
        """The colours (2 ** bits, 3). Old writers give 8-bit values for 16-bit ones: libtiff heals this."""
        values = np.array(many(self.of.tags, 320), np.uint16).reshape(3, -1).T
        return (values if values.max() < 256 else values >> 8).astype(np.uint8)
