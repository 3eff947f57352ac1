"""The file of a snapshot: codes, what they are a snapshot of, and a checksum at its end.

    FILE = FAISS's own file, the state as JSON, the JSON's length in 8 bytes, the SHA-256 of all that, MAGIC

snapshot.py says what a state holds, and when it is to be trusted.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import open_regular, replace
from semblance.retrieval.index import FlatIndex, Ids
from semblance.retrieval.index.mapped import read as read_codes
from semblance.retrieval.index.mapped import to_file

_MAGIC = b"SEMBLNC2"
_TAIL = 4096  # bytes at a snapshot's end that hold its state, which is some 200 long
_CHECKSUM = slice(-32 - len(_MAGIC), -len(_MAGIC))


def write(index: FlatIndex, path: Path, of: dict[str, str | int]) -> None:
    """Put a snapshot of these codes in the place of what is there. Raises OSError."""
    state = json.dumps(of).encode()
    parts = [*to_file(index), state, len(state).to_bytes(8, "little")]
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    replace(path, [*parts, checksum.digest(), _MAGIC])


def read(path: Path, bits: int) -> tuple[Ids, Codes, bytes]:
    """The ids (N,), the codes uint8 (N, ceil(bits / 8)), and the end of a file whose checksum is right. SnapshotError
    where it is not."""
    checksum = hashlib.sha256()
    try:
        with open_regular(path) as file:
            ids, codes = read_codes(path, file, bits, checksum.update)
            rest = file.read()
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    checksum.update(rest[: _CHECKSUM.start])
    _check(path, rest, checksum.digest())
    return ids, codes, rest


def check(path: Path) -> None:
    """SnapshotError where the file's checksum is not right."""
    checksum, end = hashlib.sha256(), b""
    try:
        with open_regular(path) as file:
            while block := file.read(2**20):
                end += block
                checksum.update(end[: _CHECKSUM.start])
                end = end[_CHECKSUM.start :]
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error
    _check(path, end, checksum.digest())


def _check(path: Path, end: bytes, digest: bytes) -> None:
    if end[-len(_MAGIC) :] != _MAGIC or end[_CHECKSUM] != digest:
        raise SnapshotError(f"{path} is no snapshot of this version of Semblance, or it is damaged.")


def end(path: Path) -> tuple[int, bytes]:
    """How many bytes a file has, and its last. Raises SnapshotError."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            return size, file.read()
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error}.") from error


def sealed(end: bytes, size: int) -> tuple[int, bytes]:
    """Of a file of `size` bytes that ends so, how many bytes its checksum is of, and what it is."""
    return size + (_CHECKSUM.start or 0), end[_CHECKSUM]


def says(path: Path, end: bytes) -> dict[str, Any]:
    """The state that the end of a file says. SnapshotError where it says none."""
    if end[-len(_MAGIC) :] != _MAGIC:
        raise SnapshotError(f"{path} is no snapshot of this version of Semblance, or it is damaged.")
    whole = end[: _CHECKSUM.start]
    length = int.from_bytes(whole[-8:], "little")
    try:
        said = json.loads(whole[-8 - length : -8])
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise SnapshotError(f"{path} does not say what it is a snapshot of.")
    return said
