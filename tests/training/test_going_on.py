"""Training that begins with another model's weights: what it takes up, what it notes, what it refuses."""

import dataclasses
from pathlib import Path

import pytest
import torch

from retrieval.codec import Codec
from retrieval.errors import CheckpointError, TrainingError
from retrieval.images import InputSpec
from retrieval.training import data as training_data
from retrieval.training.checkpoint import CHECKPOINT, WEIGHTS
from retrieval.training.data import TrainingData
from retrieval.training.fit import fit
from retrieval.training.recipes import find
from retrieval.training.run import Trained, train
from tests.training.test_fit import VIEWS

CPU = torch.device("cpu")
RECIPE = dataclasses.replace(VIEWS, name="cifar10-fast", epochs=2)


@pytest.fixture(scope="module")
def drawn(sample: Path) -> TrainingData:
    return training_data.load([sample], InputSpec(32))


def trained(out: Path, data: TrainingData, start: Codec | None = None, **changes: object) -> Trained:
    recipe = dataclasses.replace(RECIPE, **changes)  # type: ignore[arg-type]
    return train(recipe, data, out, CPU, lambda *_: None, lambda: False, start)


@pytest.fixture(scope="module")
def begun(drawn: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """A trained model to go on from."""
    return trained(tmp_path_factory.mktemp("begun") / "begun", drawn).codec


def test_training_begins_where_the_other_model_ended(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    """At a learning rate of next to nothing the codes stay: all of the network was taken up, statistics too."""
    held = dataclasses.replace(RECIPE, learning_rate=1e-12)
    went_on, _ = fit(held, drawn, tmp_path / "on", CPU, lambda *_: None, lambda: False, begun)
    now = went_on.state_dict()
    for name, weight in torch.load(begun.folder / WEIGHTS, weights_only=True).items():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(now[name], weight.float(), atol=1e-6), name


def test_the_card_says_where_it_began(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    mine = trained(tmp_path / "mine", drawn, begun).codec
    assert mine.card["from"] == {"name": "begun", "codec_id": begun.codec_id}
    assert "--from begun" in mine.card["command"]
    assert mine.codec_id != begun.codec_id
    assert "from" not in begun.card
    assert (mine.folder / WEIGHTS).stat().st_size < (mine.folder / CHECKPOINT).stat().st_size / 4


def test_a_checkpoint_of_another_beginning_is_refused(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    trained(tmp_path, drawn)
    with pytest.raises(CheckpointError, match="began from another model"):
        trained(tmp_path, drawn, begun)


def test_other_layers_cannot_be_taken_up(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="fits other layers"):
        trained(tmp_path, drawn, begun, head=16)
    assert not (tmp_path / "encoder.onnx").exists()


@pytest.mark.parametrize(("contents", "sentence"), [(None, "has no weights.pt"), (b"broken", "is broken")])
def test_weights_that_are_not_there(
    begun: Codec, drawn: TrainingData, tmp_path: Path, contents: bytes | None, sentence: str
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("encoder.onnx", "model.json"):
        (bare / name).write_bytes((begun.folder / name).read_bytes())
    if contents is not None:
        (bare / WEIGHTS).write_bytes(contents)
    with pytest.raises(CheckpointError, match=sentence):
        trained(tmp_path / "out", drawn, Codec(bare))


def test_a_formula_does_not_go_on(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="fitted by a formula"):
        train(find("pca"), drawn, tmp_path, CPU, lambda *_: None, lambda: False, begun)
