"""A frozen trunk: its features are made once and kept, what follows them is trained, and both ship in one graph."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CheckpointError, DatasetError, TrainingError
from semblance.retrieval.images import load
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging import linear
from semblance.retrieval.training import losses
from semblance.retrieval.training.checkpoint import CHECKPOINT, WEIGHTS
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.run import Summary, make_model
from semblance.retrieval.training.terms import Terms
from tests.training.test_adopt import BITS, LENGTH, MEAN, SIZE, STD, Making, adopted, maps, network

CPU = torch.device("cpu")
CHANCE = np.random.default_rng(2)
OWN = np.clip(CHANCE.integers(0, 256, (90, SIZE, SIZE, 3)) // 2 + [90, 0, 20], 0, 255).astype(np.uint8)
SIDE = 4  # of what is rebuilt
CHOSEN = find("photos-bits")
assert isinstance(CHOSEN, Recipe)
RECIPE = replace(
    CHOSEN, size=SIDE, bits=BITS, head=LENGTH, decoder=(8, 8), prefixes=(4,), held_out=10, batch_size=20,
    epochs=2, jpeg=0.0,
)  # fmt: skip

Array = npt.NDArray[Any]


def by_hand(pictures: Array) -> Array:
    means: Array = maps((pictures - np.array(MEAN)) / np.array(STD)).mean(axis=(1, 2))
    return means


COLOURED = (OWN // 3 + CHANCE.integers(0, 170, (90, 1, 1, 3))).astype(np.uint8)  # each of a colour of its own


def pictures(own: npt.NDArray[np.uint8] = OWN) -> TrainingData:
    small = np.stack([load(each, InputSpec(SIDE)) for each in own])
    return TrainingData("own", ("own",), small, "0" * 64, [], [own])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    place = tmp_path_factory.mktemp("start")
    return adopted(network(place / "a.onnx", Making()), place / "start")


def made(out: Path, start: Codec | None, **changes: Any) -> Summary:
    return make_model(replace(RECIPE, **changes), pictures(), out, CPU, terms=Terms(start))


@pytest.fixture(scope="module")
def trained(start: Codec, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    return made(tmp_path_factory.mktemp("trained") / "mine", start).codec


def kept(folder: Path) -> Array:
    (file,) = folder.glob("features-*.npy")
    looks: Array = np.load(file)
    return looks


def test_the_features_kept_are_those_of_the_network(trained: Codec) -> None:
    looks = kept(trained.folder)
    assert looks.shape == (1 + RECIPE.views.kept, len(OWN), LENGTH)
    assert np.allclose(looks[0], by_hand(OWN), rtol=2e-3, atol=2e-3)
    apart = np.abs(looks[1:] - looks[0]).mean(axis=(1, 2))
    assert (apart > 0.05).all()
    assert abs(looks[1] - looks[2]).mean() > 0.05


def test_what_ships_is_the_trunk_and_the_bits_that_were_trained(trained: Codec) -> None:
    """The logits of the trained weights on features worked out by hand, each bit standardised as training left it."""
    weights = {name: each.double().numpy() for name, each in torch.load(trained.folder / WEIGHTS).items()}
    one, other = (f"encoder.bottleneck.{layer}" for layer in ("0.weight", "1.running_mean"))
    logits = by_hand(OWN) @ weights[one].T - weights[other]
    sure = np.abs(logits) > 0.02 * logits.std(axis=0)
    given = trained.logits(OWN)
    assert sure.mean() > 0.9
    assert ((given > 0) == (logits > 0))[sure].all()
    assert trained.spec == InputSpec(SIZE)
    assert trained.decoded.size == SIDE


def test_the_bits_begin_as_the_formula_makes_them(start: Codec, tmp_path: Path) -> None:
    still = made(tmp_path / "still", start, learning_rate=1e-9, held_out=0, batch_size=30).codec
    weights, _ = linear.nested_bits(kept(still.folder)[0].astype(np.float32), BITS)
    logits = by_hand(OWN) @ weights
    same = (still.logits(OWN) > 0) == (logits > logits.mean(axis=0))
    assert same.mean() > 0.995


def test_features_are_made_once(trained: Codec, start: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on finds them; another strength of blurring asks for others."""
    (file,) = trained.folder.glob("features-*.npy")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr("semblance.retrieval.training.refit.Trunk.features", None)
    with pytest.raises(TypeError):
        made(tmp_path / "other", start, blur=0.1)
    assert not [*(tmp_path / "other").glob("*.tmp")]
    with pytest.raises(TypeError):  # past the training, where the held-out pictures are looked at
        made(tmp_path / "again", start)
    assert (tmp_path / "again" / WEIGHTS).exists()


def test_pictures_of_one_batch_keep_to_their_features() -> None:
    looks = torch.arange(3)[:, None, None] + 10.0 * torch.arange(50)[None, :, None]  # (1 + views, N, 1)
    drawn = losses.drawn(looks, RECIPE, torch.Generator().manual_seed(0))
    first, second = drawn[:50, 0], drawn[50:, 0]
    assert torch.equal(first // 10, torch.arange(50.0))
    assert torch.equal(second // 10, torch.arange(50.0))
    assert set((first % 10).tolist()) == {1, 2}
    whole = (second % 10 == 0).float().mean()
    assert 0.3 < whole < 0.7
    mostly = losses.drawn(looks, replace(RECIPE, whole=0.999), torch.Generator().manual_seed(0))
    assert (mostly[50:] == looks[0]).float().mean() > 0.9


def test_a_frozen_recipe_says_what_it_begins_as(start: Codec, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="name a model --from that has some"):
        made(tmp_path / "a", None)
    with pytest.raises(TrainingError, match="name a model --from that has some"):
        made(tmp_path / "a", Codec("cifar10-fast"))
    with pytest.raises(TrainingError, match=f"makes {LENGTH} features, not 1280: --set head={LENGTH}"):
        made(tmp_path / "a", start, head=1280)
    assert not (tmp_path / "a" / "model.json").exists()


def test_a_decoder_alone_leaves_the_bits_as_they_are(start: Codec, tmp_path: Path) -> None:
    """The encoder is the other's to the byte; what is rebuilt is nearer than the mean picture, which no bit says."""
    alone = replace(RECIPE, agreement=0.0, imitation=0.0, turn=0.0, frame=0.0, whole=0.0, epochs=60)
    mine = make_model(alone, pictures(COLOURED), tmp_path / "mine", CPU, terms=Terms(start)).codec
    assert (mine.folder / "encoder.onnx").read_bytes() == (start.folder / "encoder.onnx").read_bytes()
    assert mine.codec_id == start.codec_id
    assert mine.card["adopted"] == start.card["adopted"]
    assert kept(mine.folder).shape == (1, len(OWN), LENGTH)
    small = pictures(COLOURED).pictures / 255
    rebuilt = mine.rebuilt(start.logits(COLOURED)) / 255
    assert np.square(rebuilt - small).mean() < 0.7 * np.square(small.mean(axis=0) - small).mean()


SETTLED = {"agreement": 0.0, "imitation": 0.0, "turn": 0.0, "frame": 0.0, "whole": 0.0}


def test_features_of_another_run_or_damaged_ones_are_made_anew(start: Codec, tmp_path: Path) -> None:
    """A decoder alone keeps no views; what is trained after it in the same folder needs some."""
    made(tmp_path / "mine", start, **SETTLED, epochs=1)
    (first,) = (tmp_path / "mine").glob("features-*.npy")
    (tmp_path / "mine" / CHECKPOINT).unlink()
    made(tmp_path / "mine", start, **{**SETTLED, "agreement": 3.0}, epochs=1)
    (second,) = {*(tmp_path / "mine").glob("features-*.npy")} - {first}
    assert np.load(second).shape[0] == 1 + RECIPE.views.kept
    whole = second.read_bytes()
    for damaged in (whole[:5000], b"", whole[: len(whole) // 2]):
        second.write_bytes(damaged)
        (tmp_path / "mine" / CHECKPOINT).unlink(missing_ok=True)
        made(tmp_path / "mine", start, **{**SETTLED, "agreement": 3.0}, epochs=1)
        assert second.read_bytes() == whole


def test_what_is_refused_is_refused_before_features_are_made(start: Codec, tmp_path: Path) -> None:
    made(tmp_path / "mine", start, epochs=1)
    before = {*(tmp_path / "mine").iterdir()}
    with pytest.raises(CheckpointError, match="belongs to another recipe \\(different: seed\\)"):
        made(tmp_path / "mine", start, epochs=1, seed=4)
    assert {*(tmp_path / "mine").iterdir()} == before
    with pytest.raises(DatasetError, match="90 pictures are too few"):
        made(tmp_path / "other", start, batch_size=256)
    assert not (tmp_path / "other").exists()
