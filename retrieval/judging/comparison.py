"""One table: every way of searching on the same gallery, the same queries and the same shuffle of ties."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from semblance.retrieval import codes, pixels, queries
from semblance.retrieval.codec import Codec, Logits
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.judging import evaluation, histograms
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.judging.evaluation import Score
from semblance.retrieval.judging.histograms import Histograms
from semblance.retrieval.judging.linear import RandomHyperplanes
from semblance.retrieval.pixels import PixelIndex
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import views

_TIMED = 50  # single queries whose median time stands in a row
_AT_ONCE = 256  # queries whose views are in memory at one time, or pictures whose colours are counted


@dataclass(frozen=True)
class Contest:
    """Gallery and queries, the gallery shuffled once; `own` (Q,) is set where queries are gallery pictures."""

    gallery: Dataset
    queries: Dataset
    own: Ids | None


@dataclass(frozen=True)
class Variant:
    """A way to search with codes: with several views, in a refined order, by the first `bits` bits alone, by `liked`
    pictures of a class together."""

    views: int = 1
    refine: bool = False
    bits: int | None = None
    liked: int = 1

    def __str__(self) -> str:
        """As it stands in a row's name; empty for the codes as they are."""
        said = [f"first {self.bits} bits"] if self.bits else []
        said += [f"{self.views} views"] if self.views > 1 else []
        said += [f"{self.liked} liked"] if self.liked > 1 else []
        return ", ".join(said + (["refined"] if self.refine else []))


@dataclass(frozen=True)
class Row:
    """A method's line in the table, and what it found: `nearest` (Q, n) are rows of the contest's gallery.

    `bits` is None where a method has no codes, `encode_ms` where it takes pixels as they are. Where codes can be
    decoded, `rebuilt` (Q, S, S, 3) are the queries as their codes remember them, and `mse` is how far that is from the
    queries themselves: the mean squared error, pixels in 0..1.
    """

    method: str
    bits: int | None
    score: Score
    search_ms: float
    encode_ms: float | None
    bytes_per_picture: int
    nearest: Callable[[Ids, int], Ids]
    variant: Variant = Variant()
    mse: float | None = None
    rebuilt: Picture | None = None

    @property
    def name(self) -> str:
        """What the row is called: the method, and how it was varied."""
        return ", ".join(filter(None, (self.method, str(self.variant))))

    @property
    def scores(self) -> dict[str, float | None]:
        """The columns of precision."""
        return self.score.table

    def as_dict(self) -> dict[str, str | float | list[float] | None]:
        """The row as `semblance evaluate --json` prints it."""
        rounded = {name: None if value is None else round(value, 4) for name, value in self.scores.items()}
        interval = self.score.interval
        sure = {"P@10_interval": None if interval is None else [round(end, 4) for end in interval]}
        encode_ms = None if self.encode_ms is None else round(self.encode_ms, 3)
        times = {"search_ms": round(self.search_ms, 3), "encode_ms": encode_ms}
        size = {"bytes_per_picture": self.bytes_per_picture}
        mse = {"mse": None if self.mse is None else round(self.mse, 4)}
        return {"name": self.name, "bits": self.bits, **rounded, **sure, **times, **size, **mse}


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
    gallery, asking = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (held.gallery, held.queries))
    index = PixelIndex(np.arange(len(gallery)), gallery)
    index.search(asking[:1], 10)  # the norms of the gallery are worked out once, by the first search
    return Row(
        "pixels (Euclidean)",
        None,
        _score(held, evaluation.by_pixels(asking, gallery)),
        _milliseconds(lambda i: index.search(asking[i : i + 1], 10), len(asking)),
        None,
        pixels.LENGTH,
        lambda rows, n: _others(held, rows, n, index.search(asking[rows], n + 1)[1]),
    )


def by_histograms(held: Contest) -> Row:
    """The share of colours that two pictures have in common: 64 counts a picture."""
    gallery, asking = (_histograms(part) for part in (held.gallery, held.queries))
    timed = held.queries.subset(np.arange(min(_TIMED, len(asking)))).pictures(histograms.SPEC)
    return Row(
        "colour histogram",
        None,
        _score(held, lambda rows: histograms.distances(asking[rows], gallery)),
        _milliseconds(lambda i: histograms.nearest(asking[i : i + 1], gallery, 10), len(asking)),
        _milliseconds(lambda i: histograms.counts(timed[i : i + 1]), len(asking)),
        gallery.itemsize * histograms.BINS,
        lambda rows, n: _others(held, rows, n, histograms.nearest(asking[rows], gallery, n + 1)),
    )


def check(held: Contest, variants: Sequence[Variant]) -> None:
    """Raises DatasetError where several liked pictures are to ask together and are pictures of the gallery: they would
    find each other."""
    if held.own is not None and any(variant.liked > 1 for variant in variants):
        raise DatasetError("Several liked pictures need queries that are not in the gallery: name some with --queries.")


def by_codec(held: Contest, codec: Codec, variants: Sequence[Variant] = (Variant(),)) -> Iterator[Row]:
    """Hamming distance between a model's codes, a row for each variant; gallery and queries are encoded once.

    Raises DatasetError as `check` does.
    """
    check(held, variants)
    gallery, asking = (part.pictures(codec.spec) for part in (held.gallery, held.queries))
    gallery_codes = codec.encode(gallery)
    logits = _logits(codec, asking, max(variant.views for variant in variants))
    for variant in variants:
        bits = variant.bits or codec.bits
        asking_with = logits if variant.liked == 1 else _together(held, logits, variant.liked)
        asked = [queries.of_logits(of_views[: variant.views, :bits], variant.refine) for of_views in asking_with]
        encode = _encoder(codec, asking, variant.views)
        row = _by_codes(held, codec.name, bits, codes.prefix(gallery_codes, bits), asked, encode)
        if variant == Variant() and codec.can_decode:
            rebuilt = codec.rebuilt(logits[:, 0])
            row = replace(row, mse=_mean_squared_error(asking, rebuilt), rebuilt=rebuilt)
        yield replace(row, variant=variant)


def by_hyperplanes(held: Contest, bits: int) -> Row:
    """Hamming distance between signs of random projections of the pixels, centred on the gallery's mean."""
    gallery, asking = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (held.gallery, held.queries))
    planes = RandomHyperplanes(gallery.mean(axis=0, dtype=np.float64).astype(np.float32), bits)
    asked = [CodeQuery(code[None]) for code in planes.encode(asking)]
    return _by_codes(
        held, "random hyperplanes", bits, planes.encode(gallery), asked, lambda i: planes.encode(asking[i : i + 1])
    )


def _by_codes(
    held: Contest,
    method: str,
    bits: int,
    gallery_codes: codes.Codes,
    asked: list[CodeQuery],
    encode: Callable[[int], object],
) -> Row:
    index = FlatIndex(bits)
    index.add(np.arange(len(gallery_codes)), gallery_codes)

    def nearest(rows: Ids, n: int) -> Ids:
        return np.stack([ids for _, ids in queries.search(index, [asked[row] for row in rows], n)])

    ranking = evaluation.by_codes(np.stack([query.codes for query in asked]), gallery_codes)
    if asked[0].logits is not None:
        every = np.arange(len(asked))
        ranking = evaluation.with_first(lambda rows: nearest(every[rows], queries.CANDIDATES), ranking)
    return Row(
        method,
        bits,
        _score(held, ranking),
        _milliseconds(lambda i: queries.search(index, asked[i : i + 1], 10), len(asked)),
        _milliseconds(encode, len(asked)),
        codes.width(bits),
        lambda rows, n: _others(held, rows, n, nearest(rows, n + 1)),
    )


def _histograms(part: Dataset) -> Histograms:
    """Colour histograms uint16 (N, 64), few pictures in memory at one time: at 64 x 64, all would be too many."""
    starts = range(0, len(part), _AT_ONCE)
    portions = [part.subset(np.arange(start, min(start + _AT_ONCE, len(part)))) for start in starts]
    return np.concatenate([histograms.counts(portion.pictures(histograms.SPEC)) for portion in portions])


def _logits(codec: Codec, pictures: Picture, count: int) -> Logits:
    """Logits (Q, count, bits) of the first `count` views of pictures (Q, S, S, 3)."""
    out = np.empty((len(pictures), count, codec.bits), np.float32)
    for start in range(0, len(pictures), _AT_ONCE):
        portion = np.concatenate([views(picture, count) for picture in pictures[start : start + _AT_ONCE]])
        out[start : start + _AT_ONCE] = codec.logits(portion).reshape(-1, count, codec.bits)
    return out


def _together(held: Contest, logits: Logits, count: int) -> Logits:
    """Logits (Q, 1, bits) of queries that are each made of `count` queries of a class: itself and those that follow."""
    out = np.empty((len(logits), 1, logits.shape[2]), np.float32)
    for label in np.unique(held.queries.labels):
        rows = np.flatnonzero(held.queries.labels == label)
        for place, row in enumerate(rows):
            others = rows[np.arange(place, place + count) % len(rows)]
            out[row, 0] = queries.alike(logits[others, 0], logits[:0, 0])
    return out


def _encoder(codec: Codec, pictures: Picture, count: int) -> Callable[[int], object]:
    """What encodes one query alone, its views made anew."""
    return lambda i: codec.logits(views(pictures[i], count))


def _mean_squared_error(pictures: Picture, rebuilt: Picture) -> float:
    """Over all pictures and pixels, these in 0..1; both uint8 (N, S, S, 3)."""
    pairs = zip(pictures, rebuilt, strict=True)  # one at a time: as floats, all at once would fill the memory
    return float(np.mean([np.square(one.astype(np.float64) - other).mean() for one, other in pairs])) / 255**2


def _score(held: Contest, ranking: evaluation.Ranking) -> Score:
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
