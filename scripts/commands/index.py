"""`semblance index`: folders of pictures into a library."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from semblance.indexer import pipeline
from semblance.indexer.library import codec_for
from semblance.scripts import console


def index(
    folders: Annotated[list[Path], console.argument("Folders of pictures.", "FOLDER...")],
    library: console.Library,
    model: console.Model = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Keep pixel vectors too, for the baseline.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Forget the pictures of missing or emptied folders.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode and encode.")] = os.cpu_count() or 1,
    as_json: console.AsJson = False,
) -> None:
    """Encode folders of pictures into a library. Run again, only what changed is encoded and what is gone forgotten."""
    summary = run([*folders], library, model, pixels=pixels, prune=prune, threads=threads)
    if as_json:
        failed = [{"path": path, "reason": reason} for path, reason in summary.failed.items()]
        console.print_json({**vars(summary), "failed": failed, "seconds": round(summary.seconds, 3)})
    else:
        show(summary)
    if summary.failed or summary.warnings:
        raise typer.Exit(console.LEFT_OUT)


def run(
    folders: list[Path], library: Path, model: str | None, *, pixels: bool, prune: bool, threads: int
) -> pipeline.Summary:
    """Index with a progress bar. Raises what `pipeline.update` raises, and KeyboardInterrupt on SIGTERM too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    codec = codec_for(library, model)
    try:
        with console.progress("Indexing") as update:
            return pipeline.update(
                folders, library, codec, with_pixels=pixels, prune=prune, threads=threads, progress=update
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was indexed is kept; run the same command again to go on") from None


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
