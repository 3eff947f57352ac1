"""`semblance bench`: how fast, how large, each figure against something measured in the same run."""

import os
import platform
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from semblance.retrieval.codec import DEFAULT_MODEL
from semblance.retrieval.errors import UsageError
from semblance.scripts import console
from semblance.scripts.benchmarks.bucket import bucket
from semblance.scripts.benchmarks.cluster import cluster
from semblance.scripts.benchmarks.duplicates import duplicates
from semblance.scripts.benchmarks.encode import encode
from semblance.scripts.benchmarks.faults import kills, powercuts
from semblance.scripts.benchmarks.figures import MILLION, Asked, Row
from semblance.scripts.benchmarks.flips import flips
from semblance.scripts.benchmarks.hashes import hashes
from semblance.scripts.benchmarks.hostile import hostile
from semblance.scripts.benchmarks.install import install
from semblance.scripts.benchmarks.library import index, search
from semblance.scripts.benchmarks.load import load
from semblance.scripts.benchmarks.malformed import malformed
from semblance.scripts.benchmarks.milvus import milvus
from semblance.scripts.benchmarks.photographs import photographs
from semblance.scripts.benchmarks.processes import processes
from semblance.scripts.benchmarks.putback import putback
from semblance.scripts.benchmarks.scale.bench import scale
from semblance.scripts.benchmarks.service import service
from semblance.scripts.benchmarks.siege import siege
from semblance.scripts.benchmarks.soak import soak
from semblance.scripts.benchmarks.training import training
from semblance.scripts.benchmarks.unchanged import unchanged

BENCHES: dict[str, Callable[[Asked], list[Row]]] = {
    "search": search,
    "index": index,
    "photographs": photographs,
    "service": service,
    "install": install,
    "encode": encode,
    "processes": processes,
    "hostile": hostile,
    "hashes": hashes,
    "training": training,
    "duplicates": duplicates,
    "flips": flips,
    "kills": kills,
    "malformed": malformed,
    "load": load,
    "siege": siege,
    "soak": soak,
    "putback": putback,
    "powercuts": powercuts,
    "scale": scale,
    "unchanged": unchanged,
    "cluster": cluster,
    "milvus": milvus,
    "bucket": bucket,
}
UNNAMED = ["search", "index", "photographs", "service", "install", "encode", "processes"]
SIZES, LEAST = "10000,100000,1000000,10000000,50000000", 1000
LONG = [name for name in BENCHES if name not in UNNAMED]  # they take minutes, and some need more packages


Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help=f"{', '.join(BENCHES)}.", show_default=f"all but {', '.join(LONG)}"),
]
Pictures = Annotated[
    Path | None,
    console.option(
        "The folder that `index`, `duplicates`, `scale`, `cluster`, `milvus`, `bucket` are measured on.",
        show_default="drawn pictures",
    ),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        help="For `encode`, `photographs`, `unchanged`: a shipped model or a model folder; repeated for `encode`.",
        show_default=f"all that ship for `encode`, {DEFAULT_MODEL} for `photographs`",
    ),
]
Recipe = Annotated[str, typer.Option(help="For `training`: the recipe's name.")]
CodesAsked = Annotated[int, typer.Option(min=1000, help="For `duplicates`, `load` and `milvus`: how many codes.")]
Minutes = Annotated[float, typer.Option(min=0.1, help="For `soak`: how long.")]
Sizes = Annotated[str, typer.Option(metavar="N,N...", help="For `scale`: how many codes.")]
Engines = Annotated[
    str | None, typer.Option(metavar="NAME,NAME...", help="For `scale`: which engines.", show_default="all")
]
OfLibrary = Annotated[
    Path | None,
    console.option("For `scale`, `milvus`: the library whose codes more are grown from.", show_default="--pictures"),
]
Plots = Annotated[
    Path | None,
    console.option("For `scale`: where plots go, and results, so that a cut run goes on.", show_default="none"),
]
Elsewhere = Annotated[
    str | None,
    typer.Option(
        "--milvus",
        metavar="milvus://HOST:PORT/NAME",
        help="For `milvus`: a server that runs, and a name that is free there.",
        show_default="a server of its own",
    ),
]


def bench(
    names: Names = None,
    pictures: Pictures = None,
    model: Model = None,
    recipe: Recipe = "cifar10-fast",
    codes: CodesAsked = MILLION,
    minutes: Minutes = 30.0,
    sizes: Sizes = SIZES,
    engines: Engines = None,
    library: OfLibrary = None,
    plots: Plots = None,
    elsewhere: Elsewhere = None,
    as_json: console.AsJson = False,
) -> None:
    """Measure how fast and how large Semblance is here. Without names, those that take no minutes."""
    wanted = names or UNNAMED
    if unknown := [name for name in wanted if name not in BENCHES]:
        raise UsageError(f"There is no benchmark {unknown[0]!r}: there are {', '.join(BENCHES)}.")
    some = tuple(engines.split(",")) if engines else ()
    named = model or [], recipe, codes, minutes, library, plots, _sizes(sizes), some, elsewhere
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="semblance-bench-") as scratch:
        asked = Asked(Path(scratch), pictures, *named)
        for name in wanted:
            console.say(f"measuring: {name}")
            rows += BENCHES[name](asked)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    document = {"machine": machine, "versions": _versions(), "rows": rows}
    if as_json:
        console.print_json(document)
    else:
        _show(document)


def _sizes(text: str) -> tuple[int, ...]:
    """Ascending, each once. Raises UsageError."""
    try:
        sizes = {int(size) for size in text.split(",")}
    except ValueError:
        sizes = {0}
    if min(sizes) < LEAST:
        raise UsageError(f"{text!r} are no sizes: give whole numbers from {LEAST} on, with commas between them.")
    return tuple(sorted(sizes))


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("numpy", "faiss-cpu", "usearch", "pynear", "onnxruntime", "pillow", "fastapi", "uvicorn", "torch"):
        with suppress(metadata.PackageNotFoundError):  # torch is seldom there
            versions[name] = metadata.version(name)
    return versions


def _show(document: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    table = Table(title=f"{document['machine']}; {versions}")
    for column in ("name", "value", "unit", "against"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in document["rows"]:
        table.add_row(row["name"], f"{row['value']:,}", row["unit"], row["against"])
    console.show_table(table, 140)
