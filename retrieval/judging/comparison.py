"""One table: every way of searching on the same gallery, the same queries and the same shuffle of ties."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from semblance.retrieval import codes, pixels, queries
from semblance.retrieval.codec import Codec, Logits, from_logits
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.judging import evaluation, histograms
from semblance.retrieval.judging.contest import Contest, Row, Variant
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.judging.histograms import Histograms
from semblance.retrieval.judging.linear import RandomHyperplanes
from semblance.retrieval.pixels import PixelIndex
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import views

_TIMED = 50  # single queries whose median time stands in a row
_AT_ONCE = 256  # queries whose views are in memory at one time, or pictures whose colours are counted


def by_pixels(contest: Contest) -> Row:
    """Exact Euclidean search over 32 x 32 x 3 pixels."""
    gallery, asking = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (contest.gallery, contest.queries))
    index = PixelIndex(np.arange(len(gallery)), gallery)
    index.search(asking[:1], 10)  # the norms of the gallery are worked out once, by the first search
    return Row(
        "pixels (Euclidean)",
        None,
        contest.score(evaluation.by_pixels(asking, gallery)),
        milliseconds(lambda i: index.search(asking[i : i + 1], 10), len(asking)),
        None,
        pixels.LENGTH,
        lambda rows, n: contest.others(rows, n, index.search(asking[rows], n + 1)[1]),
    )


def by_histograms(contest: Contest) -> Row:
    """The share of colours that two pictures have in common: 64 counts a picture."""
    gallery, asking = (_histograms(part) for part in (contest.gallery, contest.queries))
    timed = contest.queries.subset(np.arange(min(_TIMED, len(asking)))).pictures(histograms.SPEC)
    return Row(
        "colour histogram",
        None,
        contest.score(lambda rows: histograms.distances(asking[rows], gallery)),
        milliseconds(lambda i: histograms.nearest(asking[i : i + 1], gallery, 10), len(asking)),
        milliseconds(lambda i: histograms.counts(timed[i : i + 1]), len(asking)),
        gallery.itemsize * histograms.BINS,
        lambda rows, n: contest.others(rows, n, histograms.nearest(asking[rows], gallery, n + 1)),
    )


def check(contest: Contest, variants: Sequence[Variant]) -> None:
    """Raises DatasetError where several liked pictures are to ask together and are pictures of the gallery: they would
    find each other."""
    if contest.own is not None and any(variant.liked > 1 for variant in variants):
        raise DatasetError("Several liked pictures need queries that are not in the gallery: name some with --queries.")


def by_codec(
    contest: Contest,
    codec: Codec,
    variants: Sequence[Variant] = (Variant(),),
    logits: Logits | None = None,
    originals: Dataset | None = None,
) -> Iterator[Row]:
    """Hamming distance between a model's codes, a row for each variant; every picture is encoded once.

    `logits` (Q, V, bits) are the queries' where they are known, `originals` the queries at the decoder's size where the
    contest has them at another. Raises DatasetError as `check` does.
    """
    check(contest, variants)
    asking = contest.queries.pictures(codec.spec)
    if logits is None:
        logits = _logits(codec, asking, max(variant.views for variant in variants))
    if contest.own is None:
        gallery_codes = codec.encode(contest.gallery.pictures(codec.spec))
    else:  # the first view is the picture itself
        gallery_codes = from_logits(logits[:, 0])
    for variant in variants:
        bits = variant.bits or codec.bits
        asking_with = logits if variant.liked == 1 else _together(contest, logits, variant.liked)
        asked = [queries.of_logits(of_views[: variant.views, :bits], variant.refine) for of_views in asking_with]

        def encode(i: int, count: int = variant.views) -> object:
            return codec.logits(views(asking[i], count))  # the views made anew

        row = _by_codes(contest, codec.name, bits, codes.prefix(gallery_codes, bits), asked, encode)
        if variant == Variant() and codec.can_decode:
            rebuilt = codec.rebuilt(logits[:, 0])
            same = codec.decoded == codec.spec
            seen = asking if same else (originals or contest.queries).pictures(codec.decoded)
            row = replace(row, mse=_mean_squared_error(seen, rebuilt), rebuilt=rebuilt)
        yield replace(row, variant=variant)


def by_hyperplanes(contest: Contest, bits: int) -> Row:
    """Hamming distance between signs of random projections of the pixels, centred on the gallery's mean."""
    gallery, asking = (part.pictures(pixels.SPEC).reshape(len(part), -1) for part in (contest.gallery, contest.queries))
    planes = RandomHyperplanes(gallery.mean(axis=0, dtype=np.float64).astype(np.float32), bits)
    asked = [CodeQuery(code[None]) for code in planes.encode(asking)]
    return _by_codes(
        contest, "random hyperplanes", bits, planes.encode(gallery), asked, lambda i: planes.encode(asking[i : i + 1])
    )


def _by_codes(
    contest: Contest,
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
        contest.score(ranking),
        milliseconds(lambda i: queries.search(index, asked[i : i + 1], 10), len(asked)),
        milliseconds(encode, len(asked)),
        codes.width(bits),
        lambda rows, n: contest.others(rows, n, nearest(rows, n + 1)),
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


def _together(contest: Contest, logits: Logits, count: int) -> Logits:
    """Logits (Q, 1, bits) of queries that are each made of `count` queries of a class: itself and those that follow."""
    out = np.empty((len(logits), 1, logits.shape[2]), np.float32)
    for label in np.unique(contest.queries.labels):
        rows = np.flatnonzero(contest.queries.labels == label)
        for place, row in enumerate(rows):
            others = rows[np.arange(place, place + count) % len(rows)]
            out[row, 0] = queries.alike(logits[others, 0], logits[:0, 0])
    return out


def _mean_squared_error(pictures: Picture, rebuilt: Picture) -> float:
    """Over all pictures and pixels, these in 0..1; both uint8 (N, D, D, 3)."""
    pairs = zip(pictures, rebuilt, strict=True)  # one at a time: as floats, all at once would fill the memory
    return float(np.mean([np.square(one.astype(np.float64) - other).mean() for one, other in pairs])) / 255**2


def milliseconds(work: Callable[[int], object], queries: int) -> float:
    """The median time of one query alone."""
    times = []
    for i in range(min(_TIMED, queries)):
        started = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))
