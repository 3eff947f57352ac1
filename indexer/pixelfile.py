"""The pixel baseline's vectors of a library: one file of records, read through a memory map.

    pixels.u8 = records of an id (int64, little-endian) and its 3,072 bytes

Ids are never reused and name one content, so a record never goes out of date; it is only no longer wanted. A record
torn by a kill is dropped by the next writer, and a picture without a record gets one in the next run.
"""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from semblance.retrieval import pixels
from semblance.retrieval.files import private, replace
from semblance.retrieval.index import Ids
from semblance.retrieval.pixels import Pixels

FILE = "pixels.u8"
RECORD = np.dtype([("id", "<i8"), ("pixels", np.uint8, (pixels.LENGTH,))])


class PixelFile:
    """The records of a library that belong to these ids. Reading only; see `append` and `compact` for writing."""

    def __init__(self, folder: Path, wanted: Ids) -> None:
        """Map folder/pixels.u8 and keep the records of `wanted`. A file that is not there holds nothing."""
        self._records = _map(folder / FILE)
        ids, first = np.unique(self._records["id"], return_index=True)
        self._rows = first[np.isin(ids, wanted)]
        self.ids: Ids = np.asarray(self._records["id"][self._rows], np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Pixels:
        chosen = self._rows[rows]
        if len(chosen) and np.all(np.diff(chosen) == 1):  # no gap: a view, nothing copied
            view: Pixels = self._records["pixels"][chosen[0] : chosen[-1] + 1]
            return view
        copy: Pixels = self._records["pixels"][chosen]
        return copy


def exists(folder: Path) -> bool:
    """Whether this library keeps pixel vectors."""
    return (folder / FILE).exists()


def stamp(folder: Path) -> tuple[int, int] | None:
    """What changes whenever the file does: another inode after a rewrite, another size after new records."""
    try:
        state = (folder / FILE).stat()
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_size


def append(folder: Path, ids: list[int], vectors: npt.NDArray[np.uint8]) -> None:
    """Write records of `ids` and their vectors (N, 3072). Raises OSError."""
    records = np.empty(len(ids), RECORD)
    records["id"], records["pixels"] = ids, vectors
    path = folder / FILE
    with open(path, "r+b" if path.exists() else "w+b", opener=private) as file:
        file.truncate(len(_map(path)) * RECORD.itemsize)  # a torn record at the end would shift all after it
        file.seek(0, os.SEEK_END)
        file.write(records.tobytes())
        file.flush()
        os.fsync(file.fileno())


def compact(folder: Path, wanted: Ids) -> None:
    """Rewrite the file in the order of ids and without what is not wanted, where that is worth it. Raises OSError."""
    ids = _map(folder / FILE)["id"]
    kept = PixelFile(folder, wanted)
    if np.all(ids[1:] > ids[:-1]) and len(ids) <= 1.25 * len(kept):
        return
    rows = kept._rows
    parts = (kept._records[rows[start : start + 1000]].tobytes() for start in range(0, len(rows), 1000))
    replace(folder / FILE, parts)


def drop(folder: Path) -> None:
    """Delete the file, where there is one. Raises OSError."""
    (folder / FILE).unlink(missing_ok=True)


def _map(path: Path) -> npt.NDArray[np.void]:
    count = path.stat().st_size // RECORD.itemsize if path.exists() else 0
    return np.memmap(path, RECORD, "r", shape=(count,)) if count else np.empty(0, RECORD)
