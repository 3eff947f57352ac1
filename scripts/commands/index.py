"""`semblance index`: folders of pictures into a library."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Unpack

import typer

from semblance.indexer.catalog import KnownCodec
from semblance.indexer.changing import choosing, fitting, replacing
from semblance.indexer.changing.replacing import Options
from semblance.indexer.derived import building, engines
from semblance.indexer.derived.encoders import codec_for
from semblance.indexer.milvus import address
from semblance.indexer.run import pipeline
from semblance.retrieval.errors import LibraryError, LibraryLocked, UsageError
from semblance.retrieval.extras import extra
from semblance.scripts import console, indexes

_FOLDERS = "Folders of pictures, on disk or as s3://BUCKET/FOLDER."
Folders = Annotated[list[Any] | None, console.stored(_FOLDERS, "FOLDER...")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out names or paths like 'raw*'; may be repeated.",
        show_default="nothing",
    ),
]

Copies = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="The model that tells copies: its name, or a model folder.",
        show_default="the library's own; copies for a new one",
    ),
]
Drop = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Remove the codes of a model that is not current.", show_default="nothing"),
]

Poll = Annotated[
    float | None,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="With --watch: look at everything so often, and ask no system.",
        show_default="30 for network disks",
    ),
]


def index(
    library: console.Library,
    folders: Folders = None,
    model: console.Model = None,
    copies: Copies = None,
    drop: Drop = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Keep pixel vectors too, for the baseline.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Forget those of missing, emptied, left-out folders.")] = False,
    exclude: Exclude = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Then fit the bits to all pictures of the library, and encode them anew.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then go on taking in what changes, until Ctrl-C.")] = False,
    poll: Poll = None,
    index: indexes.Index = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode and encode.")] = os.cpu_count() or 1,
    as_json: console.AsJson = False,
) -> None:
    """Encode folders of pictures into a library. Run again, only what changed is encoded and what is gone forgotten.

    Searches go by the old codes until all pictures have those of a new --model. --watch --json: one document a line.
    """
    engines.check(index or engines.AUTO)
    replaced, others = model is not None or copies is not None, fit or drop is not None or index is not None
    _check(bool(folders), replaced, others, bool(pixels or prune or exclude), watch, poll)
    options: Options = {"with_pixels": pixels, "prune": prune, "exclude": exclude or [], "threads": threads}
    if watch and folders:
        _watch(folders, library, model, copies, poll, as_json, options)
    summary = pipeline.Summary()
    if folders or replaced:
        summary = run(folders or [], library, model, copies, **options)
        if not as_json:
            show(summary)
    fitted = _fit(library, threads) if fit else None
    dropped = choosing.drop(library, drop) if drop is not None else None
    _build(library, index or engines.AUTO, summary)
    console.print_json(_document(summary, fitted, dropped)) if as_json else _show_after(fitted, dropped)
    if summary.failed or summary.warnings or (fitted and fitted.left_out):
        raise typer.Exit(console.LEFT_OUT)


def _check(folders: bool, replaced: bool, other: bool, for_folders: bool, watch: bool, poll: float | None) -> None:
    """Raise UsageError where options do not go together."""
    if not folders and not replaced and not other:
        raise UsageError("There is nothing to do: name a FOLDER of pictures, or --fit the library to those it has.")
    if not folders and for_folders:
        raise UsageError("--pixels, --prune and --exclude are for indexing a FOLDER: name one, or leave them out.")
    if watch and (not folders or other):
        raise UsageError(
            "--watch is for FOLDERs of pictures: name one, and leave --fit, --drop and --index to a run of its own."
        )
    if poll is not None and not watch:
        raise UsageError("--poll is for --watch: add it, or leave --poll out.")


def _document(summary: pipeline.Summary, fitted: fitting.Fitted | None, dropped: KnownCodec | None) -> dict[str, Any]:
    failed = [{"path": path, "reason": reason} for path, reason in summary.failed.items()]
    document = {**vars(summary), "failed": failed, "seconds": round(summary.seconds, 3)}
    if fitted:
        left_out = [{"path": path, "reason": reason} for path, reason in fitted.left_out.items()]
        document["fit"] = {**vars(fitted), "left_out": left_out, "seconds": round(fitted.seconds, 3)}
    if dropped:
        document["dropped"] = asdict(dropped.codec)
    return document


def _watch(
    folders: Sequence[Path | str],
    library: Path,
    model: str | None,
    copies: str | None,
    poll: float | None,
    as_json: bool,
    options: Options,
) -> None:
    """A first run, and then whatever changes. Ends by KeyboardInterrupt, on SIGTERM too."""
    from semblance.indexer.run.watching import Watcher  # loads what only watching needs

    def tell(summary: pipeline.Summary) -> None:
        console.print_json(_document(summary, None, None)) if as_json else show(summary)

    waiting = False
    while True:
        try:
            tell(run(folders, library, model, copies, **options))
            break
        except LibraryLocked as error:
            if not waiting:
                console.say(f"{error} Waiting for it.")
            waiting = True
            time.sleep(1)
    watcher = Watcher(
        folders, library, codec_for(library), [*options["exclude"]], options["threads"], poll, tell, console.say
    )
    listed = any(isinstance(folder, str) for folder in folders)
    console.say(f"Watching; Ctrl-C ends.{f' Addresses are listed every {poll or 30:g} s.' if listed else ''}")
    try:
        watcher.run()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the library holds what was taken in; run the same command again to go on") from None


def run(
    folders: Sequence[Path | str],
    library: Path,
    model: str | None = None,
    copies: str | None = None,
    **options: Unpack[Options],
) -> pipeline.Summary:
    """Index with progress bars. Raises what `replacing.index` raises, and KeyboardInterrupt on SIGTERM too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return replacing.index(folders, library, model, copies, console.progress, console.say, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was indexed is kept; run the same command again to go on") from None


def _fit(library: Path, threads: int) -> fitting.Fitted:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with extra("adopt", "Fitting bits"):
        from semblance.retrieval.training.refit import Trunk
    try:
        with console.progress("Making features") as update:
            return fitting.fit(library, Trunk, threads, update)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the library is as it was") from None


def _build(library: Path, index: str, summary: pipeline.Summary) -> None:
    """Build what the library is to be searched by; where that cannot be, it goes on with what it had, and is warned
    of."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for said in building.build(library, index, console.progress):
            console.say(said)
    except LibraryError as error:
        if address.is_address(index):  # without it there is nothing to search by
            raise
        summary.warnings.append(str(error))
        console.say(f"warning: {error}")
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was indexed is kept, and searched as before; run it again to go on") from None


def _show_after(fitted: fitting.Fitted | None, dropped: KnownCodec | None) -> None:
    if fitted:
        _show_fitted(fitted)
    if dropped:
        console.say(f"The codes by {dropped.codec.model} ({dropped.codec.codec_id[:12]}) are gone.")


def _show_fitted(fitted: fitting.Fitted) -> None:
    for path, reason in fitted.left_out.items():
        console.say(f"left out: {path}: {reason}")
    if fitted.already:
        console.say(f"The bits are fitted to these {fitted.pictures:,} pictures already.")
        return
    rate = fitted.pictures / max(fitted.seconds, 1e-9)
    console.say(
        f"codec {fitted.codec_id[:12]} fitted to {fitted.pictures:,} pictures, all encoded into it, "
        f"{len(fitted.left_out):,} left out, in {fitted.seconds:.1f} s ({rate:,.0f} pictures a second)"
    )


def show(summary: pipeline.Summary) -> None:
    """The summary for a person."""
    for path, reason in summary.failed.items():
        console.say(f"left out: {path}: {reason}")
    for warning in summary.warnings:
        console.say(f"warning: {warning}")
    if summary.passed_over:
        lie = "picture of the library lies" if summary.passed_over == 1 else "pictures of the library lie"
        console.say(f"{summary.passed_over:,} {lie} in what this run leaves out, and stay in it: --prune forgets them.")
    if not summary.added + summary.updated + summary.moved + summary.removed + summary.unchanged + len(summary.failed):
        console.say("There are no pictures there (files of other kinds are skipped).")
    completed = f" ({summary.completed:,} of them got a code that they lacked)" if summary.completed else ""
    moved = f"{summary.moved:,} moved, " if summary.moved else ""
    rate = (summary.added + summary.updated) / max(summary.seconds, 1e-9)
    console.say(
        f"{summary.added:,} added, {summary.updated:,} updated, {moved}{summary.removed:,} removed, "
        f"{summary.unchanged:,} unchanged{completed}, {summary.skipped:,} skipped, {len(summary.failed):,} failed "
        f"in {summary.seconds:.1f} s" + (f" ({rate:,.0f} pictures a second)" if summary.added + summary.updated else "")
    )
