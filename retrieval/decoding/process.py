"""How a process that decodes is begun, and what its end says of the picture that it had.

It is a subprocess of a file of Semblance's own and never `multiprocessing`, which runs a user's script once more where
that has no main guard. It has a session of its own, so that Ctrl-C at a terminal ends it by way of whoever asks.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

import semblance
from semblance.retrieval import errors
from semblance.retrieval.bounds import Limits
from semblance.retrieval.errors import DamagedPicture, NoDecoder, PictureError, PictureTooCostly, SemblanceError

PACKAGE = Path(semblance.__file__).resolve().parent
_PIPE = 2**20  # bytes that a pipe holds, so that a small picture is written at once
_ALONE = {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # one thread and its memory


def begin(limits: Limits) -> subprocess.Popen[bytes]:
    """A process that decodes within these limits, of the package and with the packages that this one has. Raises
    NoDecoder."""
    told = {"package": str(PACKAGE), "paths": packages(), "limits": asdict(limits)}
    program = str(PACKAGE / "retrieval" / "decoding" / "child.py")
    flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
    try:
        process = subprocess.Popen(
            [sys.executable, *flags, program, json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ALONE},
            start_new_session=True,
        )
    except OSError as error:
        raise NoDecoder(f"No process to decode pictures in could be started: {error}.") from error
    for pipe in (process.stdin, process.stdout):
        _widen(cast(IO[bytes], pipe).fileno())
    return process


def close(process: subprocess.Popen[bytes]) -> int:
    """End a process, whatever it does, and say how it has ended."""
    with contextlib.suppress(OSError):  # it has ended, or is another user's, and ends when its pipe does
        process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            cast(IO[bytes], pipe).close()
    return process.wait()


def reason(ended: int, waited: float | None) -> SemblanceError:
    """Why a process has gone in the middle of a picture: by how it has ended, or for how long it was waited for."""
    if waited is not None:
        return PictureTooCostly(f"The picture was not read within {waited:g} s: its disk hangs, or the machine does.")
    if ended == -signal.SIGPROF:
        return PictureTooCostly("The picture takes longer to decode than the limit for its size: save it anew.")
    if ended < 0:
        return DamagedPicture(f"The picture crashed its decoder ({_name(-ended)}): save it anew.")
    return NoDecoder(f"The process that decodes pictures has ended by itself ({ended}): install Semblance anew.")


def failure(said: dict[str, Any], source: Path | bytes | None) -> Exception:
    """The error that a process has answered with."""
    if said["fails"] == OSError.__name__:
        return OSError(said["errno"], said["says"], *([str(source)] if isinstance(source, Path) else []))
    kind = getattr(errors, said["fails"], None)
    if isinstance(kind, type) and issubclass(kind, PictureError):
        return kind(said["says"])
    return NoDecoder(f"Decoding fails in itself: {said['says']}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def packages() -> list[str]:
    """Where this process finds packages, but for the working folder and a script's: a file there may have any name."""
    own = {""}
    with contextlib.suppress(OSError):  # it has been removed
        own.add(os.getcwd())  # noqa: PTH109
    if script := getattr(sys.modules.get("__main__"), "__file__", None):
        own.add(os.path.dirname(os.path.abspath(script)))  # noqa: PTH100, PTH120
    return [path for path in sys.path if path not in own and os.path.isabs(path)]  # noqa: PTH117


def _widen(descriptor: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):  # what pipes hold elsewhere does as well
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
