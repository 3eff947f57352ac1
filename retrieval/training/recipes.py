"""Named, frozen recipes: what to train and how. Single fields are overridden on the command line.

A recipe is the whole truth about a run besides its data: a checkpoint carries it, model.json repeats it, and a
checkpoint of another recipe is refused.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from retrieval.errors import RecipeError

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Recipe:
    """One way of making a model: the network, what it is asked for, and how long.

    A weight of 0 leaves an objective out. `encoder` names the channels of each stage, each half the size of the one
    before, `blocks` the residual blocks of each; `decoder` the channels at full size, 1/2, 1/4 and so on.
    """

    name: str
    summary: str
    size: int = 32
    bits: int = 256
    # the network
    encoder: tuple[int, ...] = (64, 128)
    blocks: tuple[int, ...] = (1, 2)
    stem_stride: int = 2  # what the first convolution shrinks the picture by: 1 or 2
    head: int = 0  # channels of a last 1 x 1 convolution, or none
    pooled: bool = False  # the mean over the last map's places, instead of the map itself
    decoder: tuple[int, ...] = (24, 32, 64, 128)
    # objectives
    reconstruction: float = 1.0
    agreement: float = 0.0  # of two views in their bits
    projection: float = 0.0  # of two views in a projection of the features
    temperature: float = 0.2  # of the bits' agreement: the lower, the more the nearest mistakes count
    projection_temperature: float = 0.1
    prefixes: tuple[int, ...] = (28, 64, 128)  # lengths, below bits, at which a code is one too
    rebuilt: float = 1.0  # share of each batch that the decoder is asked to rebuild
    # what is done to a picture before it is encoded
    noise: float = 0.0  # standard deviation of the Gaussian noise added, pixels in 0..1
    mask: float = 0.0  # share of the patches greyed out
    jitter: float = 0.0  # strength of the changes in brightness, contrast, saturation and hue
    grey: float = 0.0  # share of pictures that lose their colours
    crop: float = 0.2  # the least share of the area that a view keeps
    view: int = 24  # side of a view in pixels
    # the schedule
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of all steps
    held_out: int = 5000
    seed: int = 0
    precision: Precision = "bfloat16"

    @property
    def shrinkage(self) -> int:
        """How many times smaller the encoder's last map is than the picture."""
        return int(self.stem_stride * 2 ** (len(self.encoder) - 1))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length at which the bits are trained as a code of their own; the last is all of them."""
        return (*(length for length in self.prefixes if length < self.bits), self.bits)

    @property
    def views(self) -> bool:
        """Whether two views of each picture are compared."""
        return self.agreement > 0 or self.projection > 0

    def __post_init__(self) -> None:
        for field in ("size", "bits", "epochs", "batch_size", "view"):
            if getattr(self, field) < 1:
                raise RecipeError(f"{field} must be at least 1, not {getattr(self, field)}.")
        for field in ("encoder", "blocks", "decoder"):
            numbers = getattr(self, field)
            if not numbers or min(numbers) < 1:
                raise RecipeError(f"{field} must name one or more numbers of 1 or more, not {numbers}.")
        if len(self.encoder) != len(self.blocks):
            raise RecipeError(f"blocks must name as many numbers as encoder: {self.encoder}, not {self.blocks}.")
        if self.stem_stride not in (1, 2):
            raise RecipeError(f"stem_stride must be 1 or 2, not {self.stem_stride}.")
        for name, factor in {"encoder": self.shrinkage, "decoder": 2 ** (len(self.decoder) - 1)}.items():
            if self.size % factor:
                raise RecipeError(f"size must be a multiple of {factor} for this {name}, not {self.size}.")
        if self.views and not self.pooled and self.view != self.size:
            raise RecipeError(f"view must be {self.size} as size is, unless pooled: features depend on the side.")
        if any(length < 1 for length in self.prefixes):
            raise RecipeError(f"prefixes must be lengths of 1 bit or more, not {self.prefixes}.")
        if self.batch_size < 2:
            raise RecipeError("batch_size must be at least 2: logits are standardised over the batch.")
        for field in ("learning_rate", "temperature", "projection_temperature"):
            if not getattr(self, field) > 0:
                raise RecipeError(f"{field} must be above 0, not {getattr(self, field)}.")
        for field in ("crop", "rebuilt"):
            if not 0 < getattr(self, field) <= 1:
                raise RecipeError(f"{field} must be a share from above 0 to 1, not {getattr(self, field)}.")
        for field in ("warmup", "mask", "jitter", "grey"):
            if not 0 <= getattr(self, field) < 1:
                raise RecipeError(f"{field} must be a share from 0 to below 1, not {getattr(self, field)}.")
        for field in ("noise", "weight_decay", "held_out", "head", "reconstruction", "agreement", "projection"):
            if not 0 <= getattr(self, field) < math.inf:
                raise RecipeError(f"{field} must not be negative, as {getattr(self, field)} is.")
        if not (self.views or self.reconstruction):
            raise RecipeError("Nothing is asked of the network: give reconstruction, agreement or projection a weight.")


_FAST = Recipe(
    name="cifar10-fast",
    summary="256 bits on which two views of a picture agree and from which it is rebuilt; made for two cores.",
    head=256,
    pooled=True,
    reconstruction=10.0,
    rebuilt=0.25,
    agreement=1.0,
    projection=1.0,
    jitter=0.4,
    grey=0.1,
    epochs=120,  # 60 for experiments and seeds: 45 minutes
    weight_decay=1e-2,
    warmup=0.05,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="cifar10-ae",
            summary="Deep convolutional autoencoder with 256 rounded bits, trained by reconstruction alone.",
            encoder=(64, 128, 192),
            blocks=(1, 1, 1),
            noise=0.25,
            mask=0.3,
            epochs=5,
            batch_size=128,
        ),
        _FAST,
        dataclasses.replace(
            _FAST,
            name="cifar10",
            summary="256 bits on which two views of a picture agree and from which it is rebuilt; for an accelerator.",
            encoder=(64, 128, 256, 512),
            blocks=(2, 2, 2, 2),
            stem_stride=1,
            head=0,
            view=32,
            epochs=400,
            batch_size=1024,
        ),
    )
}


def find(name: str) -> Recipe:
    """The recipe of this name. Raises RecipeError."""
    if name not in RECIPES:
        raise RecipeError(f"There is no recipe {name!r}: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[name]


def from_card(fields: dict[str, Any]) -> Recipe:
    """A recipe as model.json and checkpoints hold it, tuples as lists.

    What it does not name is younger than it and has its default, which changes nothing. Raises RecipeError.
    """
    known = {field.name for field in dataclasses.fields(Recipe)}
    if strange := sorted(fields.keys() - known):
        raise RecipeError(f"A recipe has no field {', '.join(strange)}.")
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in fields.items()}
    return Recipe(**values)


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
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        wanted = getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)
        raise RecipeError(f"{name} must be {wanted}, not {text!r}.") from None
