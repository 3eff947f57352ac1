"""What the thread that owns the library says of it, and what it is asked."""

import contextvars
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from semblance.indexer.answers.asking import Answer, Question, Way
from semblance.indexer.catalog import Purpose
from semblance.indexer.derived.engines import Loaded
from semblance.retrieval.codec import Codec


@dataclass(frozen=True)
class State:
    """What the rest of the service may know of the open library, and how it makes questions for each engine: by
    `questions`, or by what of `ways` belongs to no thread (making questions, the codec, whose library it is).
    `standing` says what codes are searched by, and why."""

    codec: Codec
    pictures: int
    engines: list[str]
    questions: dict[str, Callable[..., Question[Any]]]
    ways: dict[str, Way[Any]]
    standing: Mapping[Purpose, Loaded]


@dataclass(frozen=True)
class Asked:
    """A question on its way, who waits for its answer, in which request, and since when (time.time())."""

    engine: str
    question: Question[Any]
    future: Future[Answer]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    at: float = field(default_factory=time.time)
