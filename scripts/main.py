"""The `semblance` command."""

import importlib
import sys
from typing import Annotated

import typer

import semblance
from semblance.scripts import console

COMMANDS = ("bench", "demo", "edits", "evaluate", "index", "quantise", "search", "serve", "status", "train")


def _version(wanted: bool) -> None:
    if wanted:
        console.show(f"semblance {semblance.__version__}")
        raise typer.Exit(console.DONE)


Version = Annotated[
    bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is, and end.")
]


def build() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        name="semblance",
        help="Find the pictures that look like this one: private, label-free image search.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(version: Version = False) -> None:
        """What may stand before a subcommand."""

    for name in COMMANDS:
        app.command(name)(getattr(importlib.import_module(f"semblance.scripts.commands.{name}"), name))
    return app


def main() -> None:
    """Run the command line."""
    try:
        build()()
    except KeyboardInterrupt:  # while the packages are still being loaded
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
