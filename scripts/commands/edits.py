"""`semblance edits`: is an edited picture still found, and how near is near enough to be called the same picture?"""

import shlex
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging import copies, datasets
from semblance.retrieval.judging.copies import WRONG_PAIRS, Answers, Nearness
from semblance.retrieval.judging.editing import EDITS, STRENGTHS
from semblance.scripts import console

PIXELS = "pixels (Euclidean)"
ORIGINALS = 1000


def edits(
    folder: Annotated[
        Path, typer.Argument(parser=console.path, metavar="FOLDER", help="Pictures; some of them are the originals.")
    ],
    gallery: Annotated[
        list[Path] | None,
        typer.Option(parser=console.path, metavar="FOLDER", help="More pictures to search among; may be repeated."),
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="A shipped model or a model folder; may be repeated.")] = None,
    originals: Annotated[int, typer.Option(min=1, help="At most so many, evenly spread over FOLDER.")] = ORIGINALS,
    unseen_classes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Originals only from every Nth subfolder: what training left out."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write each model's threshold into its model.json.")] = False,
    as_json: console.AsJson = False,
) -> None:
    """Edit pictures in twelve ways, each in three strengths, and look for their originals."""
    with console.exits():
        codecs = _codecs(model or [DEFAULT_MODEL])
        files = _files(folder)
        asking = _asking(folder, files, unseen_classes)
        paths = datasets.once([*files, *(path for more in gallery or [] for path in _files(more))])
        with console.progress("Reading") as update:
            held = copies.read(paths, [*codecs.values()], update)
        rows = copies.spread(held, asking, originals)
        with console.progress("Editing") as update:
            answers = copies.ask(held, rows, [*codecs.values()], update)
        near: dict[str, Nearness] = {}
        for at, (name, codec) in enumerate(codecs.items()):
            with console.progress("Comparing all pairs") as update:
                near[name] = copies.nearness(held.codes[at], codec.bits, answers.distances[at], update)
        failed = [*held.failed, *answers.failed]
        for path, reason in failed:
            console.say(f"left out: {path}: {reason}")
        counts = {"originals": answers.first.shape[1], "gallery": len(held), "identical_dropped": held.identical}
        if as_json:
            console.print_json({**counts, **_document(answers, near)})
        else:
            _show(counts, answers, near)
        for name, codec in codecs.items() if keep else ():
            command = _command(folder, gallery or [], codec, originals, unseen_classes)
            copies.keep(codec.folder, near[name], len(held), command)
            console.say(f"kept in {codec.folder / 'model.json'}")
    if failed:
        raise typer.Exit(console.LEFT_OUT)


def _codecs(names: list[str]) -> dict[str, Codec]:
    """Each model once, by its name; by what finds it again, where two have the same name. Raises ModelError."""
    codecs = {codec.reference: codec for codec in (Codec(name, threads=2) for name in names)}
    called = [codec.name for codec in codecs.values()]
    return {codec.name if called.count(codec.name) == 1 else key: codec for key, codec in codecs.items()}


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}.")
    files = datasets.picture_files(folder)
    if not files:
        raise DatasetError(f"{folder} holds no pictures: name a folder of JPEG, PNG or other picture files.")
    return files


def _asking(folder: Path, files: list[Path], every: int | None) -> set[Path]:
    """The files that may be originals: all, or those of the classes that training left out. Raises DatasetError."""
    if every is None:
        return set(files)
    classes = set(datasets.left_out(folder, every))
    return {path for path in files if path.relative_to(folder).parts[0] in classes}


def _document(answers: Answers, near: dict[str, Nearness]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for way, name in enumerate([PIXELS, *near]):
        for at, edit in enumerate(EDITS):
            for grade, strength in enumerate(STRENGTHS):
                rows.append(
                    {
                        "name": name,
                        "edit": edit.name,
                        "strength": strength,
                        "parameter": edit.amounts[grade],
                        "recall@1": round(float(answers.first[way, :, at, grade].mean()), 4),
                        "median_distance": _median(answers, way, at, grade),
                    }
                )
    pairs = [{"name": name, **_within(held, d)} for name, held in near.items() for d in range(len(held.wrong_pairs))]
    return {"rows": rows, "pairs": pairs, "thresholds": {name: held.threshold for name, held in near.items()}}


def _median(answers: Answers, way: int, edit: int, strength: int) -> float | None:
    """In bits; pixels have no bits."""
    return float(np.median(answers.distances[way - 1][:, edit, strength])) if way else None


def _within(held: Nearness, distance: int) -> dict[str, float]:
    shares = {name: round(float(share), 4) for name, share in zip(STRENGTHS, held.found[:, distance], strict=True)}
    return {"distance": distance, "wrong_pairs_per_1000": round(float(held.wrong_pairs[distance]), 4), **shares}


def _show(counts: dict[str, int], answers: Answers, near: dict[str, Nearness]) -> None:
    printer = Console(width=120)
    console.show(
        f"{counts['gallery']:,} pictures in the gallery ({counts['identical_dropped']:,} identical ones dropped), "
        f"{counts['originals']:,} originals"
    )
    for way, name in enumerate([PIXELS, *near]):
        table = Table("edit", title=f"{name}: original found first{', median distance' if way else ''}")
        for strength in STRENGTHS:
            table.add_column(strength, justify="right", no_wrap=True)
        for at, edit in enumerate(EDITS):
            cells = []
            for grade in range(len(STRENGTHS)):
                median = _median(answers, way, at, grade)
                share = f"{answers.first[way, :, at, grade].mean():.1%}"
                cells.append(share if median is None else f"{share} {median:5.1f}")
            table.add_row(str(edit), *cells)
        printer.print(table)
    for name, held in near.items():
        table = Table(title=f"{name}: what lies within a distance")
        for column in ("bits", "wrong pairs per 1,000 pictures", *STRENGTHS):
            table.add_column(column, justify="right")
        for distance in _told(held):
            line = _within(held, distance)
            table.add_row(str(distance), f"{line['wrong_pairs_per_1000']:,.2f}", *(f"{line[s]:.1%}" for s in STRENGTHS))
        printer.print(table)
        console.show(_sentence(name, held))


def _told(held: Nearness) -> list[int]:
    """The threshold, and every 8 bits until there are over a hundred times as many wrong pairs."""
    end = int((held.wrong_pairs <= 100 * WRONG_PAIRS).sum()) + 8
    return sorted({*range(0, min(end, len(held.wrong_pairs)), 8), held.threshold or 0})


def _sentence(name: str, held: Nearness) -> str:
    if held.threshold is None:
        return (
            f"{name}: there is no threshold: at distance 0 there are {held.wrong_pairs[0]:,.2f} wrong pairs per 1,000 "
            f"pictures already, more than {WRONG_PAIRS:g}."
        )
    found = ", ".join(f"{share:.1%} of {s}" for s, share in zip(STRENGTHS, held.found[:, held.threshold], strict=True))
    return (
        f"{name}: up to {held.threshold} bits there are {held.wrong_pairs[held.threshold]:.2f} wrong pairs per 1,000 "
        f"pictures, at most {WRONG_PAIRS:g}; so near are {found} edits."
    )


def _command(folder: Path, gallery: list[Path], codec: Codec, originals: int, unseen_classes: int | None) -> str:
    """What makes the figures again, with the folders' names alone: where they lie is nobody's business."""
    words = ["semblance", "edits", folder.resolve().name]
    words += [word for more in gallery for word in ("--gallery", more.resolve().name)]
    words += ["--model", codec.folder.resolve().name]
    words += ["--originals", str(originals)] if originals != ORIGINALS else []
    words += ["--unseen-classes", str(unseen_classes)] if unseen_classes is not None else []
    return shlex.join([*words, "--keep"])


if __name__ == "__main__":
    typer.run(edits)
