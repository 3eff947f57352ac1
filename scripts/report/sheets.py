"""The sheets of a report: queries and what every method finds for them, and what models rebuild of them."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot as plt

from semblance.retrieval.images import Picture
from semblance.retrieval.judging.contest import Contest, Row, Variant
from semblance.scripts.report.figures import chosen, spec_of, write

_NEIGHBOURS = 8
QUERY, SAME, OTHER = ("#000000", 2.0), ("#1a7f37", 3.0), ("#d0d7de", 1.0)  # the colours and widths of frames
_LINE = 0.75  # inches

Line = tuple[str, Sequence[tuple[Picture, tuple[str, float]] | None]]  # what it is, and pictures in their frames


def write_neighbours(contest: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/neighbours.png: some queries, and under each its nearest by every method; where it is.

    Queries are one of each class, drawn by a fixed seed. Variants of a method are left out, and chance too.
    """
    asked = chosen(contest)
    methods = [row for row in rows if row.variant == Variant() and not row.method.startswith("random")]
    found = [method.nearest(asked, _NEIGHBOURS) for method in methods]
    spec = spec_of(contest)
    lines: list[Line] = []
    for place, asking in enumerate(contest.queries.subset(asked).pictures(spec)):
        for number, method in enumerate(methods):
            near = contest.gallery.subset(found[number][place])
            same = near.labels == contest.queries.labels[asked[place]]
            frames = [SAME if alike else OTHER for alike in same]
            query = None if number else (asking, QUERY)
            lines.append((method.name, [query, *zip(near.pictures(spec), frames, strict=True)]))
    return write_sheet(folder / "neighbours.png", "A query (left) and its nearest. Green: its class.", lines)


def write_rebuilt(contest: Contest, rows: list[Row], folder: Path) -> Path | None:
    """Write folder/rebuilt.png: the same queries, and under them what every model rebuilds from their latents.

    Where it is; None where no model has a decoder.
    """
    asked = chosen(contest)
    made = [(f"{row.name}\nerror {row.mse:.4f}", row.rebuilt[asked]) for row in rows if row.rebuilt is not None]
    if not made:
        return None
    made.insert(0, ("the pictures", contest.queries.subset(asked).pictures(spec_of(contest))))
    lines = [(name, [(picture, OTHER) for picture in pictures]) for name, pictures in made]
    return write_sheet(folder / "rebuilt.png", "Pictures, and the same rebuilt from their latents alone.", lines)


def write_sheet(path: Path, title: str, lines: Sequence[Line]) -> Path:
    """Write pictures in lines, with gaps where there is none; where it is."""
    height = _LINE * len(lines) + 0.6  # inches
    columns = max(len(cells) for _, cells in lines)
    figure, axes = plt.subplots(len(lines), columns, figsize=(8.2, height), squeeze=False)
    figure.subplots_adjust(left=0.18, right=0.99, top=1 - 0.5 / height, bottom=0.08 / height, wspace=0.06, hspace=0.08)
    figure.suptitle(title, fontsize=10, y=1 - 0.15 / height)
    for axis in figure.axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for line, (name, cells) in zip(axes, lines, strict=True):
        line[0].set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center")
        for axis, cell in zip(line, cells, strict=False):
            if cell is not None:
                picture, (colour, width) = cell
                axis.imshow(picture)
                axis.spines[:].set(visible=True, color=colour, linewidth=width)
    return write(figure, path)
