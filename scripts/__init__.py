"""The `semblance` command: one thin module a subcommand, each also run as `python -m scripts.NAME`."""
