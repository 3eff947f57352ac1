"""Processes that read files, a few for each disk (reader.py). One that does not answer in time is killed, counts until
it is really gone, and is never waited for."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from semblance.retrieval.errors import Busy

PIECE = 2**20  # bytes that are read at one time
_PROGRAM = Path(__file__).with_name("reader.py")
_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")  # proc(5), as in fstab(5)

Answer = tuple[dict[str, Any], bytes]


class Reader:
    """A process that reads, one request after the other."""

    def __init__(self) -> None:
        self._own, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-S", "-X", "utf8", str(_PROGRAM)]
            self.process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.turn = asyncio.Lock()
        self.ended = False

    async def ask(self, **want: Any) -> Answer:
        """The answer to a request, and its bytes. Raises OSError, EOFError and ValueError where the process goes."""
        self._streams = self._streams or await asyncio.open_unix_connection(sock=self._own, limit=2 * PIECE)
        answers, requests = self._streams
        requests.write(json.dumps(want).encode() + b"\n")
        said = json.loads(await answers.readline())
        return said, await answers.readexactly(said["length"])

    def end(self) -> None:
        """End it, and do not wait for that."""
        self.ended = True
        self.process.kill()
        self._own.close() if self._streams is None else self._streams[1].close()


class Disk:
    """The processes that read from one disk, `at_once` at most."""

    def __init__(self, at_once: int) -> None:
        self._room = asyncio.Semaphore(at_once)  # for requests, and for processes that are killed and not gone
        self._readers: list[Reader] = []
        self._killed: list[Reader] = []

    async def ask(self, reader: Reader | None, **want: Any) -> tuple[Reader, Answer]:
        """The answer to a request by this process, or by one that has time. Raises Busy where it goes meanwhile."""
        self._count_the_gone()
        await self._room.acquire()
        try:
            reader = reader or self._free()
            await reader.turn.acquire()
        except BaseException:
            self._room.release()
            raise
        try:
            if reader.ended:
                raise EOFError
            answer = await reader.ask(**want)
        except BaseException as error:
            self._give_up(reader)
            if isinstance(error, OSError | EOFError | ValueError):
                raise Busy("A process that reads files has ended: try again in a moment.") from error
            raise
        finally:
            reader.turn.release()
        self._room.release()
        return reader, answer

    def stop(self) -> None:
        """End them all."""
        for reader in self._readers:
            reader.end()

    def _free(self) -> Reader:
        free = next((reader for reader in self._readers if not reader.turn.locked()), None)
        if free is None:
            self._readers.append(free := Reader())
        return free

    def _give_up(self, reader: Reader) -> None:
        """Kill a process that does not answer; until it is gone it takes the room of the request that it had."""
        if reader.ended:
            self._room.release()
            return
        reader.end()
        self._readers.remove(reader)
        self._killed.append(reader)

    def _count_the_gone(self) -> None:
        for reader in [reader for reader in self._killed if reader.process.poll() is not None]:
            self._killed.remove(reader)
            self._room.release()


def disk_of(path: str) -> str:
    """Where the disk is mounted that a file lies on, as the system tells without asking the disk; the file's folder
    where the system does not tell."""
    try:
        lines = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return path.rpartition("/")[0]
    places = (_ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[1]) for line in lines)
    return max((place for place in places if path.startswith(place.rstrip("/") + "/")), key=len, default="/")
