"""The sheet of a report: some queries, and under each its nearest by every method, same class framed."""

import io
from pathlib import Path

import matplotlib
import numpy as np

from retrieval.comparison import Contest, Row
from retrieval.files import replace
from retrieval.images import InputSpec

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402 - the backend is chosen before pyplot is loaded

_QUERIES = 10
_NEIGHBOURS = 8
_SIDE = InputSpec(64)
_SAME, _OTHER = "#1a7f37", "#d0d7de"


def write_sheet(held: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/neighbours.png; where it is. Queries are one or more of each class, drawn by a fixed seed."""
    asked = _choose(held)
    methods = [row for row in rows if not row.name.startswith("random")]
    height = 1 + len(methods) * 1
    figure, axes = plt.subplots(
        len(asked) * len(methods),
        1 + _NEIGHBOURS,
        figsize=(1 + _NEIGHBOURS, len(asked) * height * 0.72 + 0.8),
        gridspec_kw={"wspace": 0.06, "hspace": 0.1},
        squeeze=False,
    )
    small = InputSpec(32) if isinstance(held.gallery.sources, np.ndarray) else _SIDE
    for number, method in enumerate(methods):
        nearest = method.nearest(asked, _NEIGHBOURS)
        for place, (query, found) in enumerate(zip(asked, nearest, strict=True)):
            line = axes[place * len(methods) + number]
            if number == 0:
                line[0].imshow(held.queries.subset(np.array([query])).pictures(small)[0])
                line[0].set_ylabel("query", fontsize=7)
            for axis, picture, row in zip(line[1:], held.gallery.subset(found).pictures(small), found, strict=False):
                axis.imshow(picture)
                same = held.gallery.labels[row] == held.queries.labels[query]
                for spine in axis.spines.values():
                    spine.set(color=_SAME if same else _OTHER, linewidth=2.5 if same else 1)
            line[1].set_ylabel(method.name, fontsize=7, rotation=0, ha="right", va="center")
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_axis_on() if axis.images else axis.set_axis_off()
    figure.suptitle("Queries and their nearest pictures; green frames: same class", fontsize=10)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130, bbox_inches="tight")
    plt.close(figure)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "neighbours.png", [out.getvalue()])
    return folder / "neighbours.png"


def _choose(held: Contest) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    order = np.random.default_rng(1).permutation(len(held.queries))
    labels = held.queries.labels[order]
    _, first = np.unique(labels, return_index=True)
    return order[np.sort(first)][:_QUERIES]
