"""`semblance index`: folders of pictures into a library."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from semblance.indexer import fitting, pipeline
from semblance.indexer.library import codec_for
from semblance.indexer.scan import check
from semblance.retrieval.errors import LibraryLocked, UsageError
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
    folders: Annotated[list[Path] | None, console.argument("Folders of pictures.", "FOLDER...")] = None,
    model: console.Model = None,
    pixels: Annotated[bool, typer.Option("--pixels", help="Keep pixel vectors too, for the baseline.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Forget those of missing, emptied, left-out folders.")] = False,
    exclude: Exclude = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Then fit the bits to all pictures of the library, and encode them anew.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Then go on taking in what changes, until Ctrl-C.")] = False,
    poll: Poll = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that decode and encode.")] = os.cpu_count() or 1,
    as_json: console.AsJson = False,
) -> None:
    """Encode folders of pictures into a library. Run again, only what changed is encoded and what is gone forgotten.

    With --watch, --json prints a line for the first run and one for each batch after.
    """
    _check(folders, fit, watch, poll, bool(model or pixels or prune or exclude))
    if watch and folders:
        _watch(folders, library, model, pixels, prune, exclude or [], threads, poll, as_json)
    summary = pipeline.Summary()
    if folders:
        summary = run([*folders], library, model, pixels=pixels, prune=prune, exclude=exclude or [], threads=threads)
        if not as_json:
            show(summary)
    fitted = _fit(library, threads) if fit else None
    if as_json:
        document = _document(summary)
        if fitted:
            left_out = [{"path": path, "reason": reason} for path, reason in fitted.left_out.items()]
            document["fit"] = {**vars(fitted), "left_out": left_out, "seconds": round(fitted.seconds, 3)}
        console.print_json(document)
    elif fitted:
        _show_fitted(fitted)
    if summary.failed or summary.warnings or (fitted and fitted.left_out):
        raise typer.Exit(console.LEFT_OUT)


def _check(folders: list[Path] | None, fit: bool, watch: bool, poll: float | None, of_folders: bool) -> None:
    """Raise UsageError where options do not go together."""
    if not folders and not fit:
        raise UsageError("There is nothing to do: name a FOLDER of pictures, or --fit the library to those it has.")
    if not folders and of_folders:
        raise UsageError(
            "--model, --pixels and --prune are for indexing a FOLDER, and so is --exclude: name one, or leave them out."
        )
    if watch and (not folders or fit):
        raise UsageError("--watch is for FOLDERs of pictures: name one, and leave --fit to a run of its own.")
    if poll is not None and not watch:
        raise UsageError("--poll is for --watch: add it, or leave --poll out.")


def _document(summary: pipeline.Summary) -> dict[str, Any]:
    failed = [{"path": path, "reason": reason} for path, reason in summary.failed.items()]
    return {**vars(summary), "failed": failed, "seconds": round(summary.seconds, 3)}


def _watch(
    folders: list[Path],
    library: Path,
    model: str | None,
    pixels: bool,
    prune: bool,
    exclude: list[str],
    threads: int,
    poll: float | None,
    as_json: bool,
) -> None:
    """A first run, and then whatever changes. Ends by KeyboardInterrupt, on SIGTERM too."""
    from semblance.indexer.watching import Watcher  # loads what only watching needs

    def tell(summary: pipeline.Summary) -> None:
        console.print_json(_document(summary)) if as_json else show(summary)

    waiting = False
    while True:
        try:
            tell(run(folders, library, model, pixels=pixels, prune=prune, exclude=exclude, threads=threads))
            break
        except LibraryLocked as error:
            if not waiting:
                console.say(f"{error} Waiting for it.")
            waiting = True
            time.sleep(1)
    watcher = Watcher(folders, library, codec_for(library), exclude, threads, poll, tell, console.say)
    console.say("Watching; Ctrl-C ends.")
    try:
        watcher.run()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the library holds what was taken in; run the same command again to go on") from None


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
    if not summary.added + summary.updated + summary.moved + summary.removed + summary.unchanged + len(summary.failed):
        console.say("There are no pictures there (files of other kinds are skipped).")
    completed = f" ({summary.completed:,} of them got the code of copies that they lacked)" if summary.completed else ""
    moved = f"{summary.moved:,} moved, " if summary.moved else ""
    rate = (summary.added + summary.updated) / max(summary.seconds, 1e-9)
    console.say(
        f"{summary.added:,} added, {summary.updated:,} updated, {moved}{summary.removed:,} removed, "
        f"{summary.unchanged:,} unchanged{completed}, {summary.skipped:,} skipped, {len(summary.failed):,} failed "
        f"in {summary.seconds:.1f} s" + (f" ({rate:,.0f} pictures a second)" if summary.added + summary.updated else "")
    )
