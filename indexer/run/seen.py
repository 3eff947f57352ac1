"""What a run sees: files, or objects at addresses, and their state; and all that is known of where it looked."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Found(NamedTuple):
    """A file that should be a picture, by its name or its content, and its state when it was seen.

    `mtime_ns` lies within 64 bits with a sign, which is what the catalog holds: years 1677 to 2262 are themselves, and
    others are counted round. It is only ever asked whether it is the same, and within 584 years no two become one.
    So do `ctime_ns` and `inode`. What lies at an address has no ctime (0), and the version that its storage says, as a
    number, for an inode.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0


@dataclass
class Scan:
    """What the folders of one run hold.

    `skipped` counts files that are no pictures by name nor content, hidden ones, and what is left out. `unlisted` are
    folders and files that could not be looked at, with the reason: nothing below them may be called gone. `passed` are
    folders that were seen and not looked into. `missing` are folders that are not there. `devices` has the numbers of
    the devices of the roots, and of folders below them that lie on another one than the folder they are in. `uploads`
    is the library's own folder of pictures, which runs over other folders know nothing of.
    """

    roots: list[str] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    skipped: int = 0
    unlisted: dict[str, str] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    devices: dict[str, int] = field(default_factory=dict)
    uploads: str | None = None
