"""The `semblance` command."""

import importlib

import typer

COMMANDS = ("bench", "demo", "evaluate", "index", "search", "serve", "status", "train")

app = typer.Typer(
    name="semblance",
    help="Find the pictures that look like this one: private, label-free image search.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name in COMMANDS:
    app.command(_name)(getattr(importlib.import_module(f"scripts.{_name}"), _name))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
