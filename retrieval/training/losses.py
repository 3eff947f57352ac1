"""What one step asks of the network: the recipe's objectives on a batch, each by name and already weighted."""

import torch
from torch import Tensor

from retrieval.training import augment, objectives
from retrieval.training.bottleneck import sign_ste
from retrieval.training.networks import Autoencoder
from retrieval.training.recipes import Recipe


def losses(model: Autoencoder, images: Tensor, recipe: Recipe, generator: torch.Generator) -> dict[str, Tensor]:
    """Pictures (N, 3, S, S) in 0..1 -> {objective: scalar}; their sum is what is minimised.

    Where views are compared the network sees two crops of each picture, else the picture in its place; either way what
    comes in may be corrupted, and what is to be rebuilt from the bits is the whole picture as it was.
    """
    with torch.profiler.record_function("augmentation"):  # a part of its own in `semblance bench training`
        seen = [_corrupted(images, recipe, generator) for _ in range(2 if recipe.views else 1)]
    inputs = torch.cat(seen).contiguous(memory_format=torch.channels_last)
    cast = torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    with cast:
        features = model.encoder.features(inputs)
    features = features.float()  # what decides a bit, and what is compared, is worth full precision and costs little
    bits = sign_ste(model.encoder.bottleneck(features))  # (N, bits), or (2N, bits): all first views, then all second
    out = {}
    if recipe.reconstruction:
        with cast:
            rebuilt = model.decoder(bits[: max(2, int(recipe.rebuilt * len(images)))])
        squared_error = objectives.reconstruction(rebuilt.float(), images[: len(rebuilt)])
        out["reconstruction"] = recipe.reconstruction * squared_error
    if recipe.agreement:
        nested = objectives.nested_agreement(bits, recipe.lengths, recipe.temperature)
        out["agreement"] = recipe.agreement * nested
    if recipe.projection:
        agreed = objectives.agreement(model.projection(features), recipe.projection_temperature)
        out["projection"] = recipe.projection * agreed
    return out


def _corrupted(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    if recipe.views:
        images = augment.random_crops(images, recipe.view, recipe.crop, generator)
    if recipe.jitter or recipe.grey:
        images = augment.random_colours(images, recipe.jitter, recipe.grey, generator)
    if recipe.noise:
        images = objectives.gaussian_noise(images, recipe.noise, generator)
    if recipe.mask:
        images = objectives.mask_patches(images, recipe.mask, generator)
    return images
