"""The files that a library's pictures were indexed from, as they are now.

A file is opened once, and what is said and shown of it is what was opened: between two looks at a path another file may
have been put there, or a link to one. Its bytes go to nobody unless they are those that were indexed.
"""

import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Protocol, cast

from semblance.indexer.catalog import Catalog, Entry
from semblance.indexer.run.scan import state_of
from semblance.retrieval import files, images
from semblance.retrieval.errors import Gone, UnknownPicture


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


@dataclass(frozen=True)
class Original:
    """A picture's file, open. `size` in bytes and `mtime_ns` (since 1970) are those that it had when it was opened, and
    `state` is all by which a change is noticed; `unchanged`: that is as it was when the file was indexed."""

    entry: Entry
    media_type: str
    size: int
    mtime_ns: int
    state: tuple[int, ...]
    unchanged: bool
    file: FileIO

    def piece(self, start: int, length: int, digest: _Digest | None = None) -> bytes:
        """The bytes from `start`, at most `length` of them, told to `digest` too. Raises Gone where the file has been
        changed since it was opened, or cannot be read any more."""
        try:
            piece = os.pread(self.file.fileno(), length, start)
            now = os.fstat(self.file.fileno())
        except OSError as error:
            raise Gone(f"The file {self.entry.path} cannot be read ({error.strerror}): look after its disk.") from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns) or (not piece and start < self.size):
            raise Gone(f"The file {self.entry.path} is being changed: ask again when it is done.")
        if digest is not None:
            digest.update(piece)
        return piece


def known(library: Path, id: int) -> Entry:
    """A picture of the library. Raises UnknownPicture."""
    with Catalog.opened(library) as catalog:
        entry = catalog.entry(id)
    if entry is None:
        raise UnknownPicture(f"There is no picture {id} in the library.")
    return entry


def opened(entry: Entry) -> Original:
    """Its file, which is one that lies on a disk, and a picture by its first bytes. Raises Gone."""
    try:
        file = cast(FileIO, files.open_regular(Path(entry.path)).detach())  # type: ignore[attr-defined]
        state = os.fstat(file.fileno())
        media_type = images.media_type(os.pread(file.fileno(), images.SNIFF_BYTES, 0))
    except OSError as error:
        raise Gone(f"The file {entry.path} is gone: index its folder again to forget it.") from error
    if media_type is None:  # what is not a picture any more is not served to anyone
        file.close()
        raise Gone(f"The file {entry.path} is no picture any more: index its folder again.")
    found = state_of(entry.path, state)
    now = (found.size, found.mtime_ns, found.ctime_ns, found.inode)
    unchanged = now == (entry.size, entry.mtime_ns, entry.ctime_ns, entry.inode) and 0 not in now[2:]
    return Original(entry, media_type, state.st_size, state.st_mtime_ns, (state.st_dev, *now), unchanged, file)


def changed(entry: Entry) -> Gone:
    """What is said of a file that is a picture, but not the one that was indexed."""
    return Gone(f"The file {entry.path} is not the picture that was indexed: index its folder again.")
