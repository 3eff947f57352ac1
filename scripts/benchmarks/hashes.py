"""`hashes`: `semblance index` by the fast models, against the perceptual hashes that people use to find copies."""

import importlib.util
import os
import subprocess
import sys

import numpy as np

from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write

_TURNS = 3
_FAST = ("photos-fast", "copies")  # what is alike, quickly; what is the same, as the hashes say it
_HASHES = """
import sys, time
from imagededup.methods import PHash
started = time.monotonic()
hashes = PHash(verbose=False).encode_images(sys.argv[1], num_enc_workers=int(sys.argv[2]))
print(len(hashes), time.monotonic() - started)
"""


def hashes(asked: Asked) -> list[Row]:
    """imagededup's PHash and `semblance index`, of the same JPEGs of a megapixel, in turns, on as many cores; each is
    timed from its first file on. Raises UsageError where that package is not installed."""
    if importlib.util.find_spec("imagededup") is None:
        raise UsageError("imagededup is not installed: pip install imagededup, for this benchmark alone.")
    threads = str(os.cpu_count() or 1)
    folder = asked.scratch / "to-be-hashed"
    write(folder, int(threads))
    rates = []
    for turn in range(_TURNS):
        command = [sys.executable, "-P", "-c", _HASHES, str(folder), threads]
        hashed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        rates.append([int(hashed[0]) / float(hashed[1])])
        for model in _FAST:
            summary = indexed(folder, asked.scratch / f"{model}-{turn}", "--model", model, "--threads", threads)
            rates[-1].append(summary["added"] / summary["seconds"])
    theirs, *ours = np.transpose(rates)
    rows = [row("perceptual hashes by imagededup", float(np.median(theirs)), "pictures/s")]
    for model, index in zip(_FAST, ours, strict=True):
        rows.append(row(f"index them, {model}", float(np.median(index)), "pictures/s"))
        share = float(np.median(index / theirs))
        rows.append(row(f"index by {model} / perceptual hashes", share, "ratio", "at least 1.5"))
    return rows
