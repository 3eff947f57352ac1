"""Pictures at addresses, read for the service: as `readers.Disk` reads files, and with the same answers.

What waits for a storage hangs in no system call, so threads do it, and no processes: each storage has its own, which
give up when whoever asked has. One that does not answer so holds up requests for itself alone.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from semblance.api.workers.readers import Answer, Reader
from semblance.retrieval import storage
from semblance.retrieval.errors import Busy, NothingStored, StorageError, UsageError

_HEAD = 64  # bytes that tell what a picture is


def store_of(address: str) -> str:
    """The storage that an address lies in: its bucket, or host."""
    return "/".join(address.split("/")[:3])


class Store:
    """The threads that read from one storage, `at_once` at most."""

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="stored")
        self._room = asyncio.Semaphore(at_once)
        self._stopped = threading.Event()

    async def ask(self, _reader: Reader | None, **want: Any) -> tuple[None, Answer]:
        """The answer to a request, as a process that reads files gives it. Raises Busy where the storage is away, or
        does not let it be read."""
        if "close" in want:
            return None, ({}, b"")
        given_up = threading.Event()
        async with self._room:
            try:
                work = asyncio.get_running_loop().run_in_executor(self._pool, self._read, want, given_up)
                return None, await work
            finally:
                given_up.set()

    def stop(self) -> None:
        """End them all, and wait for none."""
        self._stopped.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, want: dict[str, Any], given_up: threading.Event) -> Answer:
        address = want.get("open") or want["read"]
        at, length = (0, _HEAD) if "open" in want else (want["at"], want["length"])
        try:
            body, now = storage.piece(address, at, at + length, lambda: given_up.is_set() or self._stopped.is_set())
            now = now or storage.stat(address)
        except NothingStored as error:
            return {"fails": str(error)}, b""
        except (StorageError, UsageError) as error:  # nobody who asks has done that
            raise Busy(str(error)) from None
        return {"file": address, "state": (now.size, now.mtime_ns, 0, now.version, 0)}, body
