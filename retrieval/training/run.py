"""A whole run, from pictures to a model folder: train or fit, export, compare with ONNX Runtime."""

import platform
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semblance.retrieval.codec import Codec, Logits
from semblance.retrieval.errors import TrainingError
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training import closed_form, export, looks, loop
from semblance.retrieval.training.checkpoint import Origin, load_weights, save_weights
from semblance.retrieval.training.closed_form import FittedCoder
from semblance.retrieval.training.data import TrainingData, split
from semblance.retrieval.training.fields import as_card, settable
from semblance.retrieval.training.measuring import measure
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import AnyRecipe, Fitted, Recipe
from semblance.retrieval.training.recipes import find
from semblance.retrieval.training.terms import FREE, Terms

_OF_BITS = ("adopted", "fitted", "quantised", "near_duplicates", "licence")  # what a card says of them

MOST_DISAGREEMENT = 0.001  # share of bits that torch and ONNX Runtime may give differently


@dataclass(frozen=True)
class Summary:
    """A finished run: the codec read back from its folder, its figures, and how far ONNX Runtime is from torch."""

    codec: Codec
    figures: dict[str, float]
    differing_bits: float
    largest_differing_logit: float


def make_model(
    recipe: AnyRecipe,
    data: TrainingData,
    out: Path,
    device: torch.device,
    progress: Progress = quiet,
    stop: Callable[[], bool] = lambda: False,
    terms: Terms = FREE,
) -> Summary:
    """Train or fit `recipe` on `data` and write the model folder `out`; see loop.train for the rest.

    Raises DatasetError and TrainingError.
    """
    terms.check(recipe, out)
    model, seconds, by_the_clock = _made(recipe, data, out, device, progress, stop, terms)
    _, held_out = datasets.hold_out(recipe.held_out, len(data.pictures))
    rows = held_out if len(held_out) else np.arange(min(500, len(data.pictures)))
    sample, trunk = data.pictures[rows], terms.trunk(recipe)
    shown, seen = (sample, None) if trunk is None else looks.whole(trunk, data, rows)
    measured = measure(model, torch.from_numpy(sample).permute(0, 3, 1, 2), recipe.bits, seen)
    figures = {"seconds": round(seconds, 1), "held_out_pictures": float(len(held_out)), **measured}
    card = {**_card(recipe, data, out.resolve().name, terms), **by_the_clock, "figures": figures}
    decodes = isinstance(recipe, Fitted) or recipe.objectives.reconstruction > 0
    spec, encoder = terms.input(recipe), None
    if trunk is not None and isinstance(model, Autoencoder):
        spec, encoder = trunk.codec.spec, looks.encoder(trunk, model)
    codec = export.export(model, out, card, spec, recipe.bits, decodes, encoder)
    differing, largest = export.disagreement(model, codec, shown, seen)
    if differing > MOST_DISAGREEMENT:
        raise TrainingError(f"ONNX Runtime gives {differing:.2%} other bits than torch: the export in {out} is wrong.")
    return Summary(codec, figures, differing, largest)


def _made(
    recipe: AnyRecipe,
    data: TrainingData,
    out: Path,
    device: torch.device,
    progress: Progress,
    stop: Callable[[], bool],
    terms: Terms,
) -> tuple[Autoencoder | FittedCoder, float, dict[str, Any]]:
    """A deployable model, the seconds it took, and what a card says of one that was trained by the clock."""
    if isinstance(recipe, Fitted):
        started = time.monotonic()
        kept, _ = datasets.hold_out(recipe.held_out, len(data.pictures))
        fitted = closed_form.fit(recipe, data.pictures[kept], loop.interruptible(progress, stop))
        return export.deployable(fitted), time.monotonic() - started, {}
    start, teacher = terms.start, terms.teacher
    begun_as, by = (codec.codec_id if codec else "" for codec in (start, teacher))
    origin = Origin(recipe, data.sha256, begun_as, by, terms.minutes)
    watched = loop.interruptible(progress, stop)
    taught = _lessons(teacher, data, terms.input(recipe), watched) if teacher else None
    begin, seen = partial(load_weights, folder=start.folder) if start else None, None
    if trunk := terms.trunk(recipe):  # what takes long comes after what may be refused
        split(data, recipe.held_out, recipe.schedule.batch_size)
        origin.check_checkpoint(out)
        seen = looks.look(trunk, data, recipe, out, watched)
        kept, _ = datasets.hold_out(recipe.held_out, len(data.pictures))
        begin, taught = (
            partial(looks.begin, trunk=trunk, features=seen[0, kept]),
            looks.centred(seen[0]) if taught is None else taught,
        )
    trained = loop.train(origin, data, out, device, progress, stop, begin, taught, seen)
    try:
        save_weights(trained.network, out)
    except OSError as error:
        raise TrainingError(f"The model folder {out} could not be written: {error}") from error
    done = {"minutes": terms.minutes, "steps": trained.steps, "epochs": round(trained.epochs, 2)}
    by_the_clock = {"by_the_clock": done} if terms.minutes else {}
    return export.deployable(trained.network), trained.seconds, by_the_clock


def _lessons(teacher: Codec, data: TrainingData, spec: InputSpec, progress: Progress) -> Logits:
    """A teacher's logits (N, T) of all pictures, whole and clean, and as large as it wants to see them."""
    if teacher.spec == spec:
        return teacher.logits(data.pictures)
    return np.concatenate([teacher.logits(batch) for batch in data.at(teacher.spec, progress)])


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


def _card(recipe: AnyRecipe, data: TrainingData, name: str, terms: Terms) -> dict[str, Any]:
    others: dict[str, Any] = {}
    for role, codec in {"from": terms.start, "teacher": terms.teacher}.items():
        if codec is not None:  # what the weights have learned from through it, which is theirs to say
            known = {key: codec.card[key] for key in ("data", "licence") if key in codec.card}
            others[role] = {"name": codec.name, "codec_id": codec.codec_id, **known}
    kept: dict[str, Any] = {}
    if terms.start is not None and isinstance(recipe, Recipe) and recipe.decoder_alone:
        kept = {key: terms.start.card[key] for key in _OF_BITS if key in terms.start.card}
    return {
        "name": name,
        "summary": recipe.summary,
        "latent": "bits" if isinstance(recipe, Fitted) or recipe.network.binary_latents else "real",
        "recipe": as_card(recipe),
        "command": _command(recipe, data.arguments, name, terms),
        "data": {"name": data.name, "pictures": len(data.pictures), "sha256": data.sha256},
        **others,
        "made_with": {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine()},
        "licence": {"weights": "Apache-2.0, as the project", "data": _licence(data.name)},
        **kept,
    }


def _licence(data: str) -> str:
    if data == "CIFAR-10 training pictures":
        return "CIFAR-10 was published for research and states no licence; no picture of it is distributed here"
    return "the pictures' own; none of them is distributed with the model"


def _command(recipe: AnyRecipe, data: Sequence[str], name: str, terms: Terms) -> str:
    """The command that repeats the run."""
    named, chosen = as_card(find(recipe.name)), as_card(recipe)
    settings: list[str] = []
    for field in settable(recipe):
        if chosen[field] != named[field]:
            value = chosen[field]
            text = ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
            settings += ["--set", f"{field}={text}"]
    others = ["--from", terms.start.name] if terms.start else []
    others += ["--teacher", terms.teacher.name] if terms.teacher else []
    others += ["--minutes", f"{terms.minutes:g}"] if terms.minutes else []
    words = ["semblance", "train", *data, "--recipe", recipe.name, *others, *settings, "--out", f"models/{name}"]
    return shlex.join(words)
