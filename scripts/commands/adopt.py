"""`semblance adopt`: somebody's ONNX network and pictures in, a model folder out."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from semblance.retrieval.extras import extra
from semblance.scripts import console

Network = Annotated[Path, console.argument("An ONNX network that makes features of pictures.", "NETWORK.onnx")]
Data = Annotated[list[Path], console.argument("Folders of pictures to fit the bits to.", "DATA...")]
Out = Annotated[Path, console.option("The model folder to write.")]
Output = Annotated[
    str | None, typer.Option(metavar="TENSOR", help="The features: any tensor inside.", show_default="the only output")
]
Size = Annotated[int | None, typer.Option(min=1, metavar="S", help="Pixels a side, where the network leaves it open.")]
Mean = Annotated[
    str | None,
    typer.Option(metavar="M[,M,M]", help="Taken from a picture of 0..255, in the network's order of colours."),
]
Std = Annotated[str | None, typer.Option(metavar="D[,D,D]", help="What it is then divided by.")]
AxesOrder = Annotated[
    Literal["nchw", "nhwc"] | None, typer.Option(help="Colours first or last.", show_default="the input's shape")
]
Bgr = Annotated[bool, typer.Option("--bgr", help="The network wants blue first.")]
Bits = Annotated[int, typer.Option(min=1, help="Bits of a code.")]
Licence = Annotated[str, typer.Option(metavar="TEXT", help="The licence of the network.")]
Note = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What the network learned from, with which labels.", show_default="unknown"),
]


def adopt(
    network: Network,
    data: Data,
    out: Out,
    output: Output = None,
    size: Size = None,
    mean: Mean = None,
    std: Std = None,
    layout: AxesOrder = None,
    bgr: Bgr = False,
    bits: Bits = 256,
    licence: Licence = "not stated",
    note: Note = None,
    leave_out_classes: console.LeaveOutClasses = None,
) -> None:
    """Make a model of a network that others have trained. A preprocessor_config.json beside it is read."""
    with extra("adopt", "Adopting a network"):
        from semblance.retrieval.training import adopt as adopting
        from semblance.retrieval.training.data import select
        from semblance.retrieval.training.preprocessing import Wanted, numbers
    offset, scale = (None if text is None else numbers(text) for text in (mean, std))
    asked = Wanted(size, offset, scale, layout, bgr)
    adoption = adopting.prepare(network, out, output, asked, bits, licence, note or adopting.UNKNOWN)
    with console.progress("Making features") as update:
        made, failed = adopting.adopt(adoption, select(data, leave_out_classes), out, update)
    for path, reason in failed:
        console.say(f"left out: {path}: {reason}")
    console.say(
        f"{out}: codec {made.codec_id[:12]}, {made.bits} bits of {adoption.network.output} at {made.spec.size} pixels, "
        f"fitted to {made.card['data']['pictures']:,} pictures"
    )
    if failed:
        raise typer.Exit(console.LEFT_OUT)
