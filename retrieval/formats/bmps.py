"""BMP of those kinds that Pillow reads wrong or not at all: channels of any masks, an alpha too, and 2-bit palettes.

Both after the headers as Microsoft documents them (BITMAPINFOHEADER to BITMAPV5HEADER); rows are read in bands.
"""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile

_PLAIN, _MASKS, _ALPHA_MASKS = 0, 3, 6
_RIGHT = {  # bits and masks that Pillow reads right
    (16, 0x7C00, 0x3E0, 0x1F, 0),
    (16, 0xF800, 0x7E0, 0x1F, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0),
    (32, 0xFF0000, 0xFF00, 0xFF, 0xFF000000),
}
_BAND = 64


def opened(file: io.BytesIO) -> ImageFile.ImageFile:
    """A BMP's picture, its header read and nothing decoded. Raises whatever Pillow raises of what it does not know."""
    data = memoryview(file.getvalue())
    bits, packing = (int.from_bytes(data[at : at + size], "little") for at, size in ((28, 2), (30, 4)))
    if int.from_bytes(data[14:18], "little") < 40 or len(data) < 54:
        return BmpImageFile(file, "")
    of_masks = bits in (16, 32) and packing in (_MASKS, _ALPHA_MASKS) and (bits, *_masks(data)) not in _RIGHT
    return Bmp(file, "") if of_masks or (bits, packing) == (2, _PLAIN) else BmpImageFile(file, "")


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
        if min(width, abs(height)) < 1 or (self.bits > 2 and not all(self.masks[:3])):
            raise SyntaxError("no sides or no colours")
        self._size, self._mode = (width, abs(height)), "RGBA" if self.bits > 2 and self.masks[3] else "RGB"

    def load(self) -> Any:
        """Decode, once."""
        if self._im is None:
            width, height = self.size
            stride = (width * self.bits + 31) // 32 * 4
            picture = Image.new(self._mode, self.size)
            for top in range(0, height, _BAND):
                count = min(_BAND, height - top)
                first = top if self.down else height - top - count
                rows = np.frombuffer(self.data, np.uint8, count * stride, self.start + first * stride)
                band = self._shown(rows.reshape(count, stride)[:: 1 if self.down else -1])
                picture.paste(Image.fromarray(band), (0, top))
            if self._mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):  # left out
                picture.putalpha(255)
            self.im = picture.im
        return Image.Image.load(self)

    def _shown(self, rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        width = self.size[0]
        if self.bits == 2:
            index = np.packbits(np.unpackbits(rows, axis=1).reshape(len(rows), -1, 2), axis=2)[:, :width, 0] >> 6
            at = 14 + int.from_bytes(self.data[14:18], "little")
            colours = np.frombuffer(self.data, np.uint8, 16, at).reshape(4, 4)
            return np.ascontiguousarray(colours[index][..., 2::-1])
        values = np.ascontiguousarray(rows).view(f"<u{self.bits // 8}")[:, :width]
        channels = [self._spread(values, mask) for mask in self.masks if mask]
        return np.stack(channels, 2)

    def _spread(self, values: npt.NDArray[Any], mask: int) -> npt.NDArray[np.uint8]:
        """What a mask leaves of the values, over 0..255."""
        low = mask & -mask
        single = (values & values.dtype.type(mask)).astype(np.float64) / low
        spread: npt.NDArray[np.uint8] = (single * (255 * low / mask)).round().clip(0, 255).astype(np.uint8)
        return spread
