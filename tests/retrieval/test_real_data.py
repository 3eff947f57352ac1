"""On real pictures: the baseline stands where the literature has it, and the shipped codes above it.

Of CIFAR-10 a thousand of the ten thousand test queries, so bounds are as wide as a thousand queries' means scatter
(about 0.008); of Tiny-ImageNet the twenty classes that `copies` was not trained on.
"""

from pathlib import Path

import numpy as np
import pytest

from semblance.retrieval.codec import Codec
from semblance.retrieval.judging import comparison, copies, datasets
from semblance.retrieval.judging.contest import Contest, shuffled
from semblance.retrieval.judging.editing import EDITS


@pytest.fixture(scope="module")
def contest(data: Path) -> Contest:
    gallery, queries = datasets.load(data / "cifar-10-batches-py")
    assert queries is not None
    return shuffled(gallery, queries.subset(np.arange(1000)))


def test_pixels(contest: Contest) -> None:
    scores = comparison.by_pixels(contest).score.table
    assert scores["P@10"] == pytest.approx(0.28, abs=0.02)
    assert scores["mAP@1000"] == pytest.approx(0.215, abs=0.02)
    assert scores["mAP"] == pytest.approx(0.14, abs=0.01)


def test_random_hyperplanes(contest: Contest) -> None:
    assert comparison.by_hyperplanes(contest, 256).score.table["P@10"] == pytest.approx(0.287, abs=0.02)


@pytest.mark.parametrize(("name", "precision", "mean"), [("cifar10-ae", 0.36, 0.265), ("cifar10-fast", 0.61, 0.50)])
def test_the_shipped_codes_beat_pixels(contest: Contest, name: str, precision: float, mean: float) -> None:
    [row] = comparison.by_codec(contest, Codec(name, threads=2))
    assert row.bytes_per_picture == 32
    assert row.score.table["P@10"] is not None
    assert row.score.table["mAP@1000"] is not None
    assert row.score.table["P@10"] > precision
    assert row.score.table["mAP@1000"] > mean


def test_the_codes_of_an_accelerator_beat_those_of_two_cores(data: Path) -> None:
    """Among a tenth of the gallery, since its network takes ten times the arithmetic."""
    gallery, queries = datasets.load(data / "cifar-10-batches-py")
    assert queries is not None
    few = shuffled(gallery.subset(np.arange(5000)), queries.subset(np.arange(1000)))
    rows = [next(comparison.by_codec(few, Codec(name, threads=2))) for name in ("cifar10", "cifar10-fast")]
    best, fast = (row.score.table["P@10"] for row in rows)
    assert best is not None
    assert fast is not None
    assert best > fast + 0.08


@pytest.mark.parametrize(("name", "share"), [("cifar10-ae", 0.25), ("cifar10-fast", 0.6), ("cifar10", 0.6)])
def test_the_codes_remember_the_picture(data: Path, name: str, share: float) -> None:
    codec = Codec(name, threads=2)
    _, queries = datasets.load(data / "cifar-10-batches-py")
    assert queries is not None
    asked = queries.subset(np.arange(500))
    pictures = asked.pictures(codec.decoded)
    rebuilt = codec.decode(codec.latents(codec.encode(asked.pictures(codec.spec))))
    error = np.square((rebuilt.astype(float) - pictures) / 255).mean()
    unlearned = np.square((pictures - pictures.mean(axis=0)) / 255).mean()
    assert error < share * unlearned


def test_photographs_of_classes_never_seen_are_found_twice_as_often_as_by_pixels(data: Path) -> None:
    gallery, _ = datasets.load(data / "tiny-imagenet")
    unseen = shuffled(datasets.every_nth_class(gallery, 10), None)
    [row] = comparison.by_codec(unseen, Codec("copies", threads=2))
    found, by_colours = row.score.table["P@10"], comparison.by_histograms(unseen).score.table["P@10"]
    by_pixels = comparison.by_pixels(unseen).score.table["P@10"]
    assert len(unseen.gallery) == 3000
    assert found is not None
    assert by_colours is not None
    assert by_pixels is not None
    assert found > 2 * by_pixels
    assert found > 1.5 * by_colours


def test_edited_photographs_are_found_again(data: Path) -> None:
    codec = Codec("copies", threads=2)
    gallery, _ = datasets.load(data / "tiny-imagenet")
    paths = [
        path for path in datasets.picture_files(data / "tiny-imagenet") if path.parent.name in gallery.classes[::10]
    ]
    among = copies.read(paths, [codec])
    answers = copies.ask(among, copies.spread(among, {*paths}, 50), [codec])
    by_pixels, by_codes = answers.first.mean(axis=1)  # (edits, strengths) each
    assert len(by_codes) == len(EDITS)
    assert by_codes[:, :2].min() > 0.9  # mild and medium
    assert by_codes[:, 2].mean() > by_pixels[:, 2].mean() + 0.2
    caption = [edit.name for edit in EDITS].index("caption")
    assert by_codes[caption, 2] > 0.8
