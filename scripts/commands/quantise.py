"""`semblance quantise`: a model folder in, the same model with an 8-bit encoder out."""

from pathlib import Path
from typing import Annotated

import typer

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import UsageError
from semblance.retrieval.extras import extra
from semblance.scripts import console


def quantise(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A shipped model or a model folder.")],
    data: Annotated[
        list[Path], console.argument("Pictures to calibrate on, best those that it was trained on.", "DATA...")
    ],
    out: Annotated[Path, console.option("The model folder to write; not MODEL itself.")],
    leave_out_classes: console.LeaveOutClasses = None,
) -> None:
    """Make a model smaller and faster. Its codes change: compare both with evaluate and bench encode."""
    with extra("train", "Training"):
        from semblance.retrieval.training.data import load
        from semblance.retrieval.training.eight_bits import quantise as run
    codec = Codec(model, threads=2)
    if out.resolve() == codec.folder.resolve():
        raise UsageError(f"{out} is the model's own folder: name another one with --out.")
    with console.progress("Reading pictures") as progress:
        pictures = load(data, codec.spec, progress, leave_out_classes)
    for path, reason in pictures.failed:
        console.say(f"left out: {path}: {reason}")
    made, differing = run(codec, pictures, out)
    console.say(f"{out}: codec {made.codec_id[:12]}; {differing:.2%} of the bits are others than {codec.name}'s")
    if pictures.failed:
        raise typer.Exit(console.LEFT_OUT)
