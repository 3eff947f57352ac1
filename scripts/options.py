"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from semblance.retrieval.codec import DEFAULT_MODEL
from semblance.scripts import console

LibraryOption = Annotated[
    Path, typer.Option("--library", parser=console.path, metavar="DIR", help="The folder that holds the library.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A shipped model's name, or a model folder.",
        show_default=f"the library's own; {DEFAULT_MODEL} for a new one",
    ),
]
