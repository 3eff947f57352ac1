"""The features that an adopted network's bits were rounded from, judged as they are: what rounding costs.

They stand inside encoder.onnx as the tensor "features". An ONNX file is a message of Protocol Buffers, and of two such
messages in a row a reader makes one, with what is repeated in both of them: so a few bytes behind the file make the
tensor an output beside the logits, and nothing but ONNX Runtime is needed.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codec import ENCODER, Codec, Logits
from semblance.retrieval.errors import ModelError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging.comparison import milliseconds
from semblance.retrieval.judging.contest import Contest, Row
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.sessions import session

_TENSOR = b"features"
_BATCH = 32  # pictures at one time: a deep network of large pictures fills gigabytes with more
_ONE = 1 << 28  # whole numbers that a cosine distance of 1 is told in: more than float32 tells apart

Encoding = Callable[[Picture], tuple[Logits, Floats]]  # pictures (N, S, S, 3) -> logits (N, bits), features (N, D)


def encoding(codec: Codec) -> Encoding | None:
    """What makes a model's logits and its features in one go; None where its encoder has no such tensor."""
    path = codec.folder / ENCODER
    encoder = path.read_bytes()
    if _TENSOR not in encoder:
        return None
    try:
        opened = session(encoder + _as_output(_TENSOR), path, threads=2)
    except ModelError:  # the word stands there for something else
        return None
    name = opened.get_inputs()[0].name

    def encode(pictures: Picture) -> tuple[Logits, Floats]:
        starts = range(0, len(pictures), _BATCH)
        parts = [opened.run(None, {name: pictures[start : start + _BATCH]}) for start in starts]
        logits, features = (np.concatenate(part) for part in zip(*parts, strict=True))
        return logits, features

    return encode


def by_features(contest: Contest, codec: Codec, gallery: Floats, asking: Floats, encode: Encoding) -> Row:
    """The cosine between float features, gallery (G, D) and queries (Q, D), about the gallery's mean: bits, too, are of
    features less a mean."""
    centred = (each - gallery.mean(axis=0) for each in (gallery, asking))
    there, here = (each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in centred)
    pictures = contest.queries.pictures(codec.spec)

    def distances(rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        cosines: npt.NDArray[np.int64] = np.rint((1 - here[rows] @ there.T).clip(0, 2) * _ONE).astype(np.int64)
        return cosines

    def nearest(rows: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
        return np.argsort(distances(rows), axis=1, kind="stable")[:, :n]

    return Row(
        f"{codec.name}, its features",
        None,
        contest.score(distances),
        milliseconds(lambda i: nearest(np.array([i]), 10), len(asking)),
        milliseconds(lambda i: encode(pictures[i : i + 1]), len(asking)),
        4 * gallery.shape[1],
        lambda rows, n: contest.others(rows, n, nearest(rows, n + 1)),
    )


def _as_output(name: bytes) -> bytes:
    """A ModelProto whose graph (field 7) has one output (12) of this name (1), and nothing else."""
    for field in (1, 12, 7):
        name = bytes([field << 3 | 2, len(name)]) + name
    return name
