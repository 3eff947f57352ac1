"""Training that imitates another model: what is learned from it, what is noted, what is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CheckpointError, TrainingError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training import loop
from semblance.retrieval.training.checkpoint import Origin
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.loop import Trained, train
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.run import Summary, make_model
from semblance.retrieval.training.terms import Terms
from tests.training.test_loop import VIEWS

CPU = torch.device("cpu")
RECIPE = replace(VIEWS, name="cifar10-fast", imitation=1.0, epochs=2)


@pytest.fixture(scope="module")
def teacher(drawn: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """Two bits by the principal components of pixels."""
    out = tmp_path_factory.mktemp("teacher") / "teacher"
    recipe = replace(find("pca"), bits=2, held_out=8)
    return make_model(recipe, drawn, out, CPU).codec


def trained(out: Path, data: TrainingData, teacher: Codec | None, **changes: object) -> Summary:
    recipe = replace(RECIPE, **changes)
    return make_model(recipe, data, out, CPU, terms=Terms(teacher=teacher))


def likeness(codec: Codec, data: TrainingData) -> npt.NDArray[np.float32]:
    """Cosines of all pairs of pictures, one number after the other."""
    logits = codec.logits(data.pictures)
    unit = logits / np.linalg.norm(logits, axis=1, keepdims=True)
    pairs: npt.NDArray[np.float32] = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    return pairs


def test_the_student_finds_alike_what_its_teacher_finds_alike(
    teacher: Codec, drawn: TrainingData, tmp_path: Path
) -> None:
    asked = {
        "epochs": 30,
        "learning_rate": 5e-3,
        "agreement": 0.0,
        "crop": 0.9,
        "jitter": 0.0,
        "noise": 0.0,
        "mask": 0.0,
    }
    alone = trained(tmp_path / "alone", drawn, None, **asked, imitation=0.0).codec
    taught = trained(tmp_path / "taught", drawn, teacher, **asked, imitation=10.0).codec
    expected = likeness(teacher, drawn)
    by_itself, by_the_teacher = (np.corrcoef(likeness(codec, drawn), expected)[0, 1] for codec in (alone, taught))
    assert by_the_teacher > by_itself + 0.1


def test_a_teacher_may_see_pictures_at_another_size(
    sample: Path, drawn: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = training_data.load([sample], InputSpec(16))
    recipe = replace(find("pca"), bits=2, held_out=8, size=16)
    teacher = make_model(recipe, small, tmp_path / "teacher", CPU).codec
    lessons: list[npt.NDArray[np.float32] | None] = []

    def noted(*arguments: Any) -> Trained:
        lessons.append(arguments[7])
        return train(*arguments)

    monkeypatch.setattr(loop, "train", noted)
    mine = trained(tmp_path / "mine", drawn, teacher).codec
    assert (mine.spec.size, mine.card["teacher"]["codec_id"]) == (32, teacher.codec_id)
    [given] = lessons
    assert given is not None
    np.testing.assert_allclose(given, teacher.logits(small.pictures), rtol=1e-5)
    with pytest.raises(KeyboardInterrupt):
        make_model(RECIPE, drawn, tmp_path / "cut", CPU, stop=lambda: True, terms=Terms(teacher=teacher))
    assert len(lessons) == 1, "it can be stopped while the teacher looks"


def test_the_card_names_the_teacher_and_what_it_has_learned_from(
    teacher: Codec, drawn: TrainingData, tmp_path: Path
) -> None:
    mine = trained(tmp_path / "mine", drawn, teacher).codec
    assert mine.card["teacher"].items() >= {"name": "teacher", "codec_id": teacher.codec_id}.items()
    assert mine.card["teacher"]["data"] == teacher.card["data"]
    assert "--teacher teacher" in mine.card["command"]
    assert "from" not in mine.card


def test_a_cut_run_goes_on_with_its_own_teacher_alone(teacher: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    origin, taught = Origin(RECIPE, drawn.sha256, teacher=teacher.codec_id), teacher.logits(drawn.pictures)
    whole = train(origin, drawn, tmp_path / "whole", CPU, count, taught=taught).network
    half, steps = steps // 2, 0
    with pytest.raises(KeyboardInterrupt):
        train(origin, drawn, tmp_path / "cut", CPU, count, lambda: steps == half, taught=taught)
    with pytest.raises(CheckpointError, match="imitates another model"):
        train(dataclasses.replace(origin, teacher="another"), drawn, tmp_path / "cut", CPU, taught=taught)
    other = train(origin, drawn, tmp_path / "cut", CPU, taught=taught).network.state_dict()
    assert all(torch.equal(weight, other[name]) for name, weight in whole.state_dict().items())


def test_a_recipe_and_its_teacher_come_together(teacher: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="name one with --teacher"):
        trained(tmp_path / "out", drawn, None)
    with pytest.raises(TrainingError, match="has no use for a teacher"):
        trained(tmp_path / "out", drawn, teacher, imitation=0.0)
    with pytest.raises(TrainingError, match="has no use for a teacher"):
        make_model(find("pca"), drawn, tmp_path / "out", CPU, terms=Terms(teacher=teacher))
    assert not (tmp_path / "out").exists()
