"""How many lists of a collection are probed: measured on its own codes when it is filled, and when it has grown.

As retrieval/index/tuning.py does it: some codes are asked for, each itself passed over, and what is as near as the last
of the exact answer is as right as another. The exact answer is that of all lists.
"""

import time
from dataclasses import replace

import numpy as np

from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import IndexAway

RECALL, K = 0.99, 10
QUERIES = 300  # 3,000 hits
_TRIES = 16  # of QUERIES ids that are tried where they are not
_GROWN = 20
_INDEXED = 1024  # rows below which Milvus compares all of a segment, whatever was asked for
_SEALED, _LOOK = 3, 0.25


def tuned(server: Server, held: Held) -> Held:
    """The same with the least probes that reach RECALL, or all. Raises IndexAway where Milvus does not come to divide
    what it holds into lists."""
    if not held.lists or (held.tuned and abs(held.pictures - held.tuned) * _GROWN <= held.tuned):
        return held
    if held.pictures < _INDEXED:  # and so are not divided
        return replace(held, tuned=held.pictures)
    _settle(server, held)
    codes = MilvusCodes(server, replace(held, probes=0))
    asked = _some(codes)
    last, recall, probes = codes.search(asked, K + 1)[0][:, -1:], 1.0, held.lists
    for few in (2**power for power in range(held.lists.bit_length())):
        codes.probes = few
        near, _ = codes.search(asked, K + 1)
        right = np.minimum(np.maximum((near <= last).sum(axis=1) - 1, 0), K)  # but for itself
        if (found := float(right.mean()) / K) >= RECALL:
            recall, probes = found, few
            break
    return replace(held, probes=probes, recall=recall, tuned=held.pictures)


def _some(codes: MilvusCodes) -> Codes:
    """Some of the codes (QUERIES, W), at random; fewer where there are not so many."""
    rng, found = np.random.default_rng(0), dict[int, bytes]()
    for _ in range(_TRIES):
        if len(found) < QUERIES:
            rows = codes.of(rng.integers(1, codes.held.last + 1, QUERIES), ["id", "code"])
            found |= {int(row["id"]): row["code"][0] for row in rows}
    return np.frombuffer(b"".join([*found.values()][:QUERIES]), np.uint8).reshape(-1, (codes.bits + 7) // 8)


def _settle(server: Server, held: Held) -> None:
    """Wait until what was written is divided: rows that come are compared one by one until then."""
    server.change("flush", held.collection)
    ends = time.monotonic() + server.limits.changing
    while not _is_settled(server, held):
        if time.monotonic() > ends:
            raise IndexAway(f"The Milvus at {server.address.place} does not come to build its index: see its log.")
        time.sleep(_LOOK)


def _is_settled(server: Server, held: Held) -> bool:
    """Whether all rows are in segments that are divided. Those that are still being written are not told of."""
    segments = server.segments(held.collection)
    divided = all(rows < _INDEXED or (state == _SEALED and indexed) for rows, state, indexed in segments)
    return divided and sum(rows for rows, _, _ in segments) >= held.pictures
