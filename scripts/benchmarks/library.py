"""`search` and `index`: a library's two labours, each without a service around it."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semblance.retrieval import queries
from semblance.retrieval.errors import UsageError
from semblance.retrieval.index import FlatIndex
from semblance.scripts.benchmarks import folders
from semblance.scripts.benchmarks.figures import MILLION, SEMBLANCE, Asked, Row, in_turns, row


def search(_: Asked) -> list[Row]:
    """One query among a million codes, k = 10, one thread: in the plain order, against reading the same bytes once, and
    in the refined order, against the plain one."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (MILLION, 32), np.uint8)
    index = FlatIndex(256)
    index.add(np.arange(MILLION), codes)
    query = codes[:1] ^ rng.integers(0, 256, (1, 32), np.uint8)
    logits = rng.standard_normal((1, 256)).astype(np.float32)
    plain, refined = ([queries.of_logits(logits, refine)] for refine in (False, True))
    found, read, first, second = in_turns(
        [
            lambda: index.search(query, 10),
            lambda: codes.view(np.uint64).sum(),
            lambda: queries.search(index, plain, 10),
            lambda: queries.search(index, refined, 10),
        ],
        times=51,
    )
    return [
        row("search, 1,000,000 codes", 1000 * found, "ms"),
        row("codes.view(uint64).sum(), the same bytes", 1000 * read, "ms"),
        row("search / sum", found / read, "ratio", "at most 1.4"),
        row("refined order, more than the plain one", 1000 * (second - first), "ms", "at most 3"),
    ]


def index(asked: Asked) -> list[Row]:
    """`semblance index` from nothing, and again with nothing to do."""
    pictures = folders.pictures(asked)
    first, second = (indexed(pictures, asked.scratch / "indexed") for _ in range(2))
    return [
        row("pictures indexed", first["added"], "pictures"),
        row("index", first["added"] / first["seconds"], "pictures/s", "at least 1,500 (CIFAR-10 PNG files, two cores)"),
        row("index again, nothing changed", second["seconds"], "s"),
    ]


def indexed(
    pictures: Path | str, library: Path, *options: str, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `semblance index --json` says, run as a process of its own. Raises UsageError where it ends in an error."""
    command = [*SEMBLANCE, "index", str(pictures), "--library", str(library), *options]
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        summary: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise UsageError(f"{' '.join(command)} ended with {done.returncode}.") from error
    return summary
