"""`semblance search`: the nearest pictures of a library, without a server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from semblance.indexer.answers import wishes
from semblance.indexer.answers.hits import Answer, Engine, Hit
from semblance.indexer.answers.wishes import MAX_K, Wished
from semblance.indexer.derived.engines import AUTO
from semblance.indexer.library import Library
from semblance.retrieval import decoding
from semblance.retrieval.errors import UsageError
from semblance.retrieval.views import MOST
from semblance.scripts import console, indexes, streams

_IMAGE = "The picture to search with, a file or an address; - is standard input."
Image = Annotated[Any | None, console.stored(_IMAGE, "[IMAGE]")]
Like = Annotated[list[Any] | None, console.stored_option("Search by several: like this one. May be repeated.")]
Unlike = Annotated[list[Any] | None, console.stored_option("And unlike this one. May be repeated.")]
Count = Annotated[int, typer.Option(min=1, max=MAX_K, help="How many pictures to return.")]
By = Annotated[Engine, typer.Option(help="By what is alike, what is the same, or raw pixels.")]
Views = Annotated[int, typer.Option(min=1, max=MOST, help="Search with so many views of IMAGE: flips and crops.")]
_REFINE = "Order the nearest by how sure the bits of IMAGE are, or by their distances alone."
Refine = Annotated[bool | None, typer.Option("--refine/--plain", help=_REFINE)]
Part = Annotated[
    str | None, typer.Option(metavar="X,Y,W,H", help="Only this part of IMAGE asks: fractions of its sides.")
]
Within = Annotated[float | None, typer.Option(help="Only pictures at this distance or nearer.")]
Chance = Annotated[float | None, typer.Option(help="Only pictures as near as at most so many would be by chance.")]
Fold = Annotated[bool, typer.Option("--fold", help="Show copies of one picture as one.")]
Folder = Annotated[Any | None, console.stored_option("Only pictures in this folder, or below it.", "DIR")]
_DAY, _PLACE = "YYYY-MM-DD", "LAT,LON,KM"
From = Annotated[str | None, typer.Option("--from", metavar=_DAY, help="Only pictures taken on this day or later.")]
To = Annotated[str | None, typer.Option("--to", metavar=_DAY, help="Only pictures taken on this day or earlier.")]
Camera = Annotated[str | None, typer.Option(metavar="NAME", help="Only pictures by this camera.")]
Near = Annotated[str | None, typer.Option(metavar=_PLACE, help="Only pictures taken at most so far from a place.")]
Pixels = Annotated[int | None, typer.Option(help="Only pictures of so many pixels or more.")]


def search(
    library: console.Library,
    image: Image = None,
    like: Like = None,
    unlike: Unlike = None,
    k: Count = 10,
    engine: By = "code",
    views: Views = 1,
    refine: Refine = None,
    region: Part = None,
    within: Within = None,
    chance: Chance = None,
    fold: Fold = False,
    folder: Folder = None,
    taken_from: From = None,
    taken_to: To = None,
    camera: Camera = None,
    near: Near = None,
    min_pixels: Pixels = None,
    model: console.OwnModel = None,
    index: indexes.Index = None,
    as_json: console.AsJson = False,
) -> None:
    """Find the pictures of a library that look like IMAGE, or like several and unlike others."""
    liked, unliked = [*([image] if image else []), *(like or [])], unlike or []
    if not liked:
        raise UsageError("There is nothing to search with: name an IMAGE, or some with --like.")
    wished: Wished = {"within": within, "chance": chance, "fold": fold, "camera": camera, "min_pixels": min_pixels}
    wished |= {"taken_from": taken_from, "taken_to": taken_to, "near": wishes.place(near) if near is not None else None}
    wished |= {"folder": str(folder.absolute() if isinstance(folder, Path) else folder) if folder else None}
    wishes.wishes(**wished)  # what is wrong with them is said before anything is loaded
    part = wishes.region(region) if region is not None else None
    streams.check([*liked, *unliked])
    decoding.warm(1)  # while the model is loaded
    with Library.open(library, model, index or AUTO) as opened:
        sources, others = streams.sources(liked), streams.sources(unliked)
        answer = opened.search(
            *sources, unlike=others, k=k, engine=engine, views=views, refine=refine, region=part, **wished
        )
    console.print_json(asdict(answer)) if as_json else _show(answer, library)


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
        none = "has no pictures yet: index a folder into it."
        console.say(f"The library {library} {'holds nothing like that.' if answer.library_size else none}")


def _notes(hit: Hit) -> str:
    crowd = f"  (one of a crowd of {hit.crowd:,} pictures with hardly anything in them)" if hit.crowd else ""
    copies = "1 copy" if len(hit.folded) == 1 else f"{len(hit.folded):,} copies"
    folded = f"  (and {copies})" if hit.folded else ""
    return f"{'  (the same picture)' if hit.copy else ''}{folded}{crowd}"
