"""`semblance search`: the nearest pictures of a library, without a server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from semblance.api.wire.asking import MAX_K
from semblance.indexer.answers.asking import Answer, Engine, Hit
from semblance.indexer.library import Library
from semblance.retrieval import decoding
from semblance.retrieval.errors import UsageError
from semblance.retrieval.views import MOST
from semblance.scripts import console, streams


def search(
    library: console.Library,
    image: Annotated[
        Path | None, console.argument("The picture to search with; - is standard input.", "[IMAGE]")
    ] = None,
    like: Annotated[
        list[Path] | None, console.option("Search by several: like this one. May be repeated.", "IMAGE")
    ] = None,
    unlike: Annotated[list[Path] | None, console.option("And unlike this one. May be repeated.", "IMAGE")] = None,
    k: Annotated[int, typer.Option(min=1, max=MAX_K, help="How many pictures to return.")] = 10,
    engine: Annotated[Engine, typer.Option(help="By what is alike, what is the same, or raw pixels.")] = "code",
    views: Annotated[
        int, typer.Option(min=1, max=MOST, help="Search with so many views of IMAGE: flips and crops.")
    ] = 1,
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--plain", help="Order the nearest by how sure the bits of IMAGE are, or by their distances alone."
        ),
    ] = None,
    model: console.OwnModel = None,
    as_json: console.AsJson = False,
) -> None:
    """Find the pictures of a library that look like IMAGE, or like several and unlike others."""
    liked, unliked = [*([image] if image else []), *(like or [])], unlike or []
    if not liked:
        raise UsageError("There is nothing to search with: name an IMAGE, or some with --like.")
    streams.check([*liked, *unliked])
    decoding.warm(1)  # while the model is loaded
    with Library.open(library, model) as opened:
        sources, others = streams.sources(liked), streams.sources(unliked)
        answer = opened.search(*sources, unlike=others, k=k, engine=engine, views=views, refine=refine)
    if as_json:
        console.print_json(asdict(answer))
    else:
        _show(answer, library)


def _show(answer: Answer, library: Path) -> None:
    for hit in answer:
        distance = f"{hit.distance:9.3f}" if answer.engine == "pixel" else f"{hit.distance:5.0f} bits"
        chance = hit.expected_by_chance
        said = "" if chance is None else f"  by chance: {chance:<9.2g}"
        console.show(f"{distance}{said}  {hit.path}{_notes(hit)}")
    if answer and answer.coverage < 1:
        share = min(answer.coverage, 0.999)  # what is not all is never said to be
        console.say(
            f"{share:.1%} of the library's pictures were searched: the others have no such code yet. "
            f"`semblance index FOLDER --library {library}` gives it to those that it finds."
        )
    if not answer:
        console.say(f"The library {library} has no pictures yet: index a folder into it.")


def _notes(hit: Hit) -> str:
    crowd = f"  (one of a crowd of {hit.crowd:,} pictures with hardly anything in them)" if hit.crowd else ""
    return f"{'  (the same picture)' if hit.copy else ''}{crowd}"
