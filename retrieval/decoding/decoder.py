"""One process that decodes, from the side of the one who asks. It is begun when first needed, ended when it passes its
limits or says nothing for too long, and begun anew for the next picture: whatever happens costs one picture.

It is a subprocess of a file of Semblance's own and never `multiprocessing`, which runs a user's script once more where
that has no main guard. It has a session of its own, so that Ctrl-C at a terminal ends it by way of whoever asks.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, cast

import numpy as np

import semblance
from semblance.retrieval import errors
from semblance.retrieval.bounds import Limits
from semblance.retrieval.decoding import wire
from semblance.retrieval.errors import DamagedPicture, NoDecoder, PictureError, PictureTooCostly, Stopped
from semblance.retrieval.images import Picture
from semblance.retrieval.inputs import InputSpec

_PACKAGE = Path(semblance.__file__).resolve().parent
_PIPE = 2**20  # bytes that a pipe holds, so that a small picture is written at once
_ALONE = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # one thread and its memory
_ERRORS = {kind.__name__: kind for kind in vars(errors).values() if isinstance(kind, type)}


class Decoder:
    """A process that decodes for one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._until = 0.0
        self._holds = False  # a file that it has been asked to read
        self.ended = False  # by `end`; nothing is decoded by it any more

    # ---- asking ----------------------------------------------------------------------------------------------------

    def open(self, path: Path) -> bytes:
        """Read a file, and hold it for `see`; its SHA-256. Raises PictureError and OSError."""
        said, _ = self._ask({"path": str(path), "hash": True})
        self._holds = True
        return bytes.fromhex(said["sha256"])

    def see(self, specs: Sequence[InputSpec], source: Path | bytes | None = None) -> dict[InputSpec, Picture]:
        """What images.load_each makes of a file, its bytes, or what is held. Raises as that does, PictureTooCostly,
        NoDecoder and Stopped."""
        want = {"specs": [(spec.size, spec.resize, spec.least) for spec in specs]}
        return dict(zip(specs, self._pictures(want, source), strict=True))

    def see_whole(self, source: Path | bytes) -> Picture:
        """What images.at_full_size makes of it. Raises as `see` does."""
        return self._pictures({"full": True}, source)[0]

    def thumbnail(self, source: Path | bytes, side: int) -> tuple[bytes, bytes]:
        """What images.thumbnail makes of it, and the SHA-256 of the file. Raises as `see` does."""
        said, body = self._ask({"want": {"thumbnail": side}, "hash": True}, source)
        return bytes(body), bytes.fromhex(said["sha256"])

    def let_go(self) -> None:
        """Of a file that was opened and not seen, which is no loss."""
        if self._holds and self._process is not None:
            with contextlib.suppress(OSError):  # it has ended, or has not read the last one of these yet
                os.write(cast(IO[bytes], self._process.stdin).fileno(), b"".join(wire.packed({"drop": True})))
        self._holds = False

    def _pictures(self, want: wire.Message, source: Path | bytes | None) -> list[Picture]:
        said, body = self._ask({"want": want}, source)
        pictures, at = [], 0
        for height, width, channels in said["shapes"]:
            pictures.append(np.frombuffer(body, np.uint8, height * width * channels, at).reshape(height, width, 3))
            at += height * width * channels
        return pictures

    def _ask(self, asked: wire.Message, source: Path | bytes | None = None) -> tuple[wire.Message, bytearray]:
        if isinstance(source, Path):
            asked = {**asked, "path": str(source)}
        self._holds = False
        body = source if isinstance(source, bytes) else None
        parts = wire.packed(asked if body is None else {**asked, "bytes": True}, *([] if body is None else [body]))
        try:
            said, made = self._exchange(parts)
        except (EOFError, BrokenPipeError, ConnectionError):
            raise self._why() from None
        except TimeoutError:
            self.close()
            raise PictureTooCostly(self._impatient()) from None
        except BaseException:  # Ctrl-C: an answer that nobody awaits must not be taken for the next one's
            self.close()
            raise
        if said.get("swollen"):
            self.close()
        if "fault" in said:
            raise RuntimeError(said["fault"])
        if "error" in said:
            kind = _ERRORS.get(said["error"], PictureError)
            raise (kind if issubclass(kind, PictureError) else PictureError)(said["say"])
        if "errno" in said:
            raise OSError(said["errno"], said["say"], asked.get("path"))
        return said, made

    def _exchange(self, parts: list[bytes | memoryview]) -> tuple[wire.Message, bytearray]:
        process = self.start()
        requests, replies = cast(IO[bytes], process.stdin).fileno(), cast(IO[bytes], process.stdout).fileno()

        def write(left: memoryview) -> int:
            self._await(requests, select.POLLOUT)
            return os.write(requests, left[:_PIPE])

        def read(into: memoryview) -> int:
            self._await(replies, select.POLLIN)
            return os.readv(replies, [into])

        self._until = time.monotonic() + self._limits.patience
        wire.write_all(parts, write)
        while True:
            said, made = wire.received(read, 2**40)
            if "reading" not in said:
                return said, made
            self._until = time.monotonic() + self._limits.patience

    def _await(self, descriptor: int, event: int) -> None:
        """Until the pipe is ready. Raises TimeoutError."""
        waiting = select.poll()
        waiting.register(descriptor, event)
        if not waiting.poll(max(0.0, 1000 * (self._until - time.monotonic()))):
            raise TimeoutError

    # ---- the process -----------------------------------------------------------------------------------------------

    def start(self) -> subprocess.Popen[bytes]:
        """Begin the process, where there is none. Raises NoDecoder and Stopped."""
        if self._given_up():
            raise Stopped(_STOPPED)
        if self._process is not None:
            return self._process
        told = {"package": str(_PACKAGE), "paths": _paths(), "limits": asdict(self._limits)}
        program = str(_PACKAGE / "retrieval" / "decoding" / "child.py")
        flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, *flags, program, json.dumps(told)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**os.environ, **_ALONE},
                start_new_session=True,
            )
        except OSError as error:
            raise NoDecoder(f"No process to decode pictures in could be started ({error}).") from error
        for pipe in (process.stdin, process.stdout):
            _widen(cast(IO[bytes], pipe).fileno())
        os.set_blocking(cast(IO[bytes], process.stdin).fileno(), False)
        if self._given_up():  # meanwhile, by another thread
            self.close()
            raise Stopped(_STOPPED)
        return process

    def _given_up(self) -> bool:
        return self.ended

    def end(self) -> None:
        """End what is being decoded, at once; whoever awaits it gets Stopped. By any thread."""
        self.ended = True
        if (process := self._process) is not None:
            with contextlib.suppress(OSError):
                process.kill()

    def close(self) -> None:
        """End the process; the next request begins another one."""
        if (process := self._process) is not None:
            self._process = None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    cast(IO[bytes], pipe).close()

    def forget(self) -> None:
        """Let go of the process without ending it: it is that of the process that this one was forked from."""
        self._process, self.ended = None, True

    def _why(self) -> errors.SemblanceError:
        """Why the process has gone, as the picture's reason."""
        process = self._process
        with contextlib.suppress(subprocess.TimeoutExpired):
            if process is not None:
                process.wait(5)
        self.close()
        code = 0 if process is None else process.returncode
        if self.ended:
            return Stopped(_STOPPED)
        if code == -signal.SIGPROF:
            return PictureTooCostly(
                "The picture takes longer to decode than the limit for its size: save it anew, or as another format."
            )
        if code < 0:
            return DamagedPicture(f"The picture crashed its decoder ({_name(-code)}): save it anew.")
        return NoDecoder(f"The process that decodes pictures has ended by itself ({code}): install Semblance anew.")

    def _impatient(self) -> str:
        waited = f"{self._limits.patience:g} seconds"
        return f"The picture was not read within {waited}: its disk hangs, or this machine is overloaded."


_STOPPED = "The pictures that were being decoded are given up."


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _paths() -> list[str]:
    """Where this process finds packages, but for the working folder and a script's: a file there may have any name."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    own = {"", os.getcwd(), *([os.path.dirname(os.path.abspath(script))] if script else [])}  # noqa: PTH100, PTH109, PTH120
    return [path for path in sys.path if path not in own and os.path.isabs(path)]  # noqa: PTH117


def _widen(descriptor: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
