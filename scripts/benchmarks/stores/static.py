"""A stand-in for S3: `python static.py FOLDER PORT` sends a folder's files as the objects of any bucket.

It is no storage: it knows a listing by pages and a part of an object, and does not look at who asks. It takes about a
tenth of a millisecond of the processor for a request, so that what asks it is measured, and not a server.
"""

import asyncio
import hashlib
import sys
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

_PAGE = 1000
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class Sending(asyncio.Protocol):
    """One connection; requests on it are answered one after another."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files, self._came = files, b""
        self._to: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._to = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. Requests have no body."""
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, self._came = self._came.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ", 2)
            said = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            status, headers, body = answer(self._files, target, said.get("range", ""))
            headers = {"Content-Length": str(len(body)), **headers}
            shown = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            assert self._to is not None
            self._to.write(f"HTTP/1.1 {status} -\r\n{shown}\r\n".encode() + (b"" if method == "HEAD" else body))


def answer(files: dict[str, Path], target: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    parts = urlsplit(target)
    _, _, key = unquote(parts.path).lstrip("/").partition("/")
    if not key:
        return 200, {"Content-Type": "application/xml"}, _listed(files, parse_qs(parts.query))
    if key not in files:
        return 404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>"
    data = files[key].read_bytes()
    headers = {"ETag": _tag(files[key]), "Last-Modified": formatdate(int(files[key].stat().st_mtime), usegmt=True)}
    if not wanted:
        return 200, headers, data
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    part = data[int(first) : int(last) + 1 if last else None]
    return 206, {**headers, "Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"}, part


def _listed(files: dict[str, Path], asked: dict[str, list[str]]) -> bytes:
    prefix, after = asked.get("prefix", [""])[0], asked.get("continuation-token", [""])[0]
    keys = sorted(key for key in files if key.startswith(prefix) and key > after)
    more = f"<NextContinuationToken>{keys[_PAGE - 1]}</NextContinuationToken>" if len(keys) > _PAGE else ""
    objects = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{_tag(files[key])}</ETag>"
        f"<Size>{files[key].stat().st_size}</Size></Contents>"
        for key in keys[:_PAGE]
    )
    cut = str(bool(more)).lower()
    return f"<ListBucketResult {_NAMESPACE}><IsTruncated>{cut}</IsTruncated>{more}{objects}</ListBucketResult>".encode()


def _tag(file: Path) -> str:
    return f'"{hashlib.md5(file.name.encode(), usedforsecurity=False).hexdigest()}"'


async def serve(folder: Path, port: int) -> None:
    """Until it is ended."""
    files = {path.name: path for path in folder.iterdir()}
    server = await asyncio.get_running_loop().create_server(lambda: Sending(files), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
