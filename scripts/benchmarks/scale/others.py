"""What Semblance is measured beside: a NumPy scan, FAISS's own engines as their pages would have them, usearch's graph
and pynear's indexes. None of them serves: they stand here so that whoever is faster is seen."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes
from semblance.scripts.benchmarks.scale.places import BITS, Place

Found = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]  # distances and rows (Q, k); rows of -1 are none


class Scan:
    """Exclusive or, counting, and the k least, in NumPy."""

    efforts = (0,)

    def build(self, place: Place) -> None:
        """Nothing to build."""

    def open(self, place: Place) -> None:
        """Read the codes."""
        self._words = np.load(place.array).view(np.uint64)

    def spend(self, effort: int) -> None:
        """There is one alone."""

    def search(self, codes: Codes, k: int) -> Found:
        """See contenders.Contender.search."""
        k = min(k, len(self._words))
        distances, rows = np.empty((len(codes), k), np.int32), np.empty((len(codes), k), np.int64)
        for at, query in enumerate(codes.view(np.uint64)):
            far = np.bitwise_count(self._words ^ query).sum(axis=1, dtype=np.uint16)
            nearest = np.argpartition(far, k - 1)[:k]
            rows[at] = nearest[np.argsort(far[nearest], kind="stable")]
            distances[at] = far[rows[at]]
        return distances, rows


class _Faiss(ABC):
    """An index that FAISS writes and reads."""

    efforts: tuple[int, ...]
    effort: str  # the attribute that says how much is searched
    index: Any

    @abstractmethod
    def made(self, codes: Codes) -> Any:
        """A trained index for such codes, empty."""

    def build(self, place: Place) -> None:
        """See contenders.Contender.build."""
        codes = np.load(place.array)
        index = self.made(codes)
        index.add(codes)
        faiss.write_index_binary(index, str(place.built / "index"))

    def open(self, place: Place) -> None:
        """See contenders.Contender.open."""
        self.index = faiss.read_index_binary(str(place.built / "index"))

    def spend(self, effort: int) -> None:
        """See contenders.Contender.spend."""
        setattr(self.index, self.effort, effort)

    def search(self, codes: Codes, k: int) -> Found:
        """See contenders.Contender.search."""
        distances, rows = self.index.search(codes, k)
        return distances, rows


class FaissIVF(_Faiss):
    """Lists around the square root of N centroids, each trained on 39 codes, the least that FAISS asks for."""

    efforts = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    effort = "nprobe"

    def made(self, codes: Codes) -> Any:
        """See _Faiss.made."""
        lists = max(int(len(codes) ** 0.5), 1)
        self._quantiser = faiss.IndexBinaryFlat(BITS)  # FAISS holds no reference to it
        index = faiss.IndexBinaryIVF(self._quantiser, BITS, lists)
        index.train(codes[np.sort(np.random.default_rng(0).permutation(len(codes))[: 39 * lists])])
        return index


class FaissMultiHash(_Faiss):
    """Eight hash maps over parts of as many bits as make some two codes an address."""

    efforts = (0, 1, 2, 3)
    effort = "nflip"

    def made(self, codes: Codes) -> Any:
        """See _Faiss.made."""
        return faiss.IndexBinaryMultiHash(BITS, 8, min(max(int(np.log2(len(codes))) - 1, 8), 32))


class Usearch:
    """The graph (HNSW), by Hamming distance, with its own settings: its effort is how wide it looks."""

    efforts = (64, 128, 256, 512, 1024)

    def __init__(self) -> None:
        self._usearch = importlib.import_module("usearch.index")

    def build(self, place: Place) -> None:
        """See contenders.Contender.build."""
        codes = np.load(place.array)
        index = self._new()
        index.add(np.arange(len(codes)), codes)
        index.save(str(place.built / "index"))

    def open(self, place: Place) -> None:
        """See contenders.Contender.open."""
        self._index = self._new()
        self._index.load(str(place.built / "index"))

    def spend(self, effort: int) -> None:
        """See contenders.Contender.spend."""
        self._index.expansion_search = effort

    def search(self, codes: Codes, k: int) -> Found:
        """See contenders.Contender.search."""
        found = self._index.search(codes, k, threads=1)
        distances, keys = (np.asarray(part).reshape(len(codes), -1) for part in (found.distances, found.keys))
        return distances, keys.astype(np.int64)

    def _new(self) -> Any:
        return self._usearch.Index(ndim=BITS, metric="hamming", dtype="b1")


class _Pynear(ABC):
    """An index of pynear's, which cannot be kept: opening is building."""

    _index: Any

    def __init__(self) -> None:
        self.pynear = importlib.import_module("pynear")  # which reads scikit-learn: before memory is looked up

    @abstractmethod
    def made(self, codes: Codes) -> Any:
        """An empty index for such codes."""

    def build(self, place: Place) -> None:  # noqa: B027 - for all of them
        """Nothing that could be kept."""

    def open(self, place: Place) -> None:
        """See contenders.Contender.open."""
        codes = np.load(place.array)
        self._index = self.made(codes)
        self._index.set(codes)


class PynearIVF(_Pynear):
    """Lists around the square root of N centroids."""

    efforts = FaissIVF.efforts

    def made(self, codes: Codes) -> Any:
        """See _Pynear.made."""
        return self.pynear.IVFFlatBinaryIndex(nlist=max(int(len(codes) ** 0.5), 1))

    def spend(self, effort: int) -> None:
        """See contenders.Contender.spend."""
        self._index.set_nprobe(effort)

    def search(self, codes: Codes, k: int) -> Found:
        """See contenders.Contender.search."""
        rows, distances = self._index.searchKNN_arrays(codes, k)
        return distances, rows


class PynearMIH(_Pynear):
    """Sixteen parts of 16 bits: all within a radius, which is its effort, are found; those beyond it by luck."""

    efforts = (15, 31, 47, 63)
    _radius = 15

    def made(self, codes: Codes) -> Any:
        """See _Pynear.made."""
        return self.pynear.MIHBinaryIndex(m=codes.shape[1] // 2)

    def spend(self, effort: int) -> None:
        """See contenders.Contender.spend."""
        self._radius = effort

    def search(self, codes: Codes, k: int) -> Found:
        """See contenders.Contender.search."""
        rows, distances = self._index.searchKNN_arrays(codes, k, self._radius)
        return distances, rows


ALL: dict[str, Callable[[], Any]] = {
    "NumPy scan": Scan,
    "FAISS IVF": FaissIVF,
    "FAISS MultiHash": FaissMultiHash,
    "usearch HNSW": Usearch,
    "pynear IVF": PynearIVF,
    "pynear MIH": PynearMIH,
}
BUILT = ("FAISS IVF", "FAISS MultiHash", "usearch HNSW")  # those that write what they build
