"""A process of its own for everything that `bench scale` measures: what it finds is a line of JSON each time, so that
one that is ended has said what it knew. It builds on all cores and searches on one. It ends with whoever started it,
since its standard input then does."""

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from semblance.scripts.benchmarks.scale.places import STAGES, Place


def main() -> None:
    """`child.py STAGE FOLDER CONTENDER`, of places.STAGES."""
    stage, folder, contender = sys.argv[1:]
    threading.Thread(target=_watch, daemon=True).start()
    if stage == "search" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before anything counts its cores
    module = importlib.import_module(f"semblance.scripts.benchmarks.scale.{STAGES[stage]}")
    getattr(module, stage)(Place(Path(folder), contender), say)


def say(**findings: Any) -> None:
    """A line for whoever started this."""
    sys.stdout.write(json.dumps(findings) + "\n")
    sys.stdout.flush()


def _watch() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
