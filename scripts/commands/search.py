"""`semblance search`: the nearest pictures of a library, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from semblance.api.question import Encoded, Question, encode, encode_several, to_answer
from semblance.api.schemas import MAX_K, Engine
from semblance.api.worker import Searcher
from semblance.indexer.catalog import Catalog
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import UsageError
from semblance.retrieval.views import MOST
from semblance.scripts import console
from semblance.scripts.options import LibraryOption, ModelOption, codec_for


def search(
    library: LibraryOption,
    image: Annotated[
        Path | None, typer.Argument(parser=console.path, metavar="[IMAGE]", help="The picture to search with.")
    ] = None,
    like: Annotated[
        list[Path] | None, typer.Option(metavar="IMAGE", help="Search by several: like this one. May be repeated.")
    ] = None,
    unlike: Annotated[
        list[Path] | None, typer.Option(metavar="IMAGE", help="And unlike this one. May be repeated.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, max=MAX_K, help="How many pictures to return.")] = 10,
    engine: Annotated[Engine, typer.Option(help="Learned codes, or raw pixels as the baseline.")] = "code",
    views: Annotated[
        int, typer.Option(min=1, max=MOST, help="Search with so many views of IMAGE: flips and crops.")
    ] = 1,
    refine: Annotated[
        bool, typer.Option("--refine", help="Order the nearest by how sure the bits of IMAGE are.")
    ] = False,
    model: ModelOption = None,
    as_json: console.AsJson = False,
) -> None:
    """Find the pictures of a library that look like IMAGE, or like several and unlike others."""
    with console.exits():
        Catalog.open(library).close()
        codec = codec_for(library, model)
        encoded = _encoded(image, like or [], unlike or [], codec, engine, views, refine)
        searcher = Searcher(library, lambda: codec)
        searcher.start()
        hits = searcher.submit(Question(engine, k, encoded.by)).result()
        searcher.stop()
        answer = to_answer(hits, codec, engine, encoded)
        if as_json:
            console.print_json(answer.model_dump())
            return
        for result in answer.results:
            distance = f"{result.distance:5.0f} bits" if engine == "code" else f"{result.distance:9.3f}"
            console.show(f"{distance}  {result.path}")
        if not answer.results:
            console.say(f"The library {library} has no pictures yet: index a folder into it.")


def _encoded(
    image: Path | None, like: list[Path], unlike: list[Path], codec: Codec, engine: Engine, views: int, refine: bool
) -> Encoded:
    """One picture's query, or that of several. Raises UsageError."""
    liked = [*([image] if image else []), *like]
    for path in (*liked, *unlike):
        if not path.is_file():
            raise UsageError(f"There is no file {path}.")
    if not liked:
        raise UsageError("There is nothing to search with: name an IMAGE, or some with --like.")
    if len(liked) == 1 and not unlike:
        return encode(liked[0], codec, engine, views, refine)
    if engine == "pixel" or views > 1:
        raise UsageError("Several pictures make one query by their codes: leave --engine pixel and --views out.")
    return encode_several(liked, unlike, codec, refine)


if __name__ == "__main__":
    typer.run(search)
