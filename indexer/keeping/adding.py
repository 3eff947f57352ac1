"""Single pictures into a library and out of it, as a service does it: one transaction each, and the file with it.

A file is on the disk before the catalog knows of it, and goes after the catalog has forgotten it: a kill leaves a file
too many, never a picture without one. What runs of `index` do, these do too, by the same code: a content that is known
keeps its codes, and an id goes along with a content whose file is gone.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import Entry, Writer, finding, waiting
from semblance.indexer.derived import thumbnails
from semblance.indexer.keeping import uploads
from semblance.indexer.run import pipeline
from semblance.indexer.run.disks import agrees
from semblance.indexer.run.scan import Scan, at
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DamagedPicture, DiskFull, NotWritable, UnknownPicture


@dataclass(frozen=True)
class Added:
    """A picture of the library, and whether it is `new` there."""

    id: int
    path: str
    new: bool


class Adding:
    """Additions to one library, one at a time; holds its codecs from one to the next."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._codecs: list[Codec] = []

    def add(self, data: bytes, name: str, alike: Codec) -> Added:
        """Keep the bytes of a picture, and take it in by the library's codecs, of which `alike` is one.

        Where the content is there already, its first picture. Raises PictureError, and as `waiting.writing` does.
        """
        sha256 = hashlib.sha256(data).digest()
        with waiting.writing(self._library, alike) as catalog, said(self._library):
            there, lost = _standing(catalog, sha256)
            if there:
                return Added(there.id, there.path, new=False)
            self._codecs = pipeline.codecs_of(catalog, alike, self._codecs)
            path = str(uploads.write(self._library, name, data, sha256))
            entry, reason = self._taken_in(catalog, path, lost)
            if entry is None:
                raise DamagedPicture(reason or "The picture could not be read again: send it once more.")
            return Added(entry.id, entry.path, new=all(entry.id != other.id for other in lost))

    def _taken_in(self, catalog: Writer, path: str, lost: list[Entry]) -> tuple[Entry | None, str | None]:
        """What the catalog has for the file now, or why nothing; then the file is gone too."""
        entry, reason = None, None
        found = at(path)
        assert found
        seen = Scan(roots=[uploads.home(self._library)], found={path: found})
        try:
            left = [other.path for other in lost]
            summary = pipeline.update_some(catalog, self._codecs, seen, [], left, threads=1)
            if reason := summary.failed.get(path):
                catalog.forget([path])
        finally:  # where a pixel vector had no room, the picture itself is in already
            with contextlib.suppress(Exception):
                entry = next((each for each in finding.within(catalog, path) if each.path == path), None)
            if entry is None:
                uploads.drop(self._library, path)
        return entry, reason


def forget(library: Path, id: int) -> None:
    """Forget a picture, and its file where that is the library's own. Raises UnknownPicture, and as `waiting.writing`
    does."""
    with waiting.writing(library) as catalog, said(library):
        entry = catalog.entry(id)
        if entry is None:
            raise UnknownPicture(f"There is no picture {id} in the library.")
        catalog.forget([entry.path])
        uploads.drop(library, entry.path)
        if not finding.of_content(catalog, entry.sha256):
            with contextlib.suppress(OSError):
                thumbnails.thumbnail_path(library, entry.sha256).unlink()


def _standing(catalog: Writer, sha256: bytes) -> tuple[Entry | None, list[Entry]]:
    """The first picture of this content whose file is as it was indexed, and those whose files are not."""
    lost = []
    for entry in finding.of_content(catalog, sha256):
        found = at(entry.path)
        if found and agrees(entry, found):
            return entry, []
        lost.append(entry)
    return None, lost


@contextlib.contextmanager
def said(library: Path) -> Iterator[None]:
    """Raise what hinders writing beside the catalog as a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"The disk that holds {library} is full: nothing of this was kept. Make room and send it again."
            ) from error
        why = error.strerror or os.strerror(error.errno or errno.EIO)
        raise NotWritable(f"The library {library} cannot be written to ({why}): nothing of this was kept.") from error
