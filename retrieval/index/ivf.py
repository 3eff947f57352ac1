"""An inverted file: codes in lists by the centre that they are nearest to, of which a search reads the nearest few.

FAISS searches it (IndexBinaryIVF over OnDiskInvertedLists) where it lies in a file that is mapped. FAISS's own way of
writing and opening it trusts what it reads, so the file is laid out here: what tells where the lists lie is checked,
and within them no byte can do more harm than to propose a wrong row, which the overlay ranks or passes over. Lists read
one by one with knn_hamming take three times as long. Nothing is ever added or removed: that is the overlay's.

The centres are found by k-majority (Grana et al., "A Fast Approach for Integrating ORB Descriptors in the Bag of Words
Model", 2013): as k-means, but by Hamming distance, with the majority of each bit for a mean. That is sooner done than
FAISS's training, which makes floats of the bits, and the lists are as even.

    FILE = MAGIC, bytes of a code, codes, lists, the length of each list, the centres, the SHA-256 of all that; then of
           each list its codes and their rows (int64), with room for a number of codes that 8 divides
"""

import hashlib
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes, width
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular, replace
from semblance.retrieval.index.contract import Rows
from semblance.retrieval.index.flat import MANY, Flat, by_cores
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress

FILE = "lists.ivf"
MOST_LISTS = 2**14  # beyond, to sort codes into more takes longer than it saves
_SAMPLED = 64  # codes for each list that the centres are learnt from
_ROUNDS = 12
_BLOCK = 2**16  # codes sorted at one time
_DEEPER = 4  # so many times k is asked for, to see whether more codes are as near as the k-th
_MAGIC = b"SEMBLIVF"
_HEADER = struct.Struct("<8s3q")
_CHECKSUM = 32

Counts = npt.NDArray[np.int64]


class IvfIndex(Flat):
    """Codes (N, W), and the lists in a file. `effort` is how many of them a search reads."""

    engine: ClassVar[str] = "ivf"
    efforts: ClassVar[Sequence[int]] = sorted({2**power for power in range(15)} | {3 * 2**power for power in range(13)})

    def __init__(self, stored: Flat, lists: Any, centres: Codes) -> None:
        """Over the codes of `stored`: FAISS's inverted lists, and their centres (L, W)."""
        super().__init__(stored.bits, stored._ids, stored._codes)
        self._lists, self._quantiser = lists, faiss.IndexBinaryFlat(8 * centres.shape[1])
        self._quantiser.add(centres)
        self.memory = lists.totsize + self._ids.nbytes + self._codes.nbytes
        self.effort = 64

    @property
    def effort(self) -> int:
        """How many lists a search reads, at most all."""
        return self._effort

    @effort.setter
    def effort(self, effort: int) -> None:
        # A searcher of its own for each: FAISS reads the number more than once, and another thread may be in a search.
        searcher = faiss.IndexBinaryIVF(self._quantiser, self._quantiser.d, self._lists.nlist)
        searcher.replace_invlists(self._lists, False)
        searcher.is_trained, searcher.ntotal = True, len(self)
        searcher.nprobe = min(effort, self._lists.nlist)
        self._searcher, self._effort = searcher, effort

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        """See Engine.build. Takes 40 bytes a code on the disk, about 10 in memory, and time by N x sqrt(N)."""
        rng = np.random.default_rng(0)
        lists = max(1, min(math.isqrt(len(stored)), MOST_LISTS))
        sample = stored.at(np.sort(rng.permutation(len(stored))[: _SAMPLED * lists]))
        total = _ROUNDS * len(sample) + 2 * len(stored)
        centres = _learnt(rng.permutation(sample), lists, lambda done: progress(done, total))
        nearest = np.empty(len(stored), np.uint16)

        def sort(start: int) -> int:
            block = stored.at(np.arange(start, min(start + _BLOCK, len(stored))))
            nearest[start : start + len(block)] = _nearest(block, centres)
            return start + len(block)

        for done in in_order(sort, range(0, len(stored), _BLOCK)):
            progress(_ROUNDS * len(sample) + done, total)
        lengths = np.bincount(nearest, minlength=lists).astype("<i8")
        order = np.argsort(nearest, kind="stable")
        done = total - len(stored)
        beginning = _beginning(len(stored), lengths, centres)
        replace(folder / FILE, _parts(beginning, stored, order, lengths, lambda end: progress(done + end, total)))

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> Self:
        """See Engine.open. What lies within the lists is taken as it is."""
        path = folder / FILE
        try:
            with open_regular(path) as file:
                size = file.seek(0, 2)
                file.seek(0)
                lengths, centres, start = _read(file.read, width(stored.bits), len(stored), size)
            return cls(stored, _mapped(path, lengths, start, size, centres.shape[1]), centres)
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: FAISS cannot open it
            raise SnapshotError(f"{path} is no inverted file of these {len(stored)} codes: {error}.") from error

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """See Approximate.candidates: exactly the nearest k in the lists that are read, ties to the lower row."""
        searcher, deep = self._searcher, min(_DEEPER * k + 16, max(len(self), 1))
        if len(codes) >= MANY:
            distances, rows = by_cores(lambda queries: searcher.search(queries, deep), codes)
        else:
            distances, rows = _on_one_core(lambda: searcher.search(np.ascontiguousarray(codes), deep))
        order = np.lexsort((rows, distances))[:, :k]
        nearest = list(np.take_along_axis(rows, order, axis=1))
        if k < deep < len(self):
            # FAISS keeps those of equal distance that it meets first, so where they may be cut off all are fetched
            for query in np.flatnonzero(distances[:, -1] == distances[:, k - 1]):
                last = int(distances[query, -1])
                if last < np.iinfo(np.int32).max:  # else the lists hold no more
                    nearest[query] = _within(searcher, codes[query : query + 1], last)[:k]
        return nearest


def _within(searcher: Any, code: Codes, distance: int) -> Rows:
    """The rows of all codes at most so far from one code (1, W) in the lists that are read, the nearest first."""
    _, distances, rows = _on_one_core(lambda: searcher.range_search(np.ascontiguousarray(code), distance + 1))
    found: Rows = rows[np.lexsort((rows, distances))]
    return found


def _on_one_core(search: Callable[[], Any]) -> Any:
    """What FAISS finds without threads of its own, which one query has no use for."""
    threads = faiss.omp_get_max_threads()  # this thread's
    faiss.omp_set_num_threads(1)
    try:
        return search()
    finally:
        faiss.omp_set_num_threads(threads)


# ---- building ------------------------------------------------------------------------------------------------------


def _learnt(sample: Codes, lists: int, progress: Callable[[int], None]) -> Codes:
    """Centres (L, W) of the codes (S, W), which are in random order: the first of them, moved to where others are."""
    centres = np.zeros((lists, sample.shape[1]), np.uint8)
    centres[: len(sample)] = sample[:lists]
    for done in range(_ROUNDS if len(sample) else 0):
        nearest = np.concatenate(list(in_order(lambda block: _nearest(block, centres), _blocks(sample))))
        order = np.argsort(nearest, kind="stable")
        starts = np.flatnonzero(np.diff(nearest[order], prepend=-1))
        lengths = np.diff(starts, append=len(order))
        set_bits = np.add.reduceat(np.unpackbits(sample[order], axis=1), starts, axis=0, dtype=np.int32)
        centres[nearest[order[starts]]] = np.packbits(2 * set_bits > lengths[:, None], axis=1)
        progress((done + 1) * len(sample))
    return centres


def _blocks(codes: Codes) -> Iterator[Codes]:
    return (codes[start : start + _BLOCK] for start in range(0, len(codes), _BLOCK))


def _nearest(codes: Codes, centres: Codes) -> npt.NDArray[np.intp]:
    """Which centre each code (N, W) is nearest to: (N,)."""
    found: npt.NDArray[np.intp] = _on_one_core(lambda: faiss.knn_hamming(codes, centres, 1))[1][:, 0]
    return found


# ---- the file ------------------------------------------------------------------------------------------------------


def _beginning(count: int, lengths: Counts, centres: Codes) -> bytes:
    told = _HEADER.pack(_MAGIC, centres.shape[1], count, len(centres)) + lengths.tobytes() + centres.tobytes()
    told += bytes(-len(told) % 8)
    return told + hashlib.sha256(told).digest()


def _room(lengths: Counts) -> Counts:
    """For how many codes each list has room: with a number that 8 divides rows lie at whole numbers of 8 bytes."""
    return -(-lengths // 8) * 8


def _parts(
    beginning: bytes, stored: Flat, order: Rows, lengths: Counts, progress: Callable[[int], None]
) -> Iterator[bytes]:
    """All of the file; `order` has the rows of the first list, then those of the next."""
    yield beginning
    ends = np.cumsum(lengths)
    for start, end, room in zip((ends - lengths).tolist(), ends.tolist(), _room(lengths).tolist(), strict=True):
        rows, free = order[start:end], room - (end - start)
        codes = stored.at(rows)
        yield codes.tobytes() + bytes(free * codes.shape[1])
        yield rows.astype("<i8").tobytes() + bytes(free * 8)
        progress(end)


def _read(read: Callable[[int], bytes], wide: int, count: int, size: int) -> tuple[Counts, Codes, int]:
    """The lengths of the lists, their centres (L, W), and where the first begins, in a file of `size` bytes of `count`
    codes of `wide` bytes. ValueError where it is anything else."""
    header = read(_HEADER.size)
    if len(header) < _HEADER.size or _HEADER.unpack(header)[:3] != (_MAGIC, wide, count):
        raise ValueError("it is another kind of file, or of other codes")
    lists = _HEADER.unpack(header)[3]
    start = -(-(_HEADER.size + lists * (8 + wide)) // 8) * 8
    if not 1 <= lists <= MOST_LISTS or start + _CHECKSUM > size:
        raise ValueError("it is damaged")
    told = header + read(start - len(header))
    lengths = np.frombuffer(told, "<i8", lists, _HEADER.size)
    whole = read(_CHECKSUM) == hashlib.sha256(told).digest()
    if not whole or start + _CHECKSUM + int(_room(lengths).sum()) * (wide + 8) != size:
        raise ValueError("it is damaged or cut short")
    centres = np.frombuffer(told, np.uint8, lists * wide, _HEADER.size + lengths.nbytes).reshape(lists, wide)
    return lengths, centres, start + _CHECKSUM


def _mapped(path: Path, lengths: Counts, start: int, size: int, wide: int) -> Any:
    """FAISS's inverted lists over the file."""
    lists: Any = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size, lists.filename = len(lengths), wide, str(path)
    lists.read_only, lists.totsize, lists.prefetch_nthread = True, size, 0  # no threads of its own for each search
    for length, room in zip(lengths.tolist(), _room(lengths).tolist(), strict=True):
        place = faiss.OnDiskOneList()
        place.size, place.capacity, place.offset = length, room, start
        lists.lists.push_back(place)
        start += room * (wide + 8)
    lists.do_mmap()
    return lists
