"""`semblance export`: a library's codes for other programs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semblance.indexer.catalog import Purpose
from semblance.indexer.keeping import collections, exporting
from semblance.indexer.milvus import address
from semblance.retrieval.extras import extra
from semblance.scripts import console


def export(
    library: console.Library,
    out: Annotated[
        Any,
        typer.Argument(
            parser=console.file_or_milvus,
            help="What to write; its suffix names the format. Or a Milvus, which gets a whole library.",
            metavar="OUT.parquet|.npz|.faiss|milvus://HOST:PORT/NAME",
        ),
    ],
    purpose: Annotated[
        Purpose | None,
        typer.Option(
            help="Only the codes of what is alike, or of what is the same.", show_default="both; .faiss: alike"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it is there.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Write ids, paths, content hashes and codes as Parquet or NumPy, or the codes as an index of FAISS."""
    if isinstance(out, str):
        _to_milvus(library, out, purpose, force, as_json)
        return
    with extra("parquet", "Parquet"), console.progress("Exporting") as update:
        rows = exporting.export(library, out, purpose, force, update)
    if as_json:
        console.print_json({"out": str(out), "rows": rows})
    else:
        console.say(f"{out}: {console.counted(rows, 'code')} ({out.stat().st_size / 2**20:,.1f} MB)")


def _to_milvus(library: Path, out: str, purpose: Purpose | None, force: bool, as_json: bool) -> None:
    with console.progress("Exporting") as update:
        rows = collections.export(library, out, purpose, force, update)
    named = str(address.parse(out))
    if as_json:
        console.print_json({"out": named, "rows": rows})
    else:
        console.say(f"{named}: {console.counted(rows, 'code')}")
