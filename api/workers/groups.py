"""Groups of duplicates, looked for once for each state of the library by a process of its own (indexer/child.py).

Its result stays in a file without a name, a line for each group, and a page is read from where its cursor says: however
many there are, the service holds none. Pages follow one result to its end, whatever happens meanwhile, but for pictures
that are gone: they are left out, and a group that has one picture left too.
"""

import contextlib
import json
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from semblance.api.wire.changing import Group, Groups, Looking
from semblance.api.workers.child import Child
from semblance.indexer.catalog import Catalog
from semblance.indexer.catalog.apart import told_apart
from semblance.retrieval.errors import LibraryError, Outdated, SemblanceError

STOPS_WITHIN = 4.5  # seconds
_STANDS = 10.0  # seconds for which a result is given that was overtaken while it was made: else there might be none
_PATIENCE = 0.5  # seconds that a first answer waits: most libraries are small
_CURSOR = re.compile(r"(\d{1,9})-(\d{1,15})")


@dataclass
class _Result:
    """What was found in one state of the library, with its first line; the second begins at `begins`. It is given until
    `stands` although the library has changed."""

    number: int
    stamp: object
    file: IO[bytes]
    head: dict[str, Any]
    begins: int
    stands: float


class Duplicates:
    """The latest result and the one before, and the search for the next."""

    def __init__(self, library: Path, model: str | None) -> None:
        self._library, self._model = library, model
        self._lock = threading.Lock()
        self._results: list[_Result] = []
        self._count, self._stopped = 0, False
        self._child: Child | None = None
        self._thread: threading.Thread | None = None
        self._failed: tuple[object, float, SemblanceError] | None = None
        self._said = Looking()

    def page(self, cursor: str | None, limit: int) -> Groups | Looking:
        """So many groups from a cursor on, or from the first; what is being done, where they are looked for still.
        Raises Outdated for a cursor of what is not kept any more, and whatever the search failed with."""
        with Catalog.opened(self._library) as catalog:
            if cursor:
                found = _CURSOR.fullmatch(cursor)
                with self._lock:
                    result = next((each for each in self._results if found and each.number == int(found[1])), None)
                    if result is None or found is None:
                        raise Outdated("The duplicates have been looked for anew since: ask from the first page on.")
                    return _page(result, int(found[2]), limit, catalog)
            stamp = _stamp(catalog)
            thread = self._begun(stamp)
            if thread:
                thread.join(_PATIENCE)
            with self._lock:
                if error := self._error(stamp):
                    raise error
                result = self._fresh(stamp)
                return _page(result, result.begins, limit, catalog) if result else self._said

    def _fresh(self, stamp: object) -> _Result | None:
        if not self._results:
            return None
        last = self._results[-1]
        return last if last.stamp == stamp or time.monotonic() < last.stands else None

    def _error(self, stamp: object) -> SemblanceError | None:
        """Why the last search has failed, if it was one of this state and not long ago."""
        if self._failed and self._failed[0] == stamp and time.monotonic() < self._failed[1]:
            return self._failed[2]
        return None

    def _begun(self, stamp: object) -> threading.Thread | None:
        """The thread that looks, begun where it has to be; None where nothing has to be looked for."""
        with self._lock:
            if self._fresh(stamp) or self._error(stamp):
                return None
            if self._thread is None and not self._stopped:
                self._said = Looking()
                told = {"kind": "duplicates", "library": str(self._library.absolute()), "model": self._model}
                self._child = child = Child(told, self._hear)
                self._thread = threading.Thread(target=self._wait, args=(child, stamp), name="duplicates", daemon=True)
                self._thread.start()
            return self._thread

    def _wait(self, child: Child, stamp: object) -> None:
        while child.runs(60):
            pass
        stands = 0.0
        with contextlib.suppress(LibraryError), Catalog.opened(self._library) as catalog:
            stands = 0.0 if _stamp(catalog) == stamp else time.monotonic() + _STANDS
        with self._lock:
            self._child = self._thread = None
            if child.code == 0:
                child.out.seek(0)
                head = json.loads(child.out.readline())
                self._count += 1
                result = _Result(self._count, stamp, child.out, head, child.out.tell(), stands)
                for old in self._results[:-1]:
                    old.file.close()
                self._results = [*self._results[-1:], result]
            else:
                child.out.close()
                error = child.error or LibraryError("The search for duplicates was ended: ask again.")
                self._failed = stamp, time.monotonic() + _STANDS, error

    def _hear(self, said: dict[str, Any]) -> None:
        if "done" in said:
            self._said = Looking(stage=said["stage"], done=said["done"], total=said["total"])

    def end(self) -> None:
        """Ask what looks to end; begin nothing more."""
        with self._lock:
            self._stopped = True
            if self._child:
                self._child.interrupt()

    def stop(self) -> None:
        """The same, and wait for it."""
        self.end()
        thread = self._thread
        if thread:
            thread.join(STOPS_WITHIN)
        for result in self._results:
            with contextlib.suppress(OSError):
                result.file.close()


def _stamp(catalog: Catalog) -> object:
    """What is another whenever other duplicates may be found."""
    return catalog.generation(), frozenset(told_apart(catalog))


def _page(result: _Result, at: int, limit: int, catalog: Catalog) -> Groups:
    """The groups from an offset on. Raises Outdated where no group begins there."""
    result.file.seek(max(at - 1, 0))
    if at < result.begins or result.file.read(1) != b"\n":
        raise Outdated("The cursor is none that this service gave: ask from the first page on.")
    groups = [json.loads(line) for line in (result.file.readline() for _ in range(limit)) if line]
    place = result.file.tell()
    more = bool(result.file.read(1))
    there = catalog.paths(member["id"] for group in groups for member in group["members"])
    for group in groups:
        group["members"] = [{**each, "path": there[each["id"]]} for each in group["members"] if each["id"] in there]
        group["best"] = group["members"][0]["id"] if group["members"] else 0
    left = [Group.model_validate(group) for group in groups if len(group["members"]) > 1]
    head = result.head
    return Groups(
        groups=left,
        next=f"{result.number}-{place}" if more else None,
        total=head["groups"],
        bytes=head["bytes"],
        pictures=head["pictures"],
        within=head["within"],
    )
