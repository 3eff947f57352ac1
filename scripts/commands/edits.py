"""`semblance edits`: is an edited picture still found, and how near is near enough to be called the same picture?"""

import shlex
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.judging import copies, datasets
from semblance.retrieval.judging.copies import WRONG_PAIRS, Answers, Gallery, Nearness
from semblance.retrieval.judging.editing import EDITS, STRENGTHS
from semblance.scripts import console

PIXELS = "pixels (Euclidean)"
ORIGINALS = 1000


Originals = Annotated[Path, console.argument("Pictures; some of them are the originals.", "FOLDER")]
Among = Annotated[list[Path] | None, console.option("More pictures to search among; may be repeated.", "FOLDER")]
AtMost = Annotated[int, typer.Option(min=1, help="At most so many, evenly spread over FOLDER.")]
UnseenClasses = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Originals only from every Nth subfolder: what training left out."),
]
Judged = Annotated[
    list[str] | None,
    typer.Option(help="A shipped model or a model folder; may be repeated.", show_default=COPIES_MODEL),
]
Placed = Annotated[
    bool, typer.Option("--placed", help="Ask as `search --engine copies` does: put back into a larger picture, too.")
]
Keep = Annotated[bool, typer.Option("--keep", help="Write each model's threshold into its model.json.")]


def edits(
    folder: Originals,
    gallery: Among = None,
    model: Judged = None,
    originals: AtMost = ORIGINALS,
    unseen_classes: UnseenClasses = None,
    placed: Placed = False,
    keep: Keep = False,
    as_json: console.AsJson = False,
) -> None:
    """Edit pictures in twelve ways, each in three strengths, and look for their originals."""
    codecs = _codecs(model or [COPIES_MODEL])
    files = _files(folder)
    asking = _asking(folder, files, unseen_classes)
    paths = datasets.once([*files, *(path for more in gallery or [] for path in _files(more))])
    among, answers, nearness = _measured(paths, asking, originals, codecs, placed)
    failed = [*among.failed, *answers.failed]
    for path, reason in failed:
        console.say(f"left out: {path}: {reason}")
    counts = {"originals": answers.first.shape[1], "gallery": len(among), "identical_dropped": among.identical}
    if as_json:
        console.print_json({**counts, **_document(answers, nearness)})
    else:
        _show(counts, answers, nearness)
    for name, codec in codecs.items() if keep else ():
        command = _command(folder, gallery or [], codec, originals, unseen_classes, placed)
        copies.keep(codec.folder, nearness[name], len(among), command)
        console.say(f"kept in {codec.folder / 'model.json'}")
    if failed:
        raise typer.Exit(console.LEFT_OUT)


def _measured(
    paths: list[Path], asking: set[Path], originals: int, codecs: dict[str, Codec], placed: bool
) -> tuple[Gallery, Answers, dict[str, Nearness]]:
    """The gallery of all `paths`, what the edits of at most `originals` of those `asking` found, and what is near."""
    with console.progress("Reading") as progress:
        gallery = copies.read(paths, [*codecs.values()], progress)
    rows = copies.spread(gallery, asking, originals)
    with console.progress("Editing") as progress:
        answers = copies.ask(gallery, rows, [*codecs.values()], progress, placed)
    nearness = {}
    for codes, distances, (name, codec) in zip(gallery.codes, answers.distances, codecs.items(), strict=True):
        with console.progress("Comparing all pairs") as progress:
            nearness[name] = copies.nearness(codes, codec.bits, distances, progress)
    return gallery, answers, nearness


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


def _document(answers: Answers, nearness: dict[str, Nearness]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for way, name in enumerate([PIXELS, *nearness]):
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
    pairs = [
        {"name": name, **_within(near, d)} for name, near in nearness.items() for d in range(len(near.wrong_pairs))
    ]
    return {"rows": rows, "pairs": pairs, "thresholds": {name: near.threshold for name, near in nearness.items()}}


def _median(answers: Answers, way: int, edit: int, strength: int) -> float | None:
    """In bits; pixels have no bits."""
    return float(np.median(answers.distances[way - 1][:, edit, strength])) if way else None


def _within(near: Nearness, distance: int) -> dict[str, float]:
    shares = {name: round(float(share), 4) for name, share in zip(STRENGTHS, near.found[:, distance], strict=True)}
    return {"distance": distance, "wrong_pairs_per_1000": round(float(near.wrong_pairs[distance]), 4), **shares}


def _show(counts: dict[str, int], answers: Answers, nearness: dict[str, Nearness]) -> None:
    console.show(
        f"{counts['gallery']:,} pictures in the gallery ({counts['identical_dropped']:,} identical ones dropped), "
        f"{counts['originals']:,} originals"
    )
    for way, name in enumerate([PIXELS, *nearness]):
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
        console.show_table(table, 120)
    for name, near in nearness.items():
        table = Table(title=f"{name}: what lies within a distance")
        for column in ("bits", "wrong pairs per 1,000 pictures", *STRENGTHS):
            table.add_column(column, justify="right")
        for distance in _told(near):
            line = _within(near, distance)
            table.add_row(str(distance), f"{line['wrong_pairs_per_1000']:,.2f}", *(f"{line[s]:.1%}" for s in STRENGTHS))
        console.show_table(table, 120)
        console.show(_sentence(name, near))


def _told(near: Nearness) -> list[int]:
    """The threshold, and every 8 bits until there are over a hundred times as many wrong pairs."""
    end = int((near.wrong_pairs <= 100 * WRONG_PAIRS).sum()) + 8
    return sorted({*range(0, min(end, len(near.wrong_pairs)), 8), near.threshold or 0})


def _sentence(name: str, near: Nearness) -> str:
    if near.threshold is None:
        return (
            f"{name}: there is no threshold: at distance 0 there are {near.wrong_pairs[0]:,.2f} wrong pairs per 1,000 "
            f"pictures already, more than {WRONG_PAIRS:g}."
        )
    found = ", ".join(f"{share:.1%} of {s}" for s, share in zip(STRENGTHS, near.found[:, near.threshold], strict=True))
    return (
        f"{name}: up to {near.threshold} bits there are {near.wrong_pairs[near.threshold]:.2f} wrong pairs per 1,000 "
        f"pictures, at most {WRONG_PAIRS:g}; so near are {found} edits."
    )


def _command(
    folder: Path, gallery: list[Path], codec: Codec, originals: int, unseen_classes: int | None, placed: bool
) -> str:
    """What makes the figures again, with the folders' names alone: where they lie is nobody's business."""
    words = ["semblance", "edits", folder.resolve().name]
    words += [word for more in gallery for word in ("--gallery", more.resolve().name)]
    words += ["--model", codec.folder.resolve().name]
    words += ["--originals", str(originals)] if originals != ORIGINALS else []
    words += ["--unseen-classes", str(unseen_classes)] if unseen_classes is not None else []
    return shlex.join([*words, *(["--placed"] if placed else []), "--keep"])
