"""One table: every way of searching on the same gallery, the same queries and the same shuffle of ties."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval import codes, evaluation, pixels
from retrieval.codec import Codec
from retrieval.datasets import Dataset
from retrieval.errors import DatasetError
from retrieval.index import FlatIndex
from retrieval.linear import RandomHyperplanes
from retrieval.pixels import PixelIndex

_TIMED = 50  # single queries whose median time stands in a row

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Contest:
    """Gallery and queries, the gallery shuffled once; `own` (Q,) is set where queries are gallery pictures."""

    gallery: Dataset
    queries: Dataset
    own: Ids | None


@dataclass(frozen=True)
class Row:
    """A method's line in the table, and what it found: `nearest` (Q, n) are rows of the contest's gallery."""

    name: str
    bits: int
    scores: dict[str, float | None]
    search_ms: float
    encode_ms: float
    bytes_per_picture: int
    nearest: Callable[[Ids, int], Ids]

    def as_dict(self) -> dict[str, str | float | None]:
        """The row as `semblance evaluate --json` prints it."""
        rounded = {name: None if value is None else round(value, 4) for name, value in self.scores.items()}
        times = {"search_ms": round(self.search_ms, 3), "encode_ms": round(self.encode_ms, 3)}
        return {"name": self.name, "bits": self.bits, **rounded, **times, "bytes_per_picture": self.bytes_per_picture}


def contest(gallery: Dataset, queries: Dataset | None) -> Contest:
    """Shuffle the gallery by the fixed seed. Without queries, each picture is asked against all the others.

    Raises DatasetError where either is empty.
    """
    if not len(gallery) or (queries is not None and not len(queries)):
        raise DatasetError("There is nothing to compare: the gallery or the queries have no pictures.")
    order = evaluation.tie_order(len(gallery))
    shuffled = gallery.subset(order)
    if queries is None:
        return Contest(shuffled, shuffled, np.arange(len(gallery)))
    return Contest(shuffled, queries, None)


def by_pixels(held: Contest) -> Row:
    """Exact Euclidean search over 32 x 32 x 3 pixels."""
    gallery, queries = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (held.gallery, held.queries))
    index = PixelIndex(np.arange(len(gallery)), gallery)
    index.search(queries[:1], 10)  # the norms of the gallery are worked out once, by the first search
    return Row(
        "pixels (Euclidean)",
        0,
        _scores(held, evaluation.by_pixels(queries, gallery)),
        _milliseconds(lambda i: index.search(queries[i : i + 1], 10), len(queries)),
        0.0,
        pixels.LENGTH,
        lambda rows, n: _others(held, rows, n, index.search(queries[rows], n + 1)[1]),
    )


def by_codec(held: Contest, codec: Codec) -> Row:
    """Hamming distance between a model's codes."""
    gallery, queries = (part.pictures(codec.spec) for part in (held.gallery, held.queries))
    return _by_codes(held, codec.name, codec.bits, codec.encode, gallery, queries)


def by_hyperplanes(held: Contest, bits: int) -> Row:
    """Hamming distance between signs of random projections of the pixels, centred on the gallery's mean."""
    gallery, queries = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (held.gallery, held.queries))
    planes = RandomHyperplanes(gallery.mean(axis=0, dtype=np.float64).astype(np.float32), bits)
    return _by_codes(held, "random hyperplanes", bits, planes.encode, gallery, queries)


def _by_codes(
    held: Contest,
    name: str,
    bits: int,
    encode: Callable[[npt.NDArray[np.uint8]], codes.Codes],
    gallery: npt.NDArray[np.uint8],
    queries: npt.NDArray[np.uint8],
) -> Row:
    gallery_codes, query_codes = encode(gallery), encode(queries)
    index = FlatIndex(bits)
    index.add(np.arange(len(gallery)), gallery_codes)
    return Row(
        name,
        bits,
        _scores(held, evaluation.by_codes(query_codes, gallery_codes)),
        _milliseconds(lambda i: index.search(query_codes[i : i + 1], 10), len(queries)),
        _milliseconds(lambda i: encode(queries[i : i + 1]), len(queries)),
        codes.width(bits),
        lambda rows, n: _others(held, rows, n, index.search(query_codes[rows], n + 1)[1]),
    )


def _scores(held: Contest, ranking: evaluation.Ranking) -> dict[str, float | None]:
    return evaluation.score(ranking, held.queries.labels, held.gallery.labels, held.own)


def _others(held: Contest, rows: Ids, n: int, found: Ids) -> Ids:
    """The first n found (Q, n + 1) for each query, itself left out where it is a picture of the gallery."""
    if held.own is None:
        return found[:, :n]
    return np.stack([line[line != own][:n] for line, own in zip(found, held.own[rows], strict=True)])


def _milliseconds(work: Callable[[int], object], queries: int) -> float:
    """The median time of one query alone."""
    times = []
    for i in range(min(_TIMED, queries)):
        started = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))
