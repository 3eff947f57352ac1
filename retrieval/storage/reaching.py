"""fsspec: its filesystems, the loop that the asynchronous ones run on, and what their errors are in one sentence.

Nothing else imports it, and this does when the first address is asked for: it is an extra, and a start needs none of
it. A filesystem is kept for each kind of address. Whoever waits may be told to stop, which the loop's own waiting does
not know.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import TimeoutError as Waiting
from contextlib import suppress
from typing import Any, TypeVar, cast

from semblance.retrieval.errors import NothingStored, SemblanceError, Stopped, StorageError, UsageError
from semblance.retrieval.extras import extra
from semblance.retrieval.storage import webs

_Result = TypeVar("_Result")
Ended = Callable[[], bool]

CONNECTIONS = 64  # to one storage, at most
_LOOK = 0.2  # seconds between two looks whether it is still waited for
_PACKAGES = {"gs": "gcsfs", "az": "adlfs", "http": "aiohttp", "https": "aiohttp"}

_lock = threading.Lock()
_known: dict[str, Any] = {}
_unsigned: set[str] = set()


def never() -> bool:
    """For who is not to be stopped."""
    return False


def filesystem(address: str) -> tuple[Any, str]:
    """The filesystem that an address lies in, and its path there. UsageError where what it takes is not installed."""
    scheme = address.partition("://")[0]
    with _lock:
        if scheme not in _known:
            _known[scheme] = _begun(scheme)
        own = _known[scheme]
    return own, address if scheme in ("http", "https") else address.partition("://")[2]


def warm(places: Iterable[object]) -> None:
    """Begin, in a thread, what the first request to addresses among these takes beside itself: half a second of
    imports, and a client."""

    def begin(address: str) -> None:
        with suppress(Exception):  # the first request says it
            own, _ = filesystem(address)
            if hasattr(own, "connect"):
                own.connect()

    for address in {place.partition("/")[0]: place for place in places if isinstance(place, str)}.values():
        threading.Thread(target=begin, args=(address,), daemon=True).start()


def _begun(scheme: str) -> Any:
    with extra("s3", "Object storage"):
        import fsspec
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    try:
        if _has_to_be_told(fsspec.get_filesystem_class(scheme)):
            raise UsageError(
                f"Addresses that begin with {scheme}:// are not read, since what they take stands not in them: mount "
                "that storage, and name its folder."
            )
        if scheme == "s3":
            limits = {"max_pool_connections": CONNECTIONS, "connect_timeout": 5, "read_timeout": 20}
            named = {"user_agent": "semblance"}  # its own, which says the system's, it makes anew for each request
            options["config_kwargs"] = {**limits, **named, "http_session_cls": webs.session()}
            options["anon"] = scheme in _unsigned
        if scheme in ("http", "https"):
            options |= webs.options()
        own = fsspec.filesystem(scheme, **options)
        own.retries = 2  # botocore's tries have waited already
        return own
    except ImportError:
        needed = (
            "'semblance[s3]'" if scheme == "s3" else _PACKAGES.get(scheme, f"the one that fsspec names for {scheme}")
        )
        raise UsageError(f"Addresses that begin with {scheme}:// take another package: pip install {needed}.") from None
    except ValueError:
        raise UsageError(f"Nothing is known of addresses that begin with {scheme}://: s3:// is.") from None


def _has_to_be_told(kind: type) -> bool:
    """Whether a filesystem cannot be begun without a host, or an account."""
    _, *takes = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    return any(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in takes)


def wait(own: Any, work: Coroutine[Any, Any, _Result], ended: Ended = never) -> _Result:
    """What comes of `work` in the loop of a filesystem. Raises Stopped as soon as `ended` says so."""
    future = asyncio.run_coroutine_threadsafe(work, own.loop)
    try:
        while True:
            try:
                return future.result(_LOOK)
            except Waiting:
                if future.done():
                    raise
                if ended():
                    raise Stopped("What was being read from storage is given up.") from None
    except BaseException:  # Ctrl-C
        future.cancel()
        raise


def asked(address: str, work: Callable[[Any, str], _Result], what: str = "read") -> _Result:
    """What `work` makes of an address's filesystem and path; without a signature where there are no credentials.
    `what` it does there is for sentences. Raises StorageError."""
    try:
        try:
            return work(*filesystem(address))
        except Exception as error:
            if type(error).__name__ != "NoCredentialsError":
                raise
            with _lock:
                _unsigned.add("s3")
                _known.pop("s3", None)
            return work(*filesystem(address))
    except Exception as error:
        raise failure(address, error, what) from None  # a traceback would tell what the storage was asked with


def failure(address: str, error: Exception, what: str = "read") -> Exception:
    """One sentence of what has failed, by its kind and code alone."""
    if isinstance(error, SemblanceError):
        return error
    if isinstance(error, FileNotFoundError) and not _is_said(error.__cause__):  # so fsspec has it where a host is away
        error = cast(Exception, error.__cause__)
    said = cast(dict[str, Any], getattr(error.__cause__ or error, "response", None) or {})
    code = str(said.get("Error", {}).get("Code", "")) if isinstance(said, dict) else ""
    if code == "NoSuchBucket":
        return NothingStored(f"There is no bucket of {address}: look after its name, and AWS_ENDPOINT_URL.")
    if isinstance(error, FileNotFoundError) or code in ("NoSuchKey", "404"):
        return NothingStored(f"There is nothing at {address}.")
    if isinstance(error, PermissionError) or code in ("AccessDenied", "403", "SignatureDoesNotMatch"):
        return StorageError(f"{address} may not be {what}{_in_brackets(code)}: look after the credentials.")
    if code in ("SlowDown", "503", "ServiceUnavailable", "RequestLimitExceeded", "TooManyRequests"):
        return StorageError(f"The storage of {address} asks for fewer requests ({code}): try again later.", away=True)
    name = type(error).__name__
    if any(word in name for word in ("Connect", "Timeout", "Closed", "HTTPClient")):
        where = f"The storage of {address} cannot be reached ({name}): look after it, and AWS_ENDPOINT_URL."
        return StorageError(where, away=True)
    return StorageError(f"{address} cannot be {what} ({code or name}): look after its storage.")


def _is_said(cause: BaseException | None) -> bool:
    """Whether a storage has said itself that there is nothing: of the web fsspec says so whatever went wrong."""
    named = isinstance(cause, FileNotFoundError) or hasattr(cause, "response")
    return cause is None or named or getattr(cause, "status", None) == 404


def _in_brackets(code: str) -> str:
    return f" ({code})" if code else ""
