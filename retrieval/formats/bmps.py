"""BMP of those kinds that Pillow reads wrong or not at all: channels of any masks, an alpha too, and 2-bit palettes.

Both after the headers as Microsoft documents them (BITMAPINFOHEADER to BITMAPV5HEADER); rows are read in bands.
"""

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile

_PALETTES, _RUNS = (1, 2, 4, 8), ((8, 1), (4, 2))
_PLAIN, _MASKS, _ALPHA_MASKS = 0, 3, 6
_RIGHT = {  # bits and masks that Pillow reads right
    (16, 0x7C00, 0x3E0, 0x1F, 0),
    (16, 0xF800, 0x7E0, 0x1F, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0xFF000000),
}
_BAND = 64
_LINE, _END, _JUMP = 0, 1, 2  # what stands behind a run of none


def opened(file: io.BytesIO) -> ImageFile.ImageFile:
    """A BMP's picture, its header read and nothing decoded. Raises whatever Pillow raises of what it does not know."""
    data = memoryview(file.getvalue())
    if int.from_bytes(data[14:18], "little") == 16:  # OS/2's short header: the first 16 bytes of the usual one
        start = struct.pack("<I", int.from_bytes(data[10:14], "little") + 24)
        file = io.BytesIO(b"".join((data[:10], start, b"\x28\0\0\0", data[18:30], bytes(24), data[30:])))
        data = memoryview(file.getvalue())
    bits, packing = (int.from_bytes(data[at : at + size], "little") for at, size in ((28, 2), (30, 4)))
    if int.from_bytes(data[14:18], "little") < 40 or len(data) < 54:
        return BmpImageFile(file, "")
    of_masks = bits in (16, 32) and packing in (_MASKS, _ALPHA_MASKS)
    if of_masks and (packing == _ALPHA_MASKS or (bits, *_masks(data)) not in _RIGHT):
        return Bmp(file, "")
    said = int.from_bytes(data[46:50], "little")  # colours; of fewer than there could be Pillow makes another depth
    few = bits in _PALETTES and packing == _PLAIN and (bits in (2, 4) or 0 < said < 2**bits)
    return Bmp(file, "") if few or (bits, packing) in _RUNS else BmpImageFile(file, "")


def _masks(data: memoryview) -> tuple[int, int, int, int]:
    """Of red, green, blue and alpha, where the header says one."""
    said = 4 if int.from_bytes(data[14:18], "little") >= 56 or data[30] == _ALPHA_MASKS else 3
    red, green, blue, alpha = (int.from_bytes(data[54 + 4 * n : 58 + 4 * n], "little") for n in range(4))
    return red, green, blue, alpha if said == 4 else 0


class Bmp(ImageFile.ImageFile):
    """One of the kinds that are read here."""

    format = "BMP"

    def _open(self) -> None:
        assert isinstance(self.fp, io.BytesIO)
        self.data = memoryview(self.fp.getvalue())
        start, self.bits = int.from_bytes(self.data[10:14], "little"), int.from_bytes(self.data[28:30], "little")
        width, height = (int.from_bytes(self.data[at : at + 4], "little", signed=True) for at in (18, 22))
        self.start, self.down = start, height < 0
        self.masks = _masks(self.data)
        if min(width, abs(height)) < 1 or (self.bits > 8 and not all(self.masks[:3])):
            raise SyntaxError("no sides or no colours")
        self.runs = (self.bits, self.data[30]) in _RUNS
        clear = self.runs or (self.bits > 8 and self.masks[3])
        self._size, self._mode = (width, abs(height)), "RGBA" if clear else "RGB"

    def load(self) -> Any:
        """Decode, once."""
        if self._im is None:
            width, height = self.size
            stride = (width * self.bits + 31) // 32 * 4
            packed = self.data[self.start :]
            seen: npt.NDArray[np.uint8] | None = None
            if self.runs:
                stride, (packed, seen) = width, unrun(packed, width, height, self.bits == 4)
            picture = Image.new(self._mode, self.size)
            for top in range(0, height, _BAND):
                count = min(_BAND, height - top)
                first = top if self.down else height - top - count
                rows = np.frombuffer(packed, np.uint8, count * stride, first * stride)
                way = slice(None, None, 1 if self.down else -1)
                band = Image.fromarray(self._shown(rows.reshape(count, stride)[way]))
                if seen is not None:  # what the runs leave out is transparent
                    band.putalpha(Image.fromarray(seen[first : first + count][way]))
                picture.paste(band, (0, top))
            if not self.runs and self._mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):  # left out
                picture.putalpha(255)
            self.im = picture.im
        return Image.Image.load(self)

    def _shown(self, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        width = self.size[0]
        if self.bits <= 8:
            depth = 8 if self.runs else self.bits
            single = np.unpackbits(rows, axis=1).reshape(len(rows), -1, depth)
            index = np.packbits(single, axis=2)[:, :width, 0] >> np.uint8(8 - depth)
            shown: npt.NDArray[np.uint8] = self._colours()[index]
            return shown
        values = np.ascontiguousarray(rows).view(f"<u{self.bits // 8}")[:, :width]
        channels = [self._spread(values, mask) for mask in self.masks if mask]
        return np.stack(channels, 2)

    def _colours(self) -> npt.NDArray[np.uint8]:
        """The palette (256, 3); black is what it lacks."""
        at = 14 + int.from_bytes(self.data[14:18], "little")
        number = min(int.from_bytes(self.data[46:50], "little") or 2**self.bits, 2**self.bits)
        table = bytes(self.data[at : min(at + 4 * number, self.start)]).ljust(1024, b"\0")
        return np.ascontiguousarray(np.frombuffer(table, np.uint8).reshape(256, 4)[:, 2::-1])

    def _spread(self, values: npt.NDArray[Any], mask: int) -> npt.NDArray[np.uint8]:
        """What a mask leaves of the values, over 0..255."""
        low = mask & -mask
        single = (values & values.dtype.type(mask)).astype(np.float64) / low
        spread: npt.NDArray[np.uint8] = (single * (255 * low / mask)).round().clip(0, 255).astype(np.uint8)
        return spread


def unrun(data: memoryview, width: int, height: int, four: bool) -> tuple[memoryview, npt.NDArray[np.uint8]]:
    """Indices of run-length coded rows, and which of them were given (height, width): runs may leave pixels out, by a
    jump or the end of a row or of all. OSError where the runs are cut short."""
    indices, seen = np.zeros(width * height, np.uint8), np.zeros(width * height, np.uint8)
    at = x = y = 0
    while y < height and at + 2 <= len(data):
        count, value = data[at], data[at + 1]
        at += 2
        if not count and value == _END:
            break
        if not count and value == _LINE:
            x, y = 0, y + 1
        elif not count and value == _JUMP and at + 2 <= len(data):
            x, y, at = x + data[at], y + data[at + 1], at + 2
        else:
            length = count or value
            if count:
                run = bytes((value >> 4, value & 15)) * (length // 2 + 1) if four else bytes((value,)) * length
            else:
                held = (length + 1) // 2 if four else length
                run = bytes(data[at : at + held])
                at += held + held % 2
                run = bytes(nibble for byte in run for nibble in (byte >> 4, byte & 15)) if four else run
            fits = max(0, min(length, len(run), width - x))
            place = y * width + x
            indices[place : place + fits] = np.frombuffer(run, np.uint8, fits)
            seen[place : place + fits] = 255
            x += length
    else:
        if y < height - 1 or (y < height and x < width):
            raise OSError("its runs are cut short")
    return indices.data, seen.reshape(height, width)
