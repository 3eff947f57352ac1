"""How many pictures are decoded at one time, and how many wait for that."""

from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread

from semblance.retrieval import decoding
from semblance.retrieval.errors import Busy

T = TypeVar("T")


class Slots:
    """A bounded number of pictures decoded at one time, and a bounded number that wait for their turn."""

    def __init__(self, slots: int, waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(slots)
        self._crew = decoding.Crew()
        self._room = slots + waiting

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` in a thread when there is a slot. Raises Busy where too many wait already."""
        if self._room == 0:
            raise Busy("The service has too many pictures waiting to be decoded: try again in a moment.")
        self._room -= 1
        decoding.CREW.set(self._crew)  # for the thread too, which is given this request's context
        try:
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self._room += 1

    def waiting(self) -> int:
        """How many pictures wait for their turn. Of the thread that runs the requests."""
        return self._limiter.statistics().tasks_waiting

    def stop(self) -> None:
        """Give up what is being decoded: whoever waits for it hears that the service stops."""
        self._crew.end()
