"""Paths as people write them, and files that are whole or not there: write to a temporary name, fsync, rename."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from semblance.retrieval.errors import UsageError


def named(text: str) -> Path:
    """The path that a person wrote, with `~` for home. UsageError where it is empty: Path("") is the working folder."""
    if not text:
        raise UsageError("A path is empty: name a file or a folder.")
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where a name merely begins with ~


def replace(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Make `path` hold `parts` one after the other. A crash or a full disk leaves the file as it was before.

    Raises OSError. The temporary file is in the same folder and is removed where anything fails.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # Ctrl-C as well: no half file may stay
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is on disk when it returns
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
