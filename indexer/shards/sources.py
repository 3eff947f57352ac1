"""What a person names as the pictures to encode -> their paths, sorted: a folder, or a file that lists them."""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semblance.indexer.run.scan import scan
from semblance.indexer.shards.places import LARGEST
from semblance.retrieval import files, storage
from semblance.retrieval.errors import NothingStored, UsageError
from semblance.retrieval.progress import Progress, quiet


@dataclass(frozen=True)
class Listed:
    """Paths of pictures, sorted, each once; how many files are none; and what could not be looked at, and why."""

    paths: list[str]
    skipped: int = 0
    unlisted: dict[str, str] = field(default_factory=dict)


def listed(source: str, out: str, exclude: Sequence[str], progress: Progress = quiet) -> Listed:
    """The pictures of a folder or below an address, as `index` finds them, or those that a file lists: a path or an
    address a line, or each ended by a zero byte, as `find -print0` writes them. Raises UsageError, StorageError."""
    place = storage.normal(source) if storage.is_address(source) else files.named(source)
    if _holds_pictures(place):
        own = Path(os.devnull) if storage.is_address(out) else files.named(out)
        if place == own or (isinstance(place, Path) and place.resolve() == own.resolve()):
            raise UsageError(f"{source} is the folder of the pictures: name another one with --out.")
        seen = scan([place], own, exclude, progress)
        if isinstance(place, str) and seen.missing:
            raise UsageError(f"There is nothing at {place}: look after its name, and AWS_ENDPOINT_URL.")
        found = Listed(sorted(seen.found), seen.skipped, seen.unlisted)
    elif exclude:
        raise UsageError(f"--exclude is for a folder, and {source} is none: leave it out.")
    else:
        found = Listed(sorted({_whole(path) for path in _lines(place)}))
    if not found.paths and found.unlisted:
        raise UsageError(next(iter(found.unlisted.values())))
    if not found.paths:
        raise UsageError(f"There are no pictures in {source}: name a folder of them, or a file that lists them.")
    return found


def _holds_pictures(place: Path | str) -> bool:
    """Whether it is a folder, or an address below which there is more."""
    if isinstance(place, Path):
        return place.is_dir()
    try:
        storage.stat(place)
    except NothingStored:
        return True
    return False


def _lines(file: Path | str) -> list[str]:
    try:
        text = (files.read_regular(file) if isinstance(file, Path) else storage.read(file, LARGEST)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no list of pictures: it has to hold a path a line, in UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{file} is no folder of pictures, nor a list of them ({error.strerror}).") from error
    return [line for line in (text.split("\0") if "\0" in text else text.replace("\r\n", "\n").split("\n")) if line]


def _whole(path: str) -> str:
    if storage.is_address(path):
        return storage.normal(path)
    folder, name = os.path.split(path)
    if not name or name in (".", ".."):
        raise UsageError(f"The list has {path}, which is no file: it has to hold a path of a picture a line.")
    return os.path.join(_real(folder), name)  # noqa: PTH118 - a Path for each of a million lines costs more than all else


@functools.lru_cache(4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder or ".")  # as `index` names the folders that it is given
