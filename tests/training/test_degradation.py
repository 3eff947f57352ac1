"""Degradations: each does what it is named for, to the share of the pictures that it should, by its generator alone."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from semblance.retrieval.training import degradation

Degradation = Callable[[Tensor, float, torch.Generator], Tensor]


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def pictures() -> Tensor:
    """(400, 3, 32, 32): a bright square on noise, so that there are edges to lose."""
    out = 0.2 + 0.2 * torch.rand(400, 3, 32, 32, generator=chance())
    out[..., 8:24, 8:24] += 0.5
    return out


@pytest.mark.parametrize(
    ("degrade", "amount"),
    [
        (degradation.sharpness, 0.8),
        (degradation.resolution, 0.5),
        (degradation.jpeg, 0.5),
        (degradation.grain, 0.1),
        (degradation.caption, 0.5),
        (degradation.blur, 0.1),
    ],
)
def test_the_generator_decides(degrade: Degradation, amount: float, pictures: Tensor) -> None:
    before = pictures.clone()
    torch.manual_seed(1)
    first = degrade(pictures, amount, chance(5))
    torch.manual_seed(2)
    assert torch.equal(first, degrade(pictures, amount, chance(5)))
    assert not torch.equal(first, degrade(pictures, amount, chance(6)))
    assert torch.equal(pictures, before)
    assert first.shape == pictures.shape


def test_sharpness_goes_both_ways_and_leaves_flat_pictures_alone(pictures: Tensor) -> None:
    flat = torch.full((4, 3, 16, 16), 0.3)
    assert torch.allclose(degradation.sharpness(flat, 0.8, chance()), flat, atol=1e-5)
    out = degradation.sharpness(pictures, 0.8, chance())
    contrast = out.std((1, 2, 3)) / pictures.std((1, 2, 3))
    assert contrast.min() < 0.95  # blurred
    assert contrast.max() > 1.02  # sharpened
    assert 0.4 < (contrast < 1).float().mean() < 0.6


@pytest.mark.parametrize("quality", [10, 30, 75])
def test_jpeg_leaves_what_pillow_leaves(quality: int) -> None:
    """Of grey pictures: there the two differ in nothing but the rounding to bytes."""
    waves = torch.arange(32.0)
    grey = 0.5 + 0.3 * torch.sin(waves[:, None] * 0.9) * torch.cos(waves * 0.4)
    grey[:16] += torch.rand(16, 32, generator=chance()) - 0.5
    grey = (grey.clamp(0, 1) * 255).round() / 255
    file = io.BytesIO()
    Image.fromarray((grey * 255).byte().numpy()).save(file, "JPEG", quality=quality)
    expected = torch.from_numpy(np.asarray(Image.open(file)).astype(np.float32) / 255)
    out = degradation.through_jpeg(grey.expand(1, 3, 32, 32), torch.tensor([float(quality)]))
    lost = (expected - grey).abs().mean()
    assert (out[0, 0] - expected).abs().mean() < 0.15 * lost
    assert torch.allclose(out[0, 0], out[0, 2], atol=1e-4)


def test_a_share_goes_through_jpeg_and_odd_sides_keep_their_edge(pictures: Tensor) -> None:
    odd = pictures[..., :29, :29]
    out = degradation.jpeg(odd, 0.5, chance())
    changed = (out != odd).flatten(1).any(dim=1)
    assert 0.4 < changed.float().mean() < 0.6
    assert torch.equal(out[..., 24:, :], odd[..., 24:, :])
    assert torch.equal(degradation.jpeg(odd[..., :7, :7], 0.9, chance()), odd[..., :7, :7])  # no whole block


def test_a_share_loses_what_a_smaller_picture_cannot_hold(pictures: Tensor) -> None:
    out = degradation.resolution(pictures, 0.6, chance())
    changed = (out != pictures).flatten(1).any(dim=1)
    assert 0.5 < changed.float().mean() < 0.7
    fine = (out[..., 1:] - out[..., :-1]).square().mean((1, 2, 3)) / (
        pictures[..., 1:] - pictures[..., :-1]
    ).square().mean((1, 2, 3))
    assert fine[changed].max() < 0.6  # half of the side keeps the edges of the square best
    assert len(fine[changed].mul(20).round().unique()) >= 3  # three sizes
    assert torch.allclose(out.mean((2, 3)), pictures.mean((2, 3)), atol=0.02)


def test_grain_has_a_level_of_its_own_for_each_picture(pictures: Tensor) -> None:
    levels = (degradation.grain(pictures, 0.1, chance()) - pictures).std((1, 2, 3))
    assert levels.min() < 0.01
    assert 0.09 < levels.max() < 0.11
    assert 0.045 < levels.mean() < 0.055


def test_a_caption_is_a_band_at_the_top_or_bottom(pictures: Tensor) -> None:
    out = degradation.caption(pictures, 0.6, chance())
    covered = (out != pictures).any(dim=1)  # (N, 32, 32)
    rows = covered.all(dim=2)
    assert torch.equal(rows, covered.any(dim=2))  # from end to end
    assert not rows[:, 11:21].any()
    assert not (rows[:, 0] & rows[:, -1]).any()
    assert 0.45 < rows.any(dim=1).float().mean() < 0.65  # the thinnest are no pixel wide
    assert rows[:, 0].sum() > 30
    assert rows[:, -1].sum() > 30
    assert rows.sum(dim=1).max() >= 10  # nearly 0.35 of 32


def test_half_of_the_captions_bear_marks_of_a_second_grey_along_their_middle(pictures: Tensor) -> None:
    out = degradation.caption(pictures, 0.9, chance())
    plain, written = 0, 0
    for picture, covered in zip(out, (out != pictures).any(dim=1).all(dim=2), strict=True):
        band = picture[:, covered]  # (3, rows, 32)
        if band.shape[1] < 5:
            continue
        assert torch.equal(band[0], band[1])
        assert torch.equal(band[0], band[2])
        greys = band.unique()
        assert len(greys) <= 2
        plain, written = plain + (len(greys) == 1), written + (len(greys) == 2)
        if len(greys) == 2:
            assert band[0, 0].unique().numel() == band[0, -1].unique().numel() == 1  # paper above them, and below
            middle = band[0, band.shape[1] // 2]
            assert 4 < (middle == middle[0]).sum() < 28
    assert plain > 20
    assert written > 20


def test_half_of_the_pictures_are_blurred_as_by_a_gaussian() -> None:
    """A point becomes a Gaussian: its sum stays, and along a line its logarithm bends as -x^2 / (2 deviation^2)."""
    point = torch.zeros(400, 3, 65, 65)
    point[..., 32, 32] = 1.0
    out = degradation.blur(point, 0.1, chance()).double()
    blurred = (out[:, 0, 32, 32] < 1).nonzero().flatten()
    assert 170 < len(blurred) < 230
    assert torch.allclose(out[out[:, 0, 32, 32] == 1].float(), point[: 400 - len(blurred)], atol=1e-6)
    line = out[blurred][:, 1].sum(dim=1)  # (n, 65): over the rows
    assert torch.allclose(out[blurred].sum(dim=(2, 3)), torch.ones(1).double(), atol=1e-3)
    deviations = (line * (torch.arange(65) - 32.0).square()).sum(dim=1).sqrt()
    assert deviations.max() < 6.6
    assert deviations.max() > 6
    assert 2.7 < deviations.median() < 3.8
    wide = deviations > 2
    bend = -2 * (line[wide, 33] / line[wide, 32]).log()
    assert torch.allclose(bend, 1 / deviations[wide].square(), rtol=0.02)
