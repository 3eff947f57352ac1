"""A question and its answer: what a picture is made into to search with, and how what was found goes over the wire."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semblance.api.schemas import Engine, Result, SearchAnswer, Timings
from semblance.retrieval import images, pixels, queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import UsageError
from semblance.retrieval.pixels import Pixels
from semblance.retrieval.queries import CodeQuery
from semblance.retrieval.views import views


@dataclass(frozen=True)
class Question:
    """What is asked, `k` answers wanted: by codes, by a pixel vector (3072,), or by the id of a library's picture."""

    engine: Engine
    k: int
    by: CodeQuery | Pixels | int


@dataclass(frozen=True)
class Hit:
    """One picture found."""

    id: int
    path: str
    distance: float
    similarity: float


@dataclass(frozen=True)
class Hits:
    """What a search gave. `milliseconds` is the batch's, without the wait in the queue."""

    nearest: list[Hit]
    library_size: int
    milliseconds: float


@dataclass(frozen=True)
class Encoded:
    """A picture made ready to search with: by codes or by a pixel vector (3072,), and the milliseconds it took."""

    by: CodeQuery | Pixels
    decode_ms: float
    encode_ms: float


def encode(source: bytes | Path, codec: Codec, engine: Engine, count: int = 1, refine: bool = False) -> Encoded:
    """Decode a picture and encode `count` views of it for `engine`.

    Raises PictureError, OSError where a path cannot be read, and UsageError where several views or a refined order are
    asked of an engine that has neither.
    """
    if engine == "pixel" and (count > 1 or refine):
        raise UsageError("Only the engine code has several views and a refined order: leave views and refine out.")
    started = time.perf_counter()
    picture = images.load(source, codec.spec if engine == "code" else pixels.SPEC)
    decoded = time.perf_counter()
    by = queries.of_logits(codec.logits(views(picture, count)), refine) if engine == "code" else picture.reshape(-1)
    return Encoded(by, 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded))


def encode_several(liked: list[Path], disliked: list[Path], codec: Codec, refine: bool = False) -> Encoded:
    """Decode and encode the pictures of one query: like all the `liked`, unlike all the `disliked`.

    Raises PictureError, OSError where a path cannot be read, and ValueError where nothing is liked.
    """
    started = time.perf_counter()
    pictures = np.stack([images.load(path, codec.spec) for path in (*liked, *disliked)])
    decoded = time.perf_counter()
    logits = codec.logits(pictures)
    by = queries.of_logits(queries.alike(logits[: len(liked)], logits[len(liked) :])[None], refine)
    return Encoded(by, 1000 * (decoded - started), 1000 * (time.perf_counter() - decoded))


def to_answer(hits: Hits, codec: Codec, engine: Engine, encoded: Encoded | None = None) -> SearchAnswer:
    """What goes over the wire, and out of `semblance search --json`."""
    times = (encoded.decode_ms, encoded.encode_ms) if encoded else (0.0, 0.0)
    timings = {name: round(ms, 3) for name, ms in zip(Timings.model_fields, (*times, hits.milliseconds), strict=True)}
    return SearchAnswer(
        codec_id=codec.codec_id,
        engine=engine,
        library_size=hits.library_size,
        timings_ms=Timings(**timings),
        results=[Result(**vars(hit)) for hit in hits.nearest],
    )
