"""The table of the grid: `python -m tests.retrieval.grid [--json]`, from the project's folder."""

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.conftest import find_chromium, find_magick
from tests.retrieval.grid import verdicts

if __name__ == "__main__":
    chromium, magick = find_chromium(), find_magick()
    if chromium is None or magick is None:
        sys.exit("Chromium and ImageMagick judge the grid (on Debian: apt-get install chromium imagemagick).")
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts.judged(chromium, magick, Path(folder))
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
