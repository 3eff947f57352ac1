"""Files of pictures are read apart from all else, so that a disk which hangs ends no request but those for its own, and
holds up no stop. What is read is what was opened: between two looks at a path another file may have been put there."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from semblance.api.workers.readers import PIECE, Answer, Disk, Reader, disk_of
from semblance.api.workers.stores import Store, store_of
from semblance.indexer.catalog import Entry
from semblance.indexer.derived import originals
from semblance.retrieval import images, storage
from semblance.retrieval.errors import Busy, Gone, Stopped

_IN_MEMORY = images.MAX_FILE_BYTES  # of files that are held whole at one time
_PIECE_STORED = 8 * 2**20  # bytes that are asked for at one time at an address, where each time costs a round trip
_VERIFIED = 10_000  # files whose content was looked at, since they are not as they were indexed


@dataclass(frozen=True)
class Original:
    """A picture's file, open in a process that reads. `state` is what it was like then: its size in bytes, mtime and
    ctime in nanoseconds since 1970, inode, and the number of its device; at an address its version for an inode, and 0
    for what it has not. `file` is what it is asked for by."""

    entry: Entry
    media_type: str
    state: tuple[int, ...]
    reader: Reader | None
    file: int | str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state[0]

    @property
    def modified(self) -> float:
        """Seconds since 1970."""
        return self.state[1] / 10**9


class Reading:
    """Reads files of pictures: `at_once` at one time from each disk, each look within `seconds`."""

    def __init__(self, seconds: float, at_once: int, allowed: Callable[[str], bool] = lambda _: True) -> None:
        """`allowed`: whether what lies at a path or an address may be read at all."""
        self._seconds, self._at_once, self._allowed = seconds, at_once, allowed
        self._disks: dict[str, Disk | Store] = {}
        self._held = 0
        self._verified: dict[int, tuple[int, ...]] = {}
        self._asking: set[asyncio.Task[Any]] = set()
        self._stopped = False

    def stop(self) -> None:
        """End what reads, and wait for nothing: who waits hears that the service stops."""
        self._stopped = True
        for asking in [*self._asking]:
            asking.cancel()
        for disk in self._disks.values():
            disk.stop()

    async def open(self, entry: Entry) -> Original:
        """A picture's file, whose content is what was indexed; to be closed by `close`. Raises Gone and Busy."""
        original = await self._opened(entry)
        if originals.as_indexed(entry, *original.state[:4]) or self._verified.get(entry.id) == original.state:
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

    async def piece(self, original: Original, at: int, end: int) -> bytes:
        """Its bytes from `at` on, at most PIECE of them and none from `end` on. Raises Busy, and Gone where it has been
        changed since it was opened, or cannot be read any more."""
        path, length = original.entry.path, min(_PIECE_STORED if original.reader is None else PIECE, end - at)
        _, (said, piece) = await self._ask(path, original.reader, read=original.file, at=at, length=length)
        if "fails" in said:
            raise Gone(f"The file {path} cannot be read ({said['fails']}): look after its disk.")
        if _content(said["state"]) != _content(original.state) or not piece:
            raise Gone(f"The file {path} is being changed: ask again when it is done.")
        return piece

    def close(self, original: Original) -> None:
        """Close it, and do not wait for that: a disk may hang in it, too."""
        self._begin(original.entry.path, original.reader, close=original.file)

    @contextlib.asynccontextmanager
    async def whole(self, entry: Entry) -> AsyncIterator[bytes]:
        """All of a picture's file, which is what was indexed. Raises Gone and Busy."""
        if self._held + entry.size > _IN_MEMORY:
            raise Busy("The service holds as many pictures as it may: try again in a moment.")
        self._held += entry.size
        try:
            original, pieces = await self._opened(entry), list[bytes]()
            try:
                await self._through(original, pieces.append)
            finally:
                self.close(original)
            yield b"".join(pieces)
        finally:
            self._held -= entry.size

    async def _opened(self, entry: Entry) -> Original:
        if not self._allowed(entry.path):
            raise Gone(
                f"{entry.path} lies where this service, which has no catalog, reads none: name its folder, or an "
                "address above it, with --pictures."
            )
        reader, (said, head) = await self._ask(entry.path, None, open=entry.path)
        if "fails" in said:
            raise originals.gone(entry)
        media_type = images.media_type(head[: images.SNIFF_BYTES])
        original = Original(entry, media_type or "", tuple(said["state"]), reader, said["file"])
        if media_type is None:
            self.close(original)
            raise originals.no_picture(entry)
        return original

    async def _through(self, original: Original, take: Callable[[bytes], object]) -> None:
        """Give each piece of a file to `take`. Raises Gone where they are not what was indexed."""
        digest, at, entry = hashlib.sha256(), 0, original.entry
        while original.size == entry.size and at < original.size:
            piece = await self.piece(original, at, original.size)
            await asyncio.to_thread(digest.update, piece)
            take(piece)
            at += len(piece)
        if digest.digest() != entry.sha256:
            raise originals.changed(entry)

    async def _ask(self, path: str, reader: Reader | None, **want: Any) -> tuple[Reader | None, Answer]:
        """The answer of a process that reads. Raises Busy. Whoever gives up waiting breaks no process off with that,
        which may have other files open."""
        return await asyncio.shield(self._begin(path, reader, **want))

    def _begin(self, path: str, reader: Reader | None, **want: Any) -> asyncio.Task[tuple[Reader | None, Answer]]:
        asking = asyncio.create_task(self._in_time(path, reader, want))
        self._asking.add(asking)
        asking.add_done_callback(self._heard)
        return asking

    def _heard(self, done: asyncio.Task[Any]) -> None:
        self._asking.discard(done)
        if not done.cancelled():
            done.exception()  # where nobody waits any more it is no error to log

    def _disk(self, path: str) -> Disk | Store:
        stored = storage.is_address(path)
        name = store_of(path) if stored else disk_of(path)
        if name not in self._disks:
            self._disks[name] = Store(self._at_once) if stored else Disk(self._at_once)
        return self._disks[name]

    async def _in_time(self, path: str, reader: Reader | None, want: dict[str, Any]) -> tuple[Reader | None, Answer]:
        try:
            async with asyncio.timeout(0 if self._stopped else self._seconds):
                return await self._disk(path).ask(reader, **want)
        except (TimeoutError, asyncio.CancelledError) as error:
            if self._stopped:
                raise Stopped("The service is stopping: ask again when it is back.") from None
            if isinstance(error, asyncio.CancelledError):
                raise
            what = "storage" if storage.is_address(path) else "disk"
            raise Busy(f"{path} cannot be read in {self._seconds:g} s: its {what} hangs, or is too slow.") from None


def _content(state: Sequence[int]) -> tuple[int, int, int]:
    """What of a file's state does not change while it is sent: its size and time, and the file, or version, itself."""
    size, modified, _, version, _ = state
    return size, modified, version
