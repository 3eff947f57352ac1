"""`kills`, `powercuts`: what is left of a library when indexing ends in the middle, and whether the next run mends it.

What is right is known from elsewhere: each picture's codes from a library that was made in one go. No picture may have
another's code, none that was committed may be lost or numbered anew, and the next run has to end where the
uninterrupted one did.
"""

import contextlib
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from semblance.indexer.catalog import FILE, Catalog, Entry, codecs
from semblance.indexer.derived.pixelfile import PixelFile
from semblance.indexer.library import Library
from semblance.retrieval import images, pixels
from semblance.retrieval.errors import LibraryError
from semblance.scripts import console
from semblance.scripts.benchmarks.figures import SEMBLANCE, Asked, Row, row
from semblance.scripts.benchmarks.tracing import Call, Disk, record

PICTURES = 600  # several batches, each a moment's work
KILLS = 50  # of each kind of run
CUTS = 200
BEFORE, AFTER = "copies", "photos-fast"

Codes = dict[tuple[str, str], tuple[int, bytes]]  # path and codec_id -> id and code


@dataclass(frozen=True)
class Kind:
    """A run that is interrupted: its options, what else happens meanwhile, and the library that it begins with."""

    name: str
    options: list[str]
    base: Path | None = None
    arriving: bool = False  # the pictures come while it watches


@dataclass(frozen=True)
class Trial:
    """Where a benchmark works: the pictures, where they are kept until they arrive, and their codes by both models."""

    scratch: Path
    pictures: Path
    waiting: Path
    right: dict[str, dict[str, bytes]]  # codec_id -> a file's name -> code


def kills(asked: Asked) -> list[Row]:
    """SIGKILL at random moments of indexing: plain, with pixels, while watching, while another model takes over."""
    trial = _prepare(asked.scratch)
    rng, rows, well = random.Random(0), [], 0
    kinds = [
        Kind("plain", ["--model", BEFORE]),
        Kind("pixels", ["--model", BEFORE, "--pixels"]),
        Kind("watch", ["--watch"], asked.scratch / "empty", arriving=True),
        Kind("model change", ["--model", AFTER], asked.scratch / BEFORE),
    ]
    for kind in kinds:
        seconds = _until_killed(trial, kind, None)
        good = sum(_killed(trial, kind, rng.uniform(0.1, seconds)) for _ in range(KILLS))
        rows.append(row(f"SIGKILL, {kind.name}: nothing lost, nothing wrong", good, f"of {KILLS}"))
        well += good
    return [*rows, row("SIGKILL, all", well, f"of {KILLS * len(kinds)}", f"{KILLS * len(kinds)}")]


def powercuts(asked: Asked) -> list[Row]:
    """The power fails at random calls of `index --pixels`, on a disk that had kept any part of what was not synced."""
    trial = _prepare(asked.scratch)
    library = asked.scratch / "library"
    options = ["--library", str(library), "--model", BEFORE, "--pixels"]
    calls = record([*SEMBLANCE, "index", str(trial.pictures), *options], asked.scratch / "calls")
    shutil.rmtree(library)
    rng = random.Random(0)
    good = sum(_cut(trial, calls[: rng.randrange(len(calls))], library, rng) for _ in range(CUTS))
    return [row("power cuts: nothing synced is lost, nothing wrong", good, f"of {CUTS}", f"{CUTS}")]


def _prepare(scratch: Path) -> Trial:
    trial = Trial(scratch, scratch / "pictures", scratch / "waiting", {})
    rng = np.random.default_rng(0)
    for folder in (trial.pictures, trial.waiting):
        folder.mkdir()
    for number in range(PICTURES):
        blocks = rng.integers(0, 256, (8, 8, 3), np.uint8).repeat(12, 0).repeat(12, 1)
        Image.fromarray(blocks).save(trial.pictures / f"{number:04}.png")
    for model in (BEFORE, AFTER):
        _run(trial, scratch / model, "--model", model)
        with Catalog.opened(scratch / model) as catalog:
            codec_id = catalog.codec_id
        codes = read(scratch / model)
        trial.right[codec_id] = {Path(path).name: code for (path, of), (_, code) in codes.items() if of == codec_id}
    Library.create(scratch / "empty", BEFORE).close()
    return trial


def _run(trial: Trial, library: Path, *options: str) -> None:
    command = [*SEMBLANCE, "index", str(trial.pictures), "--library", str(library), *options]
    subprocess.run(command, check=True, capture_output=True, text=True)


def read(library: Path) -> Codes:
    """What the catalog holds; nothing where there is none. LibraryError where it is damaged."""
    if not Catalog.exists(library):
        return {}
    found: Codes = {}
    with Catalog.opened(library) as catalog:
        catalog.check_structure()
        for known in codecs.known(catalog):
            codec_id = known.codec.codec_id
            coded = catalog.changes(0, codec_id)
            paths = catalog.paths(coded.ids.tolist())
            found |= {
                (paths[id], codec_id): (id, bytes(code))
                for id, code in zip(coded.ids.tolist(), coded.codes, strict=True)
            }
        if catalog.damaged_seen:
            raise LibraryError(f"{library} has damaged rows.")
    return found


# ---- killed --------------------------------------------------------------------------------------------------------


def _killed(trial: Trial, kind: Kind, seconds: float) -> bool:
    _until_killed(trial, kind, seconds)
    return _said(f"{kind.name}, killed after {seconds:.3f} s", _wrong(trial, trial.scratch / "killed", kind))


def _until_killed(trial: Trial, kind: Kind, seconds: float | None) -> float:
    """Begin the run anew and kill it after so long, or (None) when it has all; how long that took."""
    library = trial.scratch / "killed"
    shutil.rmtree(library, ignore_errors=True)
    if kind.base is not None:
        shutil.copytree(kind.base, library)
    if kind.arriving:
        for path in trial.pictures.iterdir():
            path.rename(trial.waiting / path.name)
    command = [*SEMBLANCE, "index", str(trial.pictures), "--library", str(library), *kind.options]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in sorted(trial.waiting.iterdir()):
        path.rename(trial.pictures / path.name)
        time.sleep(0.002)
    if seconds is None and kind.arriving:
        while len(read(library)) < PICTURES:
            time.sleep(0.1)
    elif seconds is None:
        process.wait()
    else:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, started + seconds - time.monotonic()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return time.monotonic() - started


# ---- the power gone ------------------------------------------------------------------------------------------------


def _cut(trial: Trial, calls: list[Call], library: Path, rng: random.Random) -> bool:
    disk = Disk(library)
    kept: dict[str, bytes] = {}  # the catalog as it was when something was last synced
    for call in calls:
        if disk.take(call):
            kept = disk.seen(FILE, f"{FILE}-wal")
    sure, found = trial.scratch / "sure", trial.scratch / "found"
    for folder in (sure, found):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for name, data in kept.items():
        (sure / name).write_bytes(data)
    disk.cut(found, rng)
    try:
        lost = read(sure).items() - read(found).items()
    except LibraryError as error:
        return _said("power cut", str(error))
    wrong = _wrong(trial, found, Kind("power cut", ["--model", BEFORE, "--pixels"]))
    return _said("power cut", f"{len(lost)} synced codes are lost" if lost else wrong)


def _wrong(trial: Trial, library: Path, kind: Kind) -> str:
    """What is wrong with what is there, or with what the next run makes of it; empty where it is right, completed, and
    numbered as it was."""
    try:
        there = read(library)
        _run(trial, library, *(option for option in kind.options if option != "--watch"))
        after = read(library)
    except subprocess.CalledProcessError as error:
        return f"the next run ended with {error.returncode}: {error.stderr}"
    except LibraryError as error:
        return str(error)
    with Catalog.opened(library) as catalog:
        right = trial.right[catalog.codec_id]
        entries = catalog.entries()
    if any(trial.right.get(of, {}).get(Path(path).name, code) != code for (path, of), (_, code) in there.items()):
        return "a picture has another's code"
    if any(after.get(key) != value for key, value in there.items()):
        return "what was committed was made anew"
    if {Path(path).name: code for (path, of), (_, code) in after.items() if of == catalog.codec_id} != right:
        return "the next run did not end where an uninterrupted one does"
    return "" if "--pixels" not in kind.options or _vectors_right(library, entries) else "pixel vectors are wrong"


def _said(what: str, wrong: str) -> bool:
    if wrong:
        console.say(f"{what}: {wrong}")
    return not wrong


def _vectors_right(library: Path, entries: list[Entry]) -> bool:
    vectors = PixelFile(library, {entry.id: entry.sha256 for entry in entries})
    paths = {entry.id: entry.path for entry in entries}
    rows = zip(vectors.ids.tolist(), vectors[:], strict=True)
    right = all(np.array_equal(vector, images.load(paths[id], pixels.SPEC).reshape(-1)) for id, vector in rows)
    return right and len(vectors) == len(entries)
