"""`semblance evaluate`: one table of precision for pixels, colours, models and hyperplanes on a dataset with labels.

Each model has a row as it is and one for every variant asked for: refined, with views, both, by its first bits.
Several datasets, or a folder of them, are judged side by side (`scripts/sets.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import DatasetError, UsageError
from semblance.retrieval.extras import extra
from semblance.retrieval.judging import comparison, datasets
from semblance.retrieval.judging.chance import Chances, judge
from semblance.retrieval.judging.contest import Contest, Row, Variant, shuffled
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.judging.sets import Measure, of_folder
from semblance.retrieval.views import MOST
from semblance.scripts import console, sets

Labelled = Annotated[
    list[Path],
    console.argument(
        "CIFAR-10 batches, MNIST files, a folder with a subfolder a class; several, or a folder of them.", "DATASET..."
    ),
]
OneSet = Annotated[bool, typer.Option("--one-set", help="DATASET's subfolders are classes, however deep pictures lie.")]
Measured = Annotated[Measure, typer.Option(help="For several datasets: what their table shows.")]
Queries = Annotated[Path | None, console.option("Another dataset, whose pictures ask.", "DATASET")]
Prefixes = Annotated[
    list[int] | None, typer.Option(min=1, help="A row for the first so many bits of each code; may be repeated.")
]
Refine = Annotated[bool, typer.Option("--refine", help="A row with the nearest in the order of the queries' logits.")]
Views = Annotated[
    int, typer.Option(min=1, max=MOST, help="A row that asks with so many views of each query: flips and crops.")
]
Liked = Annotated[int, typer.Option(min=1, help="A row whose queries are each made of so many of a class, together.")]
HeldOut = Annotated[bool, typer.Option("--held-out", help="Ask with the 5,000 held-out gallery pictures: for choices.")]
UnseenClasses = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Only every Nth class: the first, the (N+1)th and so on.")
]
Histogram = Annotated[bool, typer.Option("--histogram", help="A row for colour histograms.")]
ByChance = Annotated[bool, typer.Option("--chance", help="Judge what is said to be expected by chance.")]
Figures = Annotated[Path | None, console.option("A folder to write a page of figures to.")]


def evaluate(
    dataset: Labelled,
    queries: Queries = None,
    model: console.Models = None,
    prefix: Prefixes = None,
    refine: Refine = False,
    views: Views = 1,
    liked: Liked = 1,
    held_out: HeldOut = False,
    unseen_classes: UnseenClasses = None,
    histogram: Histogram = False,
    chance: ByChance = False,
    one_set: OneSet = False,
    measure: Measured = "P@10",
    report: Figures = None,
    as_json: console.AsJson = False,
) -> None:
    """Compare codes with pixels. Labels judge here and are used nowhere else."""
    if report is not None:
        with extra("report", "A report"):  # before the long work begins
            from semblance.scripts.report.page import write_report
    codecs = [Codec(name, threads=2) for name in model or [DEFAULT_MODEL]]
    folders = datasets.once(dataset if one_set else (each for folder in dataset for each in of_folder(folder)))
    if len(folders) > 1:
        if queries or held_out or unseen_classes or chance or liked > 1:
            raise UsageError("Of several datasets each picture asks all others: name one dataset for these options.")
        several = _variants(codecs, [*(prefix or []), *sets.nested(codecs)], True, views, 1)
        sets.evaluate(folders, codecs, several, measure, report, as_json)
        return
    variants = _variants(codecs, prefix or [], refine, views, liked)
    contest = shuffled(*_gallery_and_queries(folders[0], queries, held_out, unseen_classes))
    comparison.check(contest, variants)  # likewise
    judged = [judge(contest, codec) for codec in codecs] if chance else []
    rows = _rows(contest, codecs, variants, histogram)
    _print(contest, rows, judged, as_json)
    if report is not None:
        with console.progress("Drawing the report") as progress:
            written = write_report(contest, rows, codecs, report, progress)
        console.say(f"The report is in {', '.join(map(str, written))}")


def _variants(codecs: list[Codec], prefixes: list[int], refine: bool, views: int, liked: int) -> list[Variant]:
    """The rows of each model: plain, refined, with views, both, its prefixes, several liked. Raises UsageError."""
    for codec in codecs:
        if too_long := [bits for bits in prefixes if bits > codec.bits]:
            raise UsageError(f"A code of {codec.name} has {codec.bits} bits: it has no prefix of {too_long[0]}.")
    wanted = [Variant(views=count, refine=refined) for count in (1, views) for refined in (False, refine)]
    return [*dict.fromkeys([*wanted, *(Variant(bits=bits) for bits in prefixes), Variant(liked=liked)])]


def _gallery_and_queries(
    dataset: Path, queries: Path | None, held_out: bool, unseen_classes: int | None
) -> tuple[Dataset, Dataset | None]:
    if held_out and queries is not None:
        raise UsageError("--held-out asks with pictures of the dataset itself: leave --queries out.")
    if held_out and unseen_classes is not None:
        raise UsageError("--held-out asks for pictures of all classes: leave --unseen-classes out.")
    gallery, asking = datasets.load(dataset)
    if held_out:
        kept, asked = datasets.hold_out(5000, len(gallery))
        return gallery.subset(kept), gallery.subset(asked)
    if queries is not None:
        other, other_queries = datasets.load(queries)
        asking = other if other_queries is None else other_queries
        if asking.classes != gallery.classes:
            raise DatasetError(f"{dataset} and {queries} have different classes: precision between them means nothing.")
    if unseen_classes is not None:
        gallery = datasets.every_nth_class(gallery, unseen_classes)
        asking = None if asking is None else datasets.every_nth_class(asking, unseen_classes)
    return gallery, asking


def _rows(contest: Contest, codecs: list[Codec], variants: list[Variant], histogram: bool) -> list[Row]:
    lengths = sorted({codec.bits for codec in codecs}, reverse=True)
    total = 1 + histogram + len(codecs) * len(variants) + len(lengths)

    def made() -> Iterator[Row]:
        yield comparison.by_pixels(contest)
        if histogram:
            yield comparison.by_histograms(contest)
        for codec in codecs:
            yield from comparison.by_codec(contest, codec, variants)
        for bits in lengths:
            yield comparison.by_hyperplanes(contest, bits)

    rows: list[Row] = []
    with console.progress("Evaluating") as progress:
        progress(0, total)
        for row in made():
            rows.append(row)
            progress(len(rows), total)
    return rows


def _print(contest: Contest, rows: list[Row], judged: list[Chances], as_json: bool) -> None:
    if not as_json:
        _show(contest, rows)
        _show_chances(judged)
        return
    sizes = {"gallery": len(contest.gallery), "queries": len(contest.queries)}
    more = {"by_chance": [each.as_dict() for each in judged]} if judged else {}
    console.print_json({**sizes, "rows": [row.as_dict() for row in rows], **more})


def _show(contest: Contest, rows: list[Row]) -> None:
    table = Table(title=f"{len(contest.gallery):,} pictures in the gallery, {len(contest.queries):,} queries")
    lines: list[dict[str, Any]] = [row.as_dict() for row in rows]
    for line in lines:
        if interval := line.pop("P@10_interval"):
            line["P@10"] = "{:.4f} ({:.4f} to {:.4f})".format(line["P@10"], *interval)
    for column in lines[0]:
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=True)
    for line in lines:
        table.add_row(*("-" if value is None else str(value) for value in line.values()))
    console.show_table(table, 200)


def _show_chances(judged: list[Chances]) -> None:
    """A line for each figure, since a model has many: name, figure, value."""
    for each in judged:
        said = each.as_dict()
        name = said.pop("name")
        for figure, value in said.items():
            console.show(f"{name}: {figure:28} {'-' if value is None else value}")
