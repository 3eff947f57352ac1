"""`unchanged`: `semblance index` over 100,000 tiny pictures, and again with nothing to do; and the memory of both."""

import io
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from semblance.scripts.benchmarks.figures import SEMBLANCE, Asked, Row, row

MANY = 100_000


def unchanged(asked: Asked) -> list[Row]:
    """A first run, whose files all differ though their pictures do not, and a second one as a process of its own."""
    pictures, library = asked.scratch / "tiny", asked.scratch / "of-tiny"
    _write(pictures)
    (first, _, most), (second, seconds, again) = (_watched(pictures, library, *asked.models[:1]) for _ in range(2))
    return [
        row("pictures indexed", first["added"], "pictures"),
        row("most memory of all processes while indexing them", most, "MB", "at most 700"),
        row("pictures unchanged in the second run", second["unchanged"], "pictures"),
        row("the second run, from start to end of the process", seconds, "s", "at most 3"),
        row("most memory of all processes in the second run", again, "MB", "at most 700"),
    ]


def _write(folder: Path) -> None:
    """JPEGs of 8 x 8 pixels, each with a comment of its own."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)).save(file, "JPEG")
    start, rest = file.getvalue()[:2], file.getvalue()[2:]
    for number in range(MANY):
        place = folder / f"{number // 1000:03}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        (place / f"{number % 1000:03}.jpg").write_bytes(start + b"\xff\xfe\0\6" + number.to_bytes(4) + rest)


def _watched(pictures: Path, library: Path, *model: str) -> tuple[dict[str, Any], float, float]:
    """What a run says, its seconds, and the most megabytes that its processes held together."""
    started, most = time.monotonic(), 0.0
    command = [*SEMBLANCE, "index", str(pictures), "--library", str(library), "--json"]
    command += [part for name in model for part in ("--model", name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        while process.poll() is None:  # what it prints at its end is short, and waits in the pipe
            most = max(most, sum(map(_megabytes, _of_session(process.pid))))
            time.sleep(0.1)
        seconds = time.monotonic() - started
        assert process.stdout is not None
        return json.loads(process.stdout.read()), seconds, most


def _of_session(session: int) -> list[int]:
    pids = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208
        try:
            if name.isdigit() and os.getsid(int(name)) == session:
                pids.append(int(name))
        except OSError:
            continue
    return pids


def _megabytes(pid: int) -> float:
    """Its share of the memory, that of pages held by several processes divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
