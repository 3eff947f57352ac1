"""What one step asks of the network: the recipe's objectives on a batch, each by name and already weighted.

A new objective is a weight in recipe.py, a function in objectives.py, and a line in `_OBJECTIVES`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from semblance.retrieval.training import augment, corruption, degradation, objectives
from semblance.retrieval.training.bottleneck import Gaussian
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe


@dataclass(frozen=True)
class Step:
    """What there is to judge by: `images` (N, 3, S, S) as they were, what the first layer saw of them, and what the
    network made of that; `taught` (N, T) are a teacher's logits. Where views are compared, `seen`, `features` (F),
    `logits` and `latents` (bits) have 2N rows: all first views, then all second."""

    recipe: Recipe
    model: Autoencoder
    images: Tensor
    seen: Tensor
    features: Tensor
    switches: list[Tensor]
    logits: Tensor
    latents: Tensor
    taught: Tensor | None
    generator: torch.Generator


def losses(
    model: Autoencoder,
    images: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    taught: Tensor | None = None,
    kept: Tensor | None = None,
) -> dict[str, Tensor]:
    """Pictures (N, 3, S, S) in 0..1 -> {objective: scalar}; their sum is what is minimised. `taught` (N, T) are a
    teacher's logits of the same pictures, where there is one to imitate; `kept` (1 + views, N, F) the features that a
    frozen trunk has made of the pictures and of views of them.

    Where views are compared the network sees two crops of each picture, the first as a copy that has been about, else
    the picture in its place, perhaps corrupted. What is to be rebuilt from the code is the whole picture as it was.
    """
    inputs = drawn(kept, recipe, generator) if kept is not None else _seen(images, recipe, generator)
    seen = model.encoder.visible(inputs).requires_grad_(recipe.objectives.contractive > 0)
    with _cast_down(recipe, images):
        features, switches = model.encoder.trunk(seen)
    features = features.float()  # what decides a bit, and what is compared, is worth full precision and costs little
    logits = model.encoder.bottleneck(features)
    latents = model.encoder.bottleneck.drawn(logits, features, generator)
    step = Step(recipe, model, images, seen, features, switches, logits, latents, taught, generator)
    weights = {name: getattr(recipe.objectives, name) for name in _OBJECTIVES}
    return {name: weight * _OBJECTIVES[name](step) for name, weight in weights.items() if weight}


def _reconstruction(step: Step) -> Tensor:
    asked = max(2, int(step.recipe.objectives.rebuilt * len(step.images)))
    with _cast_down(step.recipe, step.images):
        rebuilt = step.model.decoder(step.latents[:asked], [places[:asked] for places in step.switches])
    return objectives.reconstruction(rebuilt.float(), step.images[:asked], step.recipe.network.pixels)


def _contractive(step: Step) -> Tensor:
    """Of the code's units: of the standardised logits that become bits, or of sigmoid units, exactly where they are the
    only layer."""
    if step.recipe.network.latent == "bits":
        return objectives.contractive(step.logits, step.seen, step.generator)
    units = step.model.decoder.code(step.logits)
    if not step.recipe.network.hidden:
        weights = cast(nn.Linear, step.model.encoder.bottleneck).weight
        return objectives.contractive_of_one_layer(units, weights)
    return objectives.contractive(units, step.seen, step.generator)


def _divergence(step: Step) -> Tensor:
    bottleneck = step.model.encoder.bottleneck
    if isinstance(bottleneck, Gaussian):
        return objectives.divergence_from_normal(step.logits, bottleneck.log_variance(step.features))
    return objectives.divergence_from_coins(step.logits)


_OBJECTIVES: dict[str, Callable[[Step], Tensor]] = {  # in this order, which decides who draws chance first
    "reconstruction": _reconstruction,
    "agreement": lambda step: objectives.nested_agreement(
        step.latents, step.recipe.lengths, step.recipe.objectives.temperature
    ),
    "projection": lambda step: objectives.agreement(
        step.model.projection(step.features), step.recipe.objectives.projection_temperature
    ),
    "imitation": lambda step: objectives.nested_imitation(
        step.latents, cast(Tensor, step.taught), step.recipe.lengths, step.recipe.objectives.likeness
    ),
    "sparse": lambda step: objectives.sparse(step.model.decoder.code(step.latents), step.recipe.objectives.activity),
    "magnitude": lambda step: objectives.magnitude(step.model.decoder.code(step.latents)),
    "contractive": _contractive,
    "divergence": _divergence,
    "adversarial": lambda step: objectives.adversarial(step.latents, step.model.discriminator, step.generator),
}

_DAMAGES: dict[str, Callable[[Tensor, float, torch.Generator], Tensor]] = {  # one after the other
    "sharpness": degradation.sharpness,
    "resolution": degradation.resolution,
    "caption": degradation.caption,
    "jpeg": degradation.jpeg,
    "blur": degradation.blur,
    "grain": degradation.grain,
    "noise": corruption.gaussian_noise,
    "mask": corruption.mask_patches,
    "salt": corruption.salt_and_pepper,
}


def _cast_down(recipe: Recipe, images: Tensor) -> torch.autocast:
    return torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.schedule.precision == "bfloat16")


def viewed(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """A view (N, 3, V, V) of each picture (N, 3, S, S) where views are compared, else the picture, in other colours."""
    views = recipe.views
    if recipe.objectives.compare_views:
        images = augment.random_crops(images, views.view, views.crop, generator, views.turn, views.frame)
    if views.jitter or views.grey or views.tint:
        images = augment.random_colours(images, views.jitter, views.grey, generator, views.tint)
    return images


def _seen(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """What the network is shown of pictures (N, 3, S, S): one view of each, or first views and then second."""
    with torch.profiler.record_function("augmentation"):  # a part of its own in `semblance bench training`
        taken = [damaged(viewed(images, recipe, generator), recipe, generator)]
        if recipe.objectives.compare_views:
            taken.append(_whole(images, viewed(images, recipe, generator), recipe.views.whole, generator))
    return torch.cat(taken).contiguous(memory_format=torch.channels_last)


def drawn(kept: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Of the features kept of pictures and their views (1 + V, N, F): those of one view each, and then of another or of
    the picture itself, (2N, F); of the pictures alone (N, F) where no views were kept."""
    views, count = len(kept) - 1, kept.shape[1]
    if not views:
        return kept[0].float()
    rows = torch.arange(count, device=kept.device)
    first, second = (augment.uniform(count, 1, 1 + views, generator).long().clamp(max=views) for _ in range(2))
    second[augment.uniform(count, 0, 1, generator) < recipe.views.whole] = 0
    return torch.cat([kept[first, rows], kept[second, rows]]).float()


def _whole(images: Tensor, viewed: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Views (N, 3, V, V) of images (N, 3, S, S), a share of them replaced by the whole picture as it is."""
    if not share:
        return viewed
    rows = (augment.uniform(len(images), 0, 1, generator) < share).nonzero().flatten()
    out = viewed.clone()
    out[rows] = nn.functional.interpolate(images[rows], size=viewed.shape[-1], mode="bilinear", antialias=True)
    return out


def damaged(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) after all that the recipe does to the first of two views."""
    for name, damage in _DAMAGES.items():
        amount = getattr(recipe.damage, name)
        images = damage(images, amount, generator) if amount else images
    return images
