"""The threads of the service: one owns the library, a few decode.

Questions reach the library's through a queue, and those that arrive together are one search.

The same thread follows the library: every second it takes in what another process indexed. Nothing is shared, so
nothing is locked.
"""

import asyncio
import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import anyio.to_thread

from semblance.api.settings import Settings
from semblance.api.watch.watch import Watch
from semblance.api.workers import opening
from semblance.api.workers.audits import Audits
from semblance.api.workers.building import Building
from semblance.api.workers.records import Asked, Held, State
from semblance.indexer.answers.asking import Answer, Question, answer
from semblance.retrieval import decoding
from semblance.retrieval.errors import Busy, IndexAway, LibraryError, Overtaken, SemblanceError

T = TypeVar("T")
CLIENT: ContextVar[str] = ContextVar("CLIENT", default="")  # the address that asks; set by the door

log = logging.getLogger("semblance.api")

FOLLOW_EVERY = 1.0  # seconds
_OVERTAKEN, _EVERY_OVERTAKEN = 4.0, 0.02  # seconds in which a question is asked anew, and between two tries
_LOADED_EVERY = 0.05  # while another codec's codes are being loaded and the old ones answer


class Worker:
    """The thread and its queue."""

    def __init__(self, settings: Settings, watch: Watch, library: Held | None = None) -> None:
        """Over `library`, which is the thread's from then on; or over the one that there will be, as the settings say
        (opening.py). `watch` is told of answers."""
        self._settings, self._library = settings, library
        self.building = Building(settings.library, settings.index)
        self._watch, self.audits = watch, Audits(settings.audit, watch.metrics)
        self._stuck, self._seen = settings.stuck_seconds, math.inf  # when the thread was last seen: it is not begun
        self._queue: queue.SimpleQueue[Asked | Future[None] | None] = queue.SimpleQueue()
        self.turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # clients', of much work
        self._state: State | SemblanceError = LibraryError("The library is being loaded: ask again in a moment.")
        self._thread = threading.Thread(target=self._run, name="search", daemon=True)

    def start(self) -> None:
        """Begin to load the library, and answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is queued, then end."""
        self._queue.put(None)
        self._thread.join()
        self.building.stop()

    def check(self) -> None:
        """LibraryError where the thread has ended, or is at one thing for longer than anything should take."""
        if self._seen < math.inf and not self._thread.is_alive():
            raise LibraryError("The thread that searches has ended, which it should not: start the service anew.")
        if time.monotonic() - self._seen > self._stuck:
            raise LibraryError(
                f"The thread that searches has not been heard of for {self._stuck:g} seconds: see to the disk of the "
                "library, or start the service anew."
            )

    def waiting(self) -> int:
        """How many questions wait."""
        return self._queue.qsize()

    def state(self) -> State:
        """The open library as it was a moment ago. Raises the SemblanceError that says why there is none."""
        if isinstance(self._state, SemblanceError):
            raise self._state
        return self._state

    def ask(self, engine: str, question: Question[Any]) -> Future[Answer]:
        """Queue a question. The future fails with a SemblanceError where it cannot be answered."""
        asked = Asked(engine, question, Future())
        self._queue.put(asked)
        return asked.future

    def look(self) -> Future[None]:
        """Take in what changed now, and not with the next look: done when searches find it."""
        looked: Future[None] = Future()
        self._queue.put(looked)
        return looked

    # ---- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        look_at = -math.inf
        stopping = False
        while not stopping:
            self._seen = time.monotonic()
            batch: list[Asked | Future[None] | None] = []
            with contextlib.suppress(queue.Empty):  # all that is there, after waiting a while for the first
                wait = 0.0 if self.audits.under_way else max(0.0, look_at - time.monotonic())
                batch.append(self._queue.get(timeout=wait))
                while True:
                    batch.append(self._queue.get_nowait())
            stopping = None in batch
            looks = [each for each in batch if isinstance(each, Future) and each.set_running_or_notify_cancel()]
            if looks or time.monotonic() >= look_at:
                look_at = (FOLLOW_EVERY if self._follow() else _LOADED_EVERY) + time.monotonic()
            for looked in looks:
                looked.set_result(None)
            asked = [each for each in batch if isinstance(each, Asked) and each.future.set_running_or_notify_cancel()]
            for engine in dict.fromkeys(each.engine for each in asked):
                self._answer([each for each in asked if each.engine == engine])
            if self.audits.under_way and not batch:  # nobody waits
                self.audits.step(self._library)
        self._close()

    def _follow(self) -> bool:
        """Take in what changed since the last look, and tell the others; without a library, tell them why. False while
        something is on its way still."""
        settled = True
        try:
            if self._library is None:
                self._library = opening.opened(self._settings)
            else:
                settled = self._library.follow(wait=False)
            library = self._library
            questions = {name: way.of_pictures for name, way in library.ways.items()}
            known = library.codec, len(library), library.engines, questions, library.ways
            self._state = State(*known, library.standing, library.way)
            self.building.see(library.standing)
        except IndexAway as error:  # what is held looks for it
            self._state = error
        except SemblanceError as error:
            self._close()
            self._state = error
        except Exception as error:  # whatever it is, the thread must go on: those who ask wait for it
            log.exception("the library %s cannot be followed", self._settings.served)
            self._close()
            self._state = LibraryError(f"The library {self._settings.served} cannot be read: {error}.")
        return settled

    def _close(self) -> None:
        if self._library is not None:
            self._library.close()
            self._library = None

    def _answer(self, asked: Sequence[Asked]) -> None:
        """Answer questions to one engine."""
        try:
            found, ends = None, time.monotonic() + _OVERTAKEN
            while found is None:
                self.state()  # or why there is no library
                assert self._library is not None
                way = self._library.ways.get(asked[0].engine) or self._library.way(asked[0].engine)
                try:
                    found = answer(way, [each.question for each in asked])
                except Overtaken:  # another catalog was put into this one's place since the last look
                    if time.monotonic() > ends:
                        raise Busy(
                            "The library is changed faster than it can be asked, or contradicts itself: try again in a "
                            "moment, and look after its index if that goes on."
                        ) from None
                    time.sleep(_EVERY_OVERTAKEN)
                    self._follow()
            for each, its in zip(asked, found, strict=True):
                if isinstance(its, SemblanceError):
                    each.future.set_exception(its)
                    continue
                for stage in ("decode", "encode", "search"):
                    if took := getattr(its.timings_ms, stage):
                        self._watch.metrics.stages.labels(stage, its.engine).observe(took / 1000)
                for tell in self._watch.answered:
                    each.context.run(tell, its, each.at)
                each.future.set_result(its)
                self.audits.count += 1
                if way and self.audits.count % self.audits.every == 0:  # of infinitely many never
                    self.audits.take(way, each.question, its)
        except Exception as error:  # whatever goes wrong belongs to those who asked, and the thread goes on
            for each in asked:
                if not each.future.done():
                    each.future.set_exception(error)


@dataclass
class _Share:
    """What one client has of the slots: those that it may take at one time, and how much it has under way."""

    limiter: anyio.CapacityLimiter
    under_way: int = 0


class Slots:
    """A bounded number of pictures decoded at one time, and a bounded number that wait for their turn.

    Each client has so many to itself, and all have twice as many: one whose pictures take as long as they may keeps
    others from nothing but half of the cores. What else may take long has slots of its own, and not all's threads.
    """

    def __init__(self, slots: int, waiting: int, what: str = "pictures waiting to be decoded") -> None:
        self._what = what
        self._limiter = anyio.CapacityLimiter(2 * slots)
        self._crew = decoding.Crew()
        self._slots, self._most = slots, slots + waiting
        self._room = 2 * self._most
        self._shares: dict[str, _Share] = {}  # of those who have something under way

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` in a thread when there is a slot. Raises Busy where too many wait already."""
        client = CLIENT.get()
        share = self._shares.get(client) or _Share(anyio.CapacityLimiter(self._slots))
        if self._room == 0 or share.under_way == self._most:
            raise Busy(f"The service has too many {self._what}: try again in a moment.")
        self._room, share.under_way, self._shares[client] = self._room - 1, share.under_way + 1, share
        decoding.CREW.set(self._crew)  # for the thread too, which is given this request's context
        try:
            async with share.limiter:
                return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._room, share.under_way = self._room + 1, share.under_way - 1
            if not share.under_way:
                del self._shares[client]

    def waiting(self) -> int:
        """How many pictures wait for their turn."""
        return 2 * self._most - self._room - self._limiter.borrowed_tokens

    def stop(self) -> None:
        """Give up what is being decoded: whoever waits for it hears that the service stops."""
        self._crew.end()
