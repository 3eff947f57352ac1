"""Every recipe makes a model folder that is used like any other; and what each method does that others do not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import RecipeError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.progress import quiet
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training import loop, rbm
from semblance.retrieval.training.balance import balance
from semblance.retrieval.training.bottleneck import Bernoulli, Gaussian
from semblance.retrieval.training.checkpoint import Origin
from semblance.retrieval.training.fields import override, replace
from semblance.retrieval.training.groups import Network, Schedule, Views
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.pooling import _first_of_four
from semblance.retrieval.training.recipe import Fitted, Recipe
from semblance.retrieval.training.recipes import RECIPES, find
from semblance.retrieval.training.run import Summary, make_model

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"bits": 16, "epochs": 1, "batch_size": 8, "held_out": 8, "precision": "float32"}
NARROW: dict[str, dict[str, Any]] = {
    "residual": {"encoder": (4, 8), "blocks": (1, 1), "decoder": (4, 4, 8), "head": 0},
    "pooling": {"encoder": (4, 8)},
    "dense": {"hidden": (12, 10)},
}


def small(name: str) -> Recipe | Fitted:
    """A recipe's method with a network of a few weights."""
    recipe = find(name)
    if isinstance(recipe, Fitted):
        return replace(recipe, bits=16, centroids=12, held_out=8)
    pretraining = min(recipe.schedule.pretraining, 1)
    narrow = {**SMALL, **NARROW[recipe.network.kind], "pretraining": pretraining}
    return replace(recipe, **narrow)


def network(name: str, **changes: Any) -> Recipe:
    """A small recipe of a network, with other fields."""
    recipe = small(name)
    assert isinstance(recipe, Recipe)
    return replace(recipe, **changes)


def trained(recipe: Recipe | Fitted, folder: Path, out: Path) -> tuple[Summary, training_data.TrainingData]:
    data = training_data.load([folder], InputSpec(recipe.size))
    return make_model(recipe, data, out, CPU), data


TRAINED = [
    name for name, recipe in RECIPES.items() if isinstance(recipe, Fitted) or recipe.network.kind != "frozen"
]  # those that begin as another network have tests of their own


@pytest.mark.parametrize("name", TRAINED)
def test_every_recipe_makes_a_model_that_encodes_and_decodes(name: str, sample: Path, tmp_path: Path) -> None:
    recipe = small(name)
    done, data = trained(recipe, sample, tmp_path / "model")
    codec = Codec(tmp_path / "model")
    logits = codec.logits(data.pictures)
    assert logits.shape == (48, 16)
    assert len(np.unique(logits, axis=0)) == len(np.unique(data.pictures, axis=0)), "different pictures differ"
    rebuilt = codec.rebuilt(logits)
    assert rebuilt.shape == data.pictures.shape
    _, held_out = datasets.hold_out(8, 48)
    error = np.square(rebuilt[held_out] / 255.0 - data.pictures[held_out] / 255.0).mean()
    assert error == pytest.approx(done.figures["mse"], rel=0.02), "the folder rebuilds as the network did"
    assert codec.card["command"].startswith(f"semblance train {sample.name} --recipe {name} --set ")


def test_every_recipe_says_what_it_is() -> None:
    summaries = [recipe.summary for recipe in RECIPES.values()]
    assert all(summary.endswith(".") for summary in summaries)
    assert len(RECIPES) > 30


@pytest.mark.parametrize("name", ["real", "sparse", "very-deep-small"])
def test_every_bit_of_real_latents_is_on_for_half_of_the_pictures(name: str, sample: Path, tmp_path: Path) -> None:
    recipe = network(name, latent="real", pretraining=0)
    done, data = trained(recipe, sample, tmp_path / "model")
    kept, _ = datasets.hold_out(8, 48)
    share = (done.codec.logits(data.pictures[kept]) > 0).mean(axis=0)
    assert np.abs(share - 0.5).max() <= 0.1


def test_shifting_latents_leaves_what_is_rebuilt_as_it_was(sample: Path) -> None:
    recipe = network("sparse")
    torch.manual_seed(0)
    model = Autoencoder(recipe).eval()
    pictures = torch.from_numpy(training_data.load([sample], InputSpec(32)).pictures).permute(0, 3, 1, 2)
    with torch.no_grad():
        logits, rebuilt = model(pictures.float() / 255)
        balance(model, pictures)
        shifted, again = model.eval()(pictures.float() / 255)
    assert (shifted - logits).abs().max() > 0.01
    assert torch.allclose(rebuilt[0], again[0], atol=1e-5)


def test_bernoulli_latents_are_on_with_the_probability_of_their_logit() -> None:
    logits = torch.tensor([[-2.0, 0.0, 1.0]]).expand(40_000, 3)
    bits = Bernoulli(4, 3).drawn(logits, logits, torch.Generator().manual_seed(0))
    assert set(bits.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose((bits > 0).float().mean(dim=0), logits[0].sigmoid(), atol=0.01)


def test_gaussian_latents_have_the_mean_and_variance_that_they_say() -> None:
    bottleneck = Gaussian(4, 3)
    features = torch.randn(1, 4, generator=torch.Generator().manual_seed(1)).expand(40_000, 4)
    with torch.no_grad():
        logits = bottleneck(features)
        latents = bottleneck.drawn(logits, features, torch.Generator().manual_seed(0))
        assert torch.allclose(latents.mean(dim=0), logits[0], atol=0.03)
        assert torch.allclose(latents.var(dim=0), bottleneck.log_variance(features[0]).exp(), rtol=0.05)


@pytest.mark.parametrize(("name", "switches"), [("plain", 0), ("unpooling", 2), ("very-deep-small", 0)])
def test_every_trunk_gives_features_and_switches(name: str, switches: int) -> None:
    model = Autoencoder(network(name)).eval()
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features, places = model.encoder.trunk(model.encoder.visible(images))
        _, rebuilt = model(images)
    assert features.shape == (3, model.encoder.width)
    assert len(places) == switches
    assert len(rebuilt) == (2 if switches else 1), "with switches too, where there are any"


def test_values_go_where_max_unpooling_puts_those_of_first_places() -> None:
    maps = torch.randn(2, 3, 4, 4)
    first = torch.arange(64).view(1, 1, 8, 8)[:, :, ::2, ::2].expand(2, 3, 4, 4)
    assert torch.equal(_first_of_four(maps), functional.max_unpool2d(maps, first, [2, 2]))


def test_switches_rebuild_what_the_code_alone_cannot(sample: Path, tmp_path: Path) -> None:
    recipe = network("unpooling", epochs=30, learning_rate=5e-3)
    done, _ = trained(recipe, sample, tmp_path / "model")
    assert done.figures["mse_with_switches"] < done.figures["mse"]


def test_a_machine_learns_what_it_sees() -> None:
    generator = torch.Generator().manual_seed(0)
    kinds = (torch.rand(4, 30, generator=generator) < 0.5).float()
    data = kinds[torch.randint(0, 4, (400,), generator=generator)]

    def machine() -> rbm.Machine:
        weights = 0.01 * torch.randn(12, 30, generator=torch.Generator().manual_seed(1))
        return rbm.Machine(weights, torch.zeros(30), torch.zeros(12))

    def error(machine: rbm.Machine) -> float:
        return float((machine.down(machine.up(data)) - data).square().mean())

    learned = rbm._trained(data, machine(), 60, generator, quiet)
    assert error(learned) < 0.3 * error(machine())


@pytest.mark.parametrize("latent", ["bits", "real"])
def test_unrolled_machines_are_the_autoencoder_s_layers(latent: str) -> None:
    """Up and down through a stack of machines, by their means, is what the network computes."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    stack = [rbm.Machine(drawn(8, 20), drawn(20), drawn(8)), rbm.Machine(drawn(6, 8), drawn(8), drawn(6))]
    layers, mirrors = (nn.Linear(20, 8), nn.Linear(8, 6)), (nn.Linear(8, 20), nn.Linear(6, 8))
    with torch.no_grad():
        for machine, layer, mirror in zip(stack, layers, mirrors, strict=True):
            signs = latent == "bits" and layer is layers[-1]
            rbm._unroll(machine, layer, mirror, signs)
        seen = torch.rand(5, 20, generator=generator)
        units = (stack[1].up(stack[0].up(seen)) > 0.5).float()
        code = layers[1](layers[0](seen).sigmoid())
        assert torch.equal((code > 0).float(), units)
        latents = units * 2 - 1 if latent == "bits" else units
        expected = stack[0].down(stack[1].down(units))
        assert torch.allclose(mirrors[0](mirrors[1](latents).sigmoid()).sigmoid(), expected, atol=1e-5)


def test_pretraining_is_where_training_begins(sample: Path, tmp_path: Path) -> None:
    recipe = network("very-deep-small", pretraining=40, learning_rate=1e-6)
    with_it, data = trained(recipe, sample, tmp_path / "with")
    without, _ = trained(replace(recipe, pretraining=0), sample, tmp_path / "without")
    codec = with_it.codec
    assert codec.card["recipe"]["pretraining"] == 40
    model, _ = loop.prepared(recipe, CPU)
    pictures = torch.from_numpy(data.pictures).permute(0, 3, 1, 2)[torch.from_numpy(datasets.hold_out(8, 48)[0])]
    chance = loop._generator(recipe.seed, loop._PRETRAINING, 0)
    rbm.pretrain(model, pictures, recipe, chance, quiet)
    state = torch.load(tmp_path / "with" / "checkpoint.pt", weights_only=True)["model"]
    for name, weights in model.named_parameters():
        assert torch.allclose(weights, state[name], atol=1e-3), name
    assert with_it.codec.codec_id != without.codec.codec_id
    again = make_model(recipe, data, tmp_path / "with", CPU)
    assert again.codec.codec_id == codec.codec_id, "a finished run is not pretrained again"


def test_a_linear_autoencoder_comes_to_what_principal_components_reach(sample: Path, tmp_path: Path) -> None:
    """Bourlard & Kamp, "Auto-association by Multilayer Perceptrons and Singular Value Decomposition" (1988)."""
    recipe = Recipe(
        name="linear",
        summary="",
        size=8,
        bits=6,
        held_out=0,
        network=Network(network="dense", hidden=(), latent="real"),
        views=Views(view=8),
        schedule=Schedule(epochs=1500, batch_size=48, learning_rate=2e-2, weight_decay=0.0, precision="float32"),
    )
    data = training_data.load([sample], InputSpec(8))
    vectors = data.pictures.reshape(48, -1).astype(np.float64) / 255
    centred = vectors - vectors.mean(axis=0)
    left, sizes, right = np.linalg.svd(centred, full_matrices=False)
    best = np.square(centred - (left[:, :6] * sizes[:6]) @ right[:6]).mean()
    model = loop.train(Origin(recipe, data.sha256), data, tmp_path, CPU).network
    with torch.no_grad():
        images = torch.from_numpy(data.pictures).permute(0, 3, 1, 2).float() / 255
        error = float((model(images)[1][0] - images).square().mean())
    assert best <= error + 1e-9
    assert error < 1.01 * best


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("plain", ["sparse=1"], "go with latent=real, not with bits"),
        ("real", ["sparse=1"], "goes with code=sigmoid"),
        ("plain", ["divergence=1"], "latent=gaussian or bernoulli, not bits"),
        ("variational", ["adversarial=1"], "latent=bits or bernoulli, not gaussian"),
        ("real", ["agreement=1", "view=32"], "latent=bits, not real"),
        ("plain", ["code=sigmoid"], "goes with latent=real"),
        ("plain", ["pretraining=2"], "network=dense"),
        ("mnist-deep", ["code=relu"], "not with code=relu"),
        ("real", ["contractive=0.1"], "whose scale nothing undoes"),
        ("plain", ["seed=-1"], "seed must be from 0"),
        ("pca", ["seed=4294967296"], "seed must be from 0"),
        ("very-deep", ["latent=gaussian"], "not with latent=gaussian"),
        ("unpooling", ["pooled=true"], "goes with network=residual"),
        ("unpooling", ["decoding=transposed"], "goes with network=residual"),
        ("unpooling", ["projection=1", "view=32"], "switches would rebuild the other"),
        ("unpooling", ["size=36"], "multiple of 8"),
        ("very-deep", ["hidden=0,4"], "hidden must be whole numbers of 1 or more"),
        ("mnist-plain", ["channels=2"], "channels must be 1 or 3"),
        ("pca", ["bits=4000"], "bits must be at most 3072"),
        ("patches-itq", ["patch=32"], "patch must be smaller"),
        ("pca", ["epochs=3"], "sets no field"),
    ],
)
def test_what_does_not_go_together_is_said(name: str, settings: list[str], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        override(find(name), settings)
