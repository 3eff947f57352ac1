"""What is said when a library is changed, and of what is there more than once."""

import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semblance.api.wire.pictures import Image

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")

Added = Image


class JobAsked(BaseModel):
    """What is to be done: so far, a folder brought into the library as `semblance index` does."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["index"]
    folder: str = Field(
        min_length=1,
        max_length=4096,
        description="One that the service may index, or one below it: its whole path",
        json_schema_extra={"pattern": r"^/[^\x00]*$" if os.name == "posix" else r"^[A-Za-z]:[^\x00]*$"},
    )


class Job(BaseModel):
    """Work that takes long, and how it stands. `interrupted`: its service was stopped, or killed; what it had
    committed is kept, as it is of one that failed or was cancelled."""

    id: int
    kind: Literal["index"] = "index"
    folder: str
    state: State = "queued"
    done: int = 0
    total: int = 0
    summary: dict[str, Any] | None = Field(None, description="What `semblance index --json` says, once it is done")
    detail: str | None = Field(None, description="What it waits for, or why it failed")


class Jobs(BaseModel):
    """The latest jobs, the newest first."""

    jobs: list[Job]


class JobProgress(BaseModel):
    """How far a job is."""

    done: int
    total: int


class Pair(BaseModel):
    """Two pictures of the library."""

    model_config = ConfigDict(extra="forbid")

    first: int = Field(ge=1, le=2**63 - 1)
    second: int = Field(ge=1, le=2**63 - 1)


class Member(Image):
    """A picture of a group, as `semblance duplicates --json` has it."""

    bytes: int
    width: int | None
    height: int | None
    format: str | None
    date: str | None
    distance: int | None
    why: str


class Group(BaseModel):
    """Copies of one picture, the best first; `bytes` is what the others take."""

    best: int
    members: list[Member]
    bytes: int


class Groups(BaseModel):
    """Some of the groups of duplicates, those first that take most; `total` is how many groups there are, `bytes` what
    all but the best of each take, `pictures` among how many, `within` how many bits near copies are apart at most."""

    groups: list[Group]
    next: str | None
    total: int
    bytes: int
    pictures: int
    within: int | None


class Looking(BaseModel):
    """Duplicates are being looked for: ask again after Retry-After seconds."""

    state: Literal["looking"] = "looking"
    stage: str = ""
    done: int = 0
    total: int = 0
