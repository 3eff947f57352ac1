"""`semblance duplicates`: which pictures are there more than once. It shows, and deletes nothing."""

import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from semblance.indexer.derived.engines import AUTO
from semblance.indexer.duplicates import Copy, Duplicates
from semblance.indexer.duplicates.remembering import remember
from semblance.indexer.library import Library
from semblance.retrieval.errors import UsageError
from semblance.scripts import console, indexes
from semblance.scripts.report.copies import size, write_sheet

Pair = tuple[str, str]
Within = Annotated[
    int | None,
    typer.Option(min=0, metavar="BITS", help="How far near copies are apart at most.", show_default="as was measured"),
]
Apart = Annotated[
    Pair | None, typer.Option(metavar="A B", help="Remember that these two are not the same: ids or paths.")
]
Together = Annotated[Pair | None, typer.Option(metavar="A B", help="Take that back.")]


def duplicates(
    library: console.Library,
    within: Within = None,
    turned: Annotated[
        bool, typer.Option("--turned", help="Mirrored and turned ones too: all pictures are decoded again.")
    ] = False,
    crops: Annotated[
        bool, typer.Option("--crops", help="Parts of pictures too: those alike are decoded and compared.")
    ] = False,
    as_list: Annotated[bool, typer.Option("--list", help="Print the paths of all but the best, one a line.")] = False,
    nul: Annotated[bool, typer.Option("--print0", "-0", help="The same, each ended by a NUL, for xargs -0.")] = False,
    sheet: Annotated[
        Path | None, console.option("Write an HTML page of all groups.", "FILE", show_default=False)
    ] = None,
    apart: Apart = None,
    together: Together = None,
    model: console.OwnModel = None,
    index: indexes.Index = None,
    as_json: console.AsJson = False,
) -> None:
    """Say which pictures of a library are there more than once, the best of each first. Nothing is deleted."""
    if sum((as_list, nul, as_json)) > 1:
        raise UsageError("--json, --list and --print0 are three ways to print the same: choose one.")
    if apart or together:
        if within is not None or turned or crops or as_list or nul or sheet:
            raise UsageError("--apart and --together only remember: look for duplicates in a run of its own.")
        _remember(library, [(pair, pair is apart) for pair in (apart, together) if pair], as_json)
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Library.open(library, model, index or AUTO) as opened:
        found = opened.duplicates(within, turned, crops, console.progress)
    if sheet:
        write_sheet(found, sheet, console.progress)
        console.say(f"{sheet} shows {_count(len(found.groups), 'group')}.")
    if as_json:
        console.print_json(document(found))
    elif as_list or nul:
        _show_list(found, nul)
    else:
        _show(found)


def document(found: Duplicates) -> dict[str, Any]:
    """What --json prints."""
    return {
        "pictures": found.pictures,
        "within": found.within,
        "groups": [
            {"best": asdict(group.best), "copies": [asdict(copy) for copy in group.rest], "bytes": group.bytes}
            for group in found.groups
        ],
        "crowds": [
            {"size": len(crowd.ids), "ids": crowd.ids, "paths": crowd.paths} for crowd in found.crowds
        ],
        "apart": found.apart,
        "gone": found.gone,
        "bytes": found.bytes,
    }  # fmt: skip


def _remember(library: Path, said: list[tuple[Pair, bool]], as_json: bool) -> None:
    done = []
    for (one, other), is_apart in said:
        first, second, new = remember(library, one, other, is_apart)
        done.append({"first": first, "second": second, "apart": is_apart, "new": new})
        words = "are not the same" if is_apart else "may be the same"
        if not as_json:
            console.say(f"{'Remembered' if new else 'Known already'}: {first} and {second} {words}.")
    if as_json:
        console.print_json({"remembered": done})


def _show_list(found: Duplicates, nul: bool) -> None:
    for path in (copy.path for group in found.groups for copy in group.rest):
        if nul:
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")
        else:
            console.show(path)


def _show(found: Duplicates) -> None:
    for path in found.gone:
        console.say(f"cannot be read any more: {path}")
    for number, group in enumerate(found.groups, 1):
        console.show(f"{number}. {_count(len(group.copies), 'copy', 'copies')}, {size(group.bytes)} beside the best")
        for copy in group.copies:
            console.show(f"   {_why(copy):17} {copy.id:>7}  {_facts(copy)}  {copy.path}")
    for crowd in found.crowds:
        console.show(
            f"A crowd of {len(crowd.ids):,} pictures with hardly anything in them, left out of groups: "
            f"{crowd.paths[0]} and others"
        )
    pictures = f"{found.pictures:,} pictures"
    if not found.groups:
        console.show(f"No duplicates among {pictures}")
        return
    copies = sum(len(group.rest) for group in found.groups)
    console.show(
        f"{_count(len(found.groups), 'group')} among {pictures}: {_count(copies, 'picture')} beside the best of each, "
        f"{size(found.bytes)}"
    )


def _why(copy: Copy) -> str:
    return copy.why if copy.why in ("best", "exact") or copy.distance is None else f"{copy.why}, {copy.distance} bits"


def _facts(copy: Copy) -> str:
    pixels = "not readable" if copy.width is None else f"{copy.width} x {copy.height} {copy.format}"
    return f"{pixels:18} {size(copy.bytes):>8}  {(copy.date or 'no date')[:10]}"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
