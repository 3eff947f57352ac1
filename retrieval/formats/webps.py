"""WebP by Pillow's reader, which keeps two canvases as large as the picture when it has its pixels."""

from PIL.WebPImagePlugin import WebPImageFile


class WebP(WebPImageFile):
    """Pillow's reader; the first picture is all that is wanted."""

    def _get_next(self) -> tuple[bytes, int, int]:
        found = super()._get_next()
        self._decoder = None
        return found
