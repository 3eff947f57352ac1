"""Whether one picture is a part of another: the pixels themselves are compared, at the same scale.

A crop's code differs from its original's by as much as another picture's may, so codes only propose. Both pictures are
brought to grey and made small. The part is tried at every scale at which it fits into the whole with at least LEAST of
its longer side, and at every place, by normalised cross-correlation (Lewis, "Fast Normalized Cross-Correlation", 1995):
first in a picture of COARSE pixels, then around the best place in one of SIDE. It is a part where the correlation there
is at least ALIKE; brightness and contrast are free.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from semblance.retrieval import decoding, images

Grey = npt.NDArray[np.float32]  # (h, w)

SIDE, COARSE = 160, 48  # pixels of the longer side
LEAST = 0.5
ALIKE = 0.94
_HOPELESS = 0.8  # in the coarse picture, where the scale may be half a step off
_STEP = 1.04  # from one scale to the next
_FLAT = 4.0  # standard deviations of 255: what is flatter has nothing to be known by


def reduced(source: Path | str | bytes) -> Grey:
    """A picture as `part_of` takes it, its longer side SIDE pixels. Raises as `decoding.load` does."""
    small, _sha256 = decoding.thumbnail(source, SIDE)
    colours = images.at_full_size(small)
    return np.asarray(Image.fromarray(colours).convert("L"), np.float32)


def part_of(whole: Grey, part: Grey) -> tuple[float, tuple[float, float, float, float]]:
    """How well `part` agrees with the best place for it in `whole`, from -1 to 1, and that place: left, top, right,
    bottom as shares of the whole. Both as `reduced` gives them. 0 where either is flat."""
    if min(float(whole.std()), float(part.std())) < _FLAT:
        return 0.0, (0.0, 0.0, 1.0, 1.0)
    fits = min(whole.shape[0] / part.shape[0], whole.shape[1] / part.shape[1])
    tried = fits * _STEP ** -np.arange(0, 1 + int(np.log(1 / LEAST) / np.log(_STEP)))
    small = COARSE / max(whole.shape)
    agreement, scale, (top, left) = _best(_resized(whole, small), part, tried * small)
    if agreement < _HOPELESS:
        return agreement, (0.0, 0.0, 1.0, 1.0)
    fine = [scale / small * factor for factor in (0.96, 0.97, 0.98, 0.99, 1.0, 1.01, 1.02, 1.03, 1.04)]
    agreement, scale, (top, left) = _best(whole, part, (min(each, fits) for each in fine))
    height, width = (scale * length for length in part.shape)
    box = (
        left / whole.shape[1],
        top / whole.shape[0],
        (left + width) / whole.shape[1],
        (top + height) / whole.shape[0],
    )
    return agreement, (box[0], box[1], min(box[2], 1.0), min(box[3], 1.0))


def _best(whole: Grey, part: Grey, scales: Iterable[float]) -> tuple[float, float, tuple[int, int]]:
    """The best agreement over scales and places, its scale, and where the top left corner is."""
    found = (-1.0, 1.0, (0, 0))
    spectrum = np.fft.rfft2(whole)
    sums, squares = (np.pad(each.cumsum(0).cumsum(1), ((1, 0), (1, 0))) for each in (whole, whole.astype(float) ** 2))
    for scale in scales:
        template = _resized(part, scale)[: whole.shape[0], : whole.shape[1]]
        template = template - template.mean()
        places = (whole.shape[0] - template.shape[0] + 1, whole.shape[1] - template.shape[1] + 1)
        shared = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(template, whole.shape)), whole.shape)
        total, square = (_windows(each, template.shape, places) for each in (sums, squares))
        spread = np.sqrt(np.maximum(square - total**2 / template.size, 1e-6) * max(float((template**2).sum()), 1e-6))
        agreement = shared[: places[0], : places[1]] / np.maximum(spread, _FLAT**2 * template.size / 4)
        place = np.unravel_index(int(agreement.argmax()), places)
        if agreement[place] > found[0]:
            found = (float(agreement[place]), float(scale), (int(place[0]), int(place[1])))
    return found


def _windows(sums: npt.NDArray[np.float64], size: tuple[int, ...], places: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The sum over each window of this size, from sums over all that is above and left of each corner."""
    (height, width), (down, across) = size, places
    top, bottom = sums[:down], sums[height : height + down]
    inside: npt.NDArray[np.float64] = (
        bottom[:, width : width + across] - bottom[:, :across] - top[:, width : width + across] + top[:, :across]
    )
    return inside


def _resized(picture: Grey, scale: float) -> Grey:
    height, width = (max(4, round(length * scale)) for length in picture.shape)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))
