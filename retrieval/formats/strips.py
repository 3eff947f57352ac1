"""The strips and tiles of a TIFF: compressed bytes -> the bytes of their rows. What these mean, `samples` says.

Pillow's libtiff takes apart what the standard library cannot: a strip is handed to it as a grey TIFF of its own whose
pixels are the strip's bytes, so that no depth or arrangement of samples that Pillow does not know comes in the way.
"""

import io
import lzma
import struct
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

NONE, LZW, JPEG, DEFLATES, PACKBITS, LZMA, ZSTD, WEBP = 1, 5, 7, (8, 32946), 32773, 34925, 50000, 50001
JPEG_2000 = (33003, 33004, 33005, 34712)
KNOWN = (NONE, LZW, JPEG, *DEFLATES, PACKBITS, LZMA, ZSTD, WEBP, *JPEG_2000)
WHOLE = (JPEG, WEBP, *JPEG_2000)  # these hold pictures of 8 bits, and no bytes of rows
_READERS: dict[int, type[ImageFile]] = {JPEG: JpegImageFile, WEBP: WebPImageFile}
_PIECE = 2**16
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Strip(NamedTuple):
    """How a strip or tile is packed: compression and fill order as their tags say, the bytes of its JPEG tables, its
    rows and the bytes of each; `samples` a pixel."""

    compression: int
    reversed: bool
    tables: bytes
    rows: int
    row_bytes: int
    samples: int


class Unpacked(NamedTuple):
    """The bytes of a strip's rows, one after another, or a grey picture whose pixels they are."""

    held: bytes | bytearray | memoryview | Image.Image

    def rows(self, top: int, end: int, row_bytes: int) -> npt.NDArray[np.uint8]:
        """Some of the rows, (end - top, row_bytes)."""
        if isinstance(self.held, Image.Image):
            return np.asarray(self.held.crop((0, top, row_bytes, end)))
        count = (end - top) * row_bytes
        return np.frombuffer(self.held, np.uint8, count, top * row_bytes).reshape(end - top, row_bytes)


def unpacked(data: bytes | memoryview, strip: Strip) -> Unpacked:
    """`rows` x `row_bytes` bytes. Raises OSError and what decoders raise where the data is short or damaged."""
    size = strip.rows * strip.row_bytes
    if strip.compression in WHOLE:
        return Unpacked(_picture(bytes(data), strip))
    if strip.reversed:
        data = bytes(data).translate(_REVERSED)
    out: bytes | bytearray | memoryview = data
    if strip.compression in DEFLATES:
        out = _inflated(data, size)
    elif strip.compression == LZMA:
        out = lzma.LZMADecompressor().decompress(data, size)
    elif strip.compression != NONE:
        return Unpacked(_by_libtiff(data, strip.compression, (strip.row_bytes, strip.rows)))
    if len(out) < size:
        raise OSError("a strip is cut short")
    return Unpacked(out)


def _inflated(data: bytes | memoryview, size: int) -> bytearray:
    """At most `size` bytes, held once."""
    stream, out = zlib.decompressobj(), bytearray()
    for start in range(0, len(data), _PIECE):
        if len(out) < size:
            out += stream.decompress(data[start : start + _PIECE], size - len(out))
    return out


def _by_libtiff(data: bytes | memoryview, compression: int, size: tuple[int, int]) -> Image.Image:
    """The bytes that a compressed strip holds, read as one grey picture of `size`."""
    values = {
        256: size[0],
        257: size[1],
        258: 8,
        259: compression,
        262: 1,
        273: 8,
        277: 1,
        278: size[1],
        279: len(data),
    }
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items()]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    header = b"II*\0" + struct.pack("<I", 8 + len(data))
    picture = TiffImageFile(io.BytesIO(b"".join((header, data, directory))), "")
    picture.im = Image.new("L", size).im  # or Pillow's guard against bombs counts its bytes for pixels
    picture.load()
    return picture


def _picture(data: bytes, strip: Strip) -> bytes:
    """A strip that is a picture of a format of its own."""
    if strip.compression == JPEG and strip.tables:
        data = strip.tables.removesuffix(b"\xff\xd9") + data.removeprefix(b"\xff\xd8")
    with _READERS.get(strip.compression, Jpeg2KImageFile)(io.BytesIO(data), "") as picture:
        pixels: npt.NDArray[np.uint8] = np.asarray(picture)
        pixels = ~pixels if picture.mode == "CMYK" and strip.compression == JPEG else pixels  # Pillow's are Adobe's
    pixels = pixels.reshape(*pixels.shape[:2], -1)[: strip.rows, : strip.row_bytes // strip.samples, : strip.samples]
    if pixels.dtype != np.uint8 or pixels.shape[0] < strip.rows or pixels[0].size < strip.row_bytes:
        raise OSError("a strip is smaller than its directory says")
    return pixels.tobytes()
