"""Files that are used before their checksums are known: to read all of them would stand between opening and the first
answer. They are read some seconds later, by a thread that searches go before, and what is wrong then is never opened
again by this process; whoever answers by it looks each second (engines.py), and opens something else.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular

SOON = 2.0  # seconds until they are read: a command that only asks has ended by then
_CHUNK = 2**20  # bytes
_WRONG = set[tuple[int, ...]]()  # files that were found damaged, as they were

log = logging.getLogger("semblance.indexer")


class Doubt:
    """About files that are open, each with how many of its bytes have which SHA-256. `wrong` and `settled` (nothing is
    wrong) say what came of it."""

    def __init__(self, paths: Mapping[Path, tuple[int, bytes]]) -> None:
        """Open them. SnapshotError where one is not there, has fewer bytes or was found to be wrong before."""
        self.wrong, self.settled, self._ended, self._reading = False, False, False, threading.Lock()
        with ExitStack() as stack:
            self._files = [
                (path, stack.enter_context(_opened(path, size)), size, sha) for path, (size, sha) in paths.items()
            ]
            self._identities = {path: _identity(file) for path, file, *_ in self._files}
            self._stack = stack.pop_all()
        self._timer = threading.Timer(SOON, self._look)
        self._timer.daemon = True

    @contextmanager
    def using(self) -> Iterator[None]:
        """Around opening them by their paths; from then on they are used, and read soon. SnapshotError where one has
        made way for another meanwhile; what is found wrong while they are opened is not opened again."""
        try:
            yield
        except SnapshotError:
            self.refuse()
            self.end()
            raise
        for path in self._identities:
            if not self.are(path):
                self.end()
                raise SnapshotError(f"{path} has made way for another.")
        self._timer.start()

    @property
    def changed(self) -> bool:
        """Whether one was written to or cut where it lies since it was opened: then to read it may end the process."""
        return not self._ended and any(_identity(file) != self._identities[path] for path, file, *_ in self._files)

    def settle(self) -> None:
        """Read them now, where that was not done yet."""
        self._timer.cancel()
        if not self.settled and not self.wrong:
            self._look()

    def end(self) -> None:
        """They are not used any more."""
        self._ended = True
        self._timer.cancel()
        with self._reading:
            self._stack.close()

    def are(self, path: Path) -> bool:
        """Whether what lies at one of the paths is the very file that is used."""
        with suppress(OSError, SnapshotError), _opened(path, 0) as now:
            return _identity(now) == self._identities.get(path)
        return False

    def refuse(self) -> None:
        """Never open these again: they are not what they say."""
        self.wrong = True
        _WRONG.update(self._identities.values())

    def _look(self) -> None:
        with self._reading:
            for path, file, size, expected in self._files:
                try:
                    right = self._ended or _hash(file, size, lambda: self._ended) in (None, expected)
                    why = "is damaged"
                except OSError as error:
                    right, why = False, f"cannot be read ({error.strerror or error})"
                if not right:
                    log.error("%s %s: it is not searched by any more", path, why)
                    self.refuse()
            self.settled = not (self.wrong or self._ended)


def wrong() -> list[list[int]]:
    """The files that this process has found damaged, for `know`."""
    return [[*each] for each in _WRONG]


def know(found: list[list[int]]) -> None:
    """Take over what another process has found, so that what looks whole is built anew."""
    _WRONG.update(map(tuple, found))


def is_wrong(path: Path) -> bool:
    """Whether this process has found the file that lies there damaged."""
    with suppress(OSError), open_regular(path) as file:
        return _identity(file) in _WRONG
    return False


def sha256(path: Path) -> bytes:
    """Of a file's whole content. Raises OSError."""
    with open_regular(path) as file:
        found = _hash(file, os.fstat(file.fileno()).st_size, lambda: False)
    assert found is not None
    return found


def _opened(path: Path, size: int) -> BinaryIO:
    try:
        file = open_regular(path)
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    if os.fstat(file.fileno()).st_size < size or _identity(file) in _WRONG:
        file.close()
        raise SnapshotError(f"{path} is damaged.")
    return file


def _hash(file: BinaryIO, size: int, given_up: Callable[[], bool]) -> bytes | None:
    """The SHA-256 of the first bytes; None where it was given up."""
    checksum = hashlib.sha256()
    file.seek(0)
    for start in range(0, size, _CHUNK):
        if given_up():
            return None
        checksum.update(file.read(min(_CHUNK, size - start)))
    return checksum.digest()


def _identity(file: BinaryIO) -> tuple[int, ...]:
    now = os.fstat(file.fileno())
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns
