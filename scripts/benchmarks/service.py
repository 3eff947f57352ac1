"""`service`: a server over a million codes, started as a process and asked by one client."""

import time
from contextlib import closing
from pathlib import Path

from semblance.indexer.library import Library
from semblance.retrieval import images, queries
from semblance.retrieval.codec import Codec, from_logits
from semblance.scripts.benchmarks.clients import Client, jpeg, megabytes, ready, serving, write_library
from semblance.scripts.benchmarks.figures import MILLION, Asked, Row, in_turns, row

_K = 10


def service(asked: Asked) -> list[Row]:
    """A service over a million codes of two kinds: start to ready, memory, one search over HTTP against the same
    stages in one process."""
    library = asked.scratch / "million"
    codecs = write_library(library, MILLION)
    started = time.perf_counter()
    with serving(library) as (process, port):
        while not ready(port):
            time.sleep(0.005)
        waited = time.perf_counter() - started
        at_rest = megabytes(process.pid)
        asked_over, alone = _in_turns(port, library, codecs)
        after = megabytes(process.pid)
    return [
        row("serve 1,000,000 codes, start to ready", waited, "s", "at most 2.5"),
        row("memory when ready, all processes", at_rest, "MB", "at most 600"),
        row("memory after 201 searches, all processes", after, "MB", "at most 600"),
        row("one search over HTTP, a 1-megapixel JPEG", 1000 * asked_over, "ms"),
        row("its stages in one process", 1000 * alone, "ms"),
        row("HTTP / in process", asked_over / alone, "ratio", "at most 1.3"),
    ]


def _in_turns(port: int, library: Path, codecs: list[Codec]) -> list[float]:
    picture = jpeg(0, 1152, 864)
    with Library.open(library) as own, closing(Client(port)) as client:

        def over_http() -> None:
            status, said = client.upload(picture)
            assert status == 200, said

        return in_turns([over_http, lambda: stages(own, codecs, picture)], times=201)


def stages(library: Library, codecs: list[Codec], picture: bytes, k: int = _K) -> None:
    """What a search has to do, and nothing else: both sizes by one decode, both codes, the refined search, and how far
    the results are from being copies."""
    seen = images.load_each(picture, {codec.spec for codec in codecs})
    logits, same = (codec.logits(seen[codec.spec][None]) for codec in codecs)
    way = library.way("code")
    ((_, ids),) = way.search([queries.of_logits(logits, refine=True)], k)
    assert way.same is not None
    way.same.index.search(from_logits(same), k, ids)
