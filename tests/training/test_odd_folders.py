"""Folders that nobody trains on with intent: one picture, the same one many times, grey ones, transparent ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.run import Summary, find_device, make_model
from tests.conftest import paint
from tests.training.test_loop import VIEWS

RECIPE = replace(VIEWS, name="copies", epochs=2)


def trained(folder: Path, out: Path) -> Summary:
    data = training_data.load([folder], InputSpec(32))
    return make_model(RECIPE, data, out, find_device("cpu"))


def test_one_picture_is_too_few(tmp_path: Path) -> None:
    paint(tmp_path / "only" / "one.png", 0)
    with pytest.raises(DatasetError, match="1 pictures are too few"):
        trained(tmp_path / "only", tmp_path / "out")
    assert not (tmp_path / "out" / "encoder.onnx").exists()


def test_the_same_picture_many_times_gives_a_model_that_is_whole(tmp_path: Path) -> None:
    first = paint(tmp_path / "same" / "00.png", 0)
    for number in range(1, 40):
        shutil.copy(first, tmp_path / "same" / f"{number:02d}.png")
    codec = trained(tmp_path / "same", tmp_path / "out").codec
    picture = np.asarray(Image.open(first).convert("RGB").resize((32, 32)))
    assert np.isfinite(codec.logits(picture[None])).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "1"])
def test_grey_and_transparent_pictures_are_trained_on(tmp_path: Path, mode: str) -> None:
    for number in range(40):
        path = paint(tmp_path / "odd" / f"{number:02d}.png", number)
        image = Image.open(path).convert(mode)
        if mode.endswith("A"):
            image.putalpha(Image.fromarray(np.random.default_rng(number).integers(0, 256, image.size[::-1], np.uint8)))
        image.save(path)
    done = trained(tmp_path / "odd", tmp_path / "out")
    logits = done.codec.logits(training_data.load([tmp_path / "odd"], InputSpec(32)).pictures)
    assert np.isfinite(logits).all()
    assert len(np.unique(logits > 0, axis=0)) > 1  # it tells some of them apart
