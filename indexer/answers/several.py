"""Several pictures as one question, uploads and pictures of the library mixed: like these, unlike those.

An upload has logits. A picture of the library is asked by what is stored of it: its bits as -1 and +1, times the mean
size of the uploads' logits, so that each counts alike. On a hundred photographs of flowers that was seen to find
as many of the same kind as decoding its file again would, and costs nothing, and needs no file. Where bits of several
pictures cancel out, the first liked one's decides; in the refined order such a bit costs nothing.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from semblance.indexer.answers.questions import SEVERAL, Question, Several, Way
from semblance.retrieval import codes, queries
from semblance.retrieval.codec import Logits, from_logits
from semblance.retrieval.errors import UsageError
from semblance.retrieval.formats.regions import Region, checked
from semblance.retrieval.images import Source
from semblance.retrieval.queries import CodeQuery

MOST = 16  # pictures that one question may name over HTTP
_BREAKING = 1e-6  # of a logit: decides a bit that is undecided, and no other


def question(
    way: Way[Any],
    liked: Sequence[Source | int],
    disliked: Sequence[Source | int],
    k: int,
    count: int = 1,
    refine: bool | None = None,
    region: Region | None = None,
) -> Question[Any]:
    """The question of pictures, those of the library named by their ids. As Way.of_pictures, and raises as it does."""
    if not liked:
        raise UsageError("There is nothing to search with: name a picture that is liked.")
    region = checked(*region) if region else None
    (likes, like_ids), (unlikes, unlike_ids) = _parted(liked), _parted(disliked)
    if not like_ids and not unlike_ids:
        return way.of_pictures(likes, unlikes, k, count, refine, region)
    if way.name == "pixel" or count > 1 or region:
        raise UsageError(SEVERAL)
    started = time.perf_counter()
    decoded = np.concatenate([*way.codec.squashed([*likes, *unlikes])]) if likes or unlikes else None
    between = time.perf_counter()
    logits = np.empty((0, way.codec.bits), np.float32) if decoded is None else way.codec.logits(decoded)
    refine = way.name == "code" if refine is None else refine
    by = Several[Any](logits[: len(likes)], logits[len(likes) :], like_ids, unlike_ids, refine)
    times = 1000 * (between - started), 1000 * (time.perf_counter() - between)
    return Question(by, k, way.codec.codec_id, *times)


def query(way: Way[Any], by: Several[Any]) -> Any:
    """The query that they make together. Raises UnknownPicture."""
    uploads = np.concatenate([by.liked, by.disliked])
    size = np.float32(np.abs(uploads).mean() if len(uploads) else 1.0)
    liked = np.concatenate([by.liked, size * _signs(way, by.liked_ids)])
    disliked = np.concatenate([by.disliked, size * _signs(way, by.disliked_ids)])
    logits = queries.alike(liked, disliked)
    deciding = np.where(logits == 0, _BREAKING * np.sign(liked[0]), logits).astype(np.float32)[None]
    return CodeQuery(from_logits(deciding), logits[None] if by.refine else None)


def of_library(by: object) -> Sequence[int]:
    """The pictures of the library that a question is made of."""
    return (by,) if isinstance(by, int) else (*by.liked_ids, *by.disliked_ids) if isinstance(by, Several) else ()


def _signs(way: Way[Any], ids: Sequence[int]) -> Logits:
    """The bits of pictures of the library as -1 and +1: (N, bits)."""
    stored = [codes.unpack(way.of_id(id).codes, way.codec.bits) for id in ids]
    return (
        np.where(np.concatenate(stored), 1, -1).astype(np.float32)
        if stored
        else np.empty((0, way.codec.bits), np.float32)
    )


def _parted(pictures: Sequence[Source | int]) -> tuple[list[Source], tuple[int, ...]]:
    """Uploads, and ids."""
    return [each for each in pictures if not isinstance(each, int)], tuple(
        each for each in pictures if isinstance(each, int)
    )
