"""How a snapshot ends: what it is a snapshot of, and whether all of it is as it was written.

the state as JSON, the JSON's length in 8 bytes, the SHA-256 of all before it in the file, MAGIC
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular

MAGIC = b"SEMBLNC2"
CHECKSUM = slice(-32 - len(MAGIC), -len(MAGIC))
_TAIL = 4096  # bytes at a snapshot's end that hold its state, which is some 200 long


def end(path: Path) -> tuple[int, bytes]:
    """How many bytes a file has, and its last. Raises SnapshotError."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            return size, file.read()
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error


def says(last: bytes | memoryview) -> dict[str, Any]:
    """What the end of a snapshot says of it. Raises ValueError and TypeError where it says nothing."""
    whole = last[: CHECKSUM.start]
    length = int.from_bytes(whole[-8:], "little")
    said = json.loads(bytes(whole[-8 - length : -8]))
    if not isinstance(said, dict):
        raise TypeError("the state of a snapshot is an object")
    return said


def checked(path: Path) -> None:
    """SnapshotError where the file's checksum is not right."""
    checksum, last = hashlib.sha256(), b""
    try:
        with open_regular(path) as file:
            while block := file.read(2**20):
                last += block
                checksum.update(last[: CHECKSUM.start])
                last = last[CHECKSUM.start :]
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    check(path, last, checksum.digest())


def check(path: Path, last: bytes, digest: bytes) -> None:
    """SnapshotError where the last bytes of a file are not those of one with this SHA-256."""
    if last[-len(MAGIC) :] != MAGIC or last[CHECKSUM] != digest:
        raise SnapshotError(f"{path} is no snapshot of this version of Semblance, or it is damaged.")
