"""`semblance keys`: by which others may ask a service of a library."""

from typing import Annotated, Literal

import typer

from semblance.indexer.keeping import keys as kept
from semblance.retrieval.errors import UsageError
from semblance.scripts import console


def keys(
    library: console.Library,
    change: Annotated[Literal["add", "remove"] | None, typer.Argument(help="Without, the keys are listed.")] = None,
    name: Annotated[str | None, typer.Argument(help="What you know the key by: phone, say.")] = None,
    write: Annotated[bool, typer.Option("--write", help="It may add and remove pictures too.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """List, make or remove the keys by which others may ask a service of this library; a running one follows."""
    if (change is None) != (name is None) or (write and change != "add"):
        raise UsageError("Say `keys`, `keys add NAME`, `keys add NAME --write` or `keys remove NAME`.")
    if change == "add" and name is not None:
        key = kept.add(library, name, write)
        console.say(f"The key {name}, which is said this once and kept nowhere:")
        if as_json:
            console.print_json({"name": name, "key": key})
        else:
            console.show(key)
    elif change == "remove" and name is not None:
        left = kept.remove(library, name)
        console.say(f"The key {name} opens nothing any more; {console.counted(left, 'key')} left")
        if as_json:
            console.print_json({"removed": name, "left": left})
    else:
        _list(kept.read(library), as_json)


def _list(known: list[kept.Key], as_json: bool) -> None:
    shown = [{"name": key.name, "scopes": key.scopes, "made": key.made, "last": key.last} for key in known]
    if as_json:
        console.print_json({"keys": shown})
        return
    for key in known:
        console.show(f"{key.name:20} {', '.join(key.scopes):12} {key.made}  {kept.PREFIX}…{key.last}")
    if not known:
        console.say("There are no keys: `semblance keys add NAME` makes one.")
