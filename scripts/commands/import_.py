"""`semblance import`: codes made elsewhere."""

from typing import Annotated, Any

import typer

from semblance.indexer.keeping import importing
from semblance.retrieval.extras import extra
from semblance.scripts import console

Pictures = Annotated[
    list[Any] | None,
    typer.Option(
        parser=console.place,
        metavar="ADDRESS",
        help="An address on the web below which its pictures may lie; may be repeated.",
        show_default="those indexed",
    ),
]


def import_(
    library: console.Library,
    file: Annotated[
        Any,
        typer.Argument(
            parser=console.place,
            help="What `semblance export` or `encode` writes.",
            metavar="FILE.parquet|.npz|SHARDS|milvus://HOST:PORT/NAME",
        ),
    ],
    model: console.Model = None,
    partial: Annotated[bool, typer.Option("--partial", help="Of SHARDS that are not all there, take what is.")] = False,
    pictures: Pictures = None,
    as_json: console.AsJson = False,
) -> None:
    """Take codes made elsewhere into a library; the next `index` compares them with the files: those of SHARDS by size
    and time, others by content."""
    try:
        with extra("parquet", "Parquet"), console.progress("Importing") as update:
            done = importing.take(file, library, model, update, partial, [*map(str, pictures or [])])
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was imported is kept; run the same command again to go on") from None
    for path in done.refused:
        console.say(f"left out: {path}: the library knows it with other content, which it keeps.")
    if as_json:
        console.print_json(vars(done))
    else:
        console.say(
            f"{done.added:,} added, {done.completed:,} got codes that they lacked, {done.unchanged:,} unchanged, "
            f"{len(done.refused):,} left out. The next `semblance index` looks at each file."
        )
    if done.refused:
        raise typer.Exit(console.LEFT_OUT)
