"""`semblance` and `python -m semblance`: the command. What it needs is loaded where Ctrl-C is one line already."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from semblance.scripts import interrupts

        interrupts.begin()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    from semblance.scripts.main import asked_for, build

    build(asked_for(sys.argv[1:]))()


if __name__ == "__main__":
    main()
