"""A part of a picture, named by fractions of it as it is shown, and cut out of the picture as its file stores it.

The part is cut by whole pixels before anything is scaled, so that it is seen as a file of it alone would be: nothing
from beyond its edges bleeds in.
"""

import math
from collections.abc import Callable

from PIL import Image

from semblance.retrieval.errors import UsageError

Region = tuple[float, float, float, float]  # left, top, width, height of the upright picture, in fractions of its sides

_SLACK = 1e-6  # what fractions of pixels may come to beyond the picture

# For each EXIF turn, from (left, top, width, height) as shown to the same as stored.
_STORED: dict[int, Callable[[float, float, float, float], Region]] = {
    1: lambda x, y, w, h: (x, y, w, h),
    2: lambda x, y, w, h: (1 - x - w, y, w, h),
    3: lambda x, y, w, h: (1 - x - w, 1 - y - h, w, h),
    4: lambda x, y, w, h: (x, 1 - y - h, w, h),
    5: lambda x, y, w, h: (y, x, h, w),
    6: lambda x, y, w, h: (y, 1 - x - w, h, w),
    7: lambda x, y, w, h: (1 - y - h, 1 - x - w, h, w),
    8: lambda x, y, w, h: (1 - y - h, x, h, w),
}


def checked(left: float, top: float, width: float, height: float) -> Region:
    """A region that lies in a picture and has an area. Raises UsageError."""
    region = (left, top, width, height)
    inside = all(math.isfinite(each) for each in region) and min(left, top) >= 0 and min(width, height) > 0
    if not inside or max(left + width, top + height) > 1 + _SLACK:
        raise UsageError(
            "region: a part of the picture is left,top,width,height in fractions of it from 0 to 1, with an area "
            "and within the picture, as 0.25,0.25,0.5,0.5."
        )
    return region


def least(side: int, region: Region | None, turn: int, size: tuple[int, int]) -> tuple[int, int]:
    """How large a picture of `size` as stored has to be decoded that its region has `side` pixels a side."""
    if region is None:
        return side, side
    _, _, *kept = _STORED.get(turn, _STORED[1])(*region)
    across, down = (min(math.ceil(min(side / share, 2.0**31)), most) for share, most in zip(kept, size, strict=True))
    return across, down


def cut(image: Image.Image, region: Region | None, turn: int) -> Image.Image:
    """The region of a picture as stored, at least a pixel of it; decodes what is not decoded yet. None: all of it."""
    if region is None:
        return image
    image.load()
    left, top, width, height = _STORED.get(turn, _STORED[1])(*region)
    (across, right), (down, bottom) = (
        _pixels(start, share, side) for start, share, side in zip((left, top), (width, height), image.size, strict=True)
    )
    box = (across, down, right, bottom)
    return image if box == (0, 0, *image.size) else image.crop(box)


def _pixels(start: float, share: float, side: int) -> tuple[int, int]:
    """The first pixel, and the first after the last, of a share of a side."""
    first = min(max(round(start * side), 0), side - 1)
    return first, min(max(round((start + share) * side), first + 1), side)
