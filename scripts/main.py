"""The `semblance` command."""

import importlib
import sys

import typer

COMMANDS = ("bench", "demo", "edits", "evaluate", "index", "quantise", "search", "serve", "status", "train")


def build() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        name="semblance",
        help="Find the pictures that look like this one: private, label-free image search.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
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


if __name__ == "__main__":
    main()
