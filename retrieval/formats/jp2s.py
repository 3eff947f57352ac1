"""JPEG 2000 of other depths than 8 bits, which Pillow only shifts: its white comes out black, or grey.

Of more than 8 bits Pillow rounds upwards past 255 and begins again at nought. Such noughts are told from those that are
dark by decoding once more, with a header that says one bit more: all values then lie in the middle half.
"""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from semblance.retrieval import bounds
from semblance.retrieval.errors import NotAPicture

_SIZ = b"\xff\x4f\xff\x51"  # the beginning of a codestream (ITU-T T.800, A.4.1 and A.5.1)
_COUNT, _COMPONENTS = 40, 42  # bytes from there to the number of components, and to their three bytes each
_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")
_YCC = b"\0\0\0\x0fcolr\x01"
_BAND = 64


class Jp2(Jpeg2KImageFile):
    """Pillow's reader, put right."""

    def _open(self) -> None:
        super()._open()
        assert isinstance(self.fp, io.BytesIO)
        self.data = data = self.fp.getvalue()
        self.siz = max(0, data.find(_SIZ))
        count = min(4, int.from_bytes(data[self.siz + _COUNT : self.siz + _COMPONENTS]))
        parts = [data[at : at + 3] for at in range(self.siz + _COMPONENTS, self.siz + _COMPONENTS + 3 * count, 3)]
        self.depths = [1 + (part[0] & 127) for part in parts]
        box = data.find(_YCC, 0, 2**16)
        differences = (box > 0 and data[box + 14] == 18) or any(part[1:] != b"\1\1" for part in parts)
        if differences and self.mode != "L" and max(self.depths) > 8:
            raise NotAPicture(
                f"This kind of JPEG 2000 is not read (YCbCr of {max(self.depths)} bits): save it as PNG or JPEG."
            )

    def load(self) -> Any:
        """Decode, once."""
        fresh = self._im is None or bool(self.tile)
        try:
            shown = super().load()
        except OSError as error:  # its decoder does not say why: it holds a tile's samples as 4 bytes each
            wide, high = (int.from_bytes(self.data[self.siz + at : self.siz + at + 4]) for at in (24, 28))
            tile = min(wide, self.width) * min(high, self.height)
            if 4 * tile * len(self.depths) > bounds.current().memory(self.width * self.height) // 2:
                raise MemoryError(str(error)) from error
            raise
        if fresh and self.mode in _MODES and set(self.depths) != {8}:
            self._put_right()
            shown = super().load()
        return shown

    def _put_right(self) -> None:
        places = [n for n, depth in enumerate(self.depths) if depth != 8 and n < len(self.getbands())]
        wide = [n for n in places if self.depths[n] > 8 and self.getchannel(n).getextrema()[0] == 0]
        other = self._one_bit_more(wide) if wide else None
        for top in range(0, self.height, _BAND):
            box = (0, top, self.width, min(top + _BAND, self.height))
            band = np.array(self.crop(box)).reshape(box[3] - top, self.width, -1)
            more = np.asarray(other.crop(box)).reshape(band.shape) if other else band
            for n in places:
                if self.depths[n] < 8:
                    band[..., n] = _spread(band[..., n], self.depths[n])
                elif n in wide:
                    band[..., n][(band[..., n] == 0) & (more[..., n] > 127)] = 255
            self.im.paste(Image.frombytes(self.mode, (self.width, box[3] - top), band.tobytes()).im, box)

    def _one_bit_more(self, components: list[int]) -> Image.Image:
        data = bytearray(self.data)
        for at in (self.siz + _COMPONENTS + 3 * n for n in components):
            data[at] += 1
        return Jpeg2KImageFile(io.BytesIO(data), "")


def _spread(values: npt.NDArray[np.uint8], depth: int) -> npt.NDArray[np.uint8]:
    """Fewer than 8 bits, which stand at the upper end, over 0..255."""
    whole: npt.NDArray[np.uint8] = ((values >> (8 - depth)).astype(np.uint16) * 255 // (2**depth - 1)).astype(np.uint8)
    return whole
