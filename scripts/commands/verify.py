"""`semblance verify`: whether a library is whole, and mending it."""

import os
from typing import Annotated

import typer

from semblance.indexer.keeping import repairing, verifying
from semblance.scripts import console


def verify(
    library: console.Library,
    repair: Annotated[bool, typer.Option("--repair", help="Save what can be saved, and make the rest anew.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="Read the pictures too: which have rotted?")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that read and encode.")] = os.cpu_count() or 1,
    as_json: console.AsJson = False,
) -> None:
    """Say whether a library is whole: 0 where it is, 1 where something is damaged (with --repair, is so still)."""
    look = repairing.repair if repair else verifying.verify
    with console.progress("Verifying") as update:
        report = look(library, pictures, threads, update)
    if as_json:
        damage = [vars(each) for each in report.damage]
        document = {"whole": not damage, **vars(report), "damage": damage, "seconds": round(report.seconds, 3)}
        console.print_json(document)
    else:
        _show(report, pictures)
    if report.damage:
        raise typer.Exit(console.LEFT_OUT)


def _show(report: verifying.Report, pictures: bool) -> None:
    for said in report.mended:
        console.show(f"mended: {said}")
    for damage in report.damage:
        console.show(f"{damage.part}: {damage.said}")
    for command in dict.fromkeys(damage.mend for damage in report.damage):
        console.show(f"To mend it: {command}")
    state = "is damaged" if report.damage else "is whole"
    read = "entries and files" if pictures else "entries"
    looked = f"{read} of {console.counted(report.pictures, 'picture')} checked in {report.seconds:.1f} s"
    console.say(f"The library {state}: {looked}")
