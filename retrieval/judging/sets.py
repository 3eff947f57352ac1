"""Many sets judged at once: what a way of searching finds in clothes, groceries and landscapes, side by side.

A model that was tuned to one set, knowingly or not, shows it here. Every set is a contest of its own, as if
it had been evaluated alone; each of its pictures is decoded once for every input size and encoded once by every model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import comparison, datasets, features, histograms
from semblance.retrieval.judging.contest import Contest, Row, Variant, shuffled
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.progress import Progress, quiet

Measure = Literal["P@1", "P@10", "P@100", "P@1000", "mAP@1000", "mAP"]
Speeds = list[float]  # of each model, pictures a second, one at a time on one core

NESTED = (64, 28)  # first bits that have a row of their own

_NOTHING = np.empty((0, 0), np.int64)


@dataclass(frozen=True)
class Judged:
    """A set's rows, in the same order for all sets; they hold figures and no picture any more."""

    name: str
    gallery: int
    queries: int
    rows: list[Row]


def of_folder(folder: Path) -> list[Path]:
    """The sets that a folder is made of; itself alone where it is one.

    Pictures that lie right in its subfolders make these the kinds of one set. Where they all lie a level deeper, or in
    the files of CIFAR-10 or MNIST, each subfolder is a set. Raises DatasetError where there is no such folder.
    """
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    within = [folder / name for name in datasets.class_names(folder)]
    if datasets.standard(folder)[0] or any(_has_pictures(child) for child in within):
        return [folder]
    sets = any(_has_pictures(child / name) for child in within for name in datasets.class_names(child))
    return within if sets or any(datasets.standard(child)[0] for child in within) else [folder]


def judge(
    folders: Sequence[Path], codecs: Sequence[Codec], variants: Sequence[Variant], progress: Progress = quiet
) -> list[Judged]:
    """Judge pixels, colours and all models on each of these datasets.

    Raises DatasetError where one is none, or has pictures of one kind alone.
    """
    contests = [_contest(folder) for folder in folders]
    names = [folder.resolve().name for folder in folders]
    if len({*names}) < len(names):
        names = [str(folder) for folder in folders]
    total, done = sum(len(contest.queries) for contest in contests) * (len(codecs) + 2), 0
    progress(done, total)
    judged = []
    for name, contest in zip(names, contests, strict=True):
        rows = []
        for of_one in _methods(contest, codecs, variants):
            rows += [replace(row, nearest=lambda _rows, _n: _NOTHING, rebuilt=None) for row in of_one]
            done += len(contest.queries)
            progress(done, total)
        judged.append(Judged(name, len(contest.gallery), len(contest.queries), rows))
    return judged


def _has_pictures(folder: Path) -> bool:
    """Whether there are pictures right in it."""
    return any(path.suffix.lower() in images.SUFFIXES and path.name[0] != "." for path in folder.iterdir())


def _contest(folder: Path) -> Contest:
    gallery, asking = datasets.load(folder)
    if len(np.unique(gallery.labels)) < 2:
        raise DatasetError(f"{folder} has pictures of one kind alone, and all answers would be right: leave it out.")
    return shuffled(gallery, asking)


def _methods(contest: Contest, codecs: Sequence[Codec], variants: Sequence[Variant]) -> Iterator[list[Row]]:
    """The rows of pixels, of colours, of each model."""
    decoded: dict[InputSpec, Contest] = {}

    def at(spec: InputSpec) -> Contest:
        """The same contest with its pictures decoded."""
        if spec not in decoded:
            gallery = _decoded(contest.gallery, spec)
            asking = gallery if contest.own is not None else _decoded(contest.queries, spec)
            decoded[spec] = Contest(gallery, asking, contest.own)
        return decoded[spec]

    yield [comparison.by_pixels(at(pixels.SPEC))]
    yield [comparison.by_histograms(at(histograms.SPEC))]
    for codec in codecs:
        originals = at(codec.decoded).queries if codec.can_decode else None
        yield [*_of_model(at(codec.spec), codec, variants, originals)]


def _of_model(contest: Contest, codec: Codec, variants: Sequence[Variant], originals: Dataset | None) -> Iterator[Row]:
    encode = features.encoding(codec)  # for this set alone: what a session once took of the memory, it keeps
    if encode is None:
        yield from comparison.by_codec(contest, codec, variants, originals=originals)
        return
    logits, asking = encode(contest.queries.pictures(codec.spec))
    gallery = asking if contest.own is not None else encode(contest.gallery.pictures(codec.spec))[1]
    yield features.by_features(contest, codec, gallery, asking, encode)
    known = logits[:, None] if max(variant.views for variant in variants) == 1 else None
    yield from comparison.by_codec(contest, codec, variants, known, originals)


def _decoded(dataset: Dataset, spec: InputSpec) -> Dataset:
    return Dataset(dataset.pictures(spec), dataset.labels, dataset.classes)


def mean(judged: Sequence[Judged], row: int, measure: Measure) -> float | None:
    """The mean over the sets of what a row has, None where one of them is too small for it."""
    values = [each.rows[row].score.table[measure] for each in judged]
    return None if None in values else float(np.mean([value for value in values if value is not None]))


def lines(
    judged: Sequence[Judged], codecs: Sequence[Codec], speeds: Speeds, measure: Measure
) -> list[tuple[str, list[float | None], float | None]]:
    """Each row's name, what it has on each set and in the mean, and of a model's own row its speed."""
    left = list(zip((codec.name for codec in codecs), speeds, strict=True))
    made = []
    for number, row in enumerate(judged[0].rows):
        own = bool(left) and row.name == left[0][0]
        values = [each.rows[number].score.table[measure] for each in judged]
        made.append((row.name, [*values, mean(judged, number, measure)], left.pop(0)[1] if own else None))
    return made
