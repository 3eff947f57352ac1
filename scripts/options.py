"""The codec of a library, and of a new one: shared by index, search and serve."""

import os
from pathlib import Path
from typing import Annotated

import typer

from semblance.indexer.catalog import Catalog
from semblance.retrieval.codec import DEFAULT_MODEL, Codec, find_model, shipped_models
from semblance.retrieval.errors import CodecMismatch, ModelError
from semblance.scripts import console

LibraryOption = Annotated[
    Path, typer.Option("--library", parser=console.path, metavar="DIR", help="The folder that holds the library.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A shipped model's name, or a model folder.",
        show_default=f"the library's own; {DEFAULT_MODEL} for a new one",
    ),
]


def codec_for(library: Path, model: str | None) -> Codec:
    """The codec to use with `library`: its own, or for a new library `model` or the default.

    Raises CodecMismatch where `model` is named and is not the library's, ModelError where a model cannot be found.
    """
    threads = max(1, (os.cpu_count() or 1) // 2)  # the other half of the cores decodes
    if not Catalog.exists(library):
        return Codec(find_model(DEFAULT_MODEL if model is None else model), threads)
    catalog = Catalog.open(library)
    catalog.close()
    if model is not None:
        codec = Codec(find_model(model), threads)
        catalog.check(codec)
        return codec
    for name in dict.fromkeys([catalog.model, *shipped_models()]):
        try:
            codec = Codec(find_model(name), threads)
            catalog.check(codec)
            return codec
        except (ModelError, CodecMismatch):
            continue
    raise ModelError(
        f"The model {catalog.model} ({catalog.codec_id[:12]}) that made the library {library} is not to be found any "
        "more: name its folder with --model, or index into a new library."
    )
