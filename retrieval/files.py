"""Paths as people write them, files that lie on a disk, files that are whole or not there (write, fsync, rename)."""

import errno
import os
import re
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from semblance.retrieval.errors import UsageError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(/|[^/]*:[^/]*@)")  # with one slash as well where a password is in it
TEMPORARY = re.compile(r"\.(?P<name>.+)\.\d+\.\d+\.tmp", re.DOTALL)  # see `beside`; a kill leaves such


def named(text: str) -> Path:
    """The path that a person wrote, with `~` for home. UsageError where it is empty: Path("") is the working folder;
    and where it is an address, of which a path would be made that nobody has, and told with the password in it."""
    if not text:
        raise UsageError("A path is empty: name a file or a folder.")
    if _ADDRESS.match(text):
        raise UsageError("An address stands where the path of a file or a folder has to: name one of this machine.")
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where a name merely begins with ~


def open_regular(path: Path) -> BinaryIO:
    """An existing file, to be read. OSError where there is none, and where it is none that just lies on a disk: a pipe,
    which might never be opened at all, a device, a folder."""
    opened = open(path, "rb", opener=_at_once)  # noqa: SIM115 - Path.open has no opener; whoever calls closes
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(errno.EINVAL, "it is no file that lies on a disk", str(path))
    return opened


def read_regular(path: Path) -> bytes:
    """All of a file. OSError as `open_regular`."""
    with open_regular(path) as file:
        return file.read()


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def private(path: str | Path, flags: int) -> int:
    """An opener for `open`: a file that it makes is open to whom its folder is open to, and by the umask to no more."""
    return os.open(path, flags, 0o666 & os.stat(os.path.dirname(path) or ".").st_mode)  # noqa: PTH116, PTH120


def made(path: Path) -> BinaryIO:
    """A new file to write to, for programs that write by themselves; as private as its folder."""
    return open(path, "wb", opener=private)


def secret(path: str | Path, flags: int) -> int:
    """An opener for `open`: a file that it makes is open to its owner alone."""
    return os.open(path, flags, 0o600)


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there, that is open to whom the one above it is; that one is made likewise. Raises
    OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=folder.parent.stat().st_mode & 0o777, exist_ok=True)


def beside(path: Path) -> Path:
    """Where what shall be `path` is written until it is whole; TEMPORARY knows such names again."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")


def replace(path: Path, parts: Iterable[bytes | memoryview], opener: Callable[[str, int], int] = private) -> None:
    """Make `path` hold `parts` one after the other. A crash or a full disk leaves the file as it was before.

    Raises OSError. The temporary file is in the same folder, has its rights (see `private`) unless `opener` says
    otherwise, and is removed where anything fails.
    """
    temporary = beside(path)
    try:
        with open(temporary, "wb", opener=opener) as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # Ctrl-C as well: no half file may stay
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring what was renamed in a folder to the disk. Raises OSError."""
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is on disk when it returns
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
