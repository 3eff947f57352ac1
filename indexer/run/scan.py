"""A folder -> what is there: the candidates to be pictures, and the files that are none. Of addresses: listing.py."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from semblance.indexer.catalog import FILE
from semblance.indexer.derived import thumbnails
from semblance.indexer.run import listing
from semblance.indexer.run.excluding import Excluded, excluder
from semblance.indexer.run.seen import Found as Found  # what callers know by this module
from semblance.indexer.run.seen import Scan as Scan
from semblance.retrieval import images, storage
from semblance.retrieval.errors import StorageError, UsageError
from semblance.retrieval.progress import Progress, quiet

UPLOADS = "uploads"  # see keeping/uploads.py


def check(folders: Sequence[Path | str], library: Path, exclude: Sequence[str] = ()) -> None:
    """Raise UsageError where `scan` would for what it is given alone, before anything is looked at or made."""
    excluder(exclude)
    for folder in folders:
        if isinstance(folder, str):
            storage.normal(folder)
            continue
        root = Path(os.path.realpath(folder))  # no error where links run in a circle
        if str(root) == os.path.realpath(library):
            raise UsageError(f"{folder} is the library itself: give the library a folder of its own.")
        if _is_other(folder):
            raise UsageError(f"{folder} is a file: name the folder that it is in.")
        if _is_of_a_library(root):
            raise UsageError(f"{folder} is a library, or a part of one: name folders of pictures.")


def _is_other(folder: Path) -> bool:
    try:
        return not stat.S_ISDIR(os.stat(folder).st_mode)  # noqa: PTH116
    except OSError:  # missing, or not to be looked at: the scan says which
        return False


def scan(folders: Sequence[Path | str], library: Path, exclude: Sequence[str] = (), progress: Progress = quiet) -> Scan:
    """Look through `folders`, of which addresses are text, and all below them; hidden files, hidden folders, libraries,
    and what excluding.py tells of are passed over, unless named themselves.

    `progress` is told how many were found in an address, and 0 for a total that nobody knows. Links to files are
    followed, links to folders are not (they can run in circles). Raises UsageError where a folder
    is a file, or a library, or within one's thumbnails.
    """
    check(folders, library, exclude)
    out, excluded = Scan(), excluder(exclude)
    own = library.resolve()
    out.uploads = str(own / UPLOADS)
    for folder in folders:
        if isinstance(folder, str):
            address = storage.normal(folder)
            if not any(storage.below(address, root) for root in out.roots):
                listing.list_into(out, address, excluded, progress)
            continue
        root = os.path.realpath(folder)  # unlike Path.resolve, no error where links run in a circle
        if root in out.roots:
            continue
        out.roots.append(root)
        try:
            out.devices[root] = in_64_bits(os.stat(root).st_dev)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            out.missing.append(root)
            continue
        except OSError as error:
            out.unlisted[_shown(root)] = f"The folder cannot be looked at: {error.strerror}."
            continue
        for entry in walk(root, root, str(own), excluded, out):
            sort_in(entry, out)
    return out


def walk(folder: str, root: str, own: str, excluded: Excluded, out: Scan) -> Iterator[os.DirEntry[str]]:
    """The files below `folder`, in the order of their names. Folders walked for an earlier root are passed over."""
    pending, start = [(folder, out.devices.get(folder))], len(root.rstrip(os.sep)) + 1
    while pending:
        here, above = pending.pop()
        if here in out.listed:
            continue
        out.listed.add(here)
        try:
            device = in_64_bits(os.stat(here).st_dev)  # noqa: PTH116
            with os.scandir(here) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            out.unlisted[_shown(here)] = f"The folder cannot be listed: {error.strerror}."
            continue
        if above is not None and device != above:
            out.devices[here] = device
        if here == own or any(entry.name == FILE for entry in entries):
            out.skipped += here != own
            out.passed.add(here)
            continue
        below = []
        for entry in entries:
            if excluded(entry.name, entry.path[start:]):
                out.skipped += 1
                out.passed.add(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name.startswith("."):
                    out.passed.add(entry.path)
                else:
                    below.append((entry.path, device))
            elif entry.name.startswith("."):
                out.skipped += 1
            else:
                yield entry
        pending.extend(reversed(below))


def _is_of_a_library(folder: Path) -> bool:
    """Whether a folder is a library, or lies within one's thumbnails, beside which people may keep pictures."""
    homes = [part.parent for part in (folder, *folder.parents) if part.name == thumbnails.FOLDER]
    return any(os.path.lexists(home / FILE) for home in (folder, *homes))


class Entry(Protocol):
    """A file as a listing gives it."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    def is_file(self) -> bool: ...

    def is_symlink(self) -> bool: ...

    def stat(self) -> os.stat_result: ...


def sort_in(entry: Entry, out: Scan) -> None:
    """Put a file where it belongs: found, skipped, or not to be looked at."""
    shown = _shown(entry.path)
    try:
        by_name = os.path.splitext(entry.name)[1].lower() in images.SUFFIXES  # noqa: PTH122 - as below
        if not entry.is_file():
            if by_name and entry.is_symlink():
                out.unlisted[shown] = "The link leads nowhere."
            else:
                out.skipped += 1
            return
        state = entry.stat()
        if not by_name and not _sniff(entry.path):
            out.skipped += 1
            return
    except OSError as error:
        out.unlisted[shown] = f"The file cannot be looked at: {error.strerror}."
        return
    if shown != entry.path:
        out.unlisted[shown] = "The file's name is not valid UTF-8: rename it."
        return
    out.found[entry.path] = state_of(entry.path, state)


def at(path: str) -> Found | None:
    """One file, or what lies at an address, as it is now. None where there is none that lies on a disk."""
    if storage.is_address(path):
        try:
            return stored_at(path)
        except StorageError:
            return None
    try:
        state = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return state_of(path, state) if stat.S_ISREG(state.st_mode) else None


def stored_at(path: str) -> Found:
    """What lies at an address, as it is now. Raises StorageError."""
    stored = storage.stat(path)
    return Found(path, stored.size, stored.mtime_ns, 0, stored.version)


def state_of(path: str, state: os.stat_result) -> Found:
    """What tells whether the file has changed."""
    numbers = (state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    if not -(2**63) <= min(numbers) <= max(numbers) < 2**63:
        return Found(path, state.st_size, *map(in_64_bits, numbers))
    return Found(path, state.st_size, *numbers)


def in_64_bits(number: int) -> int:
    """A number of the system's as the catalog can hold it; others are counted round."""
    return (number + 2**63) % 2**64 - 2**63


def _shown(path: str) -> str:
    """The path as text that can be stored and printed, even where it is not valid UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def _sniff(path: str) -> bool:
    with open(path, "rb") as file:  # noqa: PTH123 - a Path for every file of a large folder costs more than the look
        return images.media_type(file.read(images.SNIFF_BYTES)) is not None
