"""Pictures at addresses, fetched some time before they are wanted: the next ones come while one is decoded.

Files need none of it: they are read where they are decoded.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

from semblance.retrieval import bounds, storage
from semblance.retrieval.errors import PictureTooLarge, SemblanceError
from semblance.retrieval.pool import in_order
from semblance.retrieval.storage import reaching

_AT_ONCE = 8  # downloads for one thread that decodes

Fetched = Path | bytes | Exception


def ahead(
    files: Sequence[tuple[str, int]], ended: Callable[[], bool] = reaching.never
) -> Generator[Fetched, None, None]:
    """For each path and size in bytes, in order: a file's path, what lies at an address, or why that cannot be had. One
    that is too large by its size is not asked for. To be closed by who gives up; `ended` says that, too."""
    if not any(storage.is_address(path) for path, _ in files):
        yield from (Path(path) for path, _ in files)
    else:
        yield from in_order(partial(_fetched, ended=ended), files, _AT_ONCE, _AT_ONCE)


def _fetched(file: tuple[str, int], ended: Callable[[], bool]) -> Fetched:
    path, size = file
    if not storage.is_address(path):
        return Path(path)
    if size > bounds.MAX_FILE_BYTES:
        return PictureTooLarge(bounds.TOO_LONG)
    try:
        return storage.read(path, ended=ended)
    except SemblanceError as error:
        return error


def given(fetched: Fetched) -> Path | bytes:
    """What was fetched, or its error raised."""
    if isinstance(fetched, Exception):
        raise fetched
    return fetched
