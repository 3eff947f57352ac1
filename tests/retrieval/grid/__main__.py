"""The table of the grid: `python -m tests.retrieval.grid [--json]`, from the project's folder."""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.conftest import find_chromium
from tests.retrieval.grid import verdicts
from tests.retrieval.grid.judges import NO_MAGICK

if __name__ == "__main__":
    path = find_chromium()
    if path is None:
        sys.exit("No Chromium was found, which judges most of the grid (on Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = verdicts.judged(path, Path(folder))
        except FileNotFoundError:
            sys.exit(NO_MAGICK)
    if "--json" in sys.argv:
        print(json.dumps([one._asdict() for one in found]))  # noqa: T201
        sys.exit(any(one.outcome == "wrong" for one in found))
    kinds = sorted({one.name.split()[0] for one in found})
    counts = Counter((one.name.split()[0], one.outcome) for one in found)
    print("| format | files | as the judge | otherwise, on purpose | refused | wrong |\n| --- |" + 5 * " --- |")  # noqa: T201
    for kind in [*kinds, "all"]:
        row = [
            sum(n for (of, what), n in counts.items() if kind in (of, "all") and what == outcome)
            for outcome in verdicts.OUTCOMES
        ]
        print(f"| {kind} | {sum(row)} | {' | '.join(map(str, row))} |")  # noqa: T201
    for one in found:
        if one.outcome == "wrong":
            print(one)  # noqa: T201
    sys.exit(any(one.outcome == "wrong" for one in found))
