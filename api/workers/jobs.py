"""Jobs: work on the library that takes long, one after the other, each in a process of its own (indexer/child.py).

Jobs of this service are in memory, and in LIBRARY/requests.sqlite with a sign of life each second: so a job whose
service was killed is known to be interrupted, and other services over the same library tell of it too.
"""

import contextlib
import json
import logging
import queue
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from semblance.api.wire.changing import ENDED, Job
from semblance.api.workers.child import Child
from semblance.indexer.catalog.requests import Requests
from semblance.retrieval.errors import Busy, LibraryError, UnknownJob

MOST_QUEUED = 16
STOPS_WITHIN = 4.5  # seconds for a child to end
_LOOK = 0.1  # seconds between two looks at what was cancelled
_TELL = 1.0  # seconds between two signs of life
_LEFT = "The service was stopped or killed meanwhile: what was committed is kept, and a new job goes on from there."

log = logging.getLogger("semblance.api")


class Jobs:
    """The thread that works on them, and what is known of all."""

    def __init__(self, library: Path, requests: Requests) -> None:
        self._library, self._requests = library, requests
        self._queue: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._own: dict[int, Job] = {}
        self._cancelled: set[int] = set()
        self._now: int | None = None
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to work on jobs."""
        self._thread.start()

    def end(self) -> None:
        """Ask what runs to end, and who watches to go; begin nothing more."""
        self.stopping.set()
        self._queue.put(None)

    def stop(self) -> None:
        """The same, and wait for it."""
        self.end()
        self._thread.join(STOPS_WITHIN)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def add(self, folder: str) -> Job:
        """Queue an index of a folder; the job that waits for its turn already, where there is one. Raises Busy and
        LibraryError."""
        with self._lock:
            waiting = [job for job in self._own.values() if job.state == "queued"]
            if same := next((job for job in waiting if job.folder == folder), None):
                return same
            if len(waiting) >= MOST_QUEUED or self.stopping.is_set():
                raise Busy(f"{len(waiting)} jobs wait for their turn already: try again when some are done.")
            job = Job(id=0, folder=folder)
            job = job.model_copy(update={"id": self._requests.new_job(job.model_dump(), max(self._own, default=0))})
            self._own[job.id] = job
        self._queue.put(job.id)
        return job

    def job(self, id: int) -> Job:
        """How a job stands, of whichever service. Raises UnknownJob and LibraryError."""
        if own := self._own.get(id):
            return own
        for found in self._requests.jobs(id):
            if job := _of_another(*found):
                return job
        raise UnknownJob(f"There is no job {id}: only the latest are remembered.")

    def all(self) -> list[Job]:
        """The latest jobs of all services, the newest first. Raises LibraryError."""
        jobs = [self._own.get(found[0]) or _of_another(*found) for found in self._requests.jobs()]
        return [job for job in jobs if job]

    def cancel(self, id: int) -> Job:
        """Ask for the end of a job; what it committed stays. How it stands now. Raises as `job` does."""
        job = self.job(id)
        if job.state in ENDED:
            return job
        with self._lock:
            self._cancelled.add(id)
            if id in self._own and id != self._now:  # it waits for its turn
                self._set(id, state="cancelled")
        if id not in self._own:
            self._requests.cancel(id)
        return self.job(id)

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (id := self._queue.get()) is not None and not self.stopping.is_set():
            try:
                self._run(id)
            except Exception as error:  # whatever it is, others wait for their turn
                log.exception("job %d", id)
                self._set(id, state="failed", detail=f"The job failed ({type(error).__name__}): the log says where.")
        for id in [id for id, job in self._own.items() if job.state not in ENDED]:
            self._set(id, state="interrupted", detail=_LEFT)

    def _run(self, id: int) -> None:
        self._look(id)
        with self._lock:
            job = self._own[id]
            if id in self._cancelled:
                self._set(id, state="cancelled")
                return
            self._now = id
        told = {"kind": "index", "library": str(self._library.absolute()), "folder": job.folder}
        try:
            child = Child(told, lambda said: self._hear(id, said))
        except LibraryError as error:
            self._set(id, state="failed", detail=str(error))
            return
        look_at = 0.0
        while child.runs(_LOOK):
            if time.monotonic() >= look_at:
                self._look(id)
                look_at = time.monotonic() + _TELL
            if id in self._cancelled or self.stopping.is_set():
                child.interrupt()
        with child.out as out:
            if child.code == 0:
                out.seek(0)
                self._set(id, state="done", summary=json.load(out), detail=None)
            elif id in self._cancelled:
                self._set(id, state="cancelled", detail="What had been committed is kept.")
            elif self.stopping.is_set():
                self._set(id, state="interrupted", detail=_LEFT)
            else:
                why = str(child.error or f"Its process ended by itself ({child.code}): what was committed is kept.")
                self._set(id, state="failed", detail=why)

    def _hear(self, id: int, said: dict[str, Any]) -> None:
        """What the child says of itself, in its own thread."""
        job = self._own[id]
        if "waiting" in said:
            self._own[id] = job.model_copy(update={"detail": said["waiting"]})
        elif "done" in said:
            update = {"state": "running", "detail": None, "done": said["done"], "total": said["total"]}
            self._own[id] = job.model_copy(update=update)

    def _set(self, id: int, **update: Any) -> None:
        self._own[id] = self._own[id].model_copy(update=update)
        self._look(id)

    def _look(self, id: int) -> None:
        """Give a sign of life, and see whether another service was asked to cancel it. On a full disk neither is."""
        with contextlib.suppress(LibraryError):
            if self._requests.tell(id, self._own[id].model_dump()):
                self._cancelled.add(id)


def _of_another(id: int, document: dict[str, Any], lives: bool) -> Job | None:
    try:
        job = Job.model_validate({**document, "id": id})
    except ValidationError:  # another version's, of a kind that is not known here
        return None
    if job.state in ENDED or lives:
        return job
    return job.model_copy(update={"state": "interrupted", "detail": _LEFT})
