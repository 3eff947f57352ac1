"""Pictures -> their features by a network, a few pictures at a time: those of 224 pixels may not all fit the memory."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from semblance.retrieval import decoding
from semblance.retrieval.errors import DatasetError, PictureError
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.training.data import Selection

_CHUNK = 16  # pictures that a thread decodes and encodes by itself: at 224 pixels their activations take 100 MB

Work = Callable[[Picture], Floats]  # pictures (N, S, S, 3) -> features (N, D) by one core


@dataclass(frozen=True)
class Features:
    """Features (N, D) of what could be read, what that was, the SHA-256 of the pictures, and why others could not."""

    vectors: Floats
    read: list[Source]
    sha256: str
    failed: list[tuple[Path, str]]


def make(work: Work, chosen: Selection, spec: InputSpec, progress: Progress = quiet) -> Features:
    """What `work` makes of all that was chosen, in its order, by all cores. Raises DatasetError where nothing can be
    read, and what `work` raises."""
    checksum, done = hashlib.sha256(), 0
    vectors: list[Floats] = []
    read: list[Source] = []
    failed: list[tuple[Path, str]] = []
    for made in in_order(partial(_chunk, work, spec), _chunks(chosen)):
        for source, picture in made.pairs:
            if isinstance(picture, Exception):
                failed.append((cast(Path, source), str(picture)))  # arrays can always be read
            else:
                read.append(source)
                checksum.update(np.ascontiguousarray(picture).data)
        vectors += [made.vectors] if len(made.vectors) else []
        progress(done := done + len(made.pairs), len(chosen))
    if not read:
        raise DatasetError(f"{chosen.name} holds no picture that can be read ({len(failed)} could not).")
    return Features(np.concatenate(vectors), read, checksum.hexdigest(), failed)


@dataclass(frozen=True)
class _Chunk:
    pairs: list[tuple[Source, Picture | PictureError | OSError]]
    vectors: Floats


def _chunk(work: Work, spec: InputSpec, sources: Sequence[Source]) -> _Chunk:
    pairs: list[tuple[Source, Picture | PictureError | OSError]] = []
    for source in sources:
        try:
            pairs.append((source, decoding.load(source, spec)))
        except (PictureError, OSError) as error:
            pairs.append((source, error))
    pictures = [picture for _, picture in pairs if not isinstance(picture, Exception)]
    return _Chunk(pairs, work(np.stack(pictures)) if pictures else np.empty((0, 0), np.float32))


def _chunks(chosen: Selection) -> Iterator[list[Source]]:
    left = iter(chosen)
    while chunk := [*islice(left, _CHUNK)]:
        yield chunk


def spread(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many of `count` rows, evenly spread."""
    rows: npt.NDArray[Any] = np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
    return np.unique(rows)
