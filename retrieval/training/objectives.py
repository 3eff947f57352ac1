"""What a network is asked to be good at: each objective a small function of tensors, corruptions beside them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def reconstruction(rebuilt: Tensor, images: Tensor) -> Tensor:
    """Mean squared error between rebuilt and clean pictures, both (N, 3, S, S) in 0..1 -> a scalar."""
    return functional.mse_loss(rebuilt, images)


def agreement(views: Tensor, temperature: float) -> Tensor:
    """Two views of N pictures (2N, D), all first ones before all second: each is drawn to its other, away from all
    2N - 2 that show other pictures -> a scalar.

    The contrastive loss of Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (2020),
    over cosines, without the positive in the denominator: Yeh et al., "Decoupled Contrastive Learning" (2022), who show
    that this is what lets small batches do. Of codes in {-1, +1} the cosine is 1 - 2 * Hamming distance / D.
    """
    views = functional.normalize(views, dim=1)
    cosines = views @ views.T / temperature  # (2N, 2N)
    half = len(views) // 2
    itself = torch.eye(half, dtype=torch.bool, device=views.device).repeat(2, 2)
    away = cosines.masked_fill(itself, -torch.inf).logsumexp(dim=1)
    return (away - cosines.diagonal(half).repeat(2)).mean()


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
