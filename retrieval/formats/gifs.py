"""GIF as browsers have it, where Pillow does otherwise: what the first frame leaves free is transparent."""

from typing import Any

from PIL import Image
from PIL.GifImagePlugin import GifImageFile


class Gif(GifImageFile):
    """Pillow's reader, which fills that with the first colour."""

    def load(self) -> Any:
        """Decode; the first frame gets an alpha where it does not cover the canvas and has no transparent colour."""
        box = self.tile[0].extents if self.tile else None
        shown = super().load()
        if box and self.tell() == 0 and box != (0, 0, *self.size) and "transparency" not in self.info:
            whole = self.convert("RGB")
            alpha = Image.new("L", self.size, 0)
            alpha.paste(255, box)
            whole.putalpha(alpha)
            self._mode, self.im = "RGBA", whole.im
            shown = super().load()
        return shown
