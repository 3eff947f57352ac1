"""What `auto` goes by: how quick and how large this machine is, measured here and on the library's own codes."""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from semblance.indexer.derived.built import AIM, FOLDER, RECALL, K
from semblance.retrieval import arrays, files
from semblance.retrieval.codes import width
from semblance.retrieval.index import ENGINES, FlatIndex, tuning
from semblance.retrieval.index.mapped import MappedFlat, to_file
from semblance.retrieval.progress import Progress, quiet

_SAMPLE = 2**20  # codes that engines are tried on: of fewer a scan is as quick as the best of them
_ASKED = 60  # queries that tell one engine from another: what is built is tuned with more, and hash takes 27 scans each
_COPIES = 2  # of the file are in memory for a moment while a snapshot is loaded
_GROWN = 2  # times as many codes: then engines are tried anew


@dataclass(frozen=True)
class Tried:
    """What became of an engine that was tried on a sample: the time of a query as a share of an exact one's, and its
    recall."""

    engine: str
    share: float
    recall: float


@cache
def a_code(bits: int) -> float:
    """The milliseconds that a query compared with one more code takes, on this machine, now."""
    return tuning.scan_milliseconds(bits)


def memory(size: int, bits: int) -> int:
    """Bytes that so many codes and their ids take."""
    return size * (width(bits) + 8)


def fits_in_memory(size: int, bits: int) -> bool:
    """Whether half of the memory that is left holds them, as they are loaded. True where the system does not say."""
    with suppress(OSError, ValueError, LookupError):
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return _COPIES * memory(size, bits) < 1024 * int(told["MemAvailable"].split()[0]) / 2
    return True


def remembered(library: Path, codec_id: str, size: int) -> list[Tried] | None:
    """What engines came to when they were tried on these codes; None where they are to be tried, or tried anew."""
    with suppress(OSError, *arrays.UNREADABLE):
        said = json.loads(files.read_regular(_place(library, codec_id)))
        if size < _GROWN * said["size"] and set(said["engines"]) == set(ENGINES):
            return [Tried(**each) for each in said["tried"]]
    return None


def tried(library: Path, codec_id: str, codes: FlatIndex, progress: Progress = quiet) -> list[Tried]:
    """Build and tune each engine on a sample of the codes, and remember what came of it. Raises OSError."""
    rows = np.sort(np.random.default_rng(0).choice(len(codes), min(_SAMPLE, len(codes)), replace=False))
    ids = codes.ids()[rows]
    sample, found = FlatIndex(codes.bits, ids, codes.codes(ids)), []
    draft = files.beside(_place(library, codec_id))
    try:
        for done, (name, engine) in enumerate(ENGINES.items()):
            progress(done, len(ENGINES))
            files.make_folder(draft)
            files.replace(draft / "codes", to_file(sample))
            stored = MappedFlat(draft / "codes", codes.bits)
            engine.build(stored, draft, quiet)
            tuned = tuning.tune(engine.open(stored, draft), recall=AIM, k=K, queries=_ASKED)
            found.append(Tried(name, tuned.milliseconds / tuned.exact_milliseconds, tuned.recall))
            shutil.rmtree(draft)
        said = {"size": len(codes), "engines": [*ENGINES], "tried": [vars(each) for each in found]}
        files.replace(_place(library, codec_id), [json.dumps(said).encode()])
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def best(tried: list[Tried]) -> str | None:
    """The quickest that reaches the recall and is quicker than comparing all; None where none is."""
    good = [each for each in tried if each.recall >= RECALL and each.share < 1]
    return min(good, key=lambda each: each.share).engine if good else None


def _place(library: Path, codec_id: str) -> Path:
    return library / FOLDER / f"tried-{codec_id[:16]}.json"
