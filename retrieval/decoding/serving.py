"""The child's side of decoding: requests in, small pictures or what is wrong out, each within its limits."""

import gc
import hashlib
import json
import os
import resource
import select
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from semblance.retrieval import bounds, files, images
from semblance.retrieval.bounds import Limits
from semblance.retrieval.errors import PictureError, PictureTooCostly, PictureTooLarge
from semblance.retrieval.facts import Facts
from semblance.retrieval.images import Picture
from semblance.retrieval.inputs import InputSpec

_PIECE = 16 * 2**20  # bytes of a file that are read at once
_HEAD = 256 * 2**10  # bytes of a JPEG that are read for what it says of itself
_WORD = 5.0  # seconds after which a slow disk is no reason to be taken for dead
_DEAR = 0.5  # seconds after which a picture's decoding gives way to other work
_GIVES_WAY = 10  # how nice it is then
_SWOLLEN = 128 * 2**20  # bytes above what it took at first, with which a child asks to be replaced

_SIZE = "/proc/self/statm"
_SIZE_IS_SAID = os.path.exists(_SIZE)  # noqa: PTH110
_AT_FIRST = resource.getrlimit(resource.RLIMIT_AS)


def serve(requests: BinaryIO, replies: BinaryIO, limits: dict[str, float]) -> None:
    """Answer until whoever asks closes the pipe, or is gone."""
    threading.Thread(target=_leave_with, args=(requests.fileno(),), daemon=True).start()
    serving = _Serving(Limits(**limits), replies)
    while line := requests.readline():
        asked = json.loads(line)
        serving.answer(asked, requests.read(asked.get("bytes", 0)))


class _Serving:
    """What is asked for, answered one after the other."""

    def __init__(self, limits: Limits, replies: BinaryIO) -> None:
        self._cost, self._replies = _Cost(limits), replies
        self._data = b""  # of a file that was read, and may be asked for
        bounds.keep(limits, self._cost.allow)

    def answer(self, asked: dict[str, Any], body: bytes) -> None:
        """Do what is asked, within the limits, and say what came of it."""
        parts: Sequence[bytes | memoryview] = []
        try:
            said, parts = self._done(asked, body)
        except MemoryError:
            said = {"fails": PictureTooCostly.__name__, "says": self._cost.too_much()}
        except PictureError as error:
            said = {"fails": type(error).__name__, "says": str(error)}
        except OSError as error:
            said = {"fails": OSError.__name__, "errno": error.errno, "says": error.strerror or str(error)}
        except Exception:  # a fault of this program, not of the picture
            said = {"fails": "", "says": traceback.format_exc()}
        self._cost.end()
        if asked.keys() - {"path", "bytes"} != {"hash"}:
            self._data = b""
        if self._cost.swollen():
            said["swollen"] = True
        self._reply(said, *parts)

    def _done(self, asked: dict[str, Any], body: bytes) -> tuple[dict[str, Any], Sequence[bytes | memoryview]]:
        if asked.get("specs") == [] and "path" in asked:
            return {"shapes": [], "facts": self._header(Path(asked["path"]))}, []
        if "path" in asked:
            self._data = self._read(Path(asked["path"]))
        elif "bytes" in asked:
            self._data = body
        said: dict[str, Any] = {"sha256": hashlib.sha256(self._data).hexdigest()} if "hash" in asked else {}
        self._cost.begin()  # the file's own bytes are there by now, and no cost of decoding it
        if "thumbnail" in asked:
            return said, [images.thumbnail(self._data, *asked["thumbnail"])]
        pictures, facts = _pictures(self._data, asked)
        return {**said, "facts": facts, "shapes": [picture.shape for picture in pictures]}, [
            _flat(picture) for picture in pictures
        ]

    def _header(self, path: Path) -> tuple[object, ...]:
        """What a file says of its picture. A JPEG says it all before its picture: no more is read where that does."""
        data = self._read(path, _HEAD)
        self._cost.begin()
        if len(data) == _HEAD:
            if data.startswith(b"\xff\xd8"):
                with suppress(PictureError):
                    return astuple(images.facts(data))
            data = self._read(path)
            self._cost.begin()
        return astuple(images.facts(data))

    def _read(self, path: Path, most: int = images.MAX_FILE_BYTES + 1) -> bytes:
        """The file's bytes as images.read gives them; whoever asks hears that a slow disk goes on."""
        parts, length, word = [], 0, time.monotonic()
        with files.open_regular(path) as file:
            while length < most and (part := file.read(min(_PIECE, most - length))):
                parts.append(part)
                length += len(part)
                if time.monotonic() - word > _WORD:
                    word = time.monotonic()
                    self._reply({"reading": length})
        if length > images.MAX_FILE_BYTES:
            raise PictureTooLarge(bounds.TOO_LONG)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _reply(self, said: dict[str, Any], *parts: bytes | memoryview) -> None:
        said["length"] = sum(len(part) for part in parts)
        for part in (json.dumps(said).encode() + b"\n", *parts):
            self._replies.write(part)
        self._replies.flush()


def _pictures(data: bytes, asked: dict[str, Any]) -> tuple[list[Picture], tuple[object, ...]]:
    """What is to be seen of a file, and what it says of itself."""
    if "whole" in asked:
        return [images.at_full_size(data)], ()
    if not (specs := [InputSpec(*spec) for spec in asked.get("specs", [])]):
        return [], astuple(images.facts(data)) if "specs" in asked else ()
    facts: list[Facts] = []
    left, top, width, height = asked.get("region") or 4 * (0.0,)
    pictures = images.load_each(data, specs, facts.append, (left, top, width, height) if width else None)
    return [pictures[spec] for spec in specs], astuple(facts[0])


def _flat(picture: Picture) -> memoryview:
    return np.ascontiguousarray(picture).reshape(-1).data


def _leave_with(requests: int) -> None:
    """End this process when the other end of the pipe is closed, in the middle of a picture too."""
    watch = select.poll()
    watch.register(requests, 0)
    watch.poll()
    os._exit(1)


class _Cost:
    """What the picture at hand may cost this process, and what it has cost."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._first = self._rest = _taken()
        self._pixels, self._started = 0, 0.0
        self._begun, self._number, self._gave_way = threading.Event(), 0, False
        if hasattr(os, "setpriority"):
            threading.Thread(target=self._give_way, daemon=True).start()

    def begin(self) -> None:
        """For a picture of which nothing is known yet."""
        self._started, self._rest, self._pixels = time.process_time(), _taken(), 0
        self.allow(0)
        self._number += 1
        self._begun.set()

    def allow(self, pixels: int) -> None:
        """It has so many pixels, counted from its beginning."""
        self._pixels = max(self._pixels, pixels)
        left = self.limits.time(self._pixels) - (time.process_time() - self._started)
        signal.setitimer(signal.ITIMER_PROF, max(0.001, left))
        _cap(self._rest + self.limits.memory(self._pixels))

    def end(self) -> None:
        """It is done, or given up."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        _cap(None)
        self._begun.clear()

    def _give_way(self) -> None:
        """So that pictures which take as long as they may keep the cores from nobody."""
        while self._begun.wait():
            number = self._number
            time.sleep(_DEAR)
            if self._begun.is_set() and self._number == number:
                self._gave_way = True
                os.setpriority(os.PRIO_PROCESS, os.getpid(), os.getpriority(os.PRIO_PROCESS, 0) + _GIVES_WAY)
                return

    def too_much(self) -> str:
        """The sentence for a picture that wanted more memory than that."""
        most = self.limits.memory(self._pixels) / 2**20
        return f"The picture takes more than {most:,.0f} MB to decode, the limit for its size: save it anew."

    def swollen(self) -> bool:
        """Whether this process has not come to rest again, or goes on giving way, which nobody may take back."""
        if self._gave_way:
            return True
        if _taken() - self._first <= _SWOLLEN:
            return False
        gc.collect()
        return _taken() - self._first > _SWOLLEN


def _taken() -> int:
    """Bytes of address space that this process takes; 0 where the system does not say."""
    if not _SIZE_IS_SAID:
        return 0
    with open(_SIZE, "rb", buffering=0) as file:  # noqa: PTH123 - for each picture
        return int(file.read().split()[0]) * resource.getpagesize()


def _cap(most: int | None) -> None:
    """Limit this process's address space, where its size is known (Linux); None: as it was."""
    if _SIZE_IS_SAID:
        soft, hard = _AT_FIRST
        if most is not None:
            soft = most if soft == resource.RLIM_INFINITY else min(most, soft)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
