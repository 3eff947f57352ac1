"""On real CIFAR-10: the baseline stands where the literature has it, and the shipped code above it.

A thousand of the ten thousand test queries, so bounds are as wide as a thousand queries' means scatter (about 0.008).
"""

from pathlib import Path

import numpy as np
import pytest

from retrieval import comparison, datasets
from retrieval.codec import Codec
from retrieval.comparison import Contest


@pytest.fixture(scope="module")
def held(data: Path) -> Contest:
    gallery, queries = datasets.load(data / "cifar-10-batches-py")
    assert queries is not None
    return comparison.contest(gallery, queries.subset(np.arange(1000)))


def test_pixels(held: Contest) -> None:
    scores = comparison.by_pixels(held).scores
    assert scores["P@10"] == pytest.approx(0.28, abs=0.02)
    assert scores["mAP@1000"] == pytest.approx(0.215, abs=0.02)
    assert scores["mAP"] == pytest.approx(0.14, abs=0.01)


def test_the_shipped_code_beats_pixels_and_random_hyperplanes(held: Contest, codec: Codec) -> None:
    [row] = comparison.by_codec(held, codec)
    random = comparison.by_hyperplanes(held, codec.bits)
    assert row.bytes_per_picture == 32
    assert row.scores["P@10"] is not None
    assert row.scores["mAP@1000"] is not None
    assert random.scores["P@10"] == pytest.approx(0.287, abs=0.02)
    assert row.scores["P@10"] > 0.33
    assert row.scores["mAP@1000"] > 0.24


def test_the_code_remembers_the_picture(data: Path, codec: Codec) -> None:
    _, queries = datasets.load(data / "cifar-10-batches-py")
    assert queries is not None
    pictures = queries.subset(np.arange(500)).pictures(codec.spec)
    rebuilt = codec.decode(codec.latents(codec.encode(pictures)))
    error = np.square((rebuilt.astype(float) - pictures) / 255).mean()
    unlearned = np.square((pictures - pictures.mean(axis=0)) / 255).mean()
    assert error < 0.25 * unlearned
