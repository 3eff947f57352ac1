"""Pictures taken out of a library because somebody says so. Their ids stay unused. Their files are not touched, but for
those that were uploaded: these are the library's own, and go with them."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semblance.indexer.catalog import Catalog, Entry, Writer, finding, naming
from semblance.indexer.derived import snapshot, thumbnails
from semblance.indexer.keeping import uploads
from semblance.retrieval import storage


@dataclass(frozen=True)
class Removal:
    """What is to be forgotten: `pictures`, and `failed`, paths of files that could not be read. `folders` are those of
    what was named that name all below them, and `unknown` is of what the library knows nothing."""

    pictures: list[Entry]
    failed: list[str]
    folders: list[str]
    unknown: list[str]

    @property
    def lying(self) -> int:
        """How many of the files are still there; of addresses nobody is asked, and they are taken to be."""
        paths = (*(entry.path for entry in self.pictures), *self.failed)
        return sum(storage.is_address(path) or os.path.lexists(path) for path in paths)


def look(library: Path, what: Iterable[int | str | Path]) -> Removal:
    """What the library knows of pictures named by id, path, or a folder that they are below; files need not be there.
    Raises LibraryError."""
    with Catalog.opened(library) as catalog:
        return _look(catalog, what)


def remove(library: Path, what: Iterable[int | str | Path]) -> Removal:
    """Forget them in one transaction, with their codes and thumbnails; what was forgotten. Raises LibraryLocked,
    LibraryError."""
    with Writer.writing(library) as catalog:
        gone = _look(catalog, what)
        catalog.forget([*(entry.path for entry in gone.pictures), *gone.failed])
        with contextlib.suppress(OSError):  # derived: a snapshot that cannot be written is caught up by who reads it
            for purpose in snapshot.FILES:
                if catalog.current(purpose):
                    snapshot.refresh(catalog, purpose)
        for entry in gone.pictures:
            uploads.drop(library, entry.path)
        for sha256 in {entry.sha256 for entry in gone.pictures}:
            if finding.of_content(catalog, sha256):
                continue
            with contextlib.suppress(OSError):
                thumbnails.thumbnail_path(library, sha256).unlink()
    return gone


def _look(catalog: Catalog, what: Iterable[int | str | Path]) -> Removal:
    ids: set[int] = set()
    paths: set[str] = set()
    folders, unknown = list[str](), list[str]()
    for each in what:
        if isinstance(each, int):
            known = catalog.entry(each) is not None
            ids |= {each} if known else set()
        else:
            ways = _ways(each)
            found = naming.named(catalog, ways)
            below = set[str]().union(*(naming.below(catalog, way) for way in ways)) if not found else set()
            folders += [str(each)] if below else []
            paths |= found | below
            known = bool(found or below)
        unknown += [] if known else [str(each)]
    entries = finding.entries(catalog, ids, paths)
    failed = sorted(paths - {entry.path for entry in entries})
    return Removal(entries, failed, folders, unknown)


def _ways(named: str | Path) -> list[str]:
    """How the library may know a path: as it is written, with the links of the folder above it followed, and of all;
    and an address."""
    if isinstance(named, str) and storage.is_address(named):
        return [storage.normal(named)]
    path = os.path.abspath(os.path.expanduser(named))  # noqa: PTH100, PTH111 - Path's own know no `..`, or follow links
    above, name = os.path.split(path)
    return [*dict.fromkeys([path, os.path.join(os.path.realpath(above), name), os.path.realpath(path)])]  # noqa: PTH118
