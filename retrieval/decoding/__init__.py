"""Pictures decoded by processes that can be killed: the door that indexing, searching, serving and measuring go by.

The functions are those of `retrieval/images.py`, which the processes run, and give the same bytes. A file, or its
bytes, is decoded in a process with a limit on memory and on time, so that a hostile one costs itself alone; an array,
or Pillow's picture, is the caller's own and is decoded here. The processes belong to this one as its threads do: as
many are busy as threads want pictures at one time, and those that are not wait for the next. A message is a line of
JSON, and the bytes that it announces; what comes back is never a pickle: whoever takes over a decoder gains no more.
"""

import atexit
import json
import math
import os
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import numpy as np

from semblance.retrieval import bounds, errors, images, storage
from semblance.retrieval.decoding import process
from semblance.retrieval.errors import Stopped
from semblance.retrieval.facts import Facts
from semblance.retrieval.images import Picture, Region, Source
from semblance.retrieval.inputs import InputSpec

Seen = dict[InputSpec, Picture]
Stored = Path | str | bytes  # a file, an address (storage/), or the bytes of one
_LINE, _KEPT = 2**20, os.cpu_count() or 1  # bytes of a message's JSON, and processes that wait for the next, at most
_GIVEN_UP = "The pictures that were being decoded are given up."

_lock, _spare, _watched = threading.RLock(), list["Decoder"](), set["Decoder"]()


class Crew:
    """Threads that decode for one purpose, and stop when that ends. A thread joins by `CREW.set`."""

    def __init__(self) -> None:
        self.ended = False
        self.busy: set[Decoder] = set()

    def end(self) -> None:
        """End what is being decoded for this crew, at once, and decode nothing more for it: its threads get Stopped."""
        with _lock:
            self.ended = True
            for decoder in self.busy:
                decoder.end()
            surplus = [_spare.pop() for _ in range(len(_spare) - _KEPT)]
        for decoder in surplus:
            decoder.close()


CREW = ContextVar("CREW", default=Crew())  # noqa: B039 - that of whoever joined none; it never ends


class Decoder:
    """A process that decodes for one thread at a time: begun when first needed, ended when it passes its limits or is
    silent for too long, and begun anew for the next picture. Whatever happens costs one picture."""

    def __init__(self) -> None:
        self.ended = self._late = False  # by `end`; nothing is decoded by one that has ended
        self._process: subprocess.Popen[bytes] | None = None
        self._user = -1  # whose rights it has
        self.holds = False  # a file that it has read, and may be asked to show
        self.said: Facts | None = None
        self._patience = self.until = math.inf

    def open(self, source: Stored) -> bytes:
        """Read a file, and hold it for `see`; its SHA-256. Raises PictureError and OSError."""
        said, _ = self.ask({"hash": True}, source)
        self.holds = True
        return bytes.fromhex(said["sha256"])

    def see(self, specs: Sequence[InputSpec], source: Stored | None = None, region: Region | None = None) -> Seen:
        """What images.load_each makes of a picture, or of the file that is held; `said`: what that says of itself.
        Without specs its header alone is read. Raises as that does, PictureTooCostly, NoDecoder, Stopped."""
        said, body = self.ask({"specs": [[*vars(spec).values()] for spec in specs], "region": region}, source)
        self.said = Facts(*said["facts"])
        made, at = {}, 0
        for spec, shape in zip(specs, said["shapes"], strict=True):
            made[spec] = np.frombuffer(body, np.uint8, math.prod(shape), at).reshape(shape)
            at += math.prod(shape)
        return made

    def ask(self, want: dict[str, Any], source: Stored | None = None) -> tuple[dict[str, Any], bytes]:
        """The answer to one request, and the bytes that go with it. Raises as `see` does."""
        source = storage.read(source, ended=lambda: self.ended) if isinstance(source, str) else source
        if self._process is None or self._process.poll() is not None:
            self.begin()
        if isinstance(source, Path) and self._user != os.geteuid():  # nor may it read what this process may not
            source = images.read(source)
        body = source if isinstance(source, bytes) else b""
        if isinstance(source, Path):  # this process may have changed its folder since
            want = {**want, "path": str(source if source.is_absolute() else Path.cwd() / source)}
        elif source is not None:
            want = {**want, "bytes": len(source)}
        self.holds, said = False, dict[str, Any]({"reading": 0})
        try:
            pipes = cast(subprocess.Popen[bytes], self._process)
            requests, replies = cast(Any, pipes.stdin), cast(Any, pipes.stdout)
            self.until = time.monotonic() + self._patience
            requests.write(json.dumps(want).encode() + b"\n")
            requests.write(body)
            requests.flush()
            while "reading" in said:  # a slow disk goes on
                said = json.loads(replies.readline(_LINE) or b"null")
                self.until = time.monotonic() + self._patience
            made = replies.read(said["length"])
            if len(made) != said["length"]:
                raise EOFError
        except (EOFError, OSError, TypeError, ValueError, AttributeError):  # it has gone, or is out of its mind
            raise self._gone() from None
        except BaseException:  # Ctrl-C: an answer that nobody awaits must not be taken for the next one's
            self.close()
            raise
        self.until = math.inf
        if "swollen" in said:  # the next picture gets a fresh one, and all of its memory
            self.close()
        if "fails" in said:
            raise process.failure(said, source)
        return said, made

    # ---- the process -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin the process. Raises NoDecoder, Stopped and UsageError."""
        self.close()
        limits = bounds.current()
        self._user, self._patience = os.geteuid(), limits.patience
        self._process = process.begin(limits)
        if self.ended:
            raise Stopped(_GIVEN_UP)
        with _lock:
            if not any(thread.name == _watch.__name__ for thread in threading.enumerate()):
                threading.Thread(target=_watch, name=_watch.__name__, daemon=True).start()
            _watched.add(self)

    def end(self, late: bool = False) -> None:
        """End what is being decoded, at once; whoever awaits it gets Stopped, or hears that it was `late`."""
        self.ended, self._late = self.ended or not late, late
        if own := self._process:
            with suppress(OSError):
                own.kill()

    def close(self) -> int:
        """End the process, where there is one; the next request begins another. How it ended."""
        own, self._process, self.until, self.holds = self._process, None, math.inf, False
        _watched.discard(self)
        return process.close(own) if own else 0

    def _gone(self) -> errors.SemblanceError:
        with suppress(Exception):
            cast(Any, self._process).wait(1)  # it is ending by itself, and says how
        late, self._late, ended = self._late, False, self.close()
        return Stopped(_GIVEN_UP) if self.ended else process.reason(ended, self._patience if late else None)


@contextmanager
def one() -> Iterator[Decoder]:
    """A decoder for the thread that calls, until the end of the `with`. Raises Stopped where its crew has ended."""
    crew = CREW.get()
    with _lock:
        if crew.ended:
            raise Stopped(_GIVEN_UP)
        decoder = _spare.pop() if _spare else Decoder()
        crew.busy.add(decoder)
    try:
        yield decoder
    finally:
        if decoder.holds:  # a file that nobody wants to see
            with suppress(errors.SemblanceError):
                decoder.ask({"drop": True})
        with _lock:
            crew.busy.discard(decoder)
            if not decoder.ended:
                _spare.append(decoder)
        if decoder.ended:
            decoder.close()


def warm(count: int) -> None:
    """Begin so many processes now, for those who will ask soon. Raises UsageError and NoDecoder."""
    made = [Decoder() for _ in range(count - len(_spare))]
    for decoder in made:
        decoder.begin()
    with _lock:
        _spare.extend(made)


def load(source: Source, spec: InputSpec) -> Picture:
    """As images.load: uint8 (S, S, 3). Raises as that does, PictureTooCostly, NoDecoder and Stopped."""
    return load_each(source, [spec])[spec]


def load_each(source: Source, specs: Iterable[InputSpec], region: Region | None = None) -> Seen:
    """As images.load_each. Raises as `load` does."""
    if not isinstance(source, str | Path | bytes):
        return images.load_each(source, specs, region=region)
    with one() as decoder:
        return decoder.see([*specs], storage.named(source) if isinstance(source, str) else source, region)


def at_full_size(source: Stored) -> Picture:
    """As images.at_full_size: uint8 (H, W, 3). Raises as `load` does."""
    with one() as decoder:
        said, body = decoder.ask({"whole": True}, source)
    return np.frombuffer(body, np.uint8).reshape(said["shapes"][0])


def thumbnail(source: Stored, *how: float) -> tuple[bytes, bytes]:
    """As images.thumbnail, which says `how`: a JPEG, and the SHA-256 of the file shown. Raises as `load` does."""
    with one() as decoder:
        said, small = decoder.ask({"thumbnail": how, "hash": True}, source)
    return small, bytes.fromhex(said["sha256"])


def _watch() -> None:
    while True:
        time.sleep(1)
        for decoder in [*_watched]:
            if time.monotonic() > decoder.until:
                decoder.end(late=True)


@atexit.register
def _close() -> None:
    with _lock:
        left, _spare[:] = [*_spare, *CREW.get().busy], []
    for decoder in left:
        decoder.end()
        decoder.close()


def _forget() -> None:
    """In a process forked from this one, whose decoders are not its own."""
    global _lock
    _lock = threading.RLock()
    for decoder in _watched:
        decoder._process, decoder.ended = None, True
    _watched.clear()
    _spare.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
