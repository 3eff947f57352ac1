"""Requests on their way: pictures into forms, errors out of problems, and asked again where the service says when.

Every request may be sent twice: to ask changes nothing, and what changes something bears an Idempotency-Key.
"""

import inspect
import io
import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from time import sleep
from typing import Any, TypeVar

import httpx
import numpy as np
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from semblance.api.wire.problems import MEDIA_TYPE, Problem
from semblance.retrieval import errors, files
from semblance.retrieval.errors import SemblanceError, ServiceError, UsageError
from semblance.retrieval.images import Source

T = TypeVar("T")

LONGEST = 30.0  # seconds to wait at most before a request is sent again
_SILENT = 60.0  # seconds after which a stream is given up; the service says something every 15
_NOT_YET = 202
_AGAIN = (429, 503)
_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")


class Sending:
    """A connection to one service."""

    def __init__(self, url: str, key: str | None, timeout: float, retries: int) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise UsageError(f"{url!r} is no address of a service: {error}.") from error
        if not self.http.base_url.host:
            raise UsageError(f"{url!r} is no address of a service: name it as http://127.0.0.1:8000.")
        self.retries = retries

    def answer(self, kind: type[T], method: str, path: str, **options: Any) -> T:
        """The answer to a request as `kind`."""
        return understood(kind, self.send(method, path, **options))

    def send(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        changing: bool = False,
        **options: Any,
    ) -> httpx.Response:
        """The answer to a request, asked again while the service names a time for that. Raises SemblanceError."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if changing else {}
        for left in range(self.retries, -1, -1):
            try:
                said = self.http.request(method, path, params=as_text(params or {}), headers=headers, **options)
            except httpx.HTTPError as error:
                broken = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
                if left and broken:  # a connection that was kept, and that the service has closed meanwhile
                    continue
                raise out_of_reach(self.http, error) from error
            if said.is_success:
                return said
            wait = said.headers.get("Retry-After", "")
            if not left or said.status_code not in _AGAIN or not wait.isdecimal() or int(wait) > LONGEST:
                break
            sleep(int(wait))
        raise refusal(said)

    def waiting(self, kind: type[T], path: str, **options: Any) -> T:
        """The same, of what is still being worked out while the answer is 202."""
        while (said := self.send("GET", path, **options)).status_code == _NOT_YET:
            wait = said.headers.get("Retry-After", "")
            sleep(min(int(wait), LONGEST) if wait.isdecimal() else 1)
        return understood(kind, said)

    def events(self, path: str) -> Iterator[tuple[str, str]]:
        """The server-sent events of a stream, as their names and data."""
        try:
            with self.http.stream("GET", path, timeout=httpx.Timeout(self.http.timeout.connect, read=_SILENT)) as said:
                if not said.is_success:
                    said.read()
                    raise refusal(said)
                event = {"event": "", "data": ""}
                for line in said.iter_lines():
                    name, _, value = line.partition(":")
                    if name in event:
                        event[name] = value.strip()
                    elif not line:
                        yield event["event"], event["data"]
                        event = {"event": "", "data": ""}
        except httpx.RemoteProtocolError:  # the service stops, and all streams with it
            return
        except httpx.HTTPError as error:
            raise out_of_reach(self.http, error) from error


def understood(kind: type[T], said: httpx.Response) -> T:
    """The answer as `kind`. Raises ServiceError for another."""
    try:
        return TypeAdapter(kind).validate_json(said.content)
    except ValidationError as error:
        raise ServiceError(f"{said.url} answered what this client does not understand: {error}") from error


def out_of_reach(http: httpx.Client, error: Exception) -> ServiceError:
    """The error of a service that does not answer."""
    why = str(error) or type(error).__name__
    return ServiceError(
        f"The service at {http.base_url} does not answer ({why}): is it running, and is this its address?"
    )


def refusal(said: httpx.Response) -> SemblanceError:
    """The error that an answer tells of: of the class that the service raised, where it raised one of Semblance's."""
    status = said.status_code
    try:
        problem = Problem.model_validate_json(said.content if said.headers["Content-Type"] == MEDIA_TYPE else b"")
    except (ValidationError, KeyError):
        return ServiceError(f"{said.url} answered {status} {said.reason_phrase}: is it a service of Semblance?", status)
    kind = getattr(errors, problem.kind, None)
    if not inspect.isclass(kind) or not issubclass(kind, SemblanceError):
        return ServiceError(problem.detail, status)
    return kind.__new__(kind, problem.detail)  # some write their sentence by themselves


def upload(picture: Source) -> tuple[str, bytes]:
    """A picture as a file to send: the file's own bytes where there are some, else a PNG, which loses nothing.

    Raises OSError where a path cannot be read, and UsageError for what is no picture.
    """
    if isinstance(picture, bytes):
        return "picture", picture
    if isinstance(picture, str | Path):
        path = Path(files.named(picture) if isinstance(picture, str) else picture)
        return path.name, path.read_bytes()
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise UsageError(f"An array is a picture as uint8 (H, W, 3), not {picture.dtype} {picture.shape}.")
        picture = Image.fromarray(picture)
    if not isinstance(picture, Image.Image):
        raise UsageError(f"A picture is a path, bytes, a PIL picture or an array, not {type(picture).__name__}.")
    whole = picture if picture.mode in _IN_PNG else picture.convert("RGB")
    out = io.BytesIO()
    whole.save(out, "PNG", exif=picture.getexif().tobytes(), compress_level=1)  # EXIF says which side is up
    return "picture.png", out.getvalue()


def as_text(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the service reads them; what is None is not sent."""
    return {name: _text(value) for name, value in params.items() if value is not None}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)
