"""The processes that decode, shared by the threads of this one: as many are busy as threads want pictures at one time,
and those that are not wait for the next.

They are this process's as its threads are, and so is what they may cost (`limit`): the two things here that are not
passed down. What ends by itself (Ctrl-C during a run, a service's stop) is a Crew: threads whose pictures end with it.
"""

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from semblance.retrieval import bounds
from semblance.retrieval.bounds import Limits
from semblance.retrieval.decoding.decoder import Decoder
from semblance.retrieval.errors import Stopped

_Result = TypeVar("_Result")

_KEPT = os.cpu_count() or 1  # that wait, when whoever wanted more is done

_lock = threading.RLock()
_spare: list[Decoder] = []
_limits: list[Limits] = []  # one, once it is known
_thread = threading.local()


class Crew:
    """Threads that decode for one purpose, and stop when that ends."""

    def __init__(self) -> None:
        self._ended = False
        self._busy: set[Decoder] = set()

    def join(self) -> None:
        """The thread that calls decodes for this crew from here on."""
        _thread.crew = self

    def run(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        """`work` in the thread that calls, as one of this crew."""
        before = getattr(_thread, "crew", None)
        _thread.crew = self
        try:
            return work(*arguments)
        finally:
            _thread.crew = before

    def end(self) -> None:
        """End what is being decoded for this crew, and decode nothing more for it: its threads get Stopped."""
        with _lock:
            self._ended = True
            for decoder in self._busy:
                decoder.end()
            surplus = [_spare.pop() for _ in range(len(_spare) - _KEPT)]
        for decoder in surplus:
            decoder.close()

    def _take(self, decoder: Decoder) -> None:
        if self._ended:
            raise Stopped("The pictures that were to be decoded are given up.")
        self._busy.add(decoder)

    def _give_back(self, decoder: Decoder) -> None:
        self._busy.discard(decoder)


_NOBODY = Crew()  # for threads of no crew; it never ends


@contextmanager
def one() -> Iterator[Decoder]:
    """A decoder for the thread that calls, until the end of the `with`. Raises Stopped where its crew has ended."""
    crew: Crew = getattr(_thread, "crew", None) or _NOBODY
    limits = current()
    with _lock:
        decoder = _spare.pop() if _spare else Decoder(limits)
        try:
            crew._take(decoder)
        except Stopped:
            _spare.append(decoder)
            raise
    try:
        yield decoder
    finally:
        decoder.let_go()
        with _lock:
            crew._give_back(decoder)
            if not decoder.ended:
                _spare.append(decoder)
        if decoder.ended:
            decoder.close()


def warm(count: int) -> None:
    """Begin so many processes now, for those who will ask soon. Raises UsageError and NoDecoder."""
    limits = current()
    made = [Decoder(limits) for _ in range(count - len(_spare))]
    for decoder in made:
        decoder.start()
    with _lock:
        _spare.extend(made)


def current() -> Limits:
    """The limits that hold: those of `limit`, else those that the environment's variables set. Raises UsageError."""
    if not _limits:
        limit(bounds.of_environment(os.environ))
    return _limits[0]


def limit(limits: Limits) -> None:
    """Let these limits hold for what is decoded from here on."""
    with _lock:
        _limits[:] = [limits]
        old, _spare[:] = [*_spare], []
    bounds.keep(limits)
    for decoder in old:
        decoder.close()


def _close() -> None:
    with _lock:
        left, _spare[:] = [*_spare, *_NOBODY._busy], []
    for decoder in left:
        decoder.end()
        with suppress(Exception):
            decoder.close()


def _forget() -> None:
    """In a process forked from this one, whose decoders are not its own."""
    global _lock
    _lock = threading.RLock()
    for decoder in (*_spare, *_NOBODY._busy):
        decoder.forget()
    _spare.clear()
    _NOBODY._busy.clear()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
