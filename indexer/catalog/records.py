"""What passes in and out of the catalog."""

from dataclasses import dataclass
from typing import Literal

from semblance.retrieval.codes import Codes
from semblance.retrieval.facts import Facts
from semblance.retrieval.index import Ids

Purpose = Literal["alike", "same"]  # what a codec's codes say of two pictures


@dataclass(frozen=True)
class Generation:
    """How many batches brought or took codes since the library was made, and the random token of the last of them."""

    number: int
    token: str


@dataclass(frozen=True)
class CurrentCodec:
    """A codec whose codes the library holds: its id, how many bits they have, and what users know its model by."""

    codec_id: str
    bits: int
    model: str


@dataclass(frozen=True)
class KnownCodec:
    """A codec that the library has codes of, what they say of two pictures, and whether searches go by them now."""

    codec: CurrentCodec
    purpose: Purpose
    current: bool


@dataclass(frozen=True)
class Entry:
    """A picture as the catalog knows it. `ctime_ns` and `inode` are 0 where they are not known yet."""

    id: int
    path: str
    size: int
    mtime_ns: int
    sha256: bytes
    ctime_ns: int = 0
    inode: int = 0


@dataclass(frozen=True)
class NewPicture:
    """A picture to record: a file's path and state, the SHA-256 of its content, its code (W,) by each codec_id.

    `id` is one that no picture of the library ever had; None takes the next. `facts`: what it says of itself; None
    where it was not asked.
    """

    path: str
    size: int
    mtime_ns: int
    sha256: bytes
    codes: dict[str, Codes]
    ctime_ns: int = 0
    inode: int = 0
    id: int | None = None
    facts: Facts | None = None


@dataclass(frozen=True)
class Told:
    """How many pictures say when they were taken, by which camera, and where."""

    taken: int
    camera: int
    placed: int


@dataclass(frozen=True)
class Counted:
    """A folder's path or a camera's name, and how many pictures are of it."""

    name: str
    pictures: int


@dataclass(frozen=True)
class Facets:
    """What there is to narrow by: the folders of runs and those one level below, cameras, the first and the last day
    (YYYY-MM-DD) that a picture was taken, and how many say where."""

    folders: list[Counted]
    cameras: list[Counted]
    taken: tuple[str, str] | None
    placed: int


@dataclass(frozen=True)
class Folder:
    """A folder that was named in a run, or the place of a disk below one: the number of the device that it lay on, and
    when that was last so, in seconds since 1970. Pictures with an id above `last` came after that."""

    device: int
    named: bool
    seen: float
    last: int


@dataclass(frozen=True)
class Failure:
    """A file that could not be used, and why. `read`: its content was read, and it is no picture that can be used."""

    path: str
    reason: str
    read: bool


@dataclass(frozen=True)
class Changes:
    """What came after a generation: codes (N, W) added under ids (N,), and ids removed; `generation` is the present,
    and `pictures` how many the library has then, with such a code or without."""

    generation: Generation
    ids: Ids
    codes: Codes
    removed: Ids
    pictures: int = 0
