"""`cluster`: encoding by a Ray cluster of this machine's cores, with one worker and with two, and without Ray."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from semblance.indexer.shards import running, sources
from semblance.indexer.shards.plan import SHARD
from semblance.retrieval.codec import DEFAULT_MODEL
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.photographs import write

_TURNS = 3
_MOST = 2_000  # pictures: of some of them taken evenly from those that there are
_SHARD = 20  # so that no worker waits for the other's last one for long
_WAYS: dict[str, dict[str, Any]] = {
    "Ray, one worker": {"on": "ray", "workers": 1, "shard": _SHARD},
    "Ray, two workers": {"on": "ray", "workers": 2, "shard": _SHARD},
    "no Ray, one thread": {"workers": 1, "shard": SHARD},
    "no Ray, two threads": {"workers": 2, "shard": SHARD},
}


def cluster(asked: Asked) -> list[Row]:
    """Pictures a second from when the first worker is ready, and with the beginning and the end of the cluster; the
    ways in turns."""
    source = _source(asked)
    model = asked.models[0] if asked.models else DEFAULT_MODEL
    done = [
        [
            running.encode(str(source), str(asked.scratch / f"{turn}-{n}"), model=model, **way)
            for n, way in enumerate(_WAYS.values())
        ]
        for turn in range(_TURNS)
    ]
    rates = np.array([[each.encoded / each.encoding for each in turn] for turn in done])
    whole = np.array([[each.encoded / each.seconds for each in turn] for turn in done])
    return [
        *_rows("", rates),
        row("two workers / one", float(np.median(rates[:, 1] / rates[:, 0])), "ratio", "at least 1.7"),
        row("two workers of Ray / two threads without", float(np.median(rates[:, 1] / rates[:, 3])), "ratio"),
        *_rows(", with the cluster's beginning and end", whole[:, :2]),
    ]


def _rows(what: str, rates: Any) -> Sequence[Row]:
    names = [f"{name}{what}" for name in _WAYS]
    return [row(name, rate, "pictures/s") for name, rate in zip(names, np.median(rates, axis=0).tolist(), strict=False)]


def _source(asked: Asked) -> Path:
    """A list of pictures of the folder that was named, or of drawn ones of a megapixel."""
    if asked.pictures is None:
        paths = [str(path) for path in write(asked.scratch / "of-a-megapixel", 2)]
    else:
        paths = sources.listed(str(asked.pictures), str(asked.scratch), []).paths
    listed = asked.scratch / "pictures"
    listed.write_text("".join(f"{path}\0" for path in paths[:: max(1, len(paths) // _MOST)]))
    return listed
