"""Codes with far more ties than distances, brute force, and every engine in a state that it comes to in use."""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pytest

from semblance.retrieval import codes
from semblance.retrieval.codes import Codes
from semblance.retrieval.files import replace
from semblance.retrieval.index import ENGINES as BUILT
from semblance.retrieval.index import (
    CodeIndex,
    Distances,
    FlatIndex,
    Ids,
    MappedFlat,
    Overlay,
)
from semblance.retrieval.index import contract as index_contract
from semblance.retrieval.index.contract import Exact, Rows
from semblance.retrieval.index.mapped import from_file, to_file
from semblance.retrieval.index.mih import MihIndex
from semblance.retrieval.progress import quiet

QUERIES = 5


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Thousands of searches of a microsecond each."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


def some_codes(count: int, bits: int, seed: int = 0) -> Codes:
    return codes.pack(np.random.default_rng(seed).integers(0, 2, (count, bits)).astype(np.bool_))


def some_ids(count: int, seed: int = 0) -> Ids:
    """Ids with gaps, in no order, some beyond 32 bits."""
    ids: Ids = np.random.default_rng(seed).choice(10 * count, count, replace=False)
    return np.where(ids % 3 == 0, ids + 2**40, ids).astype(np.int64)


def brute_force(queries: Codes, ids: Ids, stored: Codes, k: int) -> tuple[Distances, Ids]:
    """The contract in NumPy: sort by distance, then by id."""
    differing = queries[:, None] ^ stored[None]
    distances = np.unpackbits(differing, axis=2).sum(axis=2, dtype=np.int32)
    order = np.array([np.lexsort((ids, row)) for row in distances], np.int64).reshape(len(queries), -1)[:, :k]
    return np.take_along_axis(distances, order, axis=1), ids[order]


def assert_exact(index: Exact, ids: Ids, stored: Codes, ks: tuple[int, ...], seed: int = 9) -> None:
    """All of the ids (N,) as brute force finds them, and some of them, among ids that are not there."""
    queries = np.concatenate([some_codes(QUERIES, index.bits, seed), stored[:2]])
    some = np.arange(len(ids)) % 3 > 0
    among = np.concatenate([ids[some], [-1, 2**41 + 5], ids[some][:3]])[::-1]
    for k in ks:
        for answer, rows in ((index.search(queries, k), some | True), (index.search(queries, k, among), some)):
            expected = brute_force(queries, ids[rows], stored[rows], k)
            assert [part.dtype for part in answer] == [np.int32, np.int64]
            assert np.array_equal(answer[0], expected[0]), k
            assert np.array_equal(answer[1], expected[1]), k


# ---- the engines ---------------------------------------------------------------------------------------------------


class Proposing(MappedFlat):
    """An approximate base that proposes every row, among all that FAISS's engines are known to answer besides."""

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """See Approximate.candidates."""
        rows = np.arange(len(self))
        proposed = np.concatenate([rows, rows[: len(rows) // 2], [-1, -1, 2**50, k]])
        return [np.random.default_rng(row).permutation(proposed) for row in range(len(codes))]


class Patient(MihIndex):
    """Multi-index hashing that never compares all codes, however dear its looks."""

    patience = math.inf

    def _nearest(self, codes: Codes, k: int) -> tuple[Distances, Rows]:
        found = super()._nearest(codes, k)
        assert found[0].min(initial=0) >= 0, "all codes were to be compared"
        return found


def save(index: CodeIndex, path: Path) -> None:
    replace(path, to_file(index))


def flat(path: Path, bits: int) -> FlatIndex:
    ids, stored = from_file(path, memoryview(path.read_bytes()), bits)
    return FlatIndex(bits, ids.copy(), stored.copy())


def built(kind: type[index_contract.Engine], path: Path, bits: int) -> CodeIndex:
    """An engine that spares no effort: what it proposes must be right to the last tie."""
    stored = MappedFlat(path, bits)
    kind.build(stored, path.parent, quiet)
    engine = kind.open(stored, path.parent)
    engine.effort = engine.efforts[-1]
    return Overlay(engine)


Engine = Callable[[Path, int], CodeIndex]  # opens what was saved
ENGINES: dict[str, Engine] = {
    "flat": flat,
    "mapped": lambda path, bits: Overlay(MappedFlat(path, bits)),
    "flat below": lambda path, bits: Overlay(flat(path, bits)),
    "approximate": lambda path, bits: Overlay(Proposing(path, bits)),
    **{name: partial(built, kind) for name, kind in BUILT.items()},
    "mih to the proof": partial(built, Patient),
}


def reopened(engine: Engine, index: CodeIndex) -> CodeIndex:
    """What `engine` opens of the saved index. A file that is mapped may lose its name."""
    with tempfile.TemporaryDirectory() as folder:
        save(index, Path(folder) / "index")
        return engine(Path(folder) / "index", index.bits)


def made(engine: Engine, bits: int, ids: Ids | None = None, stored: Codes | None = None) -> CodeIndex:
    """An index that holds these codes (N, W) and has had a life: a third was opened from a file, a sixth was there with
    another code, and a third came later; others with the very same codes stood between and were removed."""
    first = FlatIndex(bits)
    if ids is None or stored is None:
        return reopened(engine, first)
    turn = np.arange(len(ids)) % 6
    between = np.setdiff1d(np.concatenate([ids + 1, ids[ids > 0] - 1]), ids)
    first.add(ids[turn < 2], stored[turn < 2])
    first.add(ids[turn == 2], stored[turn == 2] ^ 1)
    first.add(between, np.resize(stored, (len(between), stored.shape[1])))
    index = reopened(engine, first)
    assert index.remove(np.concatenate([between, ids[turn == 2]])) == len(between) + (turn == 2).sum()
    index.add(ids[turn >= 2], stored[turn >= 2])
    return index
