"""The map of a gallery: pictures that a method takes for alike lie side by side."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot as plt
from sklearn.manifold import TSNE

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging.contest import Contest
from semblance.retrieval.pixels import SPEC
from semblance.scripts.report.figures import panels, sample_logits, some, spec_of, write

_MAPPED = 1500  # pictures
_PERPLEXITY = 30
_LEAST = 3 * _PERPLEXITY + 1  # pictures, below which there are too few neighbours to keep
_SIDE = 6.4  # inches of one map


def write_map(contest: Contest, codecs: list[Codec], folder: Path) -> Path:
    """Write folder/map.png: t-SNE of pixels and of each model's codes, thumbnails at their places; where it is.

    van der Maaten & Hinton, "Visualizing Data using t-SNE" (2008). Frames are coloured by class, for the eye alone: the
    maps know no labels. Raises DatasetError where there are too few pictures.
    """
    if len(contest.gallery) < _LEAST:
        raise DatasetError(f"{len(contest.gallery)} pictures are too few for a map: it takes {_LEAST}.")
    rows = some(len(contest.gallery), _MAPPED)
    pixels = contest.gallery.subset(rows).pictures(SPEC).reshape(len(rows), -1).astype(np.float32) / 255
    vectors = [("pixels", pixels)]
    for codec in codecs:
        vectors.append((codec.name, np.where(sample_logits(contest, codec, rows) > 0, np.float32(1), np.float32(-1))))
    figure, grid = panels(len(vectors), 2, _SIDE, _SIDE)
    pictures = contest.gallery.subset(rows).pictures(spec_of(contest))
    colours = plt.get_cmap("tab10" if len(contest.gallery.classes) <= 10 else "tab20")
    for axes, (title, points) in zip(grid, vectors, strict=True):
        places = _placed(points.astype(np.float32))
        half = 0.011
        axes.set_title(title, fontsize=11)
        for (x, y), picture, label in zip(places, pictures, contest.gallery.labels[rows], strict=True):
            frame = plt.Rectangle((x - half, y - half), 2 * half, 2 * half, color=colours(label % colours.N))
            axes.add_patch(frame)
            inner = 0.8 * half
            axes.imshow(picture, extent=(x - inner, x + inner, y - inner, y + inner), zorder=2)
        axes.set(xlim=(-half, 1 + half), ylim=(-half, 1 + half), xticks=[], yticks=[], aspect="equal")
    if len(contest.gallery.classes) <= colours.N:
        marks = range(len(contest.gallery.classes))
        named = [plt.Line2D([], [], marker="s", linestyle="", color=colours(k)) for k in marks]
        figure.legend(named, contest.gallery.classes, loc="outside lower center", ncols=10, frameon=False)
    return write(figure, folder / "map.png")


def _placed(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Vectors (N, D) -> places (N, 2) in 0..1."""
    places = TSNE(perplexity=_PERPLEXITY, init="pca", random_state=0).fit_transform(points)
    low, high = places.min(axis=0), places.max(axis=0)
    spread: npt.NDArray[np.float64] = (places - low) / np.maximum(high - low, 1e-12)
    return spread
