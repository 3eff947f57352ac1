"""The plot of a report: precision against the number of pictures retrieved, a line for every row of the table."""

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from retrieval.comparison import Contest, Row
from retrieval.files import replace

matplotlib.use("Agg")

from matplotlib import pyplot as plt

# One for each method in the order of the table, where the pixel baseline stands first.
_COLOURS = ("#24292f", "#0969da", "#cf222e", "#1a7f37", "#8250df", "#bf8700", "#bf3989", "#1b7c83")


def write_precision(held: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/precision.png; where it is. A method has a colour, its variants have dashes or thinner lines.

    The legend stands beside the lines, in their order at ten pictures. Where all pictures are retrieved every method
    has the precision of chance, which is drawn through to the left.
    """
    methods = [*dict.fromkeys(row.method for row in rows)]
    at_ten = int(np.searchsorted(rows[0].score.retrieved, 10).clip(max=len(rows[0].score.retrieved) - 1))
    figure, axes = plt.subplots(figsize=(10.5, 5.6), layout="constrained")
    for row in sorted(rows, key=lambda row: -row.score.precision[at_ten]):
        colour = _COLOURS[methods.index(row.method) % len(_COLOURS)]
        axes.plot(row.score.retrieved, row.score.precision, color=colour, label=row.name, **_style(row))
    chance = rows[0].score.precision[-1]
    axes.axhline(chance, color="#8c959f", linewidth=1, linestyle=(0, (1, 3)), label="chance")
    axes.set_title(f"{len(held.gallery):,} pictures in the gallery, {len(held.queries):,} queries", fontsize=10)
    axes.set_xscale("log")
    axes.set_xlim(1, rows[0].score.retrieved[-1])
    axes.set_ylim(0, None)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("pictures retrieved")
    axes.set_ylabel("precision: their share that is of the query's class")
    axes.grid(color="#d8dee4", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130)
    plt.close(figure)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "precision.png", [out.getvalue()])
    return folder / "precision.png"


def _style(row: Row) -> dict[str, Any]:
    variant = row.variant
    if variant.bits:
        return {"linewidth": 1.2, "alpha": 0.35 + 0.5 * min(1, variant.bits / 128)}
    dashes = {(False, False): "-", (False, True): "--", (True, False): ":", (True, True): "-."}
    return {"linewidth": 1.8, "linestyle": dashes[variant.views > 1, variant.refine]}
