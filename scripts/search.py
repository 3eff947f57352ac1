"""`semblance search`: the nearest pictures of a library, without a server."""

from pathlib import Path
from typing import Annotated

import typer

from api.question import Question, encode, to_answer
from api.schemas import MAX_K, Engine
from api.search import Searcher
from indexer.catalog import Catalog
from retrieval.errors import UsageError
from retrieval.views import MOST
from scripts import console
from scripts.library import LibraryOption, ModelOption, codec_for


def search(
    image: Annotated[Path, typer.Argument(parser=console.path, metavar="IMAGE", help="The picture to search with.")],
    library: LibraryOption,
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
    """Find the pictures of a library that look like IMAGE."""
    with console.exits():
        Catalog.open(library).close()
        codec = codec_for(library, model)
        if not image.is_file():
            raise UsageError(f"There is no file {image}.")
        encoded = encode(image, codec, engine, views, refine)
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


if __name__ == "__main__":
    typer.run(search)
