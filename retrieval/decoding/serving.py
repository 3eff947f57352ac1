"""The child's side of decoding: requests in, small pictures or what is wrong out, each within its limits."""

import gc
import hashlib
import os
import resource
import select
import signal
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import AvifImagePlugin

from semblance.retrieval import bounds, files, images
from semblance.retrieval.bounds import Limits
from semblance.retrieval.decoding import wire
from semblance.retrieval.errors import PictureError, PictureTooCostly, PictureTooLarge
from semblance.retrieval.inputs import InputSpec

_PIECE = 16 * 2**20  # bytes of a file that are read at once
_WORD = 5.0  # seconds after which a slow disk is no reason to be taken for dead
_SWOLLEN = 128 * 2**20  # bytes above what it took at first, with which a child asks to be replaced

_SIZE = "/proc/self/statm"
_SIZE_IS_SAID = os.path.exists(_SIZE)  # noqa: PTH110
_AT_FIRST = resource.getrlimit(resource.RLIMIT_AS)

_Parts = list[npt.NDArray[np.uint8]] | bytes


def serve(requests: int, replies: int, limits: dict[str, float]) -> None:
    """Answer until whoever asks closes the pipe, or is gone."""
    pillow_heif.options.DECODE_THREADS = 1
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    threading.Thread(target=_leave_with, args=(requests,), daemon=True).start()
    cost = _Cost(Limits(**limits))
    bounds.keep(cost.limits, cost.allow)
    data = b""

    def reply(said: wire.Message, *parts: bytes | memoryview) -> None:
        wire.write_all(wire.packed(said, *parts), lambda left: os.write(replies, left))

    while True:
        try:
            asked, body = wire.received(wire.reading(requests), 2**40)
        except EOFError:
            return
        if "drop" in asked:
            data = b""
            continue
        try:
            if "path" in asked:
                data = _read(Path(asked["path"]), reply)
            elif asked.get("bytes"):
                data = bytes(body)
            del body
            said: wire.Message = {"sha256": hashlib.sha256(data).hexdigest()} if asked.get("hash") else {}
            made: _Parts = []
            if "want" in asked:
                cost.begin()  # the file's own bytes are there by now, and no cost of decoding it
                made = _made(data, asked["want"])
        except MemoryError:
            said, made = {"error": PictureTooCostly.__name__, "say": cost.too_much()}, []
        except PictureError as error:
            said, made = {"error": type(error).__name__, "say": str(error)}, []
        except OSError as error:
            said, made = {"errno": error.errno, "say": error.strerror or str(error)}, []
        except Exception:  # a fault of this program, not of the picture
            said, made = {"fault": traceback.format_exc()}, []
        cost.end()
        parts = [made] if isinstance(made, bytes) else [picture.reshape(-1).data for picture in made]
        if not isinstance(made, bytes):
            said["shapes"] = [picture.shape for picture in made]
        if "want" in asked or "sha256" not in said:
            data = b""
        said["swollen"] = cost.swollen()
        reply(said, *parts)


def _made(data: bytes, want: dict[str, Any]) -> _Parts:
    if "specs" in want:
        specs = [InputSpec(*spec) for spec in want["specs"]]
        pictures = images.load_each(data, specs)
        return [np.ascontiguousarray(pictures[spec]) for spec in specs]
    if "thumbnail" in want:
        return images.thumbnail(data, want["thumbnail"])
    return [np.ascontiguousarray(images.at_full_size(data))]


def _read(path: Path, reply: Any) -> bytes:
    """The file's bytes as images.read gives them; whoever asks hears that a slow disk goes on."""
    parts, length, word = [], 0, time.monotonic()
    with files.open_regular(path) as file:
        while length <= images.MAX_FILE_BYTES and (part := file.read(_PIECE)):
            parts.append(part)
            length += len(part)
            if time.monotonic() - word > _WORD:
                word = time.monotonic()
                reply({"reading": length})
    if length > images.MAX_FILE_BYTES:
        raise PictureTooLarge(bounds.TOO_LONG)
    return parts[0] if len(parts) == 1 else b"".join(parts)


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

    def begin(self) -> None:
        """For a picture of which nothing is known yet."""
        self._started, self._rest, self._pixels = time.process_time(), _taken(), 0
        self.allow(0)

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

    def too_much(self) -> str:
        """The sentence for a picture that wanted more memory than that."""
        most = self.limits.memory(self._pixels) / 2**20
        return f"The picture takes more than {most:,.0f} MB to decode, the limit for its size: save it anew."

    def swollen(self) -> bool:
        """Whether this process has not come to rest again."""
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
