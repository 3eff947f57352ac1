"""What one step asks of the network: the recipe's objectives on a batch, each by name and already weighted."""

from typing import cast

import torch
from torch import Tensor, nn

from semblance.retrieval.training import augment, corruption, degradation, objectives
from semblance.retrieval.training.bottleneck import Gaussian
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.pooling import PoolingEncoder
from semblance.retrieval.training.recipe import Recipe


def losses(
    model: Autoencoder, images: Tensor, recipe: Recipe, generator: torch.Generator, taught: Tensor | None = None
) -> dict[str, Tensor]:
    """Pictures (N, 3, S, S) in 0..1 -> {objective: scalar}; their sum is what is minimised. `taught` (N, T) are a
    teacher's logits of the same pictures, where there is one to imitate.

    Where views are compared the network sees two crops of each picture, the first as a copy that has been about, else
    the picture in its place, perhaps corrupted. What is to be rebuilt from the code is the whole picture as it was.
    """
    with torch.profiler.record_function("augmentation"):  # a part of its own in `semblance bench training`
        taken = [_corrupted(images, recipe, generator)]
        if recipe.views:
            taken.append(_viewed(images, recipe, generator))
    inputs = torch.cat(taken).contiguous(memory_format=torch.channels_last)
    seen = model.encoder.visible(inputs).requires_grad_(recipe.contractive > 0)
    cast_down = torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16")
    switches: list[Tensor] = []
    with cast_down:
        if isinstance(model.encoder.trunk, PoolingEncoder):
            features, switches = model.encoder.trunk.with_switches(seen)
        else:
            features = model.encoder.trunk(seen)
    features = features.float()  # what decides a bit, and what is compared, is worth full precision and costs little
    logits = model.encoder.bottleneck(features)  # (N, bits), or (2N, bits): all first views, then all second
    latents = model.encoder.bottleneck.drawn(logits, features, generator)
    out = {}
    if recipe.reconstruction:
        asked = max(2, int(recipe.rebuilt * len(images)))
        with cast_down:
            given = latents[:asked].detach() if recipe.detached else latents[:asked]
            rebuilt = model.decoder(given, [places[:asked] for places in switches])
        error = objectives.reconstruction(rebuilt.float(), images[:asked], recipe.pixels)
        out["reconstruction"] = recipe.reconstruction * error
    if recipe.agreement:
        nested = objectives.nested_agreement(latents, recipe.lengths, recipe.temperature)
        out["agreement"] = recipe.agreement * nested
    if recipe.projection:
        agreed = objectives.agreement(model.projection(features), recipe.projection_temperature)
        out["projection"] = recipe.projection * agreed
    if taught is not None:
        imitated = objectives.imitation(latents, taught, recipe.projection_temperature)
        out["imitation"] = recipe.imitation * imitated
    if recipe.decorrelation:
        out["decorrelation"] = recipe.decorrelation * objectives.decorrelation(logits)
    if recipe.sparse:
        out["sparse"] = recipe.sparse * objectives.sparse(model.decoder.code(latents), recipe.activity)
    if recipe.magnitude:
        out["magnitude"] = recipe.magnitude * objectives.magnitude(model.decoder.code(latents))
    if recipe.contractive:
        out["contractive"] = recipe.contractive * _contraction(model, seen, logits, recipe, generator)
    if recipe.divergence:
        bottleneck = model.encoder.bottleneck
        if isinstance(bottleneck, Gaussian):
            divergence = objectives.divergence_from_normal(logits, bottleneck.log_variance(features))
        else:
            divergence = objectives.divergence_from_coins(logits)
        out["divergence"] = recipe.divergence * divergence
    if recipe.adversarial:
        told = objectives.adversarial(latents, model.discriminator, generator)
        out["adversarial"] = recipe.adversarial * told
    return out


def _contraction(
    model: Autoencoder, seen: Tensor, logits: Tensor, recipe: Recipe, generator: torch.Generator
) -> Tensor:
    """The contraction of the code's units: of the standardised logits that become bits, or of sigmoid units, exactly
    where they are the only layer."""
    if recipe.latent == "bits":
        return objectives.contractive(logits, seen, generator)
    units = model.decoder.code(logits)
    if not recipe.hidden:
        return objectives.contractive_of_one_layer(units, cast(nn.Linear, model.encoder.bottleneck).weight)
    return objectives.contractive(units, seen, generator)


def _viewed(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    if recipe.views:
        images = augment.random_crops(images, recipe.view, recipe.crop, generator, recipe.turn, recipe.frame)
    if recipe.jitter or recipe.grey or recipe.tint:
        images = augment.random_colours(images, recipe.jitter, recipe.grey, generator, recipe.tint)
    return images


def _corrupted(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    images = _viewed(images, recipe, generator)
    for damage, amount in (
        (degradation.sharpness, recipe.sharpness),
        (degradation.resolution, recipe.resolution),
        (degradation.caption, recipe.caption),
        (degradation.jpeg, recipe.jpeg),
        (degradation.grain, recipe.grain),
        (corruption.gaussian_noise, recipe.noise),
        (corruption.mask_patches, recipe.mask),
        (corruption.salt_and_pepper, recipe.salt),
    ):
        images = damage(images, amount, generator) if amount else images
    return images
