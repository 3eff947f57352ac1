"""The training loop: exact resumption, what stops it, and what it leaves behind."""

import dataclasses
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semblance.retrieval.errors import CheckpointError, DatasetError, TrainingError
from semblance.retrieval.judging import datasets
from semblance.retrieval.training.balance import balance
from semblance.retrieval.training.checkpoint import CHECKPOINT, LOG, Origin
from semblance.retrieval.training.clock import learning_rate
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import override, replace
from semblance.retrieval.training.groups import Damage, Network, Schedule
from semblance.retrieval.training.loop import descend, prepared, train
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe

CPU = torch.device("cpu")
TINY = Recipe(
    name="tiny",
    summary="for tests",
    bits=24,
    held_out=8,
    network=Network(encoder=(4, 4, 8, 8), blocks=(1, 1, 1, 1), stem_stride=1, decoder=(4, 4, 8, 8)),
    damage=Damage(noise=0.1, mask=0.2),
    schedule=Schedule(epochs=3, batch_size=8, precision="float32"),
)


VIEWS = replace(
    TINY,
    encoder=(4, 8),
    blocks=(1, 1),
    pooled=True,
    head=12,
    prefixes=(8,),
    agreement=1.0,
    projection=1.0,
    rebuilt=0.5,
    jitter=0.4,
    grey=0.1,
)


def run(
    out: Path, data: TrainingData, recipe: Recipe = TINY, stop_after: int | None = None
) -> tuple[Autoencoder, list[dict[str, Any]]]:
    """Train; the model and the log without what depends on the clock."""
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    def stop() -> bool:
        return steps == stop_after

    return train(Origin(recipe, data.sha256), data, out, CPU, count, stop).network, log(out)


def log(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return [
        {key: value for key, value in line.items() if key not in ("seconds", "pictures_per_second")} for line in lines
    ]


@pytest.mark.parametrize("recipe", [TINY, VIEWS], ids=["rebuilding", "views"])
@pytest.mark.parametrize("stop_after", [1, 5, 7])  # within an epoch of 5 steps, at its end, in the next
def test_a_run_cut_in_two_is_the_run_in_one_piece(
    tmp_path: Path, drawn: TrainingData, recipe: Recipe, stop_after: int
) -> None:
    whole, whole_log = run(tmp_path / "whole", drawn, recipe)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", drawn, recipe, stop_after=stop_after)
    resumed, resumed_log = run(tmp_path / "cut", drawn, recipe)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert resumed_log == whole_log


OTHERS = {
    "adversarial": replace(TINY, adversarial=0.1),
    "contractive": replace(TINY, contractive=0.01),
    "gaussian": replace(TINY, latent="gaussian", divergence=0.01),
    "bernoulli": replace(TINY, latent="bernoulli", divergence=0.01),
    "pooling": replace(TINY, network="pooling", encoder=(4, 8)),
    "pretrained": replace(TINY, network="dense", hidden=(12,), activation="sigmoid", pretraining=1),
}


@pytest.mark.parametrize("recipe", OTHERS.values(), ids=OTHERS)
def test_a_run_with_chance_or_a_judge_in_it_goes_on_as_exactly(
    tmp_path: Path, drawn: TrainingData, recipe: Recipe
) -> None:
    test_a_run_cut_in_two_is_the_run_in_one_piece(tmp_path, drawn, recipe, stop_after=7)


def test_a_run_stopped_at_its_last_step_finishes(tmp_path: Path, drawn: TrainingData) -> None:
    whole, _ = run(tmp_path / "whole", drawn)
    stopped, _ = run(tmp_path / "stopped", drawn, stop_after=15)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, stopped.state_dict()[name]), name


def test_a_run_killed_before_it_is_balanced_is_balanced_later(
    tmp_path: Path, drawn: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    whole, _ = run(tmp_path / "whole", drawn)
    with monkeypatch.context() as patched:
        patched.setattr("semblance.retrieval.training.checkpoint.EVERY", -1.0)  # after every step
        patched.setattr("semblance.retrieval.training.loop.balance", killed)
        with pytest.raises(SystemExit):
            run(tmp_path / "cut", drawn)
    resumed, _ = run(tmp_path / "cut", drawn)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize("count", [501, 502, 1000])
def test_every_picture_weighs_the_same_where_bits_are_balanced(count: int) -> None:
    model, _ = prepared(TINY, CPU)
    pictures = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pictures[500:] //= 8  # the last ones are dark
    balance(model, pictures)
    with torch.no_grad():
        logits = model.eval().encoder(pictures.float() / 255)
    assert (logits.mean(dim=0) / logits.std(dim=0)).abs().max() < 1e-3


def test_the_seed_decides_and_the_loss_falls(tmp_path: Path, drawn: TrainingData) -> None:
    recipe = replace(TINY, epochs=25, noise=0.0, mask=0.0, learning_rate=1e-2)
    one, figures = run(tmp_path / "one", drawn, recipe)
    other, _ = run(tmp_path / "other", drawn, replace(recipe, seed=1))
    weights = "encoder.trunk.0.0.weight"
    assert not torch.equal(one.state_dict()[weights], other.state_dict()[weights])
    errors = [line["mse"] for line in figures if "mse" in line]
    assert len(errors) == 25
    assert errors[-1] < 0.8 * errors[0]


def test_views_come_to_agree_and_every_objective_is_logged(tmp_path: Path, drawn: TrainingData) -> None:
    recipe = replace(VIEWS, epochs=25, noise=0.0, mask=0.0, learning_rate=1e-2)
    _, figures = run(tmp_path, drawn, recipe)
    steps = [line for line in figures if "loss" in line]
    assert {"reconstruction", "agreement", "projection"} <= steps[0].keys()
    for line in steps:
        assert line["loss"] == pytest.approx(line["reconstruction"] + line["agreement"] + line["projection"], rel=1e-5)
    for name in ("reconstruction", "agreement", "projection"):
        assert steps[-1][name] < 0.9 * steps[0][name]


@pytest.mark.parametrize("recipe", [TINY, VIEWS], ids=["rebuilding", "views"])
def test_bits_are_balanced_on_whole_and_clean_pictures(tmp_path: Path, drawn: TrainingData, recipe: Recipe) -> None:
    model, _ = run(tmp_path, drawn, recipe)
    kept, _ = datasets.hold_out(recipe.held_out, len(drawn.pictures))
    with torch.no_grad():
        logits = model.encoder(torch.from_numpy(drawn.pictures[kept]).permute(0, 3, 1, 2).float() / 255)
    assert logits.mean(dim=0).abs().max() < 0.01
    assert (logits.std(dim=0) - 1).abs().max() < 0.1  # bits that hardly vary are held back by the layer's epsilon


def test_a_finished_run_is_not_trained_again(tmp_path: Path, drawn: TrainingData) -> None:
    run(tmp_path, drawn)
    before = (tmp_path / CHECKPOINT).read_bytes()
    model, figures = run(tmp_path, drawn, stop_after=0)  # a step would stop it
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert sum("mse" in line for line in figures) == 3
    assert not model.training


def test_the_time_of_a_cut_run_is_that_of_all_its_pieces(tmp_path: Path, drawn: TrainingData) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, drawn, stop_after=3)
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    assert 0 < state["seconds"] < 60
    torch.save({**state, "seconds": 1000.0}, tmp_path / CHECKPOINT)
    run(tmp_path, drawn)
    seconds = json.loads((tmp_path / LOG).read_text().splitlines()[-1])["seconds"]
    assert 1000 < seconds < 1060


def test_weights_that_are_no_numbers_are_never_saved(
    tmp_path: Path, drawn: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finite loss can have a gradient that is none: the weights show it a step before the loss does."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, drawn, stop_after=3)
    good = (tmp_path / CHECKPOINT).read_bytes()

    def descend_badly(model: Autoencoder, *rest: Any) -> dict[str, torch.Tensor]:
        parts = descend(model, *rest)
        next(model.parameters()).data.fill_(float("inf"))
        return parts

    monkeypatch.setattr("semblance.retrieval.training.loop.descend", descend_badly)
    with pytest.raises(TrainingError, match="no number any more"):
        run(tmp_path, drawn, stop_after=1)
    assert (tmp_path / CHECKPOINT).read_bytes() == good


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_state(tmp_path: Path, drawn: TrainingData) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, drawn, stop_after=3)
    good = (tmp_path / CHECKPOINT).read_bytes()
    state = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    state["model"]["decoder.layers.1.body.1.weight"].fill_(float("nan"))
    torch.save(state, tmp_path / CHECKPOINT)
    broken = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(TrainingError, match="no number any more"):
        run(tmp_path, drawn)
    assert (tmp_path / CHECKPOINT).read_bytes() == broken != good


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, drawn: TrainingData) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, drawn, stop_after=2)
    good = (tmp_path / CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) // 2, limits[1]))  # a real failure of a real write
    try:
        with pytest.raises(TrainingError, match="checkpoint could not be written"):
            run(tmp_path, drawn, stop_after=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / CHECKPOINT).read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, LOG]
    assert len([line for line in run(tmp_path, drawn)[1] if "mse" in line]) == 3


def test_checkpoints_of_other_runs_are_refused(tmp_path: Path, drawn: TrainingData) -> None:
    run(tmp_path, drawn)
    with pytest.raises(CheckpointError, match=r"another recipe \(different: epochs, seed\)"):
        run(tmp_path, drawn, replace(TINY, epochs=4, seed=3))
    pictures = drawn.pictures.copy()
    pictures[0, 0, 0, 0] ^= 1
    with pytest.raises(CheckpointError, match="other pictures"):
        run(tmp_path, dataclasses.replace(drawn, pictures=pictures, sha256="0" * 64))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def not_a_checkpoint(path: Path) -> None:
    path.write_bytes(b"hello")


@pytest.mark.parametrize("damage", [cut_short, not_a_checkpoint])
def test_a_damaged_checkpoint_is_said(tmp_path: Path, drawn: TrainingData, damage: Callable[[Path], None]) -> None:
    run(tmp_path, drawn)
    damage(tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        run(tmp_path, drawn)


def as_before(path: Path, **recipe: object) -> None:
    """Write a checkpoint as commit bb30a8c did, with fields of recipes that are gone."""
    state = torch.load(path, weights_only=True)
    gone = {"detached": False, "joining": 0.0, "averaging": 0.0, "decorrelation": 0.0}
    kept = ("step", "seconds", "data", "start", "teacher", "model", "optimizer")
    before = {**{name: state[name] for name in kept}, "recipe": {**state["recipe"], **gone, **recipe}, "average": None}
    torch.save(before, path)


@pytest.mark.parametrize("stop_after", [7, None])
def test_a_checkpoint_of_before_is_gone_on_with(tmp_path: Path, drawn: TrainingData, stop_after: int | None) -> None:
    whole, whole_log = run(tmp_path / "whole", drawn, VIEWS)
    if stop_after is None:
        run(tmp_path / "cut", drawn, VIEWS)
    else:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", drawn, VIEWS, stop_after)
    as_before(tmp_path / "cut" / CHECKPOINT)
    resumed, resumed_log = run(tmp_path / "cut", drawn, VIEWS, None if stop_after else 0)  # one that is whole stays so
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert resumed_log == whole_log


def test_a_checkpoint_of_a_lead_that_is_gone_says_so(tmp_path: Path, drawn: TrainingData) -> None:
    run(tmp_path, drawn)
    as_before(tmp_path / CHECKPOINT, averaging=0.99)
    with pytest.raises(CheckpointError, match=r"averaging=0.99 did not help and is gone: .* name another --out"):
        run(tmp_path, drawn)


def test_too_few_pictures(tmp_path: Path, drawn: TrainingData) -> None:
    with pytest.raises(DatasetError, match="48 pictures are too few: 41 are held out") as caught:
        run(tmp_path, drawn, replace(TINY, held_out=41))
    assert str(caught.value).endswith("Add pictures, or try --set held_out=4 --set batch_size=8.")
    recipe = override(replace(TINY, held_out=41), str(caught.value).rstrip(".").split("--set ")[1:])
    run(tmp_path, drawn, replace(recipe, epochs=1))  # what it says to try works
    with pytest.raises(DatasetError, match=r"Add pictures\.$"):
        run(tmp_path / "few", dataclasses.replace(drawn, pictures=drawn.pictures[:5]))


def test_learning_rate_warms_up_and_falls_to_zero() -> None:
    schedule = Schedule(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(schedule, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)  # half way down the cosine
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[-1] < 0.001
