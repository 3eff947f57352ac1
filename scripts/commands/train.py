"""`semblance train`: pictures and a recipe in, a model folder out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.retrieval.extras import extra
from semblance.retrieval.images import Picture
from semblance.scripts import console
from semblance.scripts.report.before_after import write_before_and_after

if TYPE_CHECKING:
    from semblance.retrieval.training.data import TrainingData
    from semblance.retrieval.training.recipe import AnyRecipe
    from semblance.retrieval.training.run import Summary
    from semblance.retrieval.training.terms import Terms

Data = Annotated[list[Path], console.argument("Folders of pictures, or of the CIFAR-10 batches.", "DATA...")]
Out = Annotated[Path, console.option("The model folder to write. A run that was cut goes on from here.")]
RecipeName = Annotated[str | None, typer.Option(help="The recipe's name.", show_default="with --from, the model's own")]
From = Annotated[str | None, typer.Option("--from", metavar="MODEL", help="A model whose weights it begins with.")]
Teacher = Annotated[str | None, typer.Option(metavar="MODEL", help="A model to imitate, with --set imitation=WEIGHT.")]
Minutes = Annotated[
    float | None, typer.Option(metavar="N", help="Train by the clock, for N minutes, however many epochs that is.")
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE of the recipe; may be repeated.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps or another device of torch.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch CIFAR-10 into DATA first.")]

_SHOWN = 300  # pictures that the sheet of neighbours is drawn from where they were not kept


def train(
    data: Data,
    out: Out,
    recipe: RecipeName = None,
    from_: From = None,
    teacher: Teacher = None,
    minutes: Minutes = None,
    set_: Settings = None,
    device: Device = "auto",
    leave_out_classes: console.LeaveOutClasses = None,
    download: Download = False,
) -> None:
    """Train a model without labels and export it. A model of a network of others has its bits fitted by a formula."""
    start = Codec(from_) if from_ is not None else None
    if start is not None and _by_formula(start, (recipe, teacher, minutes), set_ or []):
        _refit(start, data, out, set_ or [], leave_out_classes)
        return
    with extra("train", "Training"):
        from semblance.retrieval.training.data import download_cifar10, load
        from semblance.retrieval.training.fields import override
        from semblance.retrieval.training.run import find_device
        from semblance.retrieval.training.terms import Terms
    chosen = override(_recipe(recipe, start), set_ or [])
    terms = Terms(start, Codec(teacher, threads=2) if teacher is not None else None, minutes)
    terms.check(chosen, out)  # before the long work begins
    where = find_device(device)
    if download:
        download_cifar10(data[0])
    with console.progress("Reading pictures") as update:
        pictures = load(data, terms.input(chosen), update, leave_out_classes)
    for path, reason in pictures.failed:
        console.say(f"left out: {path}: {reason}")
    trained = _trained(chosen, pictures, out, where, terms)
    shown, codes = pictures.pictures, None
    if start is not None and trained.codec.spec.size != chosen.size:  # a trunk's own: these are what is rebuilt
        shown, codes = _some(pictures, [start, trained.codec])
    _compare(start, trained.codec, shown, out, codes)
    if pictures.failed:
        raise typer.Exit(console.LEFT_OUT)


def _by_formula(start: Codec, training: tuple[object, ...], settings: list[str]) -> bool:
    """Whether bits are fitted to a network's features, rather than a network trained: where nothing else is asked."""
    with extra("adopt", "Fitting bits"):
        from semblance.retrieval.training.refit import ends_in_bits
    return ends_in_bits(start) and not any(training) and all(setting.startswith("bits=") for setting in settings)


def _refit(start: Codec, data: list[Path], out: Path, settings: list[str], leave_out_classes: int | None) -> None:
    """Bits fitted to pictures by the formula, and what is to be said of them said."""
    from semblance.retrieval.training.data import select
    from semblance.retrieval.training.refit import check, refit

    check(out)
    bits = _bits(settings[-1]) if settings else None
    with console.progress("Making features") as update:
        done = refit(start, select(data, leave_out_classes), out, bits, update)
    made, seen = done.codec, done.features
    for path, reason in seen.failed:
        console.say(f"left out: {path}: {reason}")
    figures = made.card.get("figures", {})
    said = f", squared error of what they remember {figures['mse']:.4f}" if "mse" in figures else ""
    console.say(f"{out}: codec {made.codec_id[:12]}, {made.bits} bits fitted to {len(seen.read):,} pictures{said}")
    some = slice(None, None, -(-len(seen.read) // _SHOWN))
    pictures = np.concatenate([*made.squashed(seen.read[some])])
    _compare(start, made, pictures, out, {codec_id: codes[some] for codec_id, codes in done.codes.items()})
    if seen.failed:
        raise typer.Exit(console.LEFT_OUT)


def _bits(setting: str) -> int:
    text = setting.partition("=")[2]
    if not text.isdigit() or not int(text):
        raise UsageError(f"bits is a whole number from 1, not {text!r}.")
    return int(text)


def _recipe(name: str | None, start: Codec | None) -> "AnyRecipe":
    """The recipe of this name, or else the one that a model was trained by."""
    from semblance.retrieval.training import fields, recipes

    if name is not None:
        return recipes.find(name)
    if start is None:
        raise UsageError("Name a --recipe, or a model to go on --from.")
    if not isinstance(start.card.get("recipe"), dict):
        raise UsageError(f"{start.name} does not say which recipe it was trained by: name one with --recipe.")
    own = fields.from_card(start.card["recipe"])
    recipes.find(own.name)  # the command that repeats the run will name it
    return own


def _trained(recipe: "AnyRecipe", pictures: "TrainingData", out: Path, device: Any, terms: "Terms") -> "Summary":
    """The model made, and what is to be said of it said."""
    from semblance.retrieval.training.checkpoint import CHECKPOINT, LOG
    from semblance.retrieval.training.run import make_model

    console.say(f"{len(pictures.pictures):,} pictures, recipe {recipe.name}, on {device}; log in {out / LOG}")
    try:
        with console.progress("Training") as update, _stoppable() as stopped:
            made = make_model(recipe, pictures, out, device, update, stopped, terms)
    except KeyboardInterrupt:
        kept = f"the checkpoint is in {out}; run the same command again to go on"
        raise KeyboardInterrupt(kept if (out / CHECKPOINT).exists() else "no checkpoint was due yet") from None
    console.say(
        f"{out}: codec {made.codec.codec_id[:12]}, held-out error {made.figures.get('mse', float('nan')):.4f}; "
        f"torch and ONNX Runtime differ in {made.differing_bits:.4%} of the bits (none further than "
        f"{made.largest_differing_logit:.1g} standard deviations from zero)"
    )
    return made


def _some(pictures: "TrainingData", codecs: list[Codec]) -> tuple[Picture, dict[str, Codes]]:
    """Some of the pictures, and their codes by each codec, decoded as that wants them."""
    sources = [source for part in pictures.sources for source in part]
    rows = slice(None, None, max(1, len(sources) // _SHOWN))
    return pictures.pictures[rows], {codec.codec_id: codec.encode(sources[rows]) for codec in codecs}


def _compare(
    before: Codec | None, after: Codec, pictures: Picture, out: Path, codes: dict[str, Codes] | None = None
) -> None:
    """Draw the sheet of neighbours before and after."""
    try:
        with console.progress("Comparing neighbours") as update:
            sheet = write_before_and_after(before, after, pictures, out, update, codes)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the model in {out} is whole, its sheet of neighbours is not drawn") from None
    console.say(f"{sheet}: neighbours before and after (it shows your pictures: leave it out of a shared model)")


@contextmanager
def _stoppable() -> Iterator[Any]:
    """A function that says whether Ctrl-C or SIGTERM came, so that the step in hand becomes whole; a second one stops
    at once."""
    caught: list[int] = []

    def note(number: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
