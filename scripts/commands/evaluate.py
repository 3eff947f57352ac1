"""`semblance evaluate`: one table of precision for pixels, colours, models and hyperplanes on a dataset with labels.

Each model has a row as it is and one for every variant asked for: refined, with views, both, by its first bits.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import DatasetError, UsageError
from semblance.retrieval.index.flat import search_on_one_core
from semblance.retrieval.judging import comparison, datasets
from semblance.retrieval.judging.comparison import Contest, Row, Variant
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.views import MOST
from semblance.scripts import console


def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            parser=console.path,
            metavar="DATASET",
            help="CIFAR-10 batches, MNIST files, or a folder with a subfolder a class.",
        ),
    ],
    queries: Annotated[
        Path | None, typer.Option(parser=console.path, metavar="DATASET", help="Another dataset, whose pictures ask.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="A shipped model or a model folder; may be repeated.")] = None,
    prefix: Annotated[
        list[int] | None, typer.Option(min=1, help="A row for the first so many bits of each code; may be repeated.")
    ] = None,
    refine: Annotated[
        bool, typer.Option("--refine", help="A row with the nearest in the order of the queries' logits.")
    ] = False,
    views: Annotated[
        int, typer.Option(min=1, max=MOST, help="A row that asks with so many views of each query: flips and crops.")
    ] = 1,
    liked: Annotated[
        int, typer.Option(min=1, help="A row whose queries are each made of so many of a class, together.")
    ] = 1,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Ask with the 5,000 held-out gallery pictures: for choices.")
    ] = False,
    unseen_classes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only every Nth class: the first, the (N+1)th and so on.")
    ] = None,
    histogram: Annotated[bool, typer.Option("--histogram", help="A row for colour histograms.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(parser=console.path, metavar="DIR", help="A folder to write a page of figures to."),
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Compare codes with pixels. Labels judge here and are used nowhere else."""
    with console.exits():
        if held_out and queries is not None:
            raise UsageError("--held-out asks with pictures of the dataset itself: leave --queries out.")
        if held_out and unseen_classes is not None:
            raise UsageError("--held-out asks for pictures of all classes: leave --unseen-classes out.")
        write_report = _report_writer() if report is not None else None
        search_on_one_core()
        codecs = [Codec(name, threads=2) for name in model or [DEFAULT_MODEL]]
        variants = _variants(codecs, prefix or [], refine, views, liked)
        gallery, asking = _gallery_and_queries(dataset, queries, held_out)
        if unseen_classes is not None:
            gallery = datasets.every_nth_class(gallery, unseen_classes)
            asking = None if asking is None else datasets.every_nth_class(asking, unseen_classes)
        held = comparison.contest(gallery, asking)
        comparison.check(held, variants)  # before the long work begins
        rows = _rows(held, codecs, variants, histogram)
        if as_json:
            table = {
                "gallery": len(held.gallery),
                "queries": len(held.queries),
                "rows": [row.as_dict() for row in rows],
            }
            console.print_json(table)
        else:
            _show(held, rows)
        if report is not None and write_report is not None:
            console.say(f"The report is in {', '.join(map(str, write_report(held, rows, codecs, report)))}")


def _variants(codecs: list[Codec], prefixes: list[int], refine: bool, views: int, liked: int) -> list[Variant]:
    """The rows of each model: plain, refined, with views, both, its prefixes, several liked. Raises UsageError."""
    for codec in codecs:
        if too_long := [bits for bits in prefixes if bits > codec.bits]:
            raise UsageError(f"A code of {codec.name} has {codec.bits} bits: it has no prefix of {too_long[0]}.")
    wanted = [Variant(views=count, refine=refined) for count in (1, views) for refined in (False, refine)]
    return [*dict.fromkeys([*wanted, *(Variant(bits=bits) for bits in prefixes), Variant(liked=liked)])]


def _gallery_and_queries(dataset: Path, queries: Path | None, held_out: bool) -> tuple[Dataset, Dataset | None]:
    gallery, own_queries = datasets.load(dataset)
    if held_out:
        kept, asked = datasets.hold_out(5000, len(gallery))
        return gallery.subset(kept), gallery.subset(asked)
    if queries is None:
        return gallery, own_queries
    other, other_queries = datasets.load(queries)
    asking = other if other_queries is None else other_queries
    if asking.classes != gallery.classes:
        raise DatasetError(f"{dataset} and {queries} have different classes: precision between them means nothing.")
    return gallery, asking


def _rows(held: Contest, codecs: list[Codec], variants: list[Variant], histogram: bool) -> list[Row]:
    lengths = sorted({codec.bits for codec in codecs}, reverse=True)
    total = 1 + histogram + len(codecs) * len(variants) + len(lengths)

    def made() -> Iterator[Row]:
        yield comparison.by_pixels(held)
        if histogram:
            yield comparison.by_histograms(held)
        for codec in codecs:
            yield from comparison.by_codec(held, codec, variants)
        for bits in lengths:
            yield comparison.by_hyperplanes(held, bits)

    rows: list[Row] = []
    with console.progress("Evaluating") as update:
        update(0, total)
        for row in made():
            rows.append(row)
            update(len(rows), total)
    return rows


def _show(held: Contest, rows: list[Row]) -> None:
    table = Table(title=f"{len(held.gallery):,} pictures in the gallery, {len(held.queries):,} queries")
    lines: list[dict[str, Any]] = [row.as_dict() for row in rows]
    for line in lines:
        if interval := line.pop("P@10_interval"):
            line["P@10"] = "{:.4f} ({:.4f} to {:.4f})".format(line["P@10"], *interval)
    for column in lines[0]:
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=True)
    for line in lines:
        table.add_row(*("-" if value is None else str(value) for value in line.values()))
    Console(width=200).print(table)


def _report_writer() -> Callable[[Contest, list[Row], list[Codec], Path], list[Path]]:
    """What writes a report, asked for before the long work begins. Raises UsageError."""
    try:
        from semblance.scripts.report.page import write_report
    except ImportError as error:
        raise UsageError(f"A report needs the extra packages ({error}): pip install 'semblance[report]'.") from error

    def write(held: Contest, rows: list[Row], codecs: list[Codec], folder: Path) -> list[Path]:
        with console.progress("Drawing the report") as update:
            return write_report(held, rows, codecs, folder, update)

    return write


if __name__ == "__main__":
    typer.run(evaluate)
