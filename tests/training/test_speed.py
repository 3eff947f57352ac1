"""What the benchmark of training says of a step: its work, its parts, and nothing about how long anything takes."""

import pytest
import torch
from torch import nn
from torch.profiler import record_function

from semblance.retrieval.training import loop, speed
from semblance.retrieval.training.fields import replace
from semblance.retrieval.training.groups import Network, Schedule
from semblance.retrieval.training.losses import losses
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.speed import OTHER, WAITING, Speed, measure, part_of

CPU = torch.device("cpu")
REBUILDING = Recipe(
    name="tiny",
    summary="for tests",
    bits=24,
    network=Network(encoder=(4, 8), blocks=(1, 1), stem_stride=1, decoder=(4, 8)),
    schedule=Schedule(batch_size=8, precision="float32"),
)
AGREEING = replace(REBUILDING, pooled=True, agreement=1.0, projection=1.0, jitter=0.4, prefixes=(8,))


@pytest.fixture(scope="module")
def rebuilding() -> Speed:
    return measure(REBUILDING, CPU, rounds=1, seconds=0)


def work_by_hand(recipe: Recipe) -> int:
    """Multiply-adds of a forward pass, twice over, and of a backward one that asks nothing of the pictures."""
    model = Autoencoder(recipe)
    forward: list[int] = []

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        weights = layer.weight
        assert isinstance(weights, torch.Tensor)
        forward.append(output.numel() * weights[0].numel())

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    model(torch.rand(recipe.schedule.batch_size, 3, recipe.size, recipe.size))
    assert len(forward) > 8
    return 2 * (3 * sum(forward) - forward[0])  # forward, for the weights, and for the inputs but the first


def test_the_work_of_a_step_is_what_its_layers_do_forward_and_backward(rebuilding: Speed) -> None:
    assert rebuilding.flops == work_by_hand(REBUILDING)


@pytest.mark.parametrize("recipe", [REBUILDING, AGREEING], ids=["rebuilding", "agreeing"])
def test_the_shares_make_a_whole_and_every_part_is_seen(recipe: Recipe) -> None:
    shares = speed._shares(speed._stepper(recipe, CPU), 0.0, CPU)
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    seen = {part for part, share in shares.items() if share > 0}
    assert seen == set(shares) - {WAITING}


def test_an_operation_counts_where_it_was_called() -> None:
    square = torch.ones(64, 64)

    def step() -> None:
        with record_function("augmentation"):
            square @ square

    shares = speed._shares(step, 0.0, CPU)
    assert shares["augmentation"] == pytest.approx(1)
    assert shares["matrix products"] == 0


def test_time_in_which_nothing_ran_is_waiting() -> None:
    shares = speed._shares(speed._stepper(REBUILDING, CPU), 1000.0, CPU)
    assert sum(shares.values()) == pytest.approx(1)
    assert 0.9 < shares[WAITING] < 1


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (["aten::conv2d", "aten::convolution", "aten::mkldnn_convolution"], "convolution, forward"),
        (["aten::conv2d", "aten::to", "aten::copy_"], "convolution, forward"),
        (["autograd::engine::evaluate_function: ConvolutionBackward0", "aten::add_"], "convolution, backward"),
        (["aten::convolution_backward"], "convolution, backward"),
        (["aten::batch_norm", "aten::cudnn_batch_norm"], "batch normalisation"),
        (["autograd::engine::evaluate_function: NativeBatchNormBackward0"], "batch normalisation"),
        (["aten::relu_", "aten::clamp_min_"], "activations"),
        (["autograd::engine::evaluate_function: ReluBackward0", "aten::threshold_backward"], "activations"),
        (["aten::linear", "aten::addmm"], "matrix products"),
        (["aten::matmul", "aten::mm"], "matrix products"),
        (["Optimizer.step#AdamW.step", "aten::_foreach_addcdiv_"], "optimiser"),
        (["aten::grid_sampler", "aten::grid_sampler_2d"], "augmentation"),
        (["augmentation", "aten::baddbmm"], "augmentation"),
        (["aten::upsample_nearest2d"], OTHER),
        (["aten::add_"], OTHER),
    ],
)
def test_an_operation_belongs_to_what_it_was_called_for(names: list[str], part: str) -> None:
    assert part_of(names) == part


def test_figures_follow_from_what_was_measured() -> None:
    measured = Speed("a device", batch_size=256, seconds=0.5, flops=3_000, side=8, peak=24_000.0, shares={})
    assert measured.pictures_per_second == 512
    assert measured.flops_per_second == 6_000
    assert measured.share_of_peak == 0.25


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_peak_is_one_of_the_recipe_s_precision(precision: str) -> None:
    product, side = speed._product(replace(REBUILDING, precision=precision), CPU)
    made = product()
    assert made.dtype == getattr(torch, precision)
    assert made.shape == (side, side)


def test_the_peak_counts_each_product_s_operations(rebuilding: Speed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_seconds", lambda *_: 0.5)
    assert measure(REBUILDING, CPU, rounds=1, seconds=0).peak == 4 * rebuilding.side**3


def test_a_step_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights change from step to step, and so does what is seen."""
    seen: list[tuple[float, float]] = []

    def watched(
        model: Autoencoder,
        images: torch.Tensor,
        recipe: Recipe,
        generator: torch.Generator,
        taught: torch.Tensor | None,
        kept: torch.Tensor | None,
    ) -> dict[str, torch.Tensor]:
        weights = next(model.encoder.parameters())
        seen.append((weights.sum().item(), images.sum().item()))
        return losses(model, images, recipe, generator, taught, kept)

    monkeypatch.setattr(loop, "losses", watched)
    step = speed._stepper(REBUILDING, CPU)
    for _ in range(3):
        step()
    weights, pictures = zip(*seen, strict=True)
    assert len(set(weights)) == len(set(pictures)) == 3
