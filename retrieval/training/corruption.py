"""What a picture may suffer before it is encoded, in its place: the clean one is what is to be rebuilt.

Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders" (2008), name all three.
"""

import torch
from torch import Tensor
from torch.nn import functional


def gaussian_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) plus noise of this standard deviation."""
    noise = torch.empty_like(images).normal_(0, 1, generator=generator)
    return images + deviation * noise


def mask_patches(images: Tensor, share: float, generator: torch.Generator, patches: int = 8) -> Tensor:
    """Grey out a random share of a patches x patches grid, anew for each picture (N, 3, S, S)."""
    kept = torch.rand(len(images), 1, patches, patches, generator=generator, device=images.device) >= share
    kept = functional.interpolate(kept.to(images.dtype), size=images.shape[-2:])
    return torch.lerp(torch.full_like(images, 0.5), images, kept)


def salt_and_pepper(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Make a random share of the pixels of each picture (N, 3, S, S) black or white."""
    chance = torch.rand(len(images), 1, *images.shape[-2:], generator=generator, device=images.device)
    return torch.where(chance < share, (chance < share / 2).to(images.dtype), images)
