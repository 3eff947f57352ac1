"""The `semblance` command."""

import importlib
import keyword
from collections.abc import Sequence
from typing import Annotated

import typer

import semblance
from semblance.scripts import console

COMMANDS = (
    *(
        "adopt",
        "backup",
        "bench",
        "demo",
        "duplicates",
        "edits",
        "encode",
        "evaluate",
        "export",
        "import",
        "index",
        "keys",
    ),
    *("map", "quantise", "remove", "restore", "search", "serve", "status", "train", "verify"),
)


def _version(wanted: bool) -> None:
    if wanted:
        with console.exits():
            console.show(f"semblance {semblance.__version__}")
        raise typer.Exit(console.DONE)


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is, and end.")
]


def asked_for(arguments: Sequence[str]) -> Sequence[str]:
    """The subcommands that a command line needs: loading all, the service and the benchmarks too, takes longer than
    most of them."""
    first = arguments[0] if arguments else ""
    if first == "--version":
        return ()
    return (first,) if first in COMMANDS else COMMANDS


def build(commands: Sequence[str] = COMMANDS) -> typer.Typer:
    """The command with its subcommands."""
    app = typer.Typer(
        name="semblance",
        help="Find the pictures that look like this one: private image search, without labels of yours.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(version: Version = False) -> None:
        """What may stand before a subcommand."""

    for name in commands:
        own = f"{name}_" if keyword.iskeyword(name) else name
        command = getattr(importlib.import_module(f"semblance.scripts.commands.{own}"), own)
        app.command(name)(console.exits()(command))
    return app
