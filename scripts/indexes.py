"""Which index a command searches by, as its option says it.

Beside console.py, which commands that search nothing start with too: to know the engines' names is to import them.
"""

from typing import Annotated

import typer

from semblance.indexer.derived import engines


def name(text: str) -> str:
    """What finds the nearest codes, by its name; an empty one is refused."""
    if not text:
        raise typer.BadParameter("it is empty.")
    return text


_HELP = f"What finds the nearest codes: {', '.join(engines.names()[:-1])} or {engines.names()[-1]}."
Index = Annotated[str | None, typer.Option(parser=name, metavar="NAME", help=_HELP, show_default="auto")]
