"""What a run is told besides its recipe, and whether the recipe can be had so."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import TrainingError
from semblance.retrieval.inputs import InputSpec, spec_for
from semblance.retrieval.training.checkpoint import WEIGHTS
from semblance.retrieval.training.recipe import AnyRecipe, Fitted, Recipe
from semblance.retrieval.training.refit import Trunk, ends_in_bits


@dataclass(frozen=True)
class Terms:
    """What a run is told besides its recipe: the model whose weights it begins with, the one that it imitates, and how
    long it may train."""

    start: Codec | None = None
    teacher: Codec | None = None
    minutes: float | None = None

    def input(self, recipe: AnyRecipe) -> InputSpec:
        """What the run wants to see of pictures: the rule is that of the model that it begins as."""
        return spec_for(recipe.size) if self.start is None else replace(self.start.spec, size=recipe.size)

    def check(self, recipe: AnyRecipe, out: Path) -> None:
        """Raises TrainingError unless a run of `recipe` into `out` can be had on these terms."""
        frozen = _is_frozen(recipe)
        if frozen and (self.start is None or not ends_in_bits(self.start)):
            raise TrainingError(
                f"{recipe.name} begins as another network and trains what follows its features: name a model --from "
                "that has some, photos or one that `semblance adopt` has made."
            )
        if self.start is not None:
            _check_start(self.start, recipe, out, frozen)
        _check_teacher(self.teacher, recipe)
        if self.minutes is not None:
            _check_minutes(self.minutes, recipe)

    def trunk(self, recipe: AnyRecipe) -> Trunk | None:
        """What makes the features of a recipe whose trunk is frozen."""
        return Trunk(self.start) if _is_frozen(recipe) and self.start is not None else None


FREE = Terms()


def _check_start(start: Codec, recipe: AnyRecipe, out: Path, frozen: bool) -> None:
    if isinstance(recipe, Fitted):
        raise TrainingError(f"{recipe.name} is fitted by a formula: it does not go on from another model.")
    if start.spec.size != recipe.size and not frozen:
        raise TrainingError(
            f"{start.name} takes pictures of {start.spec.size} pixels, {recipe.name} of {recipe.size}: leave --recipe "
            "out to train the model's own."
        )
    if start.folder.resolve() == out.resolve():
        raise TrainingError(f"{out} is the folder of the model to go on from: name another one with --out.")
    if not (start.folder / WEIGHTS).exists() and not frozen:
        raise TrainingError(
            f"{start.folder} has no {WEIGHTS}: training goes on from folders that `semblance train` has written."
        )


def _check_teacher(teacher: Codec | None, recipe: AnyRecipe) -> None:
    weight = recipe.objectives.imitation if isinstance(recipe, Recipe) else 0
    if teacher is None:
        if weight and not _is_frozen(recipe):  # which imitates its own trunk
            raise TrainingError(f"{recipe.name} imitates another model: name one with --teacher.")
    elif not weight:
        raise TrainingError(f"{recipe.name} has no use for a teacher: give imitation a weight (--set imitation=1).")


def _check_minutes(minutes: float, recipe: AnyRecipe) -> None:
    if not 0 < minutes < math.inf:
        raise TrainingError(f"--minutes must be a finite number above 0, not {minutes:g}.")
    if isinstance(recipe, Fitted):
        raise TrainingError(f"{recipe.name} is fitted by a formula, not by the clock: leave --minutes out.")
    if recipe.schedule.pretraining:
        raise TrainingError(
            f"{recipe.name} is pretrained by epochs, not by the clock: leave --minutes out, or --set pretraining=0."
        )


def _is_frozen(recipe: AnyRecipe) -> bool:
    return isinstance(recipe, Recipe) and recipe.network.kind == "frozen"
