"""The pixel baseline's vectors of a library: one file of records, read block by block.

    pixels.u8 = HEADER, records of an id, the SHA-256 of the content, its 3,072 bytes, and a CRC-32 of all that

A record counts only if its id and its content are the catalog's: so it is right whatever became of the catalog since,
put back from a copy or taken from another library, where the same ids stand for others. A record that was torn by a
kill, or is damaged, counts as lacking, and a picture without a record gets one in the next run. A file of before, which
has no such header, holds nothing.

It is read, not mapped: where somebody shortens a file that is mapped, the process that reads it is killed.
"""

import itertools
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from semblance.retrieval import pixels
from semblance.retrieval.errors import LibraryError
from semblance.retrieval.files import private, replace
from semblance.retrieval.index import Ids
from semblance.retrieval.pixels import Pixels

FILE = "pixels.u8"
HEADER = b"SEMBLNCP2\n".ljust(64, b"\0")
_CHECKSUM = np.dtype("<u4")
RECORD = np.dtype(
    [("id", "<i8"), ("sha256", np.uint8, (32,)), ("pixels", np.uint8, (pixels.LENGTH,)), ("checksum", _CHECKSUM)]
)
_BLOCK = 512  # records read at a time

Records = npt.NDArray[np.void]
Rows = npt.NDArray[np.int64]


class PixelFile:
    """The records of a library that belong to its pictures. Reading only; see `append` and `compact` for writing.

    `damaged` counts the records that are not what was written, `size` all.
    """

    def __init__(self, folder: Path, wanted: Mapping[int, bytes]) -> None:
        """Look through folder/pixels.u8 for the records of `wanted`, which has the SHA-256 of the content by id. A file
        that is not there, or is of before, holds nothing. Raises LibraryError."""
        self._path = folder / FILE
        self.size, self.damaged = _count(self._path), 0
        self._file = self._path.open("rb", buffering=0) if self.size else None
        self._buffer = np.empty(0, RECORD)  # one for all blocks: memory that is new each time takes longer to read into
        rows: dict[int, int] = {}
        for start in range(0, self.size, _BLOCK):
            block = self._read(start, min(start + _BLOCK, self.size))
            whole = _checksums(block) == block["checksum"]
            self.damaged += int(np.sum(~whole))
            for row, id in zip(np.flatnonzero(whole).tolist(), block["id"][whole].tolist(), strict=True):
                if wanted.get(id) == block["sha256"][row].tobytes():
                    rows.setdefault(id, start + row)
        self.ids: Ids = np.array(sorted(rows), np.int64)
        self._rows: Rows = np.array([rows[id] for id in self.ids.tolist()], np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Pixels:
        found: Pixels = self.records(rows)["pixels"]
        return found

    @property
    def in_order(self) -> bool:
        """Whether the records stand in the order of their ids."""
        return bool(np.all(np.diff(self._rows) > 0))

    def records(self, rows: slice) -> Records:
        """Records in the order of ids, there until others are read. LibraryError where they cannot be read any more."""
        chosen = self._rows[rows]
        order = np.argsort(chosen, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(chosen[order]) != 1) + 1)
        if len(parts) == 1 and len(order) and np.all(np.diff(order) == 1):  # nothing to be brought into order
            return self._read(int(chosen[0]), int(chosen[-1]) + 1)
        out = np.empty(len(chosen), RECORD)
        for part in parts if len(order) else ():
            out[part] = self._read(int(chosen[part[0]]), int(chosen[part[-1]]) + 1)
        return out

    def _read(self, start: int, end: int) -> Records:
        assert self._file is not None
        if len(self._buffer) < end - start:
            self._buffer = np.empty(end - start, RECORD)
        out = self._buffer[: end - start]
        self._file.seek(len(HEADER) + start * RECORD.itemsize)
        if self._file.readinto(out.view(np.uint8).data) != out.nbytes:
            raise LibraryError(f"The file {self._path} was cut short while it was being read: ask again.")
        return out


def exists(folder: Path) -> bool:
    """Whether this library keeps pixel vectors."""
    return (folder / FILE).exists()


def is_of_before(folder: Path) -> bool:
    """Whether the file is there and is none that this version reads: an earlier one's, or its header is damaged."""
    return exists(folder) and not _is_ours(folder / FILE)


def stamp(folder: Path) -> tuple[int, int, int] | None:
    """What changes whenever the file does: inode, size and time."""
    try:
        state = (folder / FILE).stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


def append(folder: Path, ids: Sequence[int], hashes: Sequence[bytes], vectors: npt.NDArray[np.uint8]) -> None:
    """Write records of `ids`, the SHA-256 of their contents and their vectors (N, 3072). Raises OSError."""
    records = np.zeros(len(ids), RECORD)
    records["id"], records["pixels"] = ids, vectors
    records["sha256"] = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(ids), 32)
    records["checksum"] = _checksums(records)
    path = folder / FILE
    count = _count(path)
    with open(path, "r+b" if _is_ours(path) else "w+b", opener=private) as file:
        file.write(HEADER)
        file.truncate(len(HEADER) + count * RECORD.itemsize)  # a torn record at the end would shift all after it
        file.seek(0, os.SEEK_END)
        file.write(records.tobytes())
        file.flush()
        os.fsync(file.fileno())


def compact(folder: Path, wanted: Mapping[int, bytes]) -> None:
    """Rewrite the file in the order of ids and without what is not wanted or is damaged, where that is worth it.
    Raises OSError."""
    kept = PixelFile(folder, wanted)
    if kept.in_order and not kept.damaged and kept.size <= 1.25 * len(kept) and not is_of_before(folder):
        return
    parts = (kept.records(slice(start, start + _BLOCK)).tobytes() for start in range(0, len(kept), _BLOCK))
    replace(folder / FILE, itertools.chain([HEADER], parts))


def drop(folder: Path) -> None:
    """Delete the file, where there is one. Raises OSError."""
    (folder / FILE).unlink(missing_ok=True)


def _checksums(records: Records) -> npt.NDArray[np.uint32]:
    size, data = RECORD.itemsize, records.view(np.uint8).data
    ends = range(size - _CHECKSUM.itemsize, len(data), size)
    return np.fromiter((zlib.crc32(data[end - size + _CHECKSUM.itemsize : end]) for end in ends), np.uint32, len(ends))


def _count(path: Path) -> int:
    """Whole records in the file; none where it is not this version's."""
    return (path.stat().st_size - len(HEADER)) // RECORD.itemsize if _is_ours(path) else 0


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER
