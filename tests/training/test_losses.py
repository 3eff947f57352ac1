"""What a step gives the network to see: which of two views is changed, and that every field of a recipe arrives."""

import pytest
import torch
from torch import Tensor

from semblance.retrieval.training.fields import override, replace
from semblance.retrieval.training.loop import prepared
from semblance.retrieval.training.losses import losses
from semblance.retrieval.training.recipe import Recipe
from tests.training.test_loop import VIEWS

STILL = replace(VIEWS, jitter=0.0, grey=0.0, noise=0.0, mask=0.0, view=32)
PLAIN = torch.full((32, 3, 32, 32), 0.3)
BUSY = torch.rand(32, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def views(recipe: Recipe, images: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second views (N, 3, S, S) that the network is given."""
    seen: list[Tensor] = []
    model, _ = prepared(recipe, torch.device("cpu"))
    model.encoder.visible.register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    losses(model, images, recipe, torch.Generator().manual_seed(0))
    first, second = seen[0].chunk(2)
    return first, second


@pytest.mark.parametrize("field", ["tint", "turn", "frame", "jitter"])
def test_both_views_are_drawn_as_the_recipe_says(field: str) -> None:
    still = views(STILL, PLAIN)
    moved = views(override(STILL, [f"{field}={10 if field == 'turn' else 0.5}"]), PLAIN)
    for before, after in zip(still, moved, strict=True):
        assert torch.allclose(before, PLAIN, atol=1e-6)
        assert (after - 0.3).abs().amax((1, 2, 3)).gt(0.01).float().mean() > 0.2


@pytest.mark.parametrize(
    "field", ["sharpness", "resolution", "caption", "jpeg", "blur", "grain", "noise", "mask", "salt"]
)
def test_the_first_view_alone_is_degraded(field: str) -> None:
    worse = override(STILL, [f"{field}=0.5"])
    before, after = views(STILL, BUSY)[0], views(worse, BUSY)[0]  # the same crops: they are drawn first
    assert (before - after).abs().amax((1, 2, 3)).gt(0.01).float().mean() > 0.2
    assert torch.allclose(views(worse, PLAIN)[1], PLAIN, atol=1e-6)


def test_a_share_of_the_second_views_are_the_pictures_themselves() -> None:
    moved = override(STILL, ["jitter=0.5", "whole=0.5", "crop=0.3"])
    first, second = views(moved, BUSY)
    same = [(each - BUSY).abs().amax((1, 2, 3)) < 1e-5 for each in (first, second)]
    assert not same[0].any()
    assert 8 <= int(same[1].sum()) <= 24


def test_a_picture_in_its_place_is_neither_cropped_nor_turned() -> None:
    recipe = replace(STILL, agreement=0.0, projection=0.0, noise=1e-6, pooled=False, head=0)
    seen: list[Tensor] = []
    model, _ = prepared(recipe, torch.device("cpu"))
    model.encoder.visible.register_forward_hook(lambda _, given, __: seen.append(given[0].detach()))
    losses(model, BUSY, recipe, torch.Generator().manual_seed(0))
    assert torch.allclose(seen[0], BUSY, atol=1e-4)
