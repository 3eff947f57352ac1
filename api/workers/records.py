"""What the thread that owns the library says of it, and what it is asked."""

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from semblance.indexer.answers.asking import Answer, Question, Way
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import SemblanceError


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

    def lacking(self, name: str) -> SemblanceError:
        """See Library.lacking."""

    def follow(self, wait: bool = True) -> bool:
        """See Library.follow."""

    def close(self) -> None:
        """Nothing can be asked after."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class State:
    """What the rest of the service may know of the open library, and how it makes questions for each engine: by
    `questions`, or by what of `ways` belongs to no thread (making questions, the codec, whose library it is)."""

    codec: Codec
    pictures: int
    engines: list[str]
    questions: dict[str, Callable[..., Question[Any]]]
    ways: dict[str, Way[Any]]
    lacking: Callable[[str], SemblanceError]  # why there is no way of a name


@dataclass(frozen=True)
class Asked:
    """A question on its way, who waits for its answer, in which request, and since when (time.time())."""

    engine: str
    question: Question[Any]
    future: Future[Answer]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    at: float = field(default_factory=time.time)
