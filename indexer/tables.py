"""Tables of codes: which columns they have, and their rows read from Parquet or NumPy a batch at a time, whoever wrote
them. `path`, `sha256`, `codec_id` and `code` must be there, `id`, `size` and what the picture says of itself may; any
others are not looked at.

Bytes may be bytes, hexadecimal digits (sha256), or numbers from 0 to 255 (code).
"""

import contextlib
import datetime
import io
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from semblance.indexer import parquets
from semblance.indexer.parquets import BATCH
from semblance.retrieval import arrays, storage
from semblance.retrieval.errors import UsageError
from semblance.retrieval.facts import FACTS, Facts

NEEDED, OPTIONAL = ("path", "sha256", "codec_id", "code"), ("id", "size", *FACTS)
_HIGHEST_ID = 2**53  # which leaves room for those that come after, and every program that reads JSON knows exactly


@dataclass(frozen=True)
class Row:
    """One code of one picture; `id` and `facts` are None where the file says none. `mtime`, nanoseconds since 1970, is
    that of the file that was read for this code; None where nobody says that one was."""

    path: str
    sha256: bytes
    codec_id: str
    code: bytes
    id: int | None
    size: int
    facts: Facts | None = None
    mtime: int | None = None


class Rows(Protocol):
    """Rows that can be gone through more than once, how many there are, and what holds them: for sentences."""

    @property
    def file(self) -> Path | str: ...

    @property
    def count(self) -> int: ...

    def batches(self) -> Iterator[list[Row]]:
        """All rows, checked one by one. Raises UsageError."""


@dataclass(frozen=True)
class Table:
    """A file of rows, and how many there are; or a folder of `shards`, each the bytes of a Parquet."""

    file: Path | str
    count: int
    shards: Callable[[], Iterator[bytes]] | None = None

    def batches(self) -> Iterator[list[Row]]:
        """See Rows.batches."""
        done = 0
        with _sentences(self.file):
            for columns in self._columns():
                names = [*columns]
                rows = zip(*columns.values(), strict=True)
                yield [as_row(self.file, done + n, dict(zip(names, row, strict=True))) for n, row in enumerate(rows, 1)]
                done += len(columns["path"])

    def _columns(self) -> Iterator[dict[str, list[Any]]]:
        if self.shards:
            for shard in self.shards():
                yield from parquets.batches(io.BytesIO(shard), (*NEEDED, *OPTIONAL, "mtime"))
        elif (file := Path(self.file)).suffix.lower() == ".parquet":
            yield from parquets.batches(file, (*NEEDED, *OPTIONAL))
        else:
            yield from _npz(file)


def table(file: Path) -> Table:
    """Look at a file. Raises UsageError where it has not the columns, or no rows, and ImportError of pyarrow."""
    with _sentences(file):
        if file.suffix.lower() == ".parquet":
            from pyarrow import parquet

            with parquet.ParquetFile(file) as opened:
                names, count = opened.schema_arrow.names, opened.metadata.num_rows
        elif file.suffix.lower() == ".npz":
            with zipfile.ZipFile(file) as archive:
                names = [name.removesuffix(".npy") for name in archive.namelist()]
                count = _member(archive, "path")[1] if "path" in names else 0
        else:
            raise UsageError(f"{file} names no format: it has to end in .parquet or .npz.")
    if missing := [name for name in NEEDED if name not in names]:
        raise UsageError(f"{file} has no column {', nor '.join(missing)}: `semblance export` shows what is needed.")
    if not count:
        raise UsageError(f"{file} has no rows: there is nothing to import.")
    return Table(file, count)


@contextlib.contextmanager
def _sentences(file: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:  # pyarrow's own, over what it cannot read
            raise UsageError(f"{file} is damaged or cut short ({_first_line(error)}).") from error
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except arrays.UNREADABLE as error:
        raise UsageError(f"{file} is damaged, cut short, or of another kind ({_first_line(error)}).") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _npz(file: Path) -> Iterator[dict[str, list[Any]]]:
    with zipfile.ZipFile(file) as archive, contextlib.ExitStack() as stack:
        names = [name for name in (*NEEDED, *OPTIONAL) if f"{name}.npy" in archive.namelist()]
        members = {name: _member(archive, name) for name in names}
        if len({count for _, count, _ in members.values()}) != 1:
            raise ValueError("its arrays are of different lengths")
        streams = {name: stack.enter_context(member) for name, (member, _, _) in members.items()}
        count = members["path"][1]
        for start in range(0, count, BATCH):
            some = min(BATCH, count - start)
            yield {name: _plain(streams[name], members[name][2], some) for name in names}


def _member(archive: zipfile.ZipFile, name: str) -> tuple[IO[bytes], int, np.dtype[Any]]:
    """An array of an .npz, at its first value; how many rows it has; what each is."""
    member = archive.open(f"{name}.npy")
    version = np.lib.format.read_magic(member)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = header(member)
    if dtype.hasobject:
        raise ValueError(f"its {name} is of Python objects: save text and numbers")
    if not shape or len(shape) > 2 or (by_columns and len(shape) > 1):
        raise ValueError(f"its {name} has the shape {shape}")
    return member, shape[0], np.dtype((dtype, shape[1:]))


def _plain(stream: IO[bytes], dtype: np.dtype[Any], count: int) -> list[Any]:
    data = stream.read(count * dtype.itemsize)
    if len(data) < count * dtype.itemsize:
        raise ValueError("an array ends too early")
    values: npt.NDArray[Any] = np.frombuffer(data, dtype.base).reshape(count, *dtype.shape)
    if values.ndim == 2 and values.dtype == np.uint8:
        return [row.tobytes() for row in values]
    return [value.decode() if isinstance(value, bytes) else value for value in values.tolist()]


def as_row(file: Path | str, number: int, said: dict[str, Any]) -> Row:
    """A row, of what its columns say. UsageError where that makes none."""
    try:
        path = said["path"]
        if not isinstance(path, str) or not is_plain(path):
            raise ValueError(f"its path {path!r} is no absolute path of a file")
        sha256 = said["sha256"]
        sha256 = bytes.fromhex(sha256) if isinstance(sha256, str) else _bytes("sha256", sha256)
        if len(sha256) != 32:
            raise ValueError(f"its sha256 has {len(sha256)} bytes, not 32")
        if not isinstance(said["codec_id"], str):
            raise ValueError("its codec_id is no text")
        id, size = (_whole(name, said.get(name)) for name in OPTIONAL[:2])
        code, mtime = _bytes("code", said["code"]), said.get("mtime")
        if mtime is not None and (type(mtime) is not int or not -(2**63) <= mtime < 2**63):
            raise ValueError(f"its mtime {mtime!r} is no time in nanoseconds")
        return Row(path, sha256, said["codec_id"], code, id, size or 0, _facts(said), mtime)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"Row {number:,} of {file} cannot be used: {error}. Nothing was imported.") from error


def _facts(said: dict[str, Any]) -> Facts | None:
    """What the picture says of itself; None where its size is not known, which all of them have."""
    width, height = (_whole(name, said.get(name)) for name in FACTS[:2])
    taken, camera = (said.get(name) or None for name in FACTS[2:4])
    latitude, longitude = (math.nan if (at := said.get(name)) is None else float(at) for name in FACTS[4:])
    if not width or not height:
        return None
    if taken is not None:
        datetime.datetime.fromisoformat(taken)
    if camera is not None and not (camera.isprintable() and len(camera) <= 100):
        raise ValueError("its camera is no name that could be shown")
    if math.isnan(latitude) or math.isnan(longitude):
        return Facts(width, height, taken, camera)
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(f"its place {latitude}, {longitude} is none on the earth")
    return Facts(width, height, taken, camera, latitude, longitude)


def is_plain(path: str) -> bool:
    """Whether a path is one of a file, or an address, as they are kept."""
    if storage.is_address(path):
        return storage.is_normal(path)
    absolute = os.path.isabs(path)  # noqa: PTH117 - a Path for each of a million rows takes as long as all the rest
    return absolute and os.path.normpath(path) == path and "\0" not in path


def _bytes(name: str, value: Any) -> bytes:
    if isinstance(value, bytes | list):
        return bytes(value)
    raise ValueError(f"its {name} is no bytes")


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= _HIGHEST_ID:
        raise ValueError(f"its {name} {value!r} is no whole number from 0 to {_HIGHEST_ID:,}")
    return value
