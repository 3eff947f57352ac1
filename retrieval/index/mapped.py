"""Codes in a file, and searching them where they lie: opened in an instant, read only as far as a search reads.

The file is FAISS's own of a flat binary index with ids (IndexBinaryIDMap over IndexBinaryFlat), so FAISS and whatever
is built on it read it too; what may follow it in the file is passed over. FAISS can map such a file itself, but tells
the system to expect reading here and there: the first search, which reads all, then took ten times as long.
"""

import mmap
import struct
from pathlib import Path

import numpy as np

from semblance.retrieval.codes import Codes, width
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.contract import Ids, Stored
from semblance.retrieval.index.flat import Flat

# The index of ids, then the codes within it: of each its kind, bits, bytes of a code, how many, trained, metric.
_HEADER = struct.Struct("<" + 2 * "4siiq?i")
_COUNT = struct.Struct("<Q")  # before each array of bytes or numbers


def to_file(index: Stored) -> list[bytes | memoryview]:
    """The parts, one after the other, of the file of all codes of `index`."""
    ids = index.ids()
    codes = index.codes(ids).ravel()
    return [_beginning(index.bits, len(ids)), codes.data, _COUNT.pack(len(ids)), ids.astype("<i8").data]


def from_file(path: Path, data: memoryview, bits: int) -> tuple[Ids, Codes]:
    """What the file `path` holds, as views of its bytes: ascending ids (N,) and codes uint8 (N, ceil(bits / 8)).

    SnapshotError where the bytes are anything else.
    """
    count = min(int.from_bytes(data[12:20], "little"), len(data))  # garbage may say any number
    start = len(_beginning(bits, count))
    end = start + count * width(bits)
    ids_at = end + _COUNT.size
    whole = data[:start] == _beginning(bits, count) and data[end:ids_at] == _COUNT.pack(count)
    if not whole or len(data) < ids_at + 8 * count:
        raise SnapshotError(f"{path} holds no codes of {bits} bits as FAISS writes them, or is cut short.")
    ids = np.frombuffer(data, "<i8", count, ids_at)
    if np.any(ids[1:] <= ids[:-1]):
        raise SnapshotError(f"{path} holds codes that are not in the order of their ids, and ties would go astray.")
    return ids, np.frombuffer(data, np.uint8, end - start, start).reshape(count, width(bits))


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
        ids, codes = from_file(path, data, bits)
        super().__init__(bits, ids.copy(), codes)  # copied, since the file has them at odd places


def _beginning(bits: int, count: int) -> bytes:
    bytes_of_a_code = width(bits)
    header = (8 * bytes_of_a_code, bytes_of_a_code, count, True, 1)
    return _HEADER.pack(b"IBMp", *header, b"IBxF", *header) + _COUNT.pack(count * bytes_of_a_code)
