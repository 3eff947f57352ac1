"""What is stored: listed, looked at, read and written, over any filesystem of fsspec."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from semblance.retrieval import bounds
from semblance.retrieval.errors import NothingStored, PictureError, PictureTooLarge, StorageError
from semblance.retrieval.storage import buckets, walking, webs
from semblance.retrieval.storage.names import below
from semblance.retrieval.storage.reaching import Ended, asked, never, wait

_Result = TypeVar("_Result")

_HEAD = 256 * 2**10  # bytes
_MOST = 2**53  # bytes that anything may have
_EMPTY = 100  # pages of a listing with nothing in them, one after the other


class Stored(NamedTuple):
    """An object: its address, bytes, time of change in nanoseconds since 1970 (0: not known), and 63 bits of a hash of
    its ETag or version (0: it has none)."""

    address: str
    size: int
    mtime_ns: int
    version: int


def listing(address: str, ended: Ended = never) -> Iterator[Stored]:
    """All objects below an address, whatever they are, in the storage's order. What is not whole ends with an error:
    StorageError, NothingStored where there is no such bucket or folder (S3 knows no folders: there it is empty)."""
    if address.startswith("s3://"):
        for page in _pages(address, ended):
            yield from page
        return
    yield from (_of(name, info) for name, info in asked(address, partial(walking.found, address, ended)).items())


def _pages(address: str, ended: Ended) -> Iterator[list[Stored]]:
    """Those of a listing of S3. StorageError where it goes round in circles, or has what lies elsewhere."""
    after, first, empty = None, "", 0
    while True:
        page, after = asked(address, partial(buckets.page, after=after, ended=ended))
        found = [_of(f"s3://{info['bucket']}/{info['Key']}", info) for info in page]
        empty = 0 if found else empty + 1
        if (
            (found and found[0].address == first)
            or empty > _EMPTY
            or not all(below(each.address, address) for each in found)
        ):
            raise StorageError(f"The listing of {address} never ends, or is of something else: look after its storage.")
        yield found
        if after is None:
            return
        first = found[0].address if found else first


def stat(address: str, ended: Ended = never) -> Stored:
    """One object as it is now. Raises NothingStored and StorageError."""

    def look(own: Any, path: str) -> Stored:
        if address.startswith("s3://"):
            return _of(address, wait(own, buckets.head(own, path), ended))
        info = wait(own, own._info(path), ended) if own.async_impl else own.info(path)
        if info.get("type") == "directory":
            raise NothingStored(f"{address} is a folder.")
        return _of(address, info)

    return asked(address, look)


def read(address: str, limit: int = bounds.MAX_FILE_BYTES, ended: Ended = never) -> bytes:
    """All of an object, in one request. PictureTooLarge where it has more than `limit` bytes, of which no more are
    asked for. Raises NothingStored, StorageError, and Stopped when `ended`."""
    data, _ = piece(address, 0, limit + 1, ended, most=limit)
    if len(data) > limit:
        raise PictureTooLarge(bounds.TOO_LONG)
    return data


def header(address: str, look: Callable[[bytes], _Result]) -> _Result:
    """What `look` makes of a picture's bytes, of which it needs the header. A JPEG's stands before its picture: only
    where a first part does not do all of it is read. Raises as `read` and `look` do."""
    data, _ = piece(address, 0, _HEAD)
    if len(data) < _HEAD:
        return look(data)
    if data.startswith(b"\xff\xd8"):
        with suppress(PictureError):
            return look(data)
    return look(read(address))


def piece(
    address: str, at: int, end: int, ended: Ended = never, most: int | None = None
) -> tuple[bytes, Stored | None]:
    """Its bytes from `at` to before `end`, as far as there are any, and how it was when they were read, where the
    storage says so together with them (S3), which then sends nothing of one with more bytes than `most`. Raises as
    `read` does."""

    def part(own: Any, path: str) -> tuple[bytes, Stored | None]:
        if address.startswith("s3://"):
            data, info = wait(own, buckets.part(own, path, at, end, most), ended)
            return data, _of(address, info)
        if address.startswith(("http://", "https://")):
            return wait(own, webs.part(own, path, at, end), ended), None
        if own.async_impl:
            return wait(own, own._cat_file(path, start=at, end=end), ended), None
        return own.cat_file(path, start=at, end=end), None

    return asked(address, part)


def write(address: str, data: bytes) -> None:
    """Put an object there by one request: it is whole there or not at all. Raises StorageError."""

    def put(own: Any, path: str) -> None:
        if address.startswith("s3://"):
            wait(own, buckets.put(own, path, data))
        else:
            own.pipe_file(path, data)

    asked(address, put, "written to")


def create(address: str, data: bytes) -> bool:
    """Put an object there as `write` does, unless there is one; whether it was put there. Of several who do so at one
    time the storage says it to one; a storage that knows no such put is asked whether there is one. Raises
    StorageError."""

    def put(own: Any, path: str) -> bool | None:
        if address.startswith("s3://"):
            return wait(own, buckets.create(own, path, data))
        try:
            own.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError):
            return None
        return True

    if (made := asked(address, put, "written to")) is None:
        try:
            stat(address)
        except NothingStored:
            write(address, data)
            return True
    return bool(made)


def _of(address: str, info: dict[str, Any]) -> Stored:
    size = info.get("size", info.get("Size"))
    if size is None or not 0 <= int(size) <= _MOST:
        raise StorageError(f"The storage does not say how large {address} is, which it has to.")
    said = ("ETag", "etag", "version_id", "generation", "content_md5", "md5Hash", "ino")
    version = next((str(info[name]) for name in said if info.get(name)), "")
    return Stored(address, int(size), _nanoseconds(info), _number(version) if version else 0)


def _number(version: str) -> int:
    return int.from_bytes(hashlib.sha256(version.strip('"').encode()).digest()[:8], "big") >> 1 or 1


def _nanoseconds(info: dict[str, Any]) -> int:
    names = ("LastModified", "last_modified", "mtime", "updated", "modified", "Last-Modified", "created")
    when = next((info[name] for name in names if info.get(name)), 0)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.replace("Z", "+00:00"))
        except ValueError:
            return 0
    if isinstance(when, datetime):
        # S3 says the parts of a second in listings alone, and some that speak like it do
        when = when.replace(microsecond=0) if "LastModified" in info else when
        since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
    return round(when * 10**6) * 1_000  # listings and looks are apart in what a float does not hold
