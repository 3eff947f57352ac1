"""`semblance index`: folders of pictures into a library."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from semblance.indexer import fitting, pipeline
from semblance.indexer.library import codec_for
from semblance.indexer.scan import check
from semblance.retrieval.errors import UsageError
from semblance.scripts import console

Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="PATTERN",
        help="Leave out names or paths like 'raw*'; may be repeated.",
        show_default="nothing",
    ),
]


def index(
    library: console.Library,
    folders: Annotated[list[Path] | None, console.argument("Folders of pictures.", "FOLDER...")] = None,
    model: console.Model = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Keep pixel vectors too, for the baseline.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Forget those of missing, emptied, left-out folders.")] = False,
    exclude: Exclude = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Then fit the bits to all pictures of the library, and encode them anew.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode and encode.")] = os.cpu_count() or 1,
    as_json: console.AsJson = False,
) -> None:
    """Encode folders of pictures into a library. Run again, only what changed is encoded and what is gone forgotten."""
    if not folders and not fit:
        raise UsageError("There is nothing to do: name a FOLDER of pictures, or --fit the library to those it has.")
    if not folders and (model or pixels or prune or exclude):
        raise UsageError(
            "--model, --pixels and --prune are for indexing a FOLDER, and so is --exclude: name one, or leave them out."
        )
    summary = pipeline.Summary()
    if folders:
        summary = run([*folders], library, model, pixels=pixels, prune=prune, exclude=exclude or [], threads=threads)
        if not as_json:
            show(summary)
    fitted = _fit(library, threads) if fit else None
    if as_json:
        failed = [{"path": path, "reason": reason} for path, reason in summary.failed.items()]
        document = {**vars(summary), "failed": failed, "seconds": round(summary.seconds, 3)}
        if fitted:
            left_out = [{"path": path, "reason": reason} for path, reason in fitted.left_out.items()]
            document["fit"] = {**vars(fitted), "left_out": left_out, "seconds": round(fitted.seconds, 3)}
        console.print_json(document)
    elif fitted:
        _show_fitted(fitted)
    if summary.failed or summary.warnings or (fitted and fitted.left_out):
        raise typer.Exit(console.LEFT_OUT)


def run(
    folders: list[Path],
    library: Path,
    model: str | None,
    *,
    pixels: bool,
    prune: bool,
    exclude: Sequence[str] = (),
    threads: int,
) -> pipeline.Summary:
    """Index with a progress bar. Raises what `pipeline.update` raises, and KeyboardInterrupt on SIGTERM too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    check(folders, library, exclude)  # before the library is looked at, which may bring it up to date
    codec = codec_for(library, model)
    try:
        with console.progress("Indexing") as update:
            return pipeline.update(
                folders,
                library,
                codec,
                with_pixels=pixels,
                prune=prune,
                exclude=exclude,
                threads=threads,
                progress=update,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was indexed is kept; run the same command again to go on") from None


def _fit(library: Path, threads: int) -> fitting.Fitted:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with console.extra("adopt", "Fitting bits"):
        from semblance.retrieval.training.refit import Trunk
    try:
        with console.progress("Making features") as update:
            return fitting.fit(library, Trunk, threads, update)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the library is as it was") from None


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
    if not summary.added + summary.updated + summary.removed + summary.unchanged + len(summary.failed):
        console.say("There are no pictures there (files of other kinds are skipped).")
    completed = f" ({summary.completed:,} of them got the code of copies that they lacked)" if summary.completed else ""
    rate = (summary.added + summary.updated) / max(summary.seconds, 1e-9)
    console.say(
        f"{summary.added:,} added, {summary.updated:,} updated, {summary.removed:,} removed, {summary.unchanged:,} "
        f"unchanged{completed}, {summary.skipped:,} skipped, {len(summary.failed):,} failed in {summary.seconds:.1f} s"
        + (f" ({rate:,.0f} pictures a second)" if summary.added + summary.updated else "")
    )
