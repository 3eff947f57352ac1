"""The plots of a report: precision against the number retrieved, distances of same and other classes, the bits."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from semblance.retrieval import codes
from semblance.retrieval.codec import Codec, from_logits
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging.contest import Contest, Row, Variant
from semblance.retrieval.judging.evaluation import correlations
from semblance.retrieval.pixels import SPEC
from semblance.scripts.report.figures import colour_of, panels, sample_logits, some, tidy, write

_PAIRED = 3000  # pictures whose distances to each other are counted
_LEAST = 20  # pictures, below which there are too few pairs to count
_COUNTED = 10_000  # pictures over which bits are judged


def write_precision(contest: Contest, rows: list[Row], folder: Path) -> Path:
    """Write folder/precision.png; where it is. A method has a colour, its variants have dashes or thinner lines.

    The legend stands beside the lines, in their order at ten pictures. Where all pictures are retrieved every method
    has the precision of chance, which is drawn through to the left.
    """
    at_ten = int(np.searchsorted(rows[0].score.retrieved, 10).clip(max=len(rows[0].score.retrieved) - 1))
    figure, axes = plt.subplots(figsize=(10.5, 5.6), layout="constrained")
    for row in sorted(rows, key=lambda row: -row.score.precision[at_ten]):
        colour = colour_of(rows, row.method)
        axes.plot(row.score.retrieved, row.score.precision, color=colour, label=row.name, **_style(row))
    chance = rows[0].score.precision[-1]
    axes.axhline(chance, color="#8c959f", linewidth=1, linestyle=(0, (1, 3)), label="chance")
    axes.set_title(f"{len(contest.gallery):,} pictures in the gallery, {len(contest.queries):,} queries", fontsize=10)
    axes.set_xscale("log")
    axes.set_xlim(1, rows[0].score.retrieved[-1])
    axes.set_ylim(0, None)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("pictures retrieved")
    axes.set_ylabel("precision: their share that is of the query's class")
    tidy(axes)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return write(figure, folder / "precision.png")


def write_distances(contest: Contest, rows: list[Row], codecs: list[Codec], folder: Path) -> Path:
    """Write folder/distances.png: how far pairs of the same class are, and pairs of different ones; where it is.

    One panel for pixels and one for each model, each with the chance that a pair of the same class is the nearer one.
    """
    chosen = some(len(contest.gallery), _PAIRED)
    if len(chosen) < _LEAST:
        raise DatasetError(f"{len(chosen)} pictures are too few for a histogram of distances: it takes {_LEAST}.")
    labels = contest.gallery.labels[chosen]
    same, upper = labels[:, None] == labels, np.triu(np.ones((len(chosen),) * 2, bool), 1)
    vectors = contest.gallery.subset(chosen).pictures(SPEC).reshape(len(chosen), -1).astype(np.float32) / 255
    squares = np.square(vectors).sum(axis=1)
    euclidean = np.sqrt(np.maximum(squares[:, None] + squares - 2 * vectors @ vectors.T, 0))
    ways = [(rows[0].method, "distance", euclidean)]
    for codec in codecs:
        packed = from_logits(sample_logits(contest, codec, chosen))
        ways.append((codec.name, f"bits of {codec.bits}", codes.hamming(packed, packed)))
    figure, grid = panels(len(ways), 3, 3.5, 2.4)
    for axes, (name, unit, distances) in zip(grid, ways, strict=True):
        near, far = distances[upper & same], distances[upper & ~same]
        low, high = np.quantile(distances[upper], (0.0005, 0.9995))
        step = (high - low) / 60
        if distances.dtype != np.float32:  # as many whole numbers in each bar
            low, step = np.floor(low) - 0.5, max(1.0, np.ceil(step))
        bins = np.arange(low, high + step, step).tolist()
        axes.hist(far, bins, density=True, color="#afb8c1", label="different classes")
        axes.hist(near, bins, density=True, histtype="step", color=colour_of(rows, name), linewidth=1.6, label="same")
        axes.set_title(f"{name}: same class nearer in {_nearer(near, far):.0%} of comparisons", fontsize=8)
        axes.set_xlabel(unit, fontsize=8)
        axes.set_yticks([])
        tidy(axes)
    grid[0].legend(frameon=False, fontsize=8)
    return write(figure, folder / "distances.png")


def write_bits(contest: Contest, rows: list[Row], codecs: list[Codec], folder: Path) -> Path:
    """Write folder/bits.png: for each model how often its bits are on, and how much they tell of each other."""
    chosen = some(len(contest.gallery), _COUNTED)
    figure, grid = plt.subplots(len(codecs), 2, figsize=(8.2, 2.6 * len(codecs)), layout="constrained", squeeze=False)
    for (balance, pairs), codec in zip(grid, codecs, strict=True):
        bits = sample_logits(contest, codec, chosen) > 0
        balance.bar(np.arange(codec.bits), np.sort(bits.mean(axis=0)), width=1, color=colour_of(rows, codec.name))
        balance.axhline(0.5, color="#24292f", linewidth=0.8, linestyle=":")
        balance.set_ylim(0, 1)
        balance.set_ylabel("share of pictures", fontsize=8)
        balance.set_title(f"{codec.name}: how often each bit is on, sorted", fontsize=9)
        tidy(balance)
        correlation = correlations(bits)
        image = pairs.imshow(correlation, vmin=0, vmax=0.5, cmap="magma", interpolation="nearest")
        mean = correlation.sum() / max(codec.bits * (codec.bits - 1), 1)
        pairs.set_title(f"correlation of any two bits, mean {mean:.3f}", fontsize=9)
        figure.colorbar(image, ax=pairs, shrink=0.9)
    return write(figure, folder / "bits.png")


def _nearer(near: Any, far: Any) -> float:
    """The chance that a distance drawn from `near` is below one from `far`; ties count half."""
    ordered = np.sort(far)
    below, up_to = np.searchsorted(ordered, near, "left"), np.searchsorted(ordered, near, "right")
    return float(1 - (below + up_to).mean() / 2 / len(far))


def _style(row: Row) -> dict[str, Any]:
    variant = row.variant
    if variant.bits:
        return {"linewidth": 1.2, "alpha": 0.35 + 0.5 * min(1, variant.bits / 128)}
    if variant == Variant(liked=variant.liked) and variant.liked > 1:
        return {"linewidth": 1.8, "linestyle": (0, (8, 2))}
    dashes = {(False, False): "-", (False, True): "--", (True, False): ":", (True, True): "-."}
    return {"linewidth": 1.8, "linestyle": dashes[variant.views > 1, variant.refine]}
