"""`processes`: decoding in processes that can be killed, against the same work by the threads that ask."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from semblance.retrieval import decoding, images
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec
from semblance.retrieval.images import Picture
from semblance.retrieval.inputs import InputSpec
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.photographs import write

_TURNS = 5
_CHUNK = 14  # files of their size that make up a task of `index`


def processes(asked: Asked) -> list[Row]:
    """Decoding, resizing and encoding JPEGs of a megapixel, in turns on as many threads, so many at a time as `index`
    takes of them."""
    codecs = [Codec(asked.models[0] if asked.models else DEFAULT_MODEL), Codec(COPIES_MODEL)]
    threads = os.cpu_count() or 1
    files = write(asked.scratch / "of-a-megapixel", threads)
    ways = [partial(_encoded, module.load_each, codecs) for module in (images, decoding)]
    for way in ways:
        _seconds(files[:50], way, threads)
    rates = np.array([[len(files) / _seconds(files, way, threads) for way in ways] for _ in range(_TURNS)])
    by_threads, by_processes = np.median(rates, axis=0).tolist()
    return [
        row(f"decode, resize and encode, {threads} threads", by_threads, "pictures/s"),
        row(f"the same, decoded in {threads} processes", by_processes, "pictures/s"),
        row("processes / threads", float(np.median(rates[:, 1] / rates[:, 0])), "ratio", "at least 0.95"),
    ]


def _seconds(files: list[Path], work: Callable[[list[Path]], object], threads: int) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, (files[at : at + _CHUNK] for at in range(0, len(files), _CHUNK))):
            pass
    return time.perf_counter() - started


def _encoded(load_each: Callable[..., dict[InputSpec, Picture]], codecs: list[Codec], paths: list[Path]) -> object:
    specs = {codec.spec for codec in codecs}
    seen = [load_each(path, specs) for path in paths]
    return [codec.encode(np.stack([each[codec.spec] for each in seen])) for codec in codecs]
