"""A real S3 server (moto's, on a socket), and a road to it on which one may see what is asked, and hinder it."""

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from semblance.retrieval.storage import reaching
from tests.sites import Site

SECRETS = ("AKIAOFTHETESTS000001", "secret/of+the/tests", "tokenofthetests")
LARGE = 5 * 2**30
REFUSED = {"slow": (503, "SlowDown"), "deny": (403, "AccessDenied"), "unknown": (501, "NotImplemented")}
_KNOWN: dict[str, dict[str, Any]] = {}
HANG = threading.Event()  # never set: what waits for it hangs

Hinder = Callable[[str, str], str | None]  # of a method and a path with its query: see Road


class Road:
    """What goes to the server by `url`. `asked` has each request as "GET /bucket/key". `hinder` says what becomes of
    one: None, or "slow" (503 SlowDown), "deny", "unknown" (501), "cut" (half the body), "reset" (that, hard), "hang",
    "large" (the size that is said is LARGE)."""

    def __init__(self, port: int) -> None:
        self.asked: list[str] = []
        self.hinder: Hinder = lambda *_: None
        road = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                road.pass_on(self, port)

            do_HEAD = do_PUT = do_GET

        self.server = Site(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, request: BaseHTTPRequestHandler, port: int) -> None:
        """One request, and its answer, as `hinder` says."""
        path = unquote(urlsplit(request.path).path)
        self.asked.append(f"{request.command} {path}")
        way = self.hinder(request.command, unquote(request.path))
        if way == "hang":
            HANG.wait(60)
        if way in REFUSED:
            request.rfile.read(int(request.headers.get("Content-Length") or 0))
            status, code = REFUSED[way]
            said = f"<Error><Code>{code}</Code><Message>{SECRETS[0]}</Message></Error>"
            self.answer(request, status, [], said.encode())
            return
        with_body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(request.command, request.path, with_body, dict(request.headers))
        answer = connection.getresponse()
        body, headers = answer.read(), answer.getheaders()
        connection.close()
        if way == "large":
            body = re.sub(rb"<Size>\d+</Size>", b"<Size>%d</Size>" % LARGE, body)
            headers = [(name, re.sub(r"/\d+$", f"/{LARGE}", value)) for name, value in headers]
        self.answer(request, answer.status, headers, body, way)

    @staticmethod
    def answer(
        request: BaseHTTPRequestHandler,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        way: str | None = None,
    ) -> None:
        request.send_response(status)
        own = ("content-length", "connection", "date")
        kept = [(name, value) for name, value in headers if name.lower() not in own]
        length = next((value for name, value in headers if name.lower() == "content-length"), "")
        for name, value in [*kept, ("Content-Length", length if request.command == "HEAD" else str(len(body)))]:
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body[: len(body) // 2] if way in ("cut", "reset") else body)
        if way in ("cut", "reset"):
            if way == "reset":
                request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.wfile.flush()
            request.connection.close()
            request.close_connection = True

    def gets(self) -> list[str]:
        """The objects that were asked for, or a part of them."""
        return [each for each in self.asked if each.startswith("GET /") and each.count("/") > 1 and each[-1] != "/"]


class S3:
    """The server: `client` is boto3's, straight to it."""

    def __init__(self) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        _, self.port = self.server.get_host_and_port()
        keys = {"aws_access_key_id": SECRETS[0], "aws_secret_access_key": SECRETS[1], "region_name": "us-east-1"}
        self.client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", **keys)

    def put(self, bucket: str, **objects: bytes) -> None:
        """A bucket of these objects, which was empty before."""
        self.client.create_bucket(Bucket=bucket)
        for key, body in objects.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def fill(self, bucket: str, keys: Iterable[str], body: bytes = b"") -> None:
        """Many objects of one content, put there beside the socket, which would take a while."""
        for key in keys:
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, key, body)


def variables(url: str) -> dict[str, str]:
    """The environment of a process that asks there, and has credentials."""
    return {
        **dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), SECRETS, strict=True)),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_RETRY_MODE": "standard",
    }


@contextmanager
def asking(url: str) -> Iterator[None]:
    """This process asks there."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(url).items():
            patch.setenv(name, value)
        patch.setattr(reaching, "_known", _KNOWN.setdefault(url, {}))  # to make a client takes a second
        yield
