"""What a network is asked to be good at: each objective a small function of tensors, corruptions beside them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def reconstruction(rebuilt: Tensor, images: Tensor) -> Tensor:
    """Mean squared error between rebuilt and clean pictures, both (N, 3, S, S) in 0..1 -> a scalar."""
    return functional.mse_loss(rebuilt, images)


def agreement(views: Tensor, temperature: float) -> Tensor:
    """Two views of N pictures (2N, D), all first ones before all second: each is to find its other -> a scalar.

    NT-Xent of Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (2020): the cross
    entropy of cosines over a temperature. Of codes in {-1, +1} the cosine is 1 - 2 * Hamming distance / D.
    """
    views = functional.normalize(views, dim=1)
    cosines = (views @ views.T).fill_diagonal_(-torch.inf)
    other = torch.arange(len(views), device=views.device).roll(len(views) // 2)
    return functional.cross_entropy(cosines / temperature, other)


def nested_agreement(bits: Tensor, lengths: Sequence[int], temperature: float) -> Tensor:
    """The mean `agreement` of the first 28, 64, ... bits (2N, bits): each prefix is a code of its own -> a scalar.

    Kusupati et al., "Matryoshka Representation Learning" (2022).
    """
    return torch.stack([agreement(bits[:, :length], temperature) for length in lengths]).mean()


def gaussian_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) plus noise of this standard deviation (Vincent et al., denoising autoencoders, 2008)."""
    noise = torch.empty_like(images).normal_(0, 1, generator=generator)
    return images + deviation * noise


def mask_patches(images: Tensor, share: float, generator: torch.Generator, patches: int = 8) -> Tensor:
    """Grey out a random share of a patches x patches grid, anew for each picture (N, 3, S, S)."""
    kept = torch.rand(len(images), 1, patches, patches, generator=generator, device=images.device) >= share
    kept = functional.interpolate(kept.to(images.dtype), size=images.shape[-2:])
    return torch.lerp(torch.full_like(images, 0.5), images, kept)
