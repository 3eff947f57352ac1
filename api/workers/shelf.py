"""Where pictures are known by their ids, and thumbnails kept: the library's folder; or Milvus, and a part of this
process's memory. What their files hold is read elsewhere (reading.py)."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from semblance.api.workers.threads import Worker
from semblance.indexer.catalog import Catalog, Entry, Narrowing, finding
from semblance.indexer.derived import originals, thumbnails
from semblance.retrieval import decoding, storage

_KEPT = 64 * 2**20  # bytes of thumbnails in memory: some 4,000


class Pictures(Protocol):
    """What is known of pictures beside their codes. Each raises LibraryError."""

    def known(self, id: int) -> Entry:
        """One picture. Raises UnknownPicture."""

    def spread(self, count: int) -> list[Entry]:
        """At most `count` pictures, spread over the library by id."""

    def listed(self, after: int, count: int, narrowing: Narrowing | None) -> tuple[list[Entry], int | None]:
        """The next `count` pictures after an id, by id; after which id there are more, None where there are not."""


class Shelf(Protocol):
    """Attributes: `pictures`, asked from any thread."""

    @property
    def pictures(self) -> Pictures:
        """What is known of them. Raises LibraryError."""

    def small(self, entry: Entry) -> bytes | None:
        """The thumbnail that is kept of a picture, as a JPEG; None where there is none."""

    def make(self, entry: Entry, data: bytes) -> bytes:
        """The thumbnail of a picture's file, kept where that is what was indexed. Raises PictureError."""


def may_be_read(places: Sequence[str], path: str) -> bool:
    """Whether a service without a catalog reads a picture there: below `places`; where none are named anywhere but on
    the web, since paths come from a Milvus, which others may write to. (What a catalog has of the web was indexed, or
    named to `import`.)"""
    return storage.within(path, places) if places else not storage.of_the_web(path)


class InLibrary:
    """The catalog, and the library's folder of thumbnails."""

    def __init__(self, library: Path) -> None:
        self._library = library

    @property
    def pictures(self) -> "InLibrary":
        """See Shelf.pictures."""
        return self

    def known(self, id: int) -> Entry:
        """See Pictures.known."""
        return originals.known(self._library, id)

    def spread(self, count: int) -> list[Entry]:
        """See Pictures.spread."""
        with Catalog.opened(self._library) as catalog:
            return catalog.spread(count)

    def listed(self, after: int, count: int, narrowing: Narrowing | None) -> tuple[list[Entry], int | None]:
        """See Pictures.listed."""
        with Catalog.opened(self._library) as catalog:
            among = catalog.among(narrowing) if narrowing and finding.narrows(catalog, narrowing) else None
            return finding.listed(catalog, after, count, among)

    def small(self, entry: Entry) -> bytes | None:
        """See Shelf.small."""
        return thumbnails.read(self._library, entry.sha256)

    def make(self, entry: Entry, data: bytes) -> bytes:
        """See Shelf.make."""
        return thumbnails.make(self._library, entry, data)[0]


class InMemory:
    """What stands for the catalog where the library is in Milvus alone; the latest thumbnails are kept in memory, so
    that services of one library share nothing and leave nothing behind."""

    def __init__(self, worker: Worker, most: int = _KEPT) -> None:
        self._worker, self._left = worker, most
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()  # by content, the latest asked for last
        self._lock = threading.Lock()

    @property
    def pictures(self) -> Pictures:
        """See Shelf.pictures."""
        return cast(Pictures, self._worker.state().ways["code"].catalog)

    def small(self, entry: Entry) -> bytes | None:
        """See Shelf.small."""
        with self._lock:
            if entry.sha256 in self._kept:
                self._kept.move_to_end(entry.sha256)
            return self._kept.get(entry.sha256)

    def make(self, entry: Entry, data: bytes) -> bytes:
        """See Shelf.make."""
        small, sha256 = decoding.thumbnail(data, thumbnails.SIDE, thumbnails.PROPORTION)
        with self._lock:
            if sha256 == entry.sha256 and sha256 not in self._kept:
                self._kept[sha256] = small
                self._left -= len(small)
            while self._left < 0:
                self._left += len(self._kept.popitem(last=False)[1])
        return small
