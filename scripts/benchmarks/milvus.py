"""`milvus`: a library brought into a Milvus, and asked there, beside FAISS in this process.

The codes look like real ones (scale/codes.py). The server is one that was named, or one of this benchmark's own, which
shares the machine's cores with what is measured: so its share of their time is said.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semblance.indexer.catalog import Catalog, NewPicture, Writer
from semblance.indexer.catalog.coded_pictures import coded_pictures
from semblance.indexer.derived import snapshot
from semblance.indexer.milvus import dropping, filling, schema
from semblance.indexer.milvus.address import parse
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.retrieval.facts import Facts
from semblance.scripts.benchmarks.figures import Asked, Row, in_turns, row
from semblance.scripts.benchmarks.scale import codes as grown
from semblance.scripts.benchmarks.scale import sources
from semblance.scripts.benchmarks.stores import burden
from semblance.scripts.benchmarks.stores.milvus_server import PROGRAM, Milvus

QUERIES = 1000
_TIMED = 100
_AT_ONCE, _BATCH = 50, 8192
_NAME = "semblance_bench"


@dataclass(frozen=True)
class Standing:
    """A server, and the number of its process where it is this benchmark's own."""

    where: str
    server: Server
    process: int | None


def milvus(asked: Asked) -> list[Row]:
    """`--codes` pictures, a code each, filled from a catalog; the same rows alone; QUERIES asked of both. UsageError
    where there is no server, or it has a library of that name."""
    with _standing(asked) as standing:
        codes, queries, whose = _codes(asked)
        library = asked.scratch / "library"
        _write(library, codes)
        with Catalog.opened(library) as catalog:
            written = _written(standing, catalog)
            return [
                row(f"pictures, {whose}", len(codes), "codes"),
                *written,
                *_answers(standing, catalog, queries),
                *_lists(standing, catalog, queries),
            ]


@contextlib.contextmanager
def _standing(asked: Asked) -> Iterator[Standing]:
    """The server that was named, left as it was found, or one of this benchmark's own."""
    with contextlib.ExitStack() as after:
        where, process = asked.milvus, None
        if where is None:
            if not PROGRAM.exists():
                raise UsageError("There is no Milvus here: `make milvus` first, or --milvus milvus://HOST:PORT/NAME.")
            own = Milvus(asked.scratch / "milvus")
            after.callback(own.kill)
            own.start()
            where, process = own.address(_NAME), own.process
        server = Server(parse(where))
        after.callback(server.close)
        if schema.state(server) is not None:
            raise UsageError(f"There is a library at {server.address}: give a name that is free, for it is dropped.")
        after.callback(partial(dropping.drop, server))
        yield Standing(where, server, process)


def _codes(asked: Asked) -> tuple[Codes, Codes, str]:
    """Codes, and queries: of their own kind, a few bits from one of them, and one of them; and what they are of."""
    real, whose = sources.real(asked)
    of = grown.measured(real)
    codes = np.empty((asked.codes, real.shape[1]), np.uint8)
    grown.grow(of, codes)
    flipped = grown.flipped(of, codes[:QUERIES:4], np.random.default_rng(0))
    return codes, np.concatenate([grown.more(of, codes, QUERIES // 2), flipped, codes[1:QUERIES:4]]), whose


def _write(library: Path, codes: Codes) -> None:
    """A library of as many pictures, two of three with a day and a camera."""
    codec = Codec(DEFAULT_MODEL)
    with Writer.writing(library, codec) as catalog:
        for start in range(0, len(codes), _BATCH):
            some = range(start, min(start + _BATCH, len(codes)))
            catalog.record([_picture(n, codes[n], codec.codec_id) for n in some], [])


def _picture(n: int, code: Codes, codec_id: str) -> NewPicture:
    day = f"20{n % 25:02}-{n % 12 + 1:02}-{n % 28 + 1:02}T10:{n % 60:02}:00"
    facts = Facts(4032, 3024, day, "Fujifilm X-T4", 48.1 + n % 97 / 100, 11.5) if n % 3 else None
    path = f"/home/pictures/{2000 + n % 25}/{n % 365:03}/IMG_{n:08}.jpg"
    return NewPicture(path, 3_000_000 + n, 10**18 + n, n.to_bytes(32, "big"), {codec_id: code}, facts=facts)


def _written(standing: Standing, catalog: Catalog) -> list[Row]:
    """A fill; and its rows, made before, put into a collection beside."""
    count, before = catalog.counts()[0], burden.memory(standing.process)
    fill = burden.took(partial(filling.fill, catalog.folder, standing.where), standing.process)
    memory = burden.memory(standing.process)
    held = _held(standing)
    with coded_pictures(catalog.folder, [held.codec]) as rows:
        batches = [filling.columns(batch) for batch in rows.sound(held.codec_id) if batch]
    beside = schema.make(standing.server, replace(held, collection=f"{held.collection}_bare"))
    try:
        bare = burden.took(partial(_put, standing.server, beside, batches), standing.process)
    finally:
        standing.server.change("drop_collection", beside.collection)
    made = [
        row("filled from a catalog", count / fill.seconds, "codes/s", "at least 20,000"),
        row("the same rows alone", count / bare.seconds, "codes/s", "at least 20,000"),
    ]
    if standing.process is not None:
        made += [
            row("of the processor, the server while it is filled", fill.server / fill.seconds, "cores"),
            row("of the processor, the server while rows alone come", bare.server / bare.seconds, "cores"),
            row("the server's memory after the fill", memory / 1e6, "MB"),
            row("the server's memory, more than empty", (memory - before) / count, "bytes a code"),
        ]
    return made


def _put(server: Server, held: Held, batches: list[dict[str, tuple[str, list[Any]]]]) -> None:
    for batch in batches:
        server.put(held.collection, batch)


def _answers(standing: Standing, catalog: Catalog, queries: Codes) -> list[Row]:
    """How many answers are equal, distances and ids, and what one takes."""
    flat, _ = snapshot.load(catalog)
    index = MilvusCodes(standing.server, _held(standing))
    made = []
    for k in (10, 100):
        equal = sum(
            np.array_equal(one, other)
            for start in range(0, len(queries), _AT_ONCE)
            for one, other in zip(
                np.stack(index.search(queries[start : start + _AT_ONCE], k), axis=1),
                np.stack(flat.search(queries[start : start + _AT_ONCE], k), axis=1),
                strict=True,
            )
        )
        made.append(row(f"k = {k}: equal to FAISS, distances and ids", equal, "queries", f"{len(queries):,}"))
    one, other = iter(queries), iter(queries)
    theirs, ours = in_turns(
        [lambda: index.search(next(one)[None], 10), lambda: flat.search(next(other)[None], 10)], _TIMED
    )
    return [
        *made,
        row("one query, Milvus", 1000 * theirs, "ms"),
        row("one query, FAISS in this process", 1000 * ours, "ms"),
        row("Milvus / FAISS", theirs / ours, "ratio"),
    ]


def _lists(standing: Standing, catalog: Catalog, queries: Codes) -> list[Row]:
    """The same library in lists: what is found of ten by queries of their own kind, ties counted fairly."""
    filling.fill(catalog.folder, f"{standing.where.partition('?')[0]}?index=ivf")
    held, asked = _held(standing), queries[: QUERIES // 2]
    flat, _ = snapshot.load(catalog)
    index, last = MilvusCodes(standing.server, held), flat.search(asked, 10)[0][:, -1:]
    found = [index.search(code[None], 10)[0] for code in asked[:_TIMED]]
    one = iter(asked)
    (took,) = in_turns([lambda: index.search(next(one)[None], 10)], _TIMED)
    right = float((np.concatenate(found) <= last[:_TIMED]).mean())
    return [
        row(
            f"BIN_IVF_FLAT, {held.probes} of {held.lists} lists: recall@10", right, "share", f"said: {held.recall:.3f}"
        ),
        row("BIN_IVF_FLAT: one query", 1000 * took, "ms"),
    ]


def _held(standing: Standing) -> Held:
    state = schema.state(standing.server)
    assert state is not None
    return state.holds["alike"]
