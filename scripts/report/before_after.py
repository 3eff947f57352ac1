"""A sheet of neighbours before and after a training: what the run has changed, at a glance, in one's own pictures."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from semblance.retrieval import pixels
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.files import replace
from semblance.retrieval.images import Picture
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.pixels import PixelIndex
from semblance.retrieval.progress import Progress

_ASKED, _NEIGHBOURS = 8, 6
_GALLERY = 5000  # pictures that are searched at most, so that the sheet takes seconds
_AT_ONCE = 500
_TILE, _GAP, _MARGIN, _TITLE = 72, 4, 16, 24  # pixels


def write_before_and_after(
    before: Codec | None,
    after: Codec,
    pictures: Picture,
    folder: Path,
    progress: Progress,
    codes: Mapping[str, Codes] | None = None,
) -> Path:
    """Write folder/neighbours.png: some of pictures uint8 (N, S, S, 3), S as `after` takes them, and beside each its
    nearest by the model that training began with, or else by pixels, and by the model `after`. Where it is.
    `codes`: codec_id -> the codes (N, W) of the pictures, where they are known.

    Raises OSError where it cannot be written.
    """
    some = _spread(len(pictures), _GALLERY)
    gallery = pictures[some]
    asked = _spread(len(gallery), _ASKED)
    total = len(gallery) * (1 if before is None else 2)

    def near(codec: Codec, done: int) -> Ids:
        parts = [] if codes is None else [codes[codec.codec_id][some]]
        for start in range(0, len(gallery), _AT_ONCE) if codes is None else ():
            parts.append(codec.encode(gallery[start : start + _AT_ONCE]))
            progress(done + min(start + _AT_ONCE, len(gallery)), total)
        made = np.concatenate(parts)
        return _others(asked, FlatIndex(codec.bits, np.arange(len(made)), made).search(made[asked], _NEIGHBOURS + 1)[1])

    if before is None:
        step = -(-gallery.shape[1] // pixels.SPEC.size)  # so that no vector is longer than the pixel baseline's
        flat = gallery[:, ::step, ::step].reshape(len(gallery), -1)
        first = _others(asked, PixelIndex(np.arange(len(flat)), flat).search(flat[asked], _NEIGHBOURS + 1)[1])
    else:
        first = near(before, 0)
    second = near(after, total - len(gallery))
    titles = ("picture", f"before: {before.name if before else 'pixels'}", f"after: {after.name}")
    image = _drawn(titles, [gallery[asked][:, None], gallery[first], gallery[second]])
    return _saved(image, folder / "neighbours.png")


def _saved(image: Image.Image, path: Path) -> Path:
    out = io.BytesIO()
    image.save(out, "PNG")
    replace(path, [out.getvalue()])
    return path


def _spread(count: int, most: int) -> Ids:
    """At most so many of `count` rows, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _others(asked: Ids, found: Ids) -> Ids:
    """What was found (Q, n + 1), each query itself left out, (Q, n)."""
    return np.stack([line[line != own][: found.shape[1] - 1] for own, line in zip(asked, found, strict=True)])


def _drawn(titles: tuple[str, ...], blocks: list[Picture]) -> Image.Image:
    """Blocks of pictures (Q, n, S, S, 3) side by side under their titles, a line for each query."""
    widths = [block.shape[1] * (_TILE + _GAP) for block in blocks]
    lefts = [_MARGIN * (place + 1) + sum(widths[:place]) for place in range(len(blocks))]
    size = (lefts[-1] + widths[-1] + _MARGIN, _TITLE + len(blocks[0]) * (_TILE + _GAP) + _MARGIN)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for title, left, block in zip(titles, lefts, blocks, strict=True):
        pen.text((left, 6), title, "#1f2328", font=ImageFont.load_default(12))
        for line, pictures in enumerate(block):
            for place, picture in enumerate(pictures):
                tile = Image.fromarray(picture).resize((_TILE, _TILE), Image.Resampling.BICUBIC)
                sheet.paste(tile, (left + place * (_TILE + _GAP), _TITLE + line * (_TILE + _GAP)))
    return sheet
