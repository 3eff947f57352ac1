"""Plots of a run: time and recall against the number of codes, and recall against time of the largest sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from semblance.retrieval.files import replace
from semblance.scripts.benchmarks.scale.measuring import WANTED
from semblance.scripts.benchmarks.scale.rows import Point, best, names, table
from semblance.scripts.benchmarks.scale.running import Record
from semblance.scripts.report.figures import COLOURS, panels, tidy, write

_OTHERS = (0, (4, 2))  # dashes: those of others


def draw(records: Sequence[Record], folder: Path, whose: str) -> None:
    """Write time.png, recall.png, memory.png, trade.png and the table scale.md into `folder`."""
    measured = [record for record in records if record.get("points")]
    _against_size(measured, folder / "time.png", "milliseconds a query, one core", whose, "ms", log=True)
    _against_size(
        measured, folder / "recall.png", "recall@10 there, ties counted fairly", whose, "recall@10", log=False
    )
    _trade(measured, folder / "trade.png", whose)
    replace(folder / "scale.md", [table(records).encode()])


def _style(name: str, every: list[str]) -> dict[str, Any]:
    ours = name[0].islower() and " " not in name
    return {
        "color": COLOURS[every.index(name) % len(COLOURS)],
        "linestyle": "-" if ours else _OTHERS,
        "linewidth": 1.8 if ours else 1.2,
        "marker": "o" if ours else "s",
        "markersize": 4,
        "label": name,
    }


def _against_size(records: Sequence[Record], path: Path, unit: str, whose: str, key: str, log: bool) -> None:
    """One line a contender; hollow where the recall is below what is wanted."""
    figure, axes = plt.subplots(figsize=(9.5, 5.4), layout="constrained")
    every = names(records)
    for name in every:
        points = [(each["codes"], best(each)) for each in records if each["contender"] == name]
        known = [(size, point) for size, point in points if point is not None]
        style = _style(name, every)
        axes.plot([size for size, _ in known], [point[key] for _, point in known], **style)
        poor = [(size, point[key]) for size, point in known if point["recall@10"] < WANTED]
        axes.plot(*zip(*poor, strict=True) if poor else ([], []), "o", color="white", markersize=2.2, zorder=3)
    axes.set_xscale("log")
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.axhline(WANTED, color="#8c959f", linewidth=1, linestyle=(0, (1, 3)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("codes")
    axes.set_ylabel(unit)
    _titled(axes, f"the least effort with recall@10 of {WANTED}, else the best (hollow); codes grown from {whose}")
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    write(figure, path)


def _trade(records: Sequence[Record], path: Path, whose: str) -> None:
    """Recall against time, every effort, a panel for each of the largest four sets."""
    sizes = sorted({record["codes"] for record in records})[-4:]
    every = names(records)
    figure, grid = panels(len(sizes), 2, 5.2, 3.8)
    for axes, size in zip(grid, sizes, strict=True):
        for record in records:
            if record["codes"] == size:
                points: list[Point] = record["points"]
                style = _style(record["contender"], every)
                axes.plot([point["ms"] for point in points], [point["recall@10"] for point in points], **style)
        axes.axhline(WANTED, color="#8c959f", linewidth=1, linestyle=(0, (1, 3)))
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_ylim(None, 1.01)
        axes.set_xlabel("milliseconds a query", fontsize=8)
        axes.set_ylabel("recall@10", fontsize=8)
        _titled(axes, f"{size:,} codes")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    figure.suptitle(f"codes grown from {whose}", fontsize=9)
    write(figure, path)


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=9)
    tidy(axes)
