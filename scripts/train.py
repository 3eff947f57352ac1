"""`semblance train`: pictures and a recipe in, a model folder out."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from retrieval.images import InputSpec
from scripts import console


def train(
    data: Annotated[
        Path,
        typer.Argument(parser=console.path, metavar="DATA", help="A folder of pictures, or of the CIFAR-10 batches."),
    ],
    recipe: Annotated[str, typer.Option(help="The recipe's name.")],
    out: Annotated[
        Path,
        typer.Option(
            parser=console.path, metavar="DIR", help="The model folder to write. A run that was cut goes on from here."
        ),
    ],
    set_: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE of the recipe; may be repeated.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps or another device of torch.")] = "auto",
    download: Annotated[bool, typer.Option("--download", help="Fetch CIFAR-10 into DATA first.")] = False,
) -> None:
    """Train a model without labels and export it."""
    with console.exits():
        with console.training_packages():
            from retrieval.training import recipe as kinds
            from retrieval.training import recipes
            from retrieval.training.checkpoint import CHECKPOINT, LOG
            from retrieval.training.data import download_cifar10, load
            from retrieval.training.run import find_device
            from retrieval.training.run import train as run
        chosen = kinds.override(recipes.find(recipe), set_ or [])
        where = find_device(device)
        if download:
            download_cifar10(data)
        with console.progress("Reading pictures") as update:
            pictures = load(data, InputSpec(chosen.size), update)
        for path, reason in pictures.failed:
            console.say(f"left out: {path}: {reason}")
        console.say(f"{len(pictures.pictures):,} pictures, recipe {chosen.name}, on {where}; log in {out / LOG}")
        try:
            with console.progress("Training") as update, _stoppable() as stopped:
                trained = run(chosen, pictures, out, where, update, stopped)
        except KeyboardInterrupt:
            kept = f"the checkpoint is in {out}; run the same command again to go on"
            raise KeyboardInterrupt(kept if (out / CHECKPOINT).exists() else "no checkpoint was due yet") from None
        console.say(
            f"{out}: codec {trained.codec.codec_id[:12]}, held-out error "
            f"{trained.figures.get('mse', float('nan')):.4f}; "
            f"torch and ONNX Runtime differ in {trained.differing_bits:.4%} of the bits (none further than "
            f"{trained.largest_differing_logit:.1g} standard deviations from zero)"
        )
    if pictures.failed:
        raise typer.Exit(console.LEFT_OUT)


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


if __name__ == "__main__":
    typer.run(train)
