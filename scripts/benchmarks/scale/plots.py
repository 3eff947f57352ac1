"""Plots of a run: time and recall against the number of codes, and recall against time.

Recall is drawn by what is missed, on a logarithmic scale: between 0.9 and 1 lies all that matters.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator

from semblance.retrieval.files import replace
from semblance.scripts.benchmarks.scale import contenders
from semblance.scripts.benchmarks.scale.measuring import WANTED
from semblance.scripts.benchmarks.scale.rows import Point, best, names, table
from semblance.scripts.benchmarks.scale.running import Record
from semblance.scripts.report.figures import COLOURS, panels, tidy, write

_DASHES = (0, (4, 2))  # those of others
_ALL = 0.0004  # missed, that is drawn for none missed


def draw(records: Sequence[Record], folder: Path, whose: str) -> None:
    """Write time.png, recall.png, trade.png and the table scale.md into `folder`."""
    measured = [record for record in records if record.get("points")]
    title = f"the least effort with recall@10 of {WANTED}, else the best (hollow); codes grown from {whose}"
    for key, unit, name in (("ms", "milliseconds a query, one core", "time"), ("recall@10", "recall@10", "recall")):
        figure, axes = plt.subplots(figsize=(9.5, 5.4), layout="constrained")
        _against_size(axes, measured, key)
        axes.set_xlabel("codes")
        axes.set_ylabel(unit)
        axes.set_title(title, fontsize=9)
        figure.legend(loc="outside right center", frameon=False, fontsize=9)
        write(figure, folder / f"{name}.png")
    _trade(measured, folder / "trade.png", whose)
    replace(folder / "scale.md", [table(records).encode()])


def _drawn(point: Point, key: str) -> float:
    return max(1 - float(point[key]), _ALL) if key.startswith("recall") else float(point[key])


def _style(name: str) -> dict[str, Any]:
    every = [*contenders.names()]
    ours = contenders.ours(name)
    return {
        "color": COLOURS[every.index(name) % len(COLOURS)],
        "linestyle": "-" if ours else _DASHES,
        "linewidth": 1.8 if ours else 1.2,
        "marker": "o" if ours else "s",
        "markersize": 5 if ours else 4,
        "label": name,
    }


def _against_size(axes: Axes, records: Sequence[Record], key: str) -> None:
    """A line for each contender; hollow where the recall is below what is wanted."""
    for name in names(records):
        some = [record for record in records if record["contender"] == name]
        known = [(record["codes"], point) for record in some if (point := best(record))]
        style = _style(name)
        axes.plot([size for size, _ in known], [_drawn(point, key) for _, point in known], **style)
        poor = [(size, _drawn(point, key)) for size, point in known if point["recall@10"] < WANTED]
        hollow = {"linestyle": "", "marker": style["marker"], "markersize": style["markersize"] - 2, "zorder": 3}
        axes.plot([size for size, _ in poor], [far for _, far in poor], color="white", **hollow)
    _scaled(axes, recall=key.startswith("recall"))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _trade(records: Sequence[Record], path: Path, whose: str) -> None:
    """Recall against time, every effort, a panel for each of the largest four sets."""
    sizes = sorted({record["codes"] for record in records})[-4:]
    figure, grid = panels(len(sizes), 2, 5.2, 3.8)
    for axes, size in zip(grid, sizes, strict=True):
        for record in (each for each in records if each["codes"] == size):
            points: list[Point] = record["points"]
            missed = [_drawn(point, "recall@10") for point in points]
            axes.plot([point["ms"] for point in points], missed, **_style(record["contender"]))
        _scaled(axes, recall=True)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("milliseconds a query, one core", fontsize=8)
        axes.set_ylabel("recall@10", fontsize=8)
        axes.set_title(f"{size:,} codes", fontsize=9)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    figure.suptitle(f"each effort; codes grown\nfrom {whose}", fontsize=9)
    write(figure, path)


def _scaled(axes: Axes, recall: bool) -> None:
    """Logarithmic both ways; recall by what is missed, the best on top, all that is found at the upper edge."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    if recall:
        axes.set_ylim(1, 0.8 * _ALL)
        axes.set_yticks([1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, _ALL])
        axes.yaxis.set_major_formatter(lambda value, _: "all" if value == _ALL else f"{1 - value:g}")
        axes.axhline(1 - WANTED, color="#8c959f", linewidth=1, linestyle=(0, (1, 3)))
    else:
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if recall:
        axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    tidy(axes)
