"""Files of pictures are read apart from all else, so that a disk which hangs ends no request but those for its own.

Nothing ends a thread that waits for such a disk: it is held for as long as the disk hangs. So each disk has a few
threads and no more, whoever waits for them hears of it after a while, and they are daemons, for which no stop waits.
"""

import asyncio
import contextlib
import hashlib
import re
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from semblance.indexer.catalog import Entry
from semblance.indexer.derived import originals
from semblance.indexer.derived.originals import Original
from semblance.retrieval import images
from semblance.retrieval.errors import Busy

T = TypeVar("T")

PIECE = 2**20  # bytes that are read at one time
_IN_MEMORY = images.MAX_FILE_BYTES  # of files that are held whole at one time
_VERIFIED = 10_000  # files whose content was looked at since they are not as they were indexed
_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # proc(5), as in fstab(5)


class Reading:
    """The threads that read, `at_once` for each disk, each call within `seconds`."""

    def __init__(self, seconds: float, at_once: int) -> None:
        self._seconds, self._at_once = seconds, at_once
        self._rooms: dict[str, asyncio.Semaphore] = {}
        self._held = 0
        self._verified: dict[int, tuple[int, ...]] = {}

    async def run(self, path: str, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work`, which reads the file at `path`, in a thread. Raises Busy where that takes too long."""
        room = self._rooms.setdefault(_disk(path), asyncio.Semaphore(self._at_once))
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            room.release()
            if not done.done():  # else nobody waits for it any more
                done.set_exception(error) if error else done.set_result(result)  # type: ignore[arg-type]

        def read() -> None:
            result, failed = None, None
            try:
                result = work(*arguments)
            except BaseException as error:  # it belongs to who asked
                failed = error
            with contextlib.suppress(RuntimeError):  # the service has stopped meanwhile
                loop.call_soon_threadsafe(settle, result, failed)

        try:
            async with asyncio.timeout(self._seconds):
                await room.acquire()
                threading.Thread(target=read, name="reading", daemon=True).start()
                return await done
        except TimeoutError:
            raise Busy(f"{path} cannot be read in {self._seconds:g} s: its disk hangs, or is too slow.") from None
        except RuntimeError as error:  # the system gives no more threads
            room.release()
            raise Busy(f"{path} cannot be read now ({error}): try again in a moment.") from error

    def close(self, original: Original) -> None:
        """Close a file without waiting for it: a disk may hang in that, too."""
        threading.Thread(target=original.file.close, name="closing", daemon=True).start()

    async def open(self, entry: Entry) -> Original:
        """A picture's file, whose content is what was indexed; to be closed by `close`. Raises Gone and Busy."""
        original = await self.run(entry.path, originals.opened, entry)
        if original.unchanged or self._verified.get(entry.id) == original.state:
            return original
        try:
            await self._through(original, len)
        except BaseException:
            self.close(original)
            raise
        if len(self._verified) >= _VERIFIED:
            self._verified.clear()
        self._verified[entry.id] = original.state
        return original

    @contextlib.asynccontextmanager
    async def whole(self, entry: Entry) -> AsyncIterator[bytes]:
        """All of a picture's file, which is what was indexed. Raises Gone and Busy."""
        if self._held + entry.size > _IN_MEMORY:
            raise Busy("The service holds as many pictures as it may: try again in a moment.")
        self._held += entry.size
        try:
            original, pieces = await self.run(entry.path, originals.opened, entry), list[bytes]()
            try:
                await self._through(original, pieces.append)
            finally:
                self.close(original)
            yield b"".join(pieces)
        finally:
            self._held -= entry.size

    async def _through(self, original: Original, take: Callable[[bytes], object]) -> None:
        """Give each piece of a file to `take`. Raises Gone where they are not what was indexed."""
        digest, at, entry = hashlib.sha256(), 0, original.entry
        while original.size == entry.size and at < original.size:
            piece = await self.run(entry.path, original.piece, at, PIECE, digest)
            take(piece)
            at += len(piece)
        if digest.digest() != entry.sha256:
            raise originals.changed(entry)


def _disk(path: str) -> str:
    """Where the disk is mounted that a file lies on, as the system tells without asking the disk; its folder where the
    system does not tell."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return path.rpartition("/")[0]
    places = (_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[1]) for line in lines)
    return max((place for place in places if path.startswith(place.rstrip("/") + "/")), key=len, default="/")
