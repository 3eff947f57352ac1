"""What all figures of a report share: the pictures that stand for the rest, the colours, and how they are written."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import Codec, Logits
from semblance.retrieval.files import replace
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging.contest import Contest, Row

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# One for each method in the order of the table, where the pixel baseline stands first.
COLOURS = (
    "#24292f",
    "#0969da",
    "#cf222e",
    "#1a7f37",
    "#8250df",
    "#bf8700",
    "#bf3989",
    "#1b7c83",
    "#953800",
    "#6e7781",
    "#4ac26b",
    "#ff8182",
)
GRID = "#d8dee4"
SHOWN = 10  # pictures that stand for the rest

Positions = npt.NDArray[np.int64]


def write(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG and forget it; where it is."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    plt.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, [out.getvalue()])
    return path


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, each of this size in inches, `columns` beside each other."""
    columns = min(columns, count)
    lines = -(-count // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(width * columns, height * lines), layout="constrained")
    every = list(np.atleast_1d(grid).ravel())
    for axes in every[count:]:
        axes.set_visible(False)
    return figure, every[:count]


def colour_of(rows: list[Row], method: str) -> str:
    """A method's colour: the same in every figure."""
    methods = [*dict.fromkeys(row.method for row in rows)]
    return COLOURS[methods.index(method) % len(COLOURS)]


def spec_of(contest: Contest) -> InputSpec:
    """The side at which a dataset's pictures are shown."""
    return InputSpec(32) if isinstance(contest.gallery.sources, np.ndarray) else InputSpec(64)


def chosen(contest: Contest) -> Positions:
    """Up to ten queries, one of each class, drawn by a fixed seed."""
    order = np.random.default_rng(1).permutation(len(contest.queries))
    _, first = np.unique(contest.queries.labels[order], return_index=True)
    return order[np.sort(first)][:SHOWN]


def some(count: int, most: int) -> Positions:
    """At most so many of `count` rows, by a fixed seed, ascending."""
    return np.sort(np.random.default_rng(2).permutation(count)[:most])


def sample_logits(contest: Contest, codec: Codec, rows: Positions) -> Logits:
    """A model's logits (N, bits) of these rows of the gallery."""
    return codec.logits(contest.gallery.subset(rows).pictures(codec.spec))


def tidy(axes: Axes) -> None:
    """A faint grid, and no frame above and to the right."""
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
