"""S3, by the requests that it knows: a page of a listing, an object's head, a part of one, a put.

s3fs keeps the connection, the credentials and the tries (botocore's: AWS_MAX_ATTEMPTS, AWS_RETRY_MODE); its own ways of
reading ask for the size first, and its listing holds a whole bucket.
"""

import asyncio
from typing import Any

from semblance.retrieval import bounds
from semblance.retrieval.errors import PictureTooLarge
from semblance.retrieval.storage.reaching import Ended, wait
from semblance.retrieval.storage.taking import taken

_TRIES = 4  # of a body that breaks off
_AT_FIRST = 0.25  # seconds before the second try, twice that before each further one


def _parted(path: str) -> dict[str, str]:
    bucket, _, key = path.partition("/")
    if not key:
        raise FileNotFoundError  # a whole bucket is no object
    return {"Bucket": bucket, "Key": key}


def page(own: Any, path: str, after: str | None, ended: Ended) -> tuple[list[dict[str, Any]], str | None]:
    """A thousand of the objects below a path, each with its bucket beside what S3 says of it; and what the next page
    comes after, None where there is none."""
    bucket, _, key = path.partition("/")
    want = {"Bucket": bucket, "Prefix": f"{key}/" if key else "", **({"ContinuationToken": after} if after else {})}
    said = wait(own, own._call_s3("list_objects_v2", **want), ended)
    found = [{**each, "bucket": bucket} for each in said.get("Contents", [])]
    return found, said["NextContinuationToken"] if said.get("IsTruncated") else None


async def head(own: Any, path: str) -> dict[str, Any]:
    """What S3 says of an object."""
    said = await own._call_s3("head_object", **_parted(path))
    return {**said, "size": said["ContentLength"]}


async def part(own: Any, path: str, at: int, end: int, most: int | None) -> tuple[bytes, dict[str, Any]]:
    """An object's bytes from `at` to before `end`, and what S3 says of it then; tried again where they break off.
    Raises PictureTooLarge where it has more than `most` in all."""
    for attempt in range(_TRIES):
        try:
            said = await own._call_s3("get_object", **_parted(path), Range=f"bytes={at}-{end - 1}")
            whole = said.get("ContentRange", "").rpartition("/")[2]
            size = int(whole) if whole.isdigit() else said["ContentLength"]
            async with said["Body"] as body:
                if most is not None and size > most:
                    raise PictureTooLarge(bounds.TOO_LONG)
                if at and not whole:  # all of it, of which a part was asked for
                    await taken(body.read, at, keep=False)
                return await taken(body.read, end - at), {**said, "size": size}
        except Exception as error:
            if _code(error) == "InvalidRange":  # it ends before that
                return b"", await head(own, path)
            if attempt == _TRIES - 1 or not _broke_off(error):
                raise
            await asyncio.sleep(_AT_FIRST * 2**attempt)
    raise AssertionError


def _code(error: Exception) -> str:
    return str((getattr(error.__cause__, "response", None) or {}).get("Error", {}).get("Code", ""))


def _broke_off(error: Exception) -> bool:
    return any(word in type(error).__name__ for word in ("Payload", "Incomplete", "ResponseStreaming", "ReadTimeout"))


async def put(own: Any, path: str, data: bytes) -> None:
    """Put an object there."""
    await own._call_s3("put_object", **_parted(path), Body=data)


async def create(own: Any, path: str, data: bytes) -> bool | None:
    """Put an object there unless there is one; whether it was put there. None where the storage knows no such put, and
    has put nothing."""
    for attempt in range(_TRIES):
        try:
            await own._call_s3("put_object", **_parted(path), Body=data, IfNoneMatch="*")
        except Exception as error:
            code = _code(error)
            if code in ("PreconditionFailed", "412"):
                return False
            if code in ("NotImplemented", "501"):
                return None
            if attempt == _TRIES - 1 or code not in ("ConditionalRequestConflict", "409"):  # another is being put there
                raise
            await asyncio.sleep(_AT_FIRST * 2**attempt)
        else:
            return True
    raise AssertionError
