"""PNG as the standard has it, where Pillow does otherwise: which shade is transparent, and what its numbers mean."""

import io
from contextlib import suppress
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from semblance.retrieval.formats import colours

_SPREAD = {"L;2": 85, "L;4": 17}  # by which Pillow brings 2 and 4 bits to 8


class Png(PngImageFile):
    """Pillow's reader, and what it leaves out: a tRNS of 2- and 4-bit grey and of 16-bit RGB, and the chunk cICP."""

    def _open(self) -> None:
        super()._open()
        clear = self.info.get("transparency")
        if isinstance(clear, int) and self.tile and self.mode == "L":
            self.info["transparency"] = (clear & 255) * _SPREAD.get(str(self.tile[0].args), 1) & 255
        assert isinstance(self.fp, io.BytesIO)
        if (code := _coded(self.fp.getvalue())) and (profile := colours.coded(*code)):
            self.info["icc_profile"] = profile

    def load(self) -> Any:
        """Decode; of 16-bit RGB a second time, for the lower bytes, where one of its colours is transparent."""
        clear = self.info.get("transparency")
        if not (self.tile and self.tile[0].args == "RGB;16B" and isinstance(clear, tuple)):
            return super().load()
        assert isinstance(self.fp, io.BytesIO)
        with PngImageFile(io.BytesIO(self.fp.getvalue())) as lower:
            lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
            low = np.asarray(lower)
        super().load()
        high = np.asarray(self)
        named = [np.array([value >> shift & 255 for value in clear], np.uint8) for shift in (8, 0)]
        whole = Image.fromarray(high)
        whole.putalpha(Image.fromarray(~((high == named[0]) & (low == named[1])).all(2)))
        del self.info["transparency"]
        self._mode, self.im = "RGBA", whole.im
        return super().load()

    def load_end(self) -> None:
        """What stands behind the pixels is not the picture."""
        with suppress(Exception):
            super().load_end()


def _coded(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer that the chunk cICP names, which stands before the pixels."""
    at = 8
    while at + 12 <= len(data) and (kind := data[at + 4 : at + 8]) != b"IDAT":
        if kind == b"cICP" and data[at : at + 4] == b"\0\0\0\4":
            return data[at + 8], data[at + 9]
        at += 12 + int.from_bytes(data[at : at + 4])
    return None
