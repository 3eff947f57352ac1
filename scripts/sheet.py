"""The sheets of a report: some queries, what every method finds for them, and how models rebuild them."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt

from retrieval.comparison import Contest, Row, Variant
from retrieval.files import replace
from retrieval.images import InputSpec, Picture

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_QUERIES = 10
_NEIGHBOURS = 8
_QUERY, _SAME, _OTHER = ("#000000", 2.0), ("#1a7f37", 3.0), ("#d0d7de", 1.0)  # the colours and widths of frames


def write_neighbours(held: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/neighbours.png: some queries, and under each its nearest by every method; where it is.

    Queries are one or more of each class, drawn by a fixed seed. Variants of a method are left out, and chance too.
    """
    asked = _choose(held)
    methods = [row for row in rows if row.variant == Variant() and not row.method.startswith("random")]
    spec = _spec(held)
    lines = len(asked) * len(methods)
    height = 0.75 * lines + 0.6  # inches
    figure, axes = plt.subplots(lines, 1 + _NEIGHBOURS, figsize=(8.2, height), squeeze=False)
    figure.subplots_adjust(left=0.18, right=0.99, top=1 - 0.5 / height, bottom=0.01, wspace=0.06, hspace=0.08)
    figure.suptitle("A query (left) and its nearest pictures. Green: the same class.", fontsize=10, y=1 - 0.15 / height)
    asking = held.queries.subset(asked).pictures(spec)
    for number, method in enumerate(methods):
        for place, found in enumerate(method.nearest(asked, _NEIGHBOURS)):
            line = axes[place * len(methods) + number]
            label = held.queries.labels[asked[place]]
            if number == 0:
                _show(line[0], asking[place], _QUERY)
            line[0].set_ylabel(method.name, fontsize=7, rotation=0, ha="right", va="center")
            for axis, picture, row in zip(line[1:], held.gallery.subset(found).pictures(spec), found, strict=False):
                _show(axis, picture, _SAME if held.gallery.labels[row] == label else _OTHER)
    return _save(figure, folder / "neighbours.png")


def write_rebuilt(held: Contest, rows: list[Row], folder: Path) -> Path | None:
    """Write folder/rebuilt.png: the same queries, and under them what every model rebuilds from their codes alone.

    Where it is; None where no model has a decoder.
    """
    models = [row for row in rows if row.rebuilt is not None]
    if not models:
        return None
    asked = _choose(held)
    lines = [("the pictures", held.queries.subset(asked).pictures(_spec(held)))]
    for row in models:
        assert row.rebuilt is not None
        lines.append((f"{row.name}\nerror {row.mse:.4f}", row.rebuilt[asked]))
    height = 0.75 * len(lines) + 0.6  # inches
    figure, axes = plt.subplots(len(lines), len(asked), figsize=(8.2, height), squeeze=False)
    figure.subplots_adjust(left=0.14, right=0.99, top=1 - 0.5 / height, bottom=0.02, wspace=0.06, hspace=0.08)
    title = "Pictures, and the same rebuilt from their codes. Error: mean squared, pixels in 0..1, over all queries."
    figure.suptitle(title, fontsize=9, y=1 - 0.15 / height)
    for line, (name, pictures) in zip(axes, lines, strict=True):
        line[0].set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center")
        for axis, picture in zip(line, pictures, strict=True):
            _show(axis, picture, _OTHER)
    return _save(figure, folder / "rebuilt.png")


def _save(figure: Figure, path: Path) -> Path:
    for axis in figure.axes:
        axis.set_xticks([])
        axis.set_yticks([])
        if not axis.images:
            axis.spines[:].set_visible(False)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    plt.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, [out.getvalue()])
    return path


def _spec(held: Contest) -> InputSpec:
    return InputSpec(32) if isinstance(held.gallery.sources, np.ndarray) else InputSpec(64)


def _show(axis: Axes, picture: Picture, frame: tuple[str, float]) -> None:
    axis.imshow(picture)
    axis.spines[:].set(color=frame[0], linewidth=frame[1])


def _choose(held: Contest) -> npt.NDArray[np.int64]:
    order = np.random.default_rng(1).permutation(len(held.queries))
    labels = held.queries.labels[order]
    _, first = np.unique(labels, return_index=True)
    return order[np.sort(first)][:_QUERIES]
