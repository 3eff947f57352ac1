"""Addresses as text: which they are, how they are written, and what may not be in one."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from semblance.retrieval import files
from semblance.retrieval.errors import UsageError

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_SAME = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "az", "local": "file"}
_HOSTS = ("http", "https", "ftp", "sftp", "ssh", "smb", "hdfs", "webdav")  # these may name a port
OBJECTS = ("s3", "gs", "az")  # these are reached by credentials, and at hosts, that are the environment's
_SECRET = re.compile(r"sig|signature|token|key|secret|password|passwd|credential|auth|accesskeyid|x-amz-.*", re.I)


def is_address(text: str) -> bool:
    """Whether this is an address in object storage, and no path of a file."""
    return _ADDRESS.fullmatch(text) is not None


def normal(text: str) -> str:
    """An address as it is kept: by the shortest name of its kind, without a slash at its end. UsageError where it holds
    credentials, which is not said back, or names nothing."""
    if (parts := _ADDRESS.fullmatch(text)) is None:
        raise UsageError("This is no address: one looks like s3://bucket/folder.")
    scheme = _SAME.get(parts["scheme"].lower(), parts["scheme"].lower())
    _refuse_secrets(scheme, parts["rest"])
    rest = parts["rest"].rstrip("/")
    if not rest and scheme != "memory":
        raise UsageError(f"{scheme}:// names nothing: give a bucket, and a folder in it where you like.")
    if "\0" in rest or rest != rest.encode("utf-8", "replace").decode():
        raise UsageError(f"The address {scheme}://... is not valid UTF-8: give it as it is listed.")
    return f"{scheme}://{rest}"


def _refuse_secrets(scheme: str, rest: str) -> None:
    place = rest.partition("/")[0]
    who, at, host = place.rpartition("@")
    port = scheme in _HOSTS and re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:]*)(:[0-9]+)?", host)
    hidden = ":" in who if scheme == "az" else bool(at)  # container@account is a name there
    hidden |= ":" in host and not port
    hidden |= scheme not in (*_HOSTS, "file", "memory") and re.match(r"[^/]*:[^@]*@", rest) is not None
    if scheme in ("http", "https"):
        query = urlsplit(f"{scheme}://{rest}").query
        hidden |= any(_SECRET.fullmatch(name) for name, _ in parse_qsl(query, keep_blank_values=True))
    if hidden:
        raise UsageError(
            f"The address {scheme}://... holds credentials: take them out, and give them by the environment "
            "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE), where nothing keeps them."
        )


def is_normal(address: str) -> bool:
    """Whether an address is written as it is kept, without credentials."""
    try:
        return normal(address) == address
    except UsageError:
        return False


def named(text: str) -> Path | str:
    """The file or the address that a person wrote. Raises UsageError as `normal` and files.named do."""
    return normal(text) if is_address(text) else files.named(text)


def place(text: str) -> Path | str:
    """A picture's path as what reads it takes it: an address is text, all else a Path."""
    return text if is_address(text) else Path(text)


def last(address: str) -> str:
    """The last part of an address, as a file's name."""
    return address.rpartition("/")[2]


def below(address: str, root: str) -> bool:
    """Whether an address is `root`, or lies below it."""
    return address == root or address.startswith(root if root.endswith("/") else f"{root}/")


def within(path: str, places: Sequence[str]) -> bool:
    """Whether a path or an address is one of `places`, or lies below one, whoever wrote it: what leads up again does
    not, in a host's way of writing it either."""
    return ".." not in unquote(path).split("/") and any(below(path, place) for place in places)


def of_the_web(path: str) -> bool:
    """Whether this is neither a file's path nor an object of storage that the environment says: whoever reads it asks a
    host that the path names. Where others write paths they would have us ask whom we alone may ask."""
    return is_address(path) and path.partition("://")[0] not in OBJECTS


def common(addresses: Sequence[str]) -> str:
    """The nearest address that all of these are, or lie below."""
    parts = sorted(address.split("/") for address in addresses)
    return "/".join(one for one, _ in takewhile(lambda two: two[0] == two[1], zip(parts[0], parts[-1], strict=False)))
