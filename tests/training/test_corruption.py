"""What is done to a picture before it is encoded: as much as was asked, by the generator alone, to a copy."""

from collections.abc import Callable

import pytest
import torch

from semblance.retrieval.training import corruption

Spoil = Callable[[torch.Tensor, float, torch.Generator], torch.Tensor]
EVERY = [corruption.gaussian_noise, corruption.mask_patches, corruption.salt_and_pepper]


def spoilt(spoil: Spoil, amount: float, seed: int = 0) -> torch.Tensor:
    return spoil(torch.full((64, 3, 32, 32), 0.3), amount, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spoil", EVERY)
def test_the_generator_decides_and_the_picture_stays(spoil: Spoil) -> None:
    picture = torch.full((2, 3, 32, 32), 0.3)
    spoil(picture, 0.3, torch.Generator().manual_seed(0))
    assert (picture == 0.3).all()
    assert torch.equal(spoilt(spoil, 0.3), spoilt(spoil, 0.3))
    assert not torch.equal(spoilt(spoil, 0.3), spoilt(spoil, 0.3, seed=1))


def test_noise_has_the_deviation_asked_for() -> None:
    noise = spoilt(corruption.gaussian_noise, 0.25) - 0.3
    assert noise.mean().abs() < 0.005
    assert noise.std().item() == pytest.approx(0.25, abs=0.005)


def test_whole_patches_are_greyed_in_all_channels() -> None:
    masked = spoilt(corruption.mask_patches, 0.3) == 0.5
    assert masked.float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(masked.any(dim=1), masked.all(dim=1))
    patches = masked[:, 0].unflatten(2, (8, 4)).unflatten(1, (8, 4)).transpose(2, 3).flatten(3)
    assert torch.equal(patches.any(dim=3), patches.all(dim=3)), "of 4 x 4 pixels, all or none"


def test_salt_and_pepper_are_white_and_black() -> None:
    salted = spoilt(corruption.salt_and_pepper, 0.2)
    touched = salted != 0.3
    assert touched.float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert salted[touched].unique().tolist() == [0, 1]
    assert salted[touched].mean().item() == pytest.approx(0.5, abs=0.05)
