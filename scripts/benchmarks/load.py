"""`load`: a service over a million codes under many clients, against a bare loop of the same work on the same cores."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from semblance.indexer.library import Library
from semblance.retrieval.codec import Codec
from semblance.scripts.benchmarks.clients import CORES, Client, Crowd, crowd, jpeg, megabytes, serving, write_library
from semblance.scripts.benchmarks.figures import SEMBLANCE, Asked, Row, row
from semblance.scripts.benchmarks.photographs import write
from semblance.scripts.benchmarks.service import stages

CLIENTS = 32
_TURNS, _SECONDS = 5, 10.0
_BATCH = 64


def load(asked: Asked) -> list[Row]:
    """Searches a second by uploads of 500 kB, how even their times are, also while an indexer writes; codes a second in
    batches; memory."""
    library = asked.scratch / "of-load"
    codecs = write_library(library, asked.codes)
    pictures = [jpeg(number) for number in range(CLIENTS)]
    more = write(asked.scratch / "arriving", CORES)[0].parent

    def upload(client: Client, number: int) -> tuple[int, bytes]:
        return client.upload(pictures[number % CLIENTS])

    with Library.open(library) as own, serving(library) as (process, port):
        _warm(port, pictures)
        served, bare = list[Crowd](), list[float]()
        for _ in range(_TURNS):
            served.append(crowd(port, CLIENTS, _SECONDS, upload))
            bare.append(_bare(own, codecs, pictures))
        with _indexing(more, library):
            beside = crowd(port, CLIENTS, 2 * _SECONDS, upload)
        batched = [_codes(port, codecs[0]) for _ in range(_TURNS)]
        memory = megabytes(process.pid)
    ratio = float(np.median([crowd.rate / alone for crowd, alone in zip(served, bare, strict=True)]))
    return [
        row(f"{CLIENTS} clients, mean upload", float(np.mean([len(each) for each in pictures])) / 1000, "kB"),
        row("searches over HTTP", float(np.median([each.rate for each in served])), "1/s"),
        row(f"decode + encode + search, {CORES} threads", float(np.median(bare)), "1/s"),
        row("HTTP / bare loop", ratio, "ratio", "at least 0.75"),
        row("99th percentile / median", float(np.median([_tail(each) for each in served])), "ratio", "at most 3"),
        row("the same, an indexer writing beside", _tail(beside), "ratio", "at most 4"),
        row("answers other than 200", sum(map(_others, [*served, beside])), "answers"),
        row(f"POST /search/codes, batches of {_BATCH}", float(np.median(batched)), "codes/s", "at least 1,000"),
        row("memory after that, all processes", memory, "MB", "at most 600"),
    ]


def _warm(port: int, pictures: list[bytes]) -> None:
    with closing(Client(port)) as client:
        while client.upload(pictures[0])[0] != 200:
            time.sleep(0.05)


def _tail(seen: Crowd) -> float:
    return seen.percentile(99) / seen.percentile(50)


def _others(seen: Crowd) -> int:
    return sum(len(times) for status, times in seen.seconds.items() if status != 200)


def _bare(library: Library, codecs: list[Codec], pictures: list[bytes]) -> float:
    """The stages of a search a second, on a thread for each core."""
    started, done = time.perf_counter(), list[int]()

    def loop(place: int) -> None:
        number = place
        while time.perf_counter() - started < _SECONDS:
            stages(library, codecs, pictures[number % len(pictures)])
            number += CORES
        done.append((number - place) // CORES)

    threads = [threading.Thread(target=loop, args=(place,)) for place in range(CORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


@contextmanager
def _indexing(pictures: Path, library: Path) -> Iterator[None]:
    """A `semblance index` that takes pictures into the library all the while."""
    process = subprocess.Popen(
        [*SEMBLANCE, "index", str(pictures), "--library", str(library)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _codes(port: int, codec: Codec) -> float:
    """Codes a second, by as many clients as there are cores."""
    rng = np.random.default_rng(0)
    batches = [
        [code.tobytes().hex() for code in rng.integers(0, 256, (_BATCH, codec.bits // 8), np.uint8)] for _ in range(8)
    ]

    def ask(client: Client, number: int) -> tuple[int, bytes]:
        status, said = client.codes(batches[number % len(batches)])
        assert status != 200 or len(json.loads(said)["answers"]) == _BATCH
        return status, said

    return _BATCH * crowd(port, CORES, _SECONDS, ask).rate
