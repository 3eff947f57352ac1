"""A picture that comes by standard input or another pipe: `cat x.jpg | semblance search -`, `search <(curl ...)`."""

import stat
import sys
from pathlib import Path

from semblance.retrieval import images
from semblance.retrieval.errors import UsageError
from semblance.retrieval.images import Source

_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def is_input(path: Path) -> bool:
    """Whether a path is what people call standard input by; a file of the name `-` is `./-`."""
    return str(path) in _INPUT


def check(path: Path) -> None:
    """Raise UsageError unless a picture may be read from `path`: a file, a pipe, or standard input."""
    if is_input(path):
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                f"Nothing comes by standard input: name a picture, or `cat IMAGE | semblance search {path}`."
            )
    elif path.is_dir():
        raise UsageError(f"{path} is a folder: name a picture.")
    elif not path.exists():
        raise UsageError(f"There is no file {path}.")
    elif not path.is_file() and not _is_pipe(path):
        raise UsageError(f"{path} is a device: name a picture.")


def source(path: Path) -> Source:
    """The path, or all that comes by a pipe. Raises UsageError where nothing comes, OSError."""
    if is_input(path):
        data = sys.stdin.buffer.read(images.MAX_FILE_BYTES + 1)  # too much is said of it as of a file
    elif _is_pipe(path):
        with path.open("rb") as pipe:
            data = pipe.read(images.MAX_FILE_BYTES + 1)
    else:
        return path
    if not data:
        raise UsageError(f"Nothing came by {'standard input' if is_input(path) else path}: there is no picture in it.")
    return data


def _is_pipe(path: Path) -> bool:
    mode = path.stat().st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
