"""One training run from pictures to a model folder: read, fit, export, compare with ONNX Runtime."""

import dataclasses
import platform
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import TrainingError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.training import closed_form, export
from semblance.retrieval.training.checkpoint import WEIGHTS, save_weights
from semblance.retrieval.training.closed_form import FittedCoder
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.loop import Report, fit, measure
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.override import settable
from semblance.retrieval.training.recipe import AnyRecipe, Fitted, Recipe
from semblance.retrieval.training.recipes import find

MOST_DISAGREEMENT = 0.001  # share of bits that torch and ONNX Runtime may give differently


@dataclass(frozen=True)
class Trained:
    """A finished run: the codec read back from its folder, its figures, and how far ONNX Runtime is from torch."""

    codec: Codec
    figures: dict[str, float]
    differing_bits: float
    largest_differing_logit: float


def train(
    recipe: AnyRecipe,
    data: TrainingData,
    out: Path,
    device: torch.device,
    report: Report,
    stop: Callable[[], bool],
    start: Codec | None = None,
    teacher: Codec | None = None,
) -> Trained:
    """Fit `recipe` on `data` and write the model folder `out`; see `fit` for the rest. Raises TrainingError."""
    if start is not None:
        check_start(start, recipe, out)
    check_teacher(teacher, recipe)
    model: Autoencoder | FittedCoder
    if isinstance(recipe, Recipe):
        network, seconds = fit(recipe, data, out, device, report, stop, start, teacher)
        try:
            save_weights(network, out)
        except OSError as error:
            raise TrainingError(f"The model folder {out} could not be written: {error}") from error
        model = export.deployable(network)
    else:
        model, seconds = _fitted(recipe, data, report, stop)
    _, held_out = datasets.hold_out(recipe.held_out, len(data.pictures))
    sample = data.pictures[held_out if len(held_out) else slice(0, 500)]
    measured = measure(model, torch.from_numpy(sample).permute(0, 3, 1, 2), recipe.bits)
    figures = {"seconds": round(seconds, 1), "held_out_pictures": float(len(held_out)), **measured}
    card = _card(recipe, data, figures, out.resolve().name, start, teacher)
    decodes = isinstance(recipe, Fitted) or recipe.reconstruction > 0
    codec = export.export(model, out, card, InputSpec(recipe.size), recipe.bits, decodes)
    differing, largest = export.disagreement(model, codec, sample)
    if differing > MOST_DISAGREEMENT:
        raise TrainingError(f"ONNX Runtime gives {differing:.2%} other bits than torch: the export in {out} is wrong.")
    return Trained(codec, figures, differing, largest)


def _fitted(recipe: Fitted, data: TrainingData, report: Report, stop: Callable[[], bool]) -> tuple[FittedCoder, float]:
    """A deployable model without a network, and the seconds it took."""

    def watched(done: int, total: int) -> None:
        report(done, total)
        if stop():
            raise KeyboardInterrupt

    started = time.monotonic()
    kept, _ = datasets.hold_out(recipe.held_out, len(data.pictures))
    model = closed_form.fit(recipe, data.pictures[kept], watched)
    return export.deployable(model), time.monotonic() - started


def check_start(start: Codec, recipe: AnyRecipe, out: Path) -> None:
    """Raises TrainingError unless a run of `recipe` into `out` can begin with the weights of `start`."""
    if isinstance(recipe, Fitted):
        raise TrainingError(f"{recipe.name} is fitted by a formula: it does not go on from another model.")
    if start.spec != InputSpec(recipe.size):
        raise TrainingError(
            f"{start.name} takes pictures of {start.spec.size} pixels, {recipe.name} of {recipe.size}: leave --recipe "
            "out to train the model's own."
        )
    if start.folder.resolve() == out.resolve():
        raise TrainingError(f"{out} is the folder of the model to go on from: name another one with --out.")
    if not (start.folder / WEIGHTS).exists():
        raise TrainingError(
            f"{start.folder} has no {WEIGHTS}: training goes on from folders that `semblance train` has written."
        )


def check_teacher(teacher: Codec | None, recipe: AnyRecipe) -> None:
    """Raises TrainingError unless a run of `recipe` can imitate `teacher`, or imitates none and has none."""
    weight = recipe.imitation if isinstance(recipe, Recipe) else 0
    if teacher is None:
        if weight:
            raise TrainingError(f"{recipe.name} imitates another model: name one with --teacher.")
    elif not weight:
        raise TrainingError(f"{recipe.name} has no use for a teacher: give imitation a weight (--set imitation=1).")
    elif teacher.spec != InputSpec(recipe.size):
        raise TrainingError(
            f"{teacher.name} takes pictures of {teacher.spec.size} pixels, {recipe.name} of {recipe.size}: a teacher "
            "sees the pictures that are trained on."
        )


def find_device(name: str) -> torch.device:
    """A device of torch by its name; "auto" takes the accelerator where there is one. Raises TrainingError."""
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        torch.empty(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(
            f"This machine offers torch no device {name!r}: leave --device out to use what there is."
        ) from error


def _card(
    recipe: AnyRecipe,
    data: TrainingData,
    figures: dict[str, float],
    name: str,
    start: Codec | None,
    teacher: Codec | None,
) -> dict[str, Any]:
    others: dict[str, Any] = {}
    for role, codec in {"from": start, "teacher": teacher}.items():
        if codec is not None:  # what the weights have learned from through it, which is theirs to say
            known = {key: codec.card[key] for key in ("data", "licence") if key in codec.card}
            others[role] = {"name": codec.name, "codec_id": codec.codec_id, **known}
    return {
        "name": name,
        "summary": recipe.summary,
        "latent": "bits" if isinstance(recipe, Fitted) or recipe.binary_latents else "real",
        "recipe": dataclasses.asdict(recipe),
        "command": _command(recipe, data.arguments, name, start, teacher),
        "data": {"name": data.name, "pictures": len(data.pictures), "sha256": data.sha256},
        **others,
        "figures": figures,
        "made_with": {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine()},
        "licence": {"weights": "Apache-2.0, as the project", "data": _licence(data.name)},
    }


def _licence(data: str) -> str:
    if data == "CIFAR-10 training pictures":
        return "CIFAR-10 was published for research and states no licence; no picture of it is distributed here"
    return "the pictures' own; none of them is distributed with the model"


def _command(recipe: AnyRecipe, data: Sequence[str], name: str, start: Codec | None, teacher: Codec | None) -> str:
    """The command that repeats the run."""
    named, chosen = dataclasses.asdict(find(recipe.name)), dataclasses.asdict(recipe)
    settings: list[str] = []
    for field, value in chosen.items():
        if field in settable(recipe) and value != named[field]:
            text = ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
            settings += ["--set", f"{field}={text}"]
    others = [*(["--from", start.name] if start else []), *(["--teacher", teacher.name] if teacher else [])]
    words = ["semblance", "train", *data, "--recipe", recipe.name, *others, *settings, "--out", f"models/{name}"]
    return shlex.join(words)
