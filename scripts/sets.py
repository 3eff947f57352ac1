"""What `semblance evaluate` prints of several datasets: one table of sets by methods, one document, one page."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.table import Table

from semblance.retrieval.codec import Codec
from semblance.retrieval.extras import extra
from semblance.retrieval.judging.contest import Variant
from semblance.retrieval.judging.sets import NESTED, Judged, Measure, Speeds, judge, lines, mean
from semblance.scripts import console
from semblance.scripts.benchmarks.figures import in_turns

_TIMES = 51


def nested(codecs: Sequence[Codec]) -> list[int]:
    """The first bits that have a row of their own, where all models have so many."""
    return [bits for bits in NESTED if bits < min(codec.bits for codec in codecs)]


def evaluate(
    folders: Sequence[Path],
    codecs: list[Codec],
    variants: list[Variant],
    measure: Measure,
    report: Path | None,
    as_json: bool,
) -> None:
    """Judge all models on all sets, and show it."""
    if report is not None:
        with extra("report", "A report"):  # before the long work begins
            from semblance.scripts.report.sets import write_report
    console.say(f"{len(folders)} sets: {', '.join(folder.resolve().name for folder in folders)}")
    with console.progress("Evaluating") as progress:
        judged = judge(folders, codecs, variants, progress)
    speeds = _speeds(codecs)
    if as_json:
        console.print_json(_document(judged, codecs, speeds))
    else:
        _show(judged, codecs, speeds, measure)
    if report is not None:
        written = write_report(judged, codecs, speeds, measure, report)
        console.say(f"The report is in {', '.join(map(str, written))}")


def _speeds(codecs: Sequence[Codec]) -> Speeds:
    """By the seconds that the processor worked: those that it gave to other programs do not count."""
    alone = [Codec(codec.folder) for codec in codecs]
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (1, codec.spec.size, codec.spec.size, 3), np.uint8) for codec in codecs]
    tasks = [partial(one.logits, picture) for one, picture in zip(alone, noise, strict=True)]
    return [1 / seconds for seconds in in_turns(tasks, _TIMES, time.thread_time)]


def _document(judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds) -> dict[str, object]:
    sets = [
        {
            "name": each.name,
            "gallery": each.gallery,
            "queries": each.queries,
            "rows": [row.as_dict() for row in each.rows],
        }
        for each in judged
    ]
    means = []
    for number, row in enumerate(judged[0].rows):
        of_row = {name: mean(judged, number, name) for name in row.score.table}  # type: ignore[arg-type]
        means.append({"name": row.name} | {name: None if v is None else round(v, 4) for name, v in of_row.items()})
    told = [
        {"name": codec.name, "pictures_per_second": round(speed, 1)}
        for codec, speed in zip(codecs, speeds, strict=True)
    ]
    return {"sets": sets, "means": means, "one_core": told}


def _show(judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds, measure: Measure) -> None:
    table = Table(title=f"{measure}; pictures a second: one at a time, on one core")
    table.add_column("name")
    for column in [*(f"{each.name} ({each.queries:,})" for each in judged), "mean", "pictures/s"]:
        table.add_column(column, justify="right")
    for name, values, speed in lines(judged, codecs, speeds, measure):
        numbers = ["-" if value is None else f"{value:.4f}" for value in values]
        table.add_row(name, *numbers, "" if speed is None else f"{speed:,.0f}")
    console.show_table(table, 200)
