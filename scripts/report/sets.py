"""The page of several datasets: one table, how precision falls on each of them, what fewer bits and more speed cost."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator

from semblance.retrieval.codec import Codec
from semblance.retrieval.judging.contest import Row, Variant
from semblance.retrieval.judging.sets import Judged, Measure, Speeds, lines, mean
from semblance.scripts.report.figures import COLOURS, panels, tidy, write
from semblance.scripts.report.page import figure, section, write_page

_LEAD = """Each picture is asked against all others of its set, and what bears its class is right. Sets are told apart
because a model may know one sort of picture and not another: the mean is over sets, each counting as much."""
_TABLE = """{measure} of every method on every set. Where a model has float features inside, their row says what its
bits were rounded from; refined order gives some of that back. Bold: the best of a column. Pictures a second: one at a
time, on one core."""
_PRECISION = """The share that is right among the first so many. A line is a method, the same in all panels; dashed: an
adopted network's features before they are rounded. At the right end all has been retrieved, and every method is at
chance."""
_BITS = """{measure} in the mean of the sets by the first bits of a code alone. A flat line is a code whose first bits
hold nearly all: they can be searched for a fraction of the memory."""
_TRADE = """Up is better and right is faster: a model with another both above and to the right of it has no use, and
the line joins those that have none. One picture at a time, on one core of the machine that drew this."""


def write_report(
    judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds, measure: Measure, folder: Path
) -> list[Path]:
    """Write folder/report.html, complete in itself, and its figures as PNG beside it; where they are."""
    drawn = [
        ("Precision", _PRECISION, write_precision(judged, folder)),
        ("Bits", _BITS, write_bits(judged, codecs, measure, folder)),
        ("Precision against speed", _TRADE, write_trade(judged, codecs, speeds, measure, folder)),
    ]
    table = _table(judged, codecs, speeds, measure)
    sections = [section("The table", _TABLE.format(measure=measure), table)]
    sections += [section(title, words.format(measure=measure), figure(path, title)) for title, words, path in drawn]
    titles = ["The table", *(title for title, _, _ in drawn)]
    return [write_page("Many sets at once", _LEAD, titles, sections, folder), *(path for _, _, path in drawn)]


def write_precision(judged: Sequence[Judged], folder: Path) -> Path:
    """Write folder/precision.png, a panel for each set; where it is."""
    whole, grid = panels(len(judged), 2, 4.6, 3.3)
    for axes, each in zip(grid, judged, strict=True):
        plain = [row for row in each.rows if row.variant == Variant()]
        for row in plain:
            axes.plot(
                row.score.retrieved,
                row.score.precision,
                color=_colour(plain, row),
                linestyle="--" if row.bits is None and row.encode_ms and row.method.endswith("its features") else "-",
                label=row.name,
            )
        axes.set_xscale("log")
        axes.set_xlim(1, plain[0].score.retrieved[-1])
        axes.set_ylim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_title(f"{each.name}: {each.queries:,} queries", fontsize=10)
        axes.set_xlabel("pictures retrieved", fontsize=9)
        tidy(axes)
    whole.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return write(whole, folder / "precision.png")


def write_bits(judged: Sequence[Judged], codecs: Sequence[Codec], measure: Measure, folder: Path) -> Path:
    """Write folder/bits.png: precision against how many of the first bits are compared; where it is."""
    whole, axes = plt.subplots(figsize=(8.2, 4.4), layout="constrained")
    rows = judged[0].rows
    plain = [row for row in rows if row.variant == Variant()]
    for start, codec in _starts(rows, codecs):
        own = rows[start]
        points = {}
        for number in range(start, len(rows)):
            row = rows[number]
            if row.method != codec.name or (number > start and row.variant == Variant()):
                break
            if row.variant == Variant(bits=row.variant.bits) and row.bits is not None:
                points[row.bits] = mean(judged, number, measure)
        told = sorted((bits, value) for bits, value in points.items() if value is not None)
        if told:
            axes.plot(*zip(*told, strict=True), "o-", color=_colour(plain, own), label=codec.name)
    axes.set_xscale("log", base=2)
    lengths = sorted({row.bits for row in rows if row.bits is not None})
    axes.set_xticks(lengths, [str(bits) for bits in lengths])
    axes.minorticks_off()
    axes.set_ylim(0, None)
    axes.set_xlabel("first bits compared")
    axes.set_ylabel(f"{measure}, mean of {len(judged)} sets")
    tidy(axes)
    whole.legend(loc="outside right upper", frameon=False, fontsize=9)
    return write(whole, folder / "bits.png")


def write_trade(
    judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds, measure: Measure, folder: Path
) -> Path:
    """Write folder/speed.png: a point for each model's codes as they are; where it is."""
    whole, axes = plt.subplots(figsize=(8.2, 4.8), layout="constrained")
    rows = judged[0].rows
    plain = [row for row in rows if row.variant == Variant()]
    points = []
    for (start, codec), speed in zip(_starts(rows, codecs), speeds, strict=True):
        if (value := mean(judged, start, measure)) is not None:
            points.append((speed, value))
            axes.plot(speed, value, "o", color=_colour(plain, rows[start]), markersize=8)
            axes.annotate(codec.name, (speed, value), (0, 9), textcoords="offset points", ha="center", fontsize=9)
    axes.plot(*zip(*unbeaten(points), strict=True), color="#8c959f", linewidth=1, zorder=0) if points else None
    axes.set_xscale("log")
    axes.margins(0.14)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("pictures a second, one at a time, on one core")
    axes.set_ylabel(f"{measure}, mean of {len(judged)} sets")
    tidy(axes)
    return write(whole, folder / "speed.png")


def unbeaten(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those with no other that is at least as good in both and better in one, by their first number."""
    kept: list[tuple[float, float]] = []
    for point in sorted(set(points), reverse=True):
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
    return kept[::-1]


def _starts(rows: Sequence[Row], codecs: Sequence[Codec]) -> list[tuple[int, Codec]]:
    """Where each model's own row stands."""
    own = [number for number, row in enumerate(rows) if row.bits is not None and row.variant == Variant()]
    return list(zip(own, codecs, strict=True))


def _colour(plain: Sequence[Row], row: Row) -> str:
    """A method's colour, the same in every figure; features have their model's, which stands next."""
    models = [each for each in plain if each.bits is not None]
    if row.bits is None and any(row is each for each in plain[:2]):
        return ("#24292f", "#8c959f")[plain.index(row)]
    following = next(each for each in plain[[each is row for each in plain].index(True) :] if each.bits is not None)
    return COLOURS[1:][[each is following for each in models].index(True) % (len(COLOURS) - 1)]


def _table(judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds, measure: Measure) -> str:
    told = lines(judged, codecs, speeds, measure)
    columns = np.array([[np.nan if value is None else value for value in values] for _, values, _ in told]).round(4)
    best = [max((value for value in column if not np.isnan(value)), default=None) for column in columns.T]
    names = ["method", *(each.name for each in judged), "mean", "pictures/s"]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = []
    for (name, _, speed), row, values in zip(told, judged[0].rows, columns, strict=True):
        indent = ' style="padding-left:1.4rem"' if row.variant != Variant() else ""
        cells = [f"<td{indent}>{escape(name)}</td>"]
        for value, top in zip(values, best, strict=True):
            mark = ' class="best"' if value == top else ""
            cells.append(f"<td{mark}>{'–' if np.isnan(value) else f'{value:.4f}'}</td>")
        cells.append(f"<td>{'' if speed is None else f'{speed:,.0f}'}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(body)}</table></div>'
