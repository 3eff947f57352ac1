"""What the thread that owns the library says of it, and what it is asked."""

import contextvars
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from semblance.indexer.answers.asking import Answer, Question, Way
from semblance.indexer.catalog import Purpose
from semblance.indexer.derived.engines import Loaded
from semblance.retrieval.codec import Codec


class Held(Protocol):
    """What the thread holds: a Library, or a library that is in Milvus alone."""

    @property
    def codec(self) -> Codec:
        """Of what is alike."""

    @property
    def ways(self) -> dict[str, Way[Any]]:
        """By the names that users call them by."""

    @property
    def engines(self) -> list[str]:
        """The names of those that it can answer."""

    @property
    def standing(self) -> Mapping[Purpose, Loaded]:
        """What codes are searched by, and why."""

    def way(self, name: str) -> Way[Any]:
        """The way of this name. Raises the SemblanceError that says why there is none."""

    def follow(self, wait: bool = True) -> bool:
        """See Library.follow."""

    def close(self) -> None:
        """Nothing can be asked after."""

    def __len__(self) -> int: ...


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
    way: Callable[[str], Way[Any]]  # of a name; or it says why there is none


@dataclass(frozen=True)
class Asked:
    """A question on its way, who waits for its answer, in which request, and since when (time.time())."""

    engine: str
    question: Question[Any]
    future: Future[Answer]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    at: float = field(default_factory=time.time)
