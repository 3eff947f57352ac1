"""What a network is asked to be good at: each objective a small function of tensors, corruptions beside them."""

import torch
from torch import Tensor
from torch.nn import functional


def reconstruction(rebuilt: Tensor, images: Tensor) -> Tensor:
    """Mean squared error between rebuilt and clean pictures, both (N, 3, S, S) in 0..1 -> a scalar."""
    return functional.mse_loss(rebuilt, images)


def gaussian_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) plus noise of this standard deviation (Vincent et al., denoising autoencoders, 2008)."""
    noise = torch.empty_like(images).normal_(0, 1, generator=generator)
    return images + deviation * noise


def mask_patches(images: Tensor, share: float, generator: torch.Generator, patches: int = 8) -> Tensor:
    """Grey out a random share of a patches x patches grid, anew for each picture (N, 3, S, S)."""
    kept = torch.rand(len(images), 1, patches, patches, generator=generator, device=images.device) >= share
    kept = functional.interpolate(kept.to(images.dtype), size=images.shape[-2:])
    return torch.lerp(torch.full_like(images, 0.5), images, kept)
