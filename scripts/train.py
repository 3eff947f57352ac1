"""`semblance train`: pictures and a recipe in, a model folder out."""

import dataclasses
import platform
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from retrieval.errors import TrainingError
from retrieval.images import InputSpec
from scripts import console


def train(
    data: Annotated[Path, typer.Argument(help="A folder of pictures, or of the CIFAR-10 batches.")],
    recipe: Annotated[str, typer.Option(help="The recipe's name.")],
    out: Annotated[Path, typer.Option(help="The model folder to write. A run that was cut goes on from here.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE of the recipe; may be repeated.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps or another device of torch.")] = "auto",
    download: Annotated[bool, typer.Option("--download", help="Fetch CIFAR-10 into DATA first.")] = False,
) -> None:
    """Train a model without labels and export it."""
    with console.exits():
        if recipes := _missing_extra():
            raise TrainingError(recipes)
        _train(data, recipe, out, set_ or [], device, download)


def _missing_extra() -> str | None:
    try:
        import onnxscript  # type: ignore[import-untyped]  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        return f"Training needs the extra packages ({error}): pip install 'semblance[train]'."
    return None


def _train(source: Path, name: str, out: Path, settings: list[str], device_name: str, download: bool) -> None:
    from retrieval.training import data, export, recipes
    from retrieval.training.fit import LOG, fit, measure

    recipe = recipes.override(recipes.find(name), settings)
    device = _device(device_name)
    spec = InputSpec(recipe.size)
    if download:
        data.download_cifar10(source)
    with console.progress("Reading pictures") as update:
        pictures = data.load(source, spec, update)
    for path, reason in pictures.failed:
        console.say(f"left out: {path}: {reason}")
    console.say(f"{len(pictures.pictures):,} pictures, recipe {recipe.name}, on {device}; log in {out / LOG}")
    with console.progress("Training") as update, _stoppable() as stopped:
        model = fit(recipe, pictures, out, device, lambda step, steps, _: update(step, steps), lambda: bool(stopped))

    import torch

    from retrieval import datasets

    shipped = export.deployable(model)
    _, held_out = datasets.hold_out(recipe.held_out, len(pictures.pictures))
    sample = pictures.pictures[held_out if len(held_out) else slice(0, 500)]
    channels_first = torch.from_numpy(sample).permute(0, 3, 1, 2)
    figures = {"held_out_pictures": len(sample), **measure(shipped.eval(), channels_first, recipe)}
    codec = export.export(shipped.eval(), out, _card(recipe, pictures, figures, source, settings), spec, recipe.bits)
    differ, largest = export.disagreement(shipped.eval(), codec, sample)
    if differ > 0.001:
        raise TrainingError(f"ONNX Runtime gives other bits than torch ({differ:.2%}): the export cannot be trusted.")
    console.say(
        f"{out}: codec {codec.codec_id[:12]}, held-out error {figures['mse']:.4f}; torch and ONNX Runtime differ in "
        f"{differ:.4%} of bits (at most {largest:.1g} standard deviations from zero)"
    )


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"This machine offers torch no device {name!r}: leave --device out to use what there is.") from error
    return torch.device(name)


@contextmanager
def _stoppable() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM until the step in hand is whole; a second one stops at once."""
    caught: list[int] = []

    def note(number: int, _: Any) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _card(recipe: Any, pictures: Any, figures: dict[str, float], source: Path, settings: list[str]) -> dict[str, Any]:
    import torch

    cifar = pictures.name.startswith("CIFAR-10")
    options = " ".join(f"--set {shlex.quote(setting)}" for setting in settings)
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "latent": "bits",
        "recipe": dataclasses.asdict(recipe),
        "command": f"semblance train {'cifar-10-batches-py' if cifar else source.name} --recipe {recipe.name} "
        f"{options} --out models/{recipe.name}".replace("  ", " "),
        "data": {"name": pictures.name, "pictures": len(pictures.pictures), "sha256": pictures.sha256},
        "figures": figures,
        "made_with": {"torch": torch.__version__, "python": platform.python_version(), "machine": platform.machine()},
        "licence": {
            "weights": "Apache-2.0, as the project",
            "data": "CIFAR-10: published for research, no licence stated; the pictures are not distributed here"
            if cifar
            else "the pictures' own; they are not distributed with the model",
        },
    }


if __name__ == "__main__":
    typer.run(train)
