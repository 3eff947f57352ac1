"""Nearest codes by Hamming distance: the contract that every engine keeps, and the exact engine.

FAISS's flat binary index compares a query with every code at the speed of memory, about a millisecond for a million
codes of 256 bits, and it is never wrong. A graph (HNSW) is not offered: on near-duplicates it misses exact matches.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import replace

Ids = npt.NDArray[np.int64]
Distances = npt.NDArray[np.int32]


def search_on_one_core() -> None:
    """Make searches of the calling thread use one core: a millisecond's work is slower shared than done alone."""
    faiss.omp_set_num_threads(1)


class CodeIndex(Protocol):
    """What every engine promises; tests/retrieval/test_index.py holds each against brute force."""

    def add(self, ids: Ids, codes: Codes) -> None:
        """Add codes uint8 (N, W) under ids (N,), in any order. ValueError where an id is repeated or already there."""

    def remove(self, ids: Ids) -> int:
        """Forget these ids; how many of them there were. Ids that are not there are passed over."""

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        """The nearest of each query (Q, W): distances and ids, both (Q, min(k, len)).

        Distances ascend; equal distances are in the order of their ids; there are never ids of -1.
        """

    def codes(self, ids: Ids) -> Codes:
        """The codes uint8 (N, W) held under these ids (N,), in any order. KeyError where one of them is not there."""

    def __len__(self) -> int: ...


class FlatIndex:
    """Exact search by FAISS. Positions are kept in the order of ids, since FAISS breaks ties by position."""

    engine = "flat"

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self._index: Any = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(8 * packed.width(bits)))

    def add(self, ids: Ids, codes: Codes) -> None:
        """See CodeIndex.add."""
        packed.check(codes, self.bits)
        if len(ids) != len(codes):
            raise ValueError(f"{len(ids)} ids for {len(codes)} codes")
        if not len(ids):
            return
        held = self.ids()
        order = np.argsort(ids, kind="stable")
        ids, codes = np.asarray(ids, np.int64)[order], codes[order]
        if np.any(ids[1:] == ids[:-1]) or len(np.intersect1d(held, ids)):
            raise ValueError("an id may stand in an index only once")
        if len(held) and ids[0] < held[-1]:  # seldom: new pictures have higher ids, and go to the end
            where = np.searchsorted(held, ids)
            ids, codes = np.insert(held, where, ids), np.insert(self._codes(), where, codes, axis=0)
            self._index.reset()
        self._index.add_with_ids(np.ascontiguousarray(codes), ids)

    def remove(self, ids: Ids) -> int:
        """See CodeIndex.remove."""
        return int(self._index.remove_ids(np.asarray(ids, np.int64))) if len(ids) else 0

    def search(self, codes: Codes, k: int) -> tuple[Distances, Ids]:
        """See CodeIndex.search."""
        packed.check(codes, self.bits)
        if k < 1:
            raise ValueError(f"k is at least 1, not {k}")
        k = min(k, len(self))
        if not k or not len(codes):
            return np.empty((len(codes), k), np.int32), np.empty((len(codes), k), np.int64)
        distances, ids = self._index.search(np.ascontiguousarray(codes), k)
        return distances, ids

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def ids(self) -> Ids:
        """All ids, ascending, as a copy."""
        held: Ids = faiss.vector_to_array(self._index.id_map)
        return held

    def codes(self, ids: Ids) -> Codes:
        """See CodeIndex.codes."""
        if not len(ids):
            return np.empty((0, packed.width(self.bits)), np.uint8)
        held = faiss.rev_swig_ptr(self._index.id_map.data(), len(self)) if len(self) else np.empty(0, np.int64)
        positions = np.searchsorted(held, ids)
        there = positions < len(held)
        there[there] = held[positions[there]] == ids[there]
        if not there.all():
            raise KeyError(int(ids[~there][0]))
        return self._codes()[positions]  # a copy, as fancy indexing makes it

    def code(self, id: int) -> Codes:
        """The code (W,) held under `id`. KeyError where there is none."""
        code: Codes = self.codes(np.array([id], np.int64))[0]
        return code

    def _codes(self) -> Codes:
        """All codes (N, W) in the order of ids: a view of FAISS's own memory, valid until the next change."""
        flat: Any = faiss.downcast_IndexBinary(self._index.index)
        held: Codes = faiss.rev_swig_ptr(flat.xb.data(), len(self) * packed.width(self.bits))
        return held.reshape(len(self), -1)

    # ---- snapshots -------------------------------------------------------------------------------------------------

    def save(self, path: Path, state: "State") -> None:
        """Write the index as FAISS writes it, followed by a line on what it holds. Raises OSError."""
        body = faiss.serialize_index_binary(self._index).data
        trailer = _trailer(state, self.bits, hashlib.sha256(body).hexdigest())
        replace(path, [body, trailer, len(trailer).to_bytes(8, "little"), _MAGIC])

    @classmethod
    def load(cls, path: Path, bits: int, state: "State") -> "FlatIndex":
        """Read what `save` wrote. SnapshotError unless it is whole and holds exactly this state."""
        try:
            data = memoryview(path.read_bytes())
        except OSError as error:
            raise SnapshotError(f"{path} cannot be read: {error}") from error
        length = int.from_bytes(data[-16:-8], "little")
        if len(data) < 16 + length or data[-8:] != _MAGIC:
            raise SnapshotError(f"{path} is no snapshot, or it is cut short.")
        body = data[: -16 - length]
        expected = _trailer(state, bits, hashlib.sha256(body).hexdigest())
        if data[-16 - length : -16] != expected:
            raise SnapshotError(f"{path} is damaged, or holds another state of the library.")
        index = cls(bits)
        try:
            index._index = faiss.deserialize_index_binary(np.frombuffer(body, np.uint8))
        except RuntimeError as error:  # whole, but written by a FAISS that this one does not follow
            raise SnapshotError(f"{path} cannot be read by this version of FAISS.") from error
        return index


@dataclass(frozen=True)
class State:
    """What a snapshot is a snapshot of: which library, whose codes, and after how many changes."""

    library: str
    codec_id: str
    generation: int


_MAGIC = b"SEMBLNC1"


def _trailer(state: State, bits: int, sha256: str) -> bytes:
    return json.dumps({**asdict(state), "bits": bits, "sha256": sha256}).encode()
