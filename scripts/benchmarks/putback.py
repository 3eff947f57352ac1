"""`putback`: another catalog put in the place of one that a service has open, again and again: how soon it is noticed.

The two catalogs go back to one and have the same generation, of other pictures. What is right is what a library that is
opened anew answers over each.
"""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import FILE
from semblance.indexer.library import Library
from semblance.scripts.benchmarks.clients import serving
from semblance.scripts.benchmarks.figures import SEMBLANCE, Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.scenes import write_sample

MODEL = "copies"
PICTURES = 40
TIMES = 10  # by each way
_AFTER = 2.0  # seconds in which an answer of before may still come

Answer = list[tuple[str, float]]


def putback(asked: Asked) -> list[Row]:
    """By a rename and by `semblance restore`, the two catalogs in turns; the service is asked all the time."""
    library, backups = asked.scratch / "library", [asked.scratch / "first", asked.scratch / "second"]
    seen = [asked.scratch / "here", asked.scratch / "there"]
    write_sample(seen[0], PICTURES)
    write_sample(seen[1], PICTURES, seed=1)
    Library.create(library, MODEL).close()
    base = shutil.copytree(library, asked.scratch / "base")
    for backup, pictures in zip(backups, seen, strict=True):
        shutil.rmtree(library)
        shutil.copytree(base, library)
        indexed(pictures, library)
        subprocess.run([*SEMBLANCE, "backup", str(backup), "--library", str(library)], check=True, capture_output=True)
    rows = []
    with serving(library) as (_process, port):
        for name, put in (("a rename", _by_rename), ("semblance restore", _by_command)):
            noticed, wrong = _trials(port, library, backups, put)
            rows.append(row(f"put back by {name}: noticed after, median", float(np.median(noticed)), "s"))
            rows.append(row(f"put back by {name}: noticed after, longest of {TIMES}", max(noticed), "s", "at most 2"))
            rows.append(row(f"put back by {name}: wrong answers", wrong, "answers", "0"))
    return rows


def _trials(
    port: int, library: Path, backups: list[Path], put: Callable[[Path, Path], None]
) -> tuple[list[float], int]:
    """How long each took to be noticed, and how many answers were neither catalog's, or the old one's after that."""
    right = [_right(backup) for backup in backups]
    noticed, wrong = list[float](), 0
    for turn in range(TIMES):
        put(backups[turn % 2], library)
        started, fresh = time.monotonic(), None
        while fresh is None or time.monotonic() < fresh + _AFTER:
            answer = _ask(port)
            if answer == right[turn % 2]:
                fresh = fresh or time.monotonic()
            else:
                wrong += fresh is not None or answer != right[1 - turn % 2]
            if fresh is None and time.monotonic() > started + 30:
                return [*noticed, float("inf")], wrong
        noticed.append(fresh - started)
    return noticed, wrong


def _right(backup: Path) -> Answer:
    with Library.open(backup) as library:
        return [(hit.path, hit.distance) for hit in library.similar(1, PICTURES)]


def _ask(port: int) -> Answer:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/images/1/similar?k={PICTURES}") as answer:
        found = json.load(answer)
    return [(hit["path"], hit["distance"]) for hit in found["results"]]


def _by_rename(backup: Path, library: Path) -> None:
    copy = library / "put-back"
    shutil.copyfile(backup / FILE, copy)
    copy.replace(library / FILE)


def _by_command(backup: Path, library: Path) -> None:
    command = [*SEMBLANCE, "restore", str(backup), "--library", str(library)]
    subprocess.run(command, check=True, capture_output=True)
