"""`semblance status`: what a library holds."""

from pathlib import Path
from typing import Annotated, Any

import typer

from semblance.indexer.derived.engines import AUTO
from semblance.indexer.keeping.standing import status as library_status
from semblance.scripts import console, indexes

_LISTS = ("codecs", "facts", "index", "folders", "files", "reasons", "failures")
_MOST = 5  # reasons; a folder of broken files may have as many as files


def status(
    library: console.Library,
    failed: Annotated[bool, typer.Option("--failed", help="Name each file that could not be read.")] = False,
    index: indexes.Index = None,
    as_json: console.AsJson = False,
) -> None:
    """Say what a library holds, of which folders, whose codes they are, what could not be read, and what it takes."""
    facts = library_status(library, index or AUTO)
    if as_json:
        console.print_json(facts)
        return
    for name, value in facts.items():
        if name not in _LISTS:
            console.show(f"{name:10} {value}")
    for codec in facts["codecs"]:
        made_by = f"{codec['model']} ({codec['bits']} bits, {codec['codec_id'][:12]})"
        kept = "" if codec["current"] else ", kept beside"
        covers = "" if codec["coverage"] == 1 else f", {codec['coverage']:.1%} of the pictures"
        console.show(f"{codec['purpose']:10} {codec['pictures']:,} codes by {made_by}{covers}{kept}")
    for purpose, said in facts["index"].items():
        console.show(f"{'searched':10} {purpose}: {_searched(library, said)}")
    told = facts["facts"]
    console.show(f"{'say':10} when: {told['taken']:,}, by what camera: {told['camera']:,}, where: {told['placed']:,}")
    for folder in facts["folders"]:
        console.show(f"{'folder':10} {folder}")
    for name, size in facts["files"].items():
        console.show(f"{'file':10} {size:14,} bytes  {name}")
    _show_failures(facts, failed)


def _searched(library: Path, said: dict[str, Any]) -> str:
    took = "" if said["milliseconds"] is None else f", {said['milliseconds']:g} ms a query"
    finds = "" if said["recall"] is None else f", finds {said['recall']:.2%} of the ten nearest"
    over = f", {said['laid_over']:,} changes laid over it" if said["laid_over"] else ""
    build = f"; `semblance index --index {said['wanted']} --library {console.quoted(library)}` builds it"
    wanted = build if said["wanted"] else ""
    megabytes = said["memory"] / 1e6
    memory = f", {megabytes:,.{1 if megabytes >= 1 else 3}f} MB of memory" if megabytes else ""  # a Milvus has its own
    return f"by {said['engine']} ({said['why']}){finds}{took}{memory}{over}{wanted}"


def _show_failures(facts: dict[str, Any], each: bool) -> None:
    if each:
        for failure in facts["failures"]:
            console.show(f"{'left out':10} {failure['path']}: {failure['reason']}")
        return
    reasons = facts["reasons"]
    for reason in reasons[:_MOST]:
        console.show(f"{'left out':10} {reason['count']:10,}  {reason['reason']}")
    if more := sum(reason["count"] for reason in reasons[_MOST:]):
        console.show(f"{'left out':10} {more:10,}  for other reasons: `semblance status --failed` names each")
