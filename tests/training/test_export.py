"""A trained network and the folder that ships are the same function, bit by bit."""

from pathlib import Path

import numpy as np
import pytest
import torch

from semblance.retrieval.codec import COPIES_MODEL, Codec, find_model, shipped_models
from semblance.retrieval.images import InputSpec
from semblance.retrieval.training import data as training_data
from semblance.retrieval.training import export
from semblance.retrieval.training.bottleneck import sign_ste
from semblance.retrieval.training.checkpoint import load_weights
from semblance.retrieval.training.fields import from_card, override
from semblance.retrieval.training.groups import Network, Schedule
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.run import find_device, make_model


@pytest.fixture(scope="module")
def trained(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Autoencoder, Codec, np.ndarray]:
    """The shipped recipe's own network, a few steps old, as torch holds it and as its folder runs."""
    pictures = training_data.load([sample], InputSpec(32)).pictures
    torch.manual_seed(0)
    recipe = find("cifar10-ae")
    assert isinstance(recipe, Recipe)
    model = Autoencoder(recipe)
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for _ in range(6):
        _, rebuilt = model(batch)
        optimizer.zero_grad()
        (rebuilt[0] - batch).square().mean().backward()
        optimizer.step()
    model = export.deployable(model)
    folder = tmp_path_factory.mktemp("model")
    return model, export.export(model, folder, {"name": "fresh"}, InputSpec(32), recipe.bits), pictures


def test_torch_and_onnx_runtime_give_the_same_bits(trained: tuple[Autoencoder, Codec, np.ndarray]) -> None:
    model, codec, pictures = trained
    noise = np.random.default_rng(0).integers(0, 256, (500, 32, 32, 3), np.uint8)
    differing, largest = export.disagreement(model, codec, np.concatenate([pictures, noise]))
    assert differing <= 0.001
    assert largest <= 0.001  # standard deviations of that bit


def test_the_folder_says_nothing_of_the_machine_that_made_it(trained: tuple[Autoencoder, Codec, np.ndarray]) -> None:
    for name in ("encoder.onnx", "decoder.onnx"):
        assert b".py" not in (trained[1].folder / name).read_bytes()
        assert b".py" not in (find_model(COPIES_MODEL) / name).read_bytes()


def test_the_comparison_sees_a_wrong_export(trained: tuple[Autoencoder, Codec, np.ndarray]) -> None:
    model, codec, pictures = trained
    other = export.deployable(model)
    with torch.no_grad():
        other.encoder.trunk[0][0].weight *= 1.5  # type: ignore[index]
    differing, largest = export.disagreement(other, codec, pictures)
    assert differing > 0.001
    assert largest > 0.001


def test_the_decoder_is_the_network_s(trained: tuple[Autoencoder, Codec, np.ndarray]) -> None:
    model, codec, pictures = trained
    codes = codec.encode(pictures)
    latents = codec.latents(codes)
    with torch.no_grad():
        expected = (model.decoder(torch.from_numpy(latents)).clamp(0, 1) * 255).round()
    difference = np.abs(codec.decode(latents).astype(int) - expected.permute(0, 2, 3, 1).numpy())
    assert difference.max() <= 1  # a value that lies between two bytes may fall to either


def test_folding_and_rounding_barely_move_the_logits(sample: Path) -> None:
    torch.manual_seed(0)
    model = Autoencoder(
        Recipe(name="small", summary="", bits=64, network=Network(encoder=(8, 16), decoder=(8, 8, 16, 16)))
    )
    pictures = torch.rand(64, 3, 32, 32)
    for _ in range(5):
        model(pictures)  # gives batch normalisation statistics that are not trivial
    model.eval()
    with torch.no_grad():
        before, after = model.encoder(pictures), export.deployable(model).encoder(pictures)
    assert (before - after).abs().max() < 0.02 * before.std()
    assert not torch.equal(before, after)


_COPIES = ("learning_rate=0.001", "view=64", "whole=0.7")
TRAINED_BY: dict[str, tuple[str, tuple[str, ...]]] = {  # pictures, and what is otherwise than the recipe of the name
    "cifar10": ("cifar-10-batches-py --recipe cifar10 --minutes 9.73", ()),
    "cifar10-ae": ("cifar-10-batches-py --recipe cifar10-ae", ()),
    "cifar10-fast": ("cifar-10-batches-py --recipe cifar10-fast", ()),
    "copies": ("tiny-imagenet cifar-10-batches-py --leave-out-classes 10 --recipe copies", _COPIES),
    "photos": ("unlabelled clothing scenes tiny-imagenet --recipe photos --from lite0-8", ()),
}
OTHERS = ["photos-0.1", "photos-fast"]  # for libraries of before; by a formula


def test_every_model_that_ships_is_looked_at() -> None:
    assert sorted([*TRAINED_BY, *OTHERS]) == shipped_models()


@pytest.mark.parametrize("name", [*TRAINED_BY, *OTHERS])
def test_a_model_that_ships_is_small_and_says_what_it_is(name: str) -> None:
    folder = find_model(name)
    shipped = {path.name for path in folder.iterdir()} - {"checkpoint.pt"}  # which is never committed
    assert shipped <= {"encoder.onnx", "decoder.onnx", "model.json", "training.jsonl", "weights.pt", "README.md"}
    most = 24_000_000 if name == "cifar10" else 8_000_000  # it is made for an accelerator
    assert sum(path.stat().st_size for path in folder.iterdir() if path.name != "checkpoint.pt") <= most
    card = Codec(folder).card
    assert {"licence", "data", "latent"} <= card.keys()
    if name in OTHERS:
        return
    command, settings = TRAINED_BY[name]
    recipe = find(name)
    assert from_card(card["recipe"]) == (override(recipe, [*settings]) if isinstance(recipe, Recipe) else recipe)
    assert card["command"].startswith(f"semblance train {command} ")
    assert card["command"].endswith(f" --out models/{name}")
    assert all(f"--set {setting}" in card["command"] for setting in settings)
    quantised = "quantised" in card and name != "photos"  # whose bits had been, before its decoder was trained
    trained = card["quantised"]["from"] if quantised else card  # what was measured while it was trained
    assert {"held_out_pictures", "mse"} <= trained["figures"].keys()


def test_weights_of_before_are_the_network_that_ships(sample: Path) -> None:
    """models/copies was trained and put into 8 bits by commit bb30a8c: what that changed is a bit in a hundred."""
    codec = Codec(find_model("copies"))
    recipe = from_card(codec.card["recipe"])
    assert isinstance(recipe, Recipe)
    model = Autoencoder(recipe)
    load_weights(model, codec.folder)
    pictures = training_data.load([sample], codec.spec).pictures
    differing, _ = export.disagreement(export.deployable(model), codec, pictures)
    assert 0 < differing < 0.02


def test_sign_rounds_forward_and_passes_gradients_back() -> None:
    logits = torch.tensor([[-2.0, -0.5, 0.0, 0.5, 2.0]], requires_grad=True)
    bits = sign_ste(logits)
    assert bits.tolist() == [[-1.0, -1.0, -1.0, 1.0, 1.0]]  # a bit is logit > 0
    (bits * torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])).sum().backward()
    assert logits.grad is not None
    slope = 1 - torch.tanh(logits.detach()) ** 2
    assert torch.allclose(logits.grad, slope * torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]))


def test_a_run_from_pictures_to_a_folder(sample: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        name="cifar10-ae",
        summary="",
        bits=20,
        held_out=8,
        network=Network(encoder=(4, 8), blocks=(1, 1), decoder=(4, 4, 8, 8)),
        schedule=Schedule(epochs=1, batch_size=8),
    )
    data = training_data.load([sample], InputSpec(32))
    done = make_model(recipe, data, tmp_path / "mine", find_device("cpu"))
    assert done.codec.bits == 20
    assert done.codec.encode(data.pictures).shape == (48, 3)
    assert done.codec.card["name"] == "mine"
    assert "--set bits=20 --set held_out=8 --set encoder=4,8 --set blocks=1,1" in done.codec.card["command"]
    assert done.codec.card["data"]["sha256"] == data.sha256
