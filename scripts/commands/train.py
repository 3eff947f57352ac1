"""`semblance train`: pictures and a recipe in, a model folder out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.errors import UsageError
from semblance.retrieval.images import InputSpec
from semblance.scripts import console
from semblance.scripts.report.before_after import write_before_and_after

if TYPE_CHECKING:
    from semblance.retrieval.training.recipe import AnyRecipe


def train(
    data: Annotated[
        list[Path],
        typer.Argument(parser=console.path, metavar="DATA...", help="Folders of pictures, or of the CIFAR-10 batches."),
    ],
    out: Annotated[Path, console.place("The model folder to write. A run that was cut goes on from here.")],
    recipe: Annotated[
        str | None, typer.Option(help="The recipe's name.", show_default="with --from, the model's own")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="A model whose weights training begins with.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model to imitate, with --set imitation=WEIGHT.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE of the recipe; may be repeated.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps or another device of torch.")] = "auto",
    leave_out_classes: console.LeaveOutClasses = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch CIFAR-10 into DATA first.")] = False,
) -> None:
    """Train a model without labels and export it."""
    with console.exits():
        with console.extra("train", "Training"):
            from semblance.retrieval.training.checkpoint import CHECKPOINT, LOG
            from semblance.retrieval.training.data import download_cifar10, load
            from semblance.retrieval.training.override import override
            from semblance.retrieval.training.run import check_start, check_teacher, find_device
            from semblance.retrieval.training.run import train as run
        start = Codec(find_model(from_)) if from_ is not None else None
        chosen = override(_recipe(recipe, start), set_ or [])
        if start is not None:
            check_start(start, chosen, out)  # before the long work begins
        taught_by = Codec(find_model(teacher), threads=2) if teacher is not None else None
        check_teacher(taught_by, chosen)
        where = find_device(device)
        if download:
            download_cifar10(data[0])
        with console.progress("Reading pictures") as update:
            pictures = load(data, InputSpec(chosen.size), update, leave_out_classes)
        for path, reason in pictures.failed:
            console.say(f"left out: {path}: {reason}")
        console.say(f"{len(pictures.pictures):,} pictures, recipe {chosen.name}, on {where}; log in {out / LOG}")
        try:
            with console.progress("Training") as update, _stoppable() as stopped:
                trained = run(chosen, pictures, out, where, update, stopped, start, taught_by)
        except KeyboardInterrupt:
            kept = f"the checkpoint is in {out}; run the same command again to go on"
            raise KeyboardInterrupt(kept if (out / CHECKPOINT).exists() else "no checkpoint was due yet") from None
        console.say(
            f"{out}: codec {trained.codec.codec_id[:12]}, held-out error "
            f"{trained.figures.get('mse', float('nan')):.4f}; "
            f"torch and ONNX Runtime differ in {trained.differing_bits:.4%} of the bits (none further than "
            f"{trained.largest_differing_logit:.1g} standard deviations from zero)"
        )
        try:
            with console.progress("Comparing neighbours") as update:
                sheet = write_before_and_after(start, trained.codec, pictures.pictures, out, update)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"the model in {out} is whole, its sheet of neighbours is not drawn") from None
        console.say(f"{sheet}: neighbours before and after (it shows your pictures: leave it out of a shared model)")
    if pictures.failed:
        raise typer.Exit(console.LEFT_OUT)


def _recipe(name: str | None, start: Codec | None) -> "AnyRecipe":
    """The recipe of this name, or else the one that a model was trained by."""
    from semblance.retrieval.training import recipe, recipes

    if name is not None:
        return recipes.find(name)
    if start is None:
        raise UsageError("Name a --recipe, or a model to go on --from.")
    if not isinstance(start.card.get("recipe"), dict):
        raise UsageError(f"{start.name} does not say which recipe it was trained by: name one with --recipe.")
    own = recipe.from_card(start.card["recipe"])
    recipes.find(own.name)  # the command that repeats the run will name it
    return own


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
