"""What is found: groups of copies, and crowds, which are none."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from semblance.retrieval.progress import Progress, quiet

Why = Literal["best", "exact", "near", "mirrored", "turned", "crop"]
Stage = Callable[[str], AbstractContextManager[Progress]]  # what is being done -> how far that is


@dataclass(frozen=True)
class Copy:
    """A picture of a group. `width`, `height` and `format` are None where its file cannot be read any more; `date` is
    the file's, in ISO 8601; `distance` is in bits to the best, of a mirrored or turned one as it would be put back.

    `why` it is here: "exact" has the best's content; "near" a code near the best's, or the same pixels; "crop" shows a
    part of it; and what is a copy of a crop is one.
    """

    id: int
    path: str
    bytes: int
    width: int | None
    height: int | None
    format: str | None
    date: str | None
    distance: int | None
    why: Why


@dataclass(frozen=True)
class Group:
    """Copies of one picture, two or more, the best first."""

    copies: list[Copy]

    @property
    def best(self) -> Copy:
        """The one to keep."""
        return self.copies[0]

    @property
    def rest(self) -> list[Copy]:
        """All others."""
        return self.copies[1:]

    @property
    def bytes(self) -> int:
        """What all but the best take."""
        return sum(copy.bytes for copy in self.rest)


@dataclass(frozen=True)
class CrowdOfPictures:
    """Unlike pictures that share nearly one code, by id: `ids` and `paths`, of the same length."""

    ids: list[int]
    paths: list[str]


@dataclass(frozen=True)
class Duplicates:
    """All that was found among `pictures`; `within` is the distance in bits that near copies have at most, None where
    only exact ones were looked for. `gone`: files that had to be read and could not be. `apart`: how many pairs people
    had told apart."""

    pictures: int
    within: int | None
    groups: list[Group]
    crowds: list[CrowdOfPictures]
    gone: list[str]
    apart: int

    @property
    def bytes(self) -> int:
        """What all but the best of each group take."""
        return sum(group.bytes for group in self.groups)


def unwatched(_: str) -> AbstractContextManager[Progress]:
    """For who does not watch."""
    return nullcontext(quiet)
