"""The sheets of a report: queries and what every method finds for them, and what models rebuild of them."""

from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semblance.retrieval.images import Picture
from semblance.retrieval.judging.contest import Contest, Row, Variant
from semblance.scripts.report.figures import chosen, spec_of, write

_NEIGHBOURS = 8
QUERY, SAME, OTHER = ("#000000", 2.0), ("#1a7f37", 3.0), ("#d0d7de", 1.0)  # the colours and widths of frames
_LINE = 0.75  # inches


def write_neighbours(contest: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/neighbours.png: some queries, and under each its nearest by every method; where it is.

    Queries are one of each class, drawn by a fixed seed. Variants of a method are left out, and chance too.
    """
    asked = chosen(contest)
    methods = [row for row in rows if row.variant == Variant() and not row.method.startswith("random")]
    spec = spec_of(contest)
    figure, axes = sheet(
        len(asked) * len(methods), 1 + _NEIGHBOURS, "A query (left) and its nearest. Green: its class."
    )
    asking = contest.queries.subset(asked).pictures(spec)
    for number, method in enumerate(methods):
        for place, found in enumerate(method.nearest(asked, _NEIGHBOURS)):
            line = axes[place * len(methods) + number]
            label = contest.queries.labels[asked[place]]
            if number == 0:
                show(line[0], asking[place], QUERY)
            name(line[0], method.name)
            for axis, picture, row in zip(line[1:], contest.gallery.subset(found).pictures(spec), found, strict=False):
                show(axis, picture, SAME if contest.gallery.labels[row] == label else OTHER)
    return write_sheet(figure, folder / "neighbours.png")


def write_rebuilt(contest: Contest, rows: list[Row], folder: Path) -> Path | None:
    """Write folder/rebuilt.png: the same queries, and under them what every model rebuilds from their latents.

    Where it is; None where no model has a decoder.
    """
    models = [row for row in rows if row.rebuilt is not None]
    if not models:
        return None
    asked = chosen(contest)
    lines: list[tuple[str, Picture]] = [("the pictures", contest.queries.subset(asked).pictures(spec_of(contest)))]
    for row in models:
        assert row.rebuilt is not None
        lines.append((f"{row.name}\nerror {row.mse:.4f}", row.rebuilt[asked]))
    figure, axes = sheet(len(lines), len(asked), "Pictures, and the same rebuilt from their latents alone.")
    for line, (label, pictures) in zip(axes, lines, strict=True):
        name(line[0], label)
        for axis, picture in zip(line, pictures, strict=True):
            show(axis, picture, OTHER)
    return write_sheet(figure, folder / "rebuilt.png")


def sheet(lines: int, columns: int, title: str) -> tuple[Figure, list[list[Axes]]]:
    """An empty sheet of pictures in lines."""
    height = _LINE * lines + 0.6  # inches
    figure, axes = plt.subplots(lines, columns, figsize=(8.2, height), squeeze=False)
    figure.subplots_adjust(left=0.18, right=0.99, top=1 - 0.5 / height, bottom=0.08 / height, wspace=0.06, hspace=0.08)
    figure.suptitle(title, fontsize=10, y=1 - 0.15 / height)
    return figure, [list(line) for line in axes]


def name(axis: Axes, text: str) -> None:
    """What a line is, to its left."""
    axis.set_ylabel(text, fontsize=7, rotation=0, ha="right", va="center")


def show(axis: Axes, picture: Picture, frame: tuple[str, float] = OTHER) -> None:
    """One picture in its frame."""
    axis.imshow(picture)
    axis.spines[:].set(color=frame[0], linewidth=frame[1])


def write_sheet(figure: Figure, path: Path) -> Path:
    """Write a sheet without ticks, and without frames where there is no picture."""
    for axis in figure.axes:
        axis.set_xticks([])
        axis.set_yticks([])
        if not axis.images:
            axis.spines[:].set_visible(False)
    return write(figure, path)
