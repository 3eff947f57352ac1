"""Crowds among many codes: dense places are made here, and what the pictures show is said by the test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.answers import crowds
from semblance.indexer.answers.crowds import MANY, Looking
from semblance.indexer.catalog import Catalog
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.inputs import InputSpec
from tests.conftest import paint


def around(code: Codes, count: int, flips: int, rng: np.random.Generator) -> Codes:
    """Codes (count, W) with `flips` bits of `code` (W,) the other way."""
    bits = np.tile(np.unpackbits(code), (count, 1))
    for row in bits:
        row[rng.permutation(len(row))[:flips]] ^= 1
    return np.packbits(bits, axis=1)


@pytest.mark.parametrize(("count", "crowd"), [(500, MANY), (500, 60), (100_000, 400)])
def test_a_dense_place_is_found_and_counted(count: int, crowd: int) -> None:
    rng = np.random.default_rng(count)
    codes = rng.integers(0, 256, (count, 32), np.uint8)
    rows = np.sort(rng.choice(count, crowd, replace=False))
    codes[rows] = around(codes[rows[0]], crowd, 6, rng)
    asked: list[list[int]] = []

    def shows(ids: Sequence[int]) -> bool:
        asked.append([*ids])
        return True

    found = crowds.find(np.arange(count) + 7, codes, 25, shows)
    assert [each.size for each in found] == [crowd]
    assert asked == [(rows + 7).tolist()]
    sizes = crowds.sizes(found, codes, 25)
    assert np.flatnonzero(sizes).tolist() == rows.tolist()
    assert crowds.find(np.arange(count), codes, 25, lambda _: False) == []
    assert crowds.find(np.arange(MANY - 1), codes[rows[: MANY - 1]], 25, shows) == []


def test_a_few_equal_codes_are_found_among_very_many() -> None:
    """Twelve of 200,000: a sample of 4,096 has none of them, or one."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (200_000, 32), np.uint8)
    rows = rng.choice(len(codes), 12, replace=False)
    codes[rows] = codes[rows[0]]
    (found,) = crowds.find(np.arange(len(codes)), codes, 25, lambda _: True)
    assert (found.size, found.code.tolist()) == (12, codes[rows[0]].tolist())


@pytest.mark.parametrize(
    ("kind", "crowd"),
    [
        *(("flat", True), ("noise", True), ("unlike", True)),
        *(("copies", False), ("one content", False), ("nine flat contents", False)),
    ],
)
def test_what_the_pictures_show_decides(kind: str, crowd: bool, tmp_path: Path, codec: Codec) -> None:
    rng = np.random.default_rng(2)
    for number in range(12):
        path = tmp_path / f"pictures/{number}.png"
        paint(path, seed={"unlike": number}.get(kind, 0))
        if kind in ("flat", "noise", "nine flat contents"):
            grey = np.full((60, 60), 20 * (number % 9 if kind == "nine flat contents" else number))
            Image.fromarray((grey + rng.integers(0, 9 if kind == "noise" else 1, grey.shape)).astype(np.uint8)).save(
                path
            )
        if kind == "copies":
            pixels = np.asarray(Image.open(path)).astype(int) * (70 + 2 * number) // 100 + number
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    pipeline.update([tmp_path / "pictures"], tmp_path / "library", codec)
    with Catalog.opened(tmp_path / "library") as catalog:
        looking, ids = Looking(catalog, InputSpec(64)), [entry.id for entry in catalog.entries()]
        assert looking(ids) is crowd
        assert [looking.flat(id) for id in ids[:2]] == [kind in ("flat", "noise", "nine flat contents")] * 2
        for path in (tmp_path / "pictures").iterdir():
            path.unlink()
        assert Looking(catalog, InputSpec(64))(ids) is False  # nothing can be said
