"""The pictures that a benchmark is to go by, and their codes."""

from pathlib import Path

import numpy as np

from semblance.retrieval import images
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import UsageError
from semblance.retrieval.judging.datasets import attempts, picture_files
from semblance.scripts.benchmarks.figures import Asked
from semblance.scripts.scenes import write_sample

_DRAWN = 1200
_BATCH = 256


def pictures(asked: Asked) -> Path:
    """The folder that was named, or drawn scenes where none was."""
    if asked.pictures is not None:
        return asked.pictures
    write_sample(asked.scratch / "drawn", _DRAWN)
    return asked.scratch / "drawn"


def encoded(folder: Path, codec: Codec, most: int) -> tuple[list[Path], Codes]:
    """At most so many pictures of a folder, in random order, and the codes (N, W) of those that can be read. UsageError
    where there are none."""
    paths = picture_files(folder)
    if not paths:
        raise UsageError(f"There are no pictures in {folder}: name another folder with --pictures.")
    chosen = [paths[at] for at in np.random.default_rng(1).permutation(len(paths))[:most]]
    parts, batch = [np.empty((0, codec.bits // 8), np.uint8)], list[images.Picture]()
    for picture in attempts(lambda path: images.load(path, codec.spec), chosen):
        if not isinstance(picture, Exception):
            batch.append(picture)
        if len(batch) == _BATCH:
            parts.append(codec.encode(np.stack(batch)))
            batch = []
    if batch:
        parts.append(codec.encode(np.stack(batch)))
    return chosen, np.concatenate(parts)
