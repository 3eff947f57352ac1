"""Codes in a file, and searching them where they lie: opened in an instant, read only as far as a search reads.

The file is FAISS's own of a flat binary index with ids (IndexBinaryIDMap over IndexBinaryFlat), so FAISS and whatever
is built on it read it too; what may follow it in the file is passed over. FAISS can map such a file itself, but tells
the system to expect reading here and there: the first search, which reads all, then took ten times as long.
"""

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from semblance.retrieval.codes import Codes, width
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.contract import Ids, Stored
from semblance.retrieval.index.flat import Flat

# The index of ids, then the codes within it: of each its kind, bits, bytes of a code, how many, trained, metric.
_HEADER = struct.Struct("<" + 2 * "4siiq?i")
_COUNT = struct.Struct("<Q")  # before each array of bytes or numbers
_BLOCK = 2**18  # bytes or ids taken at one time
_NOT = "{} holds no codes of {} bits as FAISS writes them, or is cut short."


def to_file(index: Stored) -> list[bytes | memoryview]:
    """The parts, one after the other, of the file of all codes of `index`."""
    ids = index.ids()
    codes = index.codes(ids).ravel()
    return [_beginning(index.bits, len(ids)), codes.data, _COUNT.pack(len(ids)), ids.astype("<i8").data]


def from_file(path: Path, data: memoryview, bits: int) -> tuple[Ids, Codes]:
    """What the file `path` holds: ascending ids (N,), in memory, and codes uint8 (N, ceil(bits / 8)), as a view of its
    bytes. SnapshotError where the bytes are anything else."""
    count = min(int.from_bytes(data[12:20], "little"), len(data))  # garbage may say any number
    start = len(_beginning(bits, count))
    end = start + count * width(bits)
    ids_at = end + _COUNT.size
    whole = data[:start] == _beginning(bits, count) and data[end:ids_at] == _COUNT.pack(count)
    if not whole or len(data) < ids_at + 8 * count:
        raise SnapshotError(_NOT.format(path, bits))
    ids = np.empty(count, np.int64)  # the file has them at odd places
    for at in range(0, count, _BLOCK):  # what was just read is checked beside the core: half the time
        ids[at : at + _BLOCK] = np.frombuffer(data, "<i8", min(_BLOCK, count - at), ids_at + 8 * at)
        _check(path, ids[max(at - 1, 0) : at + _BLOCK])
    return ids, np.frombuffer(data, np.uint8, end - start, start).reshape(count, width(bits))


def read(path: Path, file: BinaryIO, bits: int, seen: Callable[[memoryview], None]) -> tuple[Ids, Codes]:
    """The same from an open file, the codes in memory too, and nothing twice. `seen` is told all bytes that were read,
    in order. SnapshotError likewise."""
    header = _taken(file, len(_beginning(bits, 0)), seen)
    count = int.from_bytes(header[12:20], "little")
    size = os.fstat(file.fileno()).st_size
    if header != _beginning(bits, count if 0 <= count <= size else 0) or size < count * (width(bits) + 8):
        raise SnapshotError(_NOT.format(path, bits))
    codes, ids = np.empty((count, width(bits)), np.uint8), np.empty(count, "<i8")
    whole = _filled(file, codes, seen) and _taken(file, _COUNT.size, seen) == _COUNT.pack(count)
    if not whole or not _filled(file, ids, seen):
        raise SnapshotError(_NOT.format(path, bits))
    for at in range(0, count, _BLOCK):
        _check(path, ids[max(at - 1, 0) : at + _BLOCK])
    return ids.astype(np.int64, copy=False), codes


def _check(path: Path, ids: Ids) -> None:
    if np.any(ids[1:] <= ids[:-1]):
        raise SnapshotError(f"{path} holds codes that are not in the order of their ids, and ties would go astray.")


def _taken(file: BinaryIO, size: int, seen: Callable[[memoryview], None]) -> bytes:
    data = file.read(size)
    seen(memoryview(data))
    return data


def _filled(file: BinaryIO, array: npt.NDArray[Any], seen: Callable[[memoryview], None]) -> bool:
    """Whether the file has as many bytes as the array, which it is filled with."""
    if not array.size:
        return True
    data = array.data.cast("B")
    for at in range(0, len(data), _BLOCK):
        if file.readinto(data[at : at + _BLOCK]) < len(data[at : at + _BLOCK]):  # type: ignore[attr-defined]
            return False
        seen(data[at : at + _BLOCK])
    return True


class MappedFlat(Flat):
    """The codes in such a file, to read and to search. Of the file only the ids are read into memory."""

    def __init__(self, path: Path, bits: int) -> None:
        """Open `path`. SnapshotError where it cannot be read or is no such file; its codes are taken as they are.

        The file must stay as it is: one that is to take its place is renamed onto it, as `files.replace` does.
        """
        try:
            with path.open("rb") as file:
                data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            raise SnapshotError(f"{path} cannot be read: {error}.") from error
        super().__init__(bits, *from_file(path, data, bits))


def _beginning(bits: int, count: int) -> bytes:
    bytes_of_a_code = width(bits)
    header = (8 * bytes_of_a_code, bytes_of_a_code, count, True, 1)
    return _HEADER.pack(b"IBMp", *header, b"IBxF", *header) + _COUNT.pack(count * bytes_of_a_code)
