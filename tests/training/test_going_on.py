"""Training that begins with another model's weights: what it takes up, what it notes, what it refuses."""

from functools import partial
from pathlib import Path

import pytest
import torch

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CheckpointError, TrainingError
from semblance.retrieval.training.checkpoint import CHECKPOINT, WEIGHTS, Origin, load_weights
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.loop import train
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.run import Summary, make_model
from semblance.retrieval.training.terms import Terms
from tests.training.test_loop import VIEWS

CPU = torch.device("cpu")
RECIPE = replace(VIEWS, name="cifar10-fast", epochs=2)


def trained(out: Path, data: TrainingData, start: Codec | None = None, **changes: object) -> Summary:
    recipe = replace(RECIPE, **changes)
    return make_model(recipe, data, out, CPU, terms=Terms(start))


@pytest.fixture(scope="module")
def begun(drawn: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """A trained model to go on from."""
    return trained(tmp_path_factory.mktemp("begun") / "begun", drawn).codec


def test_training_begins_where_the_other_model_ended(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    """At a learning rate of next to nothing the weights stay as they were, those of the projection too."""
    still = replace(RECIPE, learning_rate=1e-12)
    origin = Origin(still, drawn.sha256, begun.codec_id)
    now = train(
        origin, drawn, tmp_path / "on", CPU, begin=partial(load_weights, folder=begun.folder)
    ).network.state_dict()
    for name, weight in torch.load(begun.folder / WEIGHTS, weights_only=True).items():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(now[name], weight.float(), atol=1e-6), name


def test_a_cut_run_goes_on_as_if_it_had_not_been(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    origin = Origin(RECIPE, drawn.sha256, begun.codec_id)
    begin = partial(load_weights, folder=begun.folder)
    whole = train(origin, drawn, tmp_path / "whole", CPU, count, begin=begin).network
    half, steps = steps // 2, 0
    with pytest.raises(KeyboardInterrupt):
        train(origin, drawn, tmp_path / "cut", CPU, count, lambda: steps == half, begin)
    other = train(origin, drawn, tmp_path / "cut", CPU, begin=begin).network.state_dict()
    assert all(torch.equal(weight, other[name]) for name, weight in whole.state_dict().items())


def test_the_card_says_where_it_began(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    mine = trained(tmp_path / "mine", drawn, begun).codec
    assert mine.card["from"].items() >= {"name": "begun", "codec_id": begun.codec_id}.items()
    assert mine.card["from"]["data"] == begun.card["data"]  # what it has learned from, and may be used for
    assert mine.card["from"]["licence"] == begun.card["licence"]
    assert "--from begun" in mine.card["command"]
    assert mine.codec_id != begun.codec_id
    assert "from" not in begun.card
    assert (mine.folder / WEIGHTS).stat().st_size < (mine.folder / CHECKPOINT).stat().st_size / 4


def test_a_checkpoint_of_another_beginning_is_refused(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    trained(tmp_path, drawn)
    with pytest.raises(CheckpointError, match="did not begin as this run does"):
        trained(tmp_path, drawn, begun)


def test_other_layers_cannot_be_taken_up(begun: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="fits other layers"):
        trained(tmp_path, drawn, begun, head=16)
    assert not (tmp_path / "encoder.onnx").exists()


@pytest.fixture
def bare(begun: Codec, tmp_path: Path) -> Codec:
    """The model without what training goes on from."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in ("encoder.onnx", "model.json"):
        (folder / name).write_bytes((begun.folder / name).read_bytes())
    return Codec(folder)


def test_what_cannot_be_gone_on_from_is_said_before_anything_is_written(
    begun: Codec, bare: Codec, drawn: TrainingData, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"has no weights.pt"):
        trained(tmp_path / "out", drawn, bare)
    (bare.folder / WEIGHTS).write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="is broken"):
        trained(tmp_path / "out", drawn, bare)
    with pytest.raises(TrainingError, match="fitted by a formula"):
        make_model(find("pca"), drawn, tmp_path / "out", CPU, terms=Terms(begun))
    assert not (tmp_path / "out").exists()
