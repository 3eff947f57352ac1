"""A picture that comes by standard input or another pipe: `cat x.jpg | semblance search -`, `search <(curl ...)`."""

import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from semblance.retrieval import images
from semblance.retrieval.errors import UsageError
from semblance.retrieval.images import Source

_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def check(paths: Sequence[Path | str]) -> None:
    """Raise UsageError unless a picture may be read from each: files, pipes, standard input once, and addresses, of
    which nothing is asked yet."""
    if sum(map(_is_input, paths)) > 1:
        raise UsageError("Standard input is one picture: name it once.")
    for path in paths:
        if isinstance(path, Path):
            _check(path)


def _is_input(path: Path | str) -> bool:
    """Whether a path is what people call standard input by; a file of the name `-` is `./-`."""
    return str(path) in _INPUT


def _check(path: Path) -> None:
    if _is_input(path):
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


def sources(paths: Sequence[Path | str]) -> list[Source]:
    """The paths, and of pipes all that comes by them. Raises UsageError where nothing comes, OSError."""
    return [_source(path) if isinstance(path, Path) else path for path in paths]


def _source(path: Path) -> Source:
    if _is_input(path):
        data = sys.stdin.buffer.read(images.MAX_FILE_BYTES + 1)  # too much is said of it as of a file
    elif _is_pipe(path):
        with path.open("rb") as pipe:
            data = pipe.read(images.MAX_FILE_BYTES + 1)
    else:
        return path
    if not data:
        raise UsageError(f"Nothing came by {'standard input' if _is_input(path) else path}: there is no picture in it.")
    return data


def _is_pipe(path: Path) -> bool:
    mode = path.stat().st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
