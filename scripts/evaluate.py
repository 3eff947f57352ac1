"""`semblance evaluate`: one table of precision for pixels, models and random hyperplanes on a dataset with labels."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from retrieval import comparison, datasets
from retrieval.codec import DEFAULT_MODEL, Codec, find_model
from retrieval.comparison import Contest, Row
from retrieval.datasets import Dataset
from retrieval.errors import DatasetError, UsageError
from retrieval.index import search_on_one_core
from scripts import console


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
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Ask with the 5,000 held-out gallery pictures: for choices.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(parser=console.path, metavar="DIR", help="A folder to write a sheet of neighbours to."),
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Compare codes with pixels. Labels judge here and are used nowhere else."""
    with console.exits():
        if held_out and queries is not None:
            raise UsageError("--held-out asks with pictures of the dataset itself: leave --queries out.")
        write_sheet = _sheet_writer() if report is not None else None
        search_on_one_core()
        codecs = [Codec(find_model(name), threads=2) for name in model or [DEFAULT_MODEL]]
        held = comparison.contest(*_gallery_and_queries(dataset, queries, held_out))
        rows = _rows(held, codecs)
        if as_json:
            table = {
                "gallery": len(held.gallery),
                "queries": len(held.queries),
                "rows": [row.as_dict() for row in rows],
            }
            console.print_json(table)
        else:
            _show(held, rows)
        if report is not None and write_sheet is not None:
            console.say(f"Neighbours are shown in {write_sheet(held, rows, report)}")


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


def _rows(held: Contest, codecs: list[Codec]) -> list[Row]:
    tasks = [partial(comparison.by_pixels, held)]
    tasks += [partial(comparison.by_codec, held, codec) for codec in codecs]
    lengths = sorted({codec.bits for codec in codecs}, reverse=True)
    tasks += [partial(comparison.by_hyperplanes, held, bits) for bits in lengths]
    rows = []
    with console.progress("Evaluating") as update:
        for done, task in enumerate(tasks):
            update(done, len(tasks))
            rows.append(task())
            update(done + 1, len(tasks))
    return rows


def _show(held: Contest, rows: list[Row]) -> None:
    table = Table(title=f"{len(held.gallery):,} pictures in the gallery, {len(held.queries):,} queries")
    lines: list[dict[str, Any]] = [row.as_dict() for row in rows]
    for column in lines[0]:
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=True)
    for line in lines:
        table.add_row(*("-" if value is None else str(value) for value in line.values()))
    Console(width=160).print(table)


def _sheet_writer() -> Callable[[Contest, list[Row], Path], Path]:
    """What writes the sheet, asked for before the long work begins. Raises UsageError."""
    try:
        from scripts.sheet import write_sheet
    except ImportError as error:
        raise UsageError(f"A report needs the extra packages ({error}): pip install 'semblance[report]'.") from error
    return write_sheet


if __name__ == "__main__":
    typer.run(evaluate)
