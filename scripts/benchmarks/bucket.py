"""`bucket`: indexing pictures from S3 against the same pictures from files, on this machine, in turns.

Two servers hold them: moto's, and a stand-in that only sends files (stores/objects.py). Both take of the same cores as
the indexing, which a storage elsewhere would not: how much of them is said.
"""

import os
import resource
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from semblance.retrieval.errors import UsageError
from semblance.retrieval.judging.datasets import picture_files
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write
from semblance.scripts.benchmarks.stores import burden, objects
from semblance.scripts.benchmarks.stores.objects import BUCKET, Objects

MOST = 1_000  # pictures: of more some, taken evenly
TURNS = 3
_FILES, _MOTO, _STATIC = "files", "S3, moto's server", "S3, a stand-in that only sends files"

Figures = dict[str, list[float]]


def bucket(asked: Asked) -> list[Row]:
    """`semblance index` from nothing, of all three in turns."""
    files = _pictures(asked)
    rates = {name: list[float]() for name in (_FILES, _MOTO, _STATIC)}
    cores = {name: list[float]() for name in rates}
    spent = {name: list[float]() for name in rates}
    with ExitStack() as standing:
        servers: dict[str, Objects | None] = {_FILES: None}
        servers[_MOTO] = standing.enter_context(objects.moto(files))
        servers[_STATIC] = standing.enter_context(objects.static(files[0].parent))
        for turn in range(TURNS):
            for number, (name, server) in enumerate(servers.items()):
                took = _indexed(asked, files, server, asked.scratch / f"library-{turn}-{number}")
                for of, value in zip((rates, cores, spent), took, strict=True):
                    of[name].append(value)
    return _rows(files, rates, cores, spent)


def _rows(files: Sequence[Path], rates: Figures, cores: Figures, spent: Figures) -> list[Row]:
    medians = {name: float(np.median(each)) for name, each in rates.items()}
    kilobytes = float(np.mean([file.stat().st_size for file in files])) / 1000
    made = [row(f"{len(files):,} pictures, mean", kilobytes, "kB")]
    made += [row(f"index from {name}", rate, "pictures/s") for name, rate in medians.items()]
    made += [row(f"processor, a picture from {name}", float(np.median(each)), "ms") for name, each in spent.items()]
    for name in (_MOTO, _STATIC):
        shares = np.array(rates[name]) / np.array(rates[_FILES])
        made.append(row(f"{name} / files", float(np.median(shares)), "ratio", "at least 0.8"))
        made.append(row(f"{name}: the server's own share of the processor", float(np.median(cores[name])), "cores"))
    return made


def _indexed(asked: Asked, files: Sequence[Path], server: Objects | None, library: Path) -> tuple[float, float, float]:
    """Pictures a second; how many cores the server took meanwhile; milliseconds of the processor that `index` took of
    its own for a picture, its start among them, which other work on the machine changes little."""
    source = f"s3://{BUCKET}" if server else str(files[0].parent)
    model = ("--model", asked.models[0]) if asked.models else ()
    before, own = burden.busy(server.process) if server else 0.0, _children()
    done = indexed(source, library, *model, environment={**os.environ, **(server.variables if server else {})})
    busy = burden.busy(server.process) - before if server else 0.0
    shutil.rmtree(library)
    if done["added"] != len(files):
        raise UsageError(f"Of {len(files)} pictures in {source} {done['added']} were indexed: name others.")
    return done["added"] / done["seconds"], busy / done["seconds"], 1000 * (_children() - own) / len(files)


def _children() -> float:
    """Seconds that ended children took of the processor, and theirs."""
    said = resource.getrusage(resource.RUSAGE_CHILDREN)
    return said.ru_utime + said.ru_stime


def _pictures(asked: Asked) -> list[Path]:
    """The pictures that are measured, alone in a folder."""
    if asked.pictures is None:
        return write(asked.scratch / "of-a-megapixel", os.cpu_count() or 1)
    paths = picture_files(asked.pictures)
    if not paths:
        raise UsageError(f"There are no pictures in {asked.pictures}: name another folder with --pictures.")
    folder = asked.scratch / "pictures"
    folder.mkdir()
    some = paths[:: -(-len(paths) // MOST)]
    return [Path(shutil.copyfile(path, folder / f"{n:06}{path.suffix}")) for n, path in enumerate(some)]
