"""Named, frozen recipes: what to train and how. Single fields are overridden on the command line.

A recipe is the whole truth about a run besides its data: a checkpoint carries it, model.json repeats it, and a
checkpoint of another recipe is refused.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from retrieval.errors import RecipeError

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """One way of making a model. Channels are those at full size, 1/2, 1/4 and 1/8 of it."""

    name: str
    summary: str
    size: int = 32
    bits: int = 256
    encoder: tuple[int, ...] = (32, 48, 96, 192)
    decoder: tuple[int, ...] = (32, 48, 96, 192)
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of all steps
    noise: float = 0.0  # standard deviation of the Gaussian noise added to the input, pixels in 0..1
    mask: float = 0.0  # share of the input's patches greyed out
    held_out: int = 5000
    seed: int = 0
    precision: Precision = "bfloat16"

    def __post_init__(self) -> None:
        counts = {"size": self.size, "bits": self.bits, "epochs": self.epochs, "batch_size": self.batch_size}
        for field, value in counts.items():
            if value < 1:
                raise RecipeError(f"{field} must be at least 1, not {value}.")
        for field, channels in {"encoder": self.encoder, "decoder": self.decoder}.items():
            if len(channels) != 4 or min(channels) < 1:
                raise RecipeError(f"{field} must name four numbers of channels, not {channels}.")
        if self.size % 8:
            raise RecipeError(f"size must be a multiple of 8, not {self.size}.")
        if self.batch_size < 2:
            raise RecipeError("batch_size must be at least 2: logits are standardised over the batch.")
        if not self.learning_rate > 0:
            raise RecipeError(f"learning_rate must be above 0, not {self.learning_rate}.")
        for field, share in {"warmup": self.warmup, "mask": self.mask}.items():
            if not 0 <= share < 1:
                raise RecipeError(f"{field} must be a share from 0 to below 1, not {share}.")
        for field, least in {"noise": self.noise, "weight_decay": self.weight_decay, "held_out": self.held_out}.items():
            if not least >= 0:
                raise RecipeError(f"{field} must not be negative, as {least} is.")


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="cifar10-ae",
            summary="Deep convolutional autoencoder with 256 rounded bits, trained by reconstruction alone.",
            decoder=(24, 32, 64, 128),
            epochs=12,  # longer training rebuilds better and searches worse: see docs/results.md
            noise=0.25,
            mask=0.3,
        ),
    )
}


def find(name: str) -> Recipe:
    """The recipe of this name. Raises RecipeError."""
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe {name!r}: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[name]


def override(recipe: Recipe, settings: list[str]) -> Recipe:
    """A recipe with single fields changed by "field=value" texts; tuples are written 24,32,64. Raises RecipeError."""
    fields = {field.name: field.type for field in dataclasses.fields(Recipe) if field.name not in ("name", "summary")}
    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in fields:
            raise RecipeError(f"{setting!r} sets no field of a recipe: write FIELD=VALUE with {', '.join(fields)}.")
        changes[name] = _parse(name, text, fields[name])
    return dataclasses.replace(recipe, **changes)


def _parse(name: str, text: str, kind: Any) -> Any:
    try:
        if get_origin(kind) is tuple:
            return tuple(int(part) for part in text.split(","))
        if get_origin(kind) is Literal:
            if text not in get_args(kind):
                raise ValueError
            return text
        return kind(text)
    except ValueError:
        wanted = getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)
        raise RecipeError(f"{name} must be {wanted}, not {text!r}.") from None
