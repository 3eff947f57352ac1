"""Pictures at addresses, fetched some time before they are wanted: the next ones come while one is decoded.

Files need none of it: they are read where they are decoded.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Waiting
from contextlib import contextmanager
from pathlib import Path

from semblance.retrieval import bounds, storage
from semblance.retrieval.errors import PictureTooLarge, Stopped

_AT_ONCE = 16  # downloads
_EARLY = 8 * 2**20  # bytes: what is larger is fetched when it is wanted, so that few of such are in memory
_LOOK = 0.2  # seconds between two looks whether it is still waited for

Fetched = Callable[[Callable[[], bool]], Path | bytes]
"""Gives a file's path, or what lies at an address, or raises why that cannot be had. It is asked whether to give up."""


@contextmanager
def fetcher() -> Iterator[Callable[[Sequence[tuple[str, int]]], list[Fetched]]]:
    """What begins to fetch paths, each with its size in bytes, in order; given up at the end of the `with`. An object
    that is too large by its size is not asked for."""
    over = threading.Event()
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetching")

    def begin(files: Sequence[tuple[str, int]]) -> list[Fetched]:
        return [_begun(path, size) for path, size in files]

    def _begun(path: str, size: int) -> Fetched:
        if not storage.is_address(path):
            return lambda _: Path(path)
        if size > bounds.MAX_FILE_BYTES:
            return _too_large
        if size > _EARLY:
            return lambda ended: storage.read(path, ended=ended)
        coming = pool.submit(storage.read, path, ended=over.is_set)
        return lambda ended: _come(coming, ended)

    try:
        yield begin
    finally:
        over.set()
        pool.shutdown(cancel_futures=True)


def _too_large(_: object) -> bytes:
    raise PictureTooLarge(bounds.TOO_LONG)


def _come(coming: Future[bytes], ended: Callable[[], bool]) -> bytes:
    while True:
        try:
            return coming.result(_LOOK)
        except Waiting:
            if coming.done():
                raise
            if ended():
                raise Stopped("What was being fetched is given up.") from None
