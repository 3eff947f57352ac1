"""`semblance encode`: the codes of very many pictures, made here or on a cluster, as files that `import` takes in."""

import signal
from typing import Annotated

import typer

from semblance.indexer.shards import running
from semblance.indexer.shards.plan import SHARD
from semblance.retrieval.extras import extra
from semblance.scripts import console
from semblance.scripts.commands.index import Exclude

Source = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A folder or address of pictures, or a list of them."),
]
Out = Annotated[str, typer.Option("--out", metavar="SHARDS", help="The folder or address to put the codes in.")]
On = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="ray[://HOST:PORT]", help="A cluster that encodes.", show_default="this machine's cores"
    ),
]
Copies = Annotated[
    str | None, typer.Option(metavar="MODEL", help="The model that tells copies.", show_default="copies")
]
Shard = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2**20,
        metavar="N",
        help="Pictures of a shard.",
        show_default=f"what SHARDS has; {SHARD} for new ones",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Workers that encode, a core each.", show_default="all cores there are"),
]


def encode(
    source: Source,
    out: Out,
    on: On = None,
    model: Annotated[
        str | None, typer.Option(help="The model that makes the codes: its name, or a folder.", show_default="photos")
    ] = None,
    copies: Copies = None,
    shard: Shard = None,
    workers: Workers = None,
    exclude: Exclude = None,
    as_json: console.AsJson = False,
) -> None:
    """Make codes without a library, to be imported: run again, it makes what is not there yet.

    SHARDS/pictures-….list is a SOURCE too: the very pictures that SHARDS was begun with.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    needed = ("parquet", "Parquet") if on is None else ("ray", "Encoding on a cluster")
    try:
        with extra(*needed), console.progress("Encoding") as update:
            done = running.encode(
                source,
                out,
                on=on,
                model=model,
                copies=copies,
                shard=shard,
                exclude=exclude or [],
                workers=workers,
                progress=update,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the shards that are whole are kept; run the same command again to go on") from None
    _show(done, out, as_json)
    if done.failed:
        raise typer.Exit(console.LEFT_OUT)


def _show(done: running.Summary, out: str, as_json: bool) -> None:
    if as_json:
        failed = [{"path": path, "reason": reason} for path, reason in done.failed.items()]
        console.print_json(
            {**vars(done), "failed": failed, "seconds": round(done.seconds, 3), "encoding": round(done.encoding, 3)}
        )
        return
    for path, reason in done.failed.items():
        console.say(f"left out: {path}: {reason}")
    rate = done.encoded / max(done.encoding, 1e-9)
    console.say(
        f"{out}: {console.counted(done.shards, 'shard')}, {done.written:,} of them made now; {done.encoded:,} encoded, "
        f"{done.kept:,} were there, {done.skipped:,} skipped, {len(done.failed):,} failed in {done.seconds:.1f} s"
        + (f" ({rate:,.0f} pictures a second while encoding)" if done.encoded else "")
    )
