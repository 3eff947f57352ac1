"""A picture's bytes as an answer: what a client has already is not sent again, and a part where a part is asked for.

RFC 9110 says how: conditions in sections 13.1 and 13.2.2, ranges in section 14. What an id shows never changes, so a
client may keep it for a year (`immutable` is RFC 8246) and never has to ask.
"""

import re
import time
import unicodedata
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import cast
from urllib.parse import quote

from starlette.datastructures import Headers

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
_DIGITS = 18  # of an offset that says something; Python reads some thousands at most
_KEEP = "private, max-age=31536000, immutable"
_ALONE = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # a picture that is more than one does nothing
_WRONG = "\\/\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the others turn what follows round


def headers(tag: str, modified: float | None = None, path: str | None = None) -> dict[str, str]:
    """Those of a picture's answer: `tag` names the bytes, `modified` is in seconds since 1970, `path` the file's."""
    made = {"ETag": f'"{tag}"', "Cache-Control": _KEEP, "Content-Security-Policy": _ALONE}
    if modified is not None and (date := _date(modified)):
        made["Last-Modified"] = date
    if path is not None:
        made["Content-Disposition"] = _disposition(path.rpartition("/")[2])
    return made


def settled(asked: Headers, own: dict[str, str]) -> int | None:
    """The status by which a GET or HEAD is answered without the content that `own` are the headers of: 412, or 304
    where the client has it. None: it is to be sent."""
    if (wanted := _all(asked, "if-match")) is not None:
        if not _names(wanted, own["ETag"], weakly=False):
            return 412
    elif (until := _time(asked.get("if-unmodified-since"))) and (at := _time(own.get("Last-Modified"))) and at > until:
        return 412
    if (known := _all(asked, "if-none-match")) is not None:
        return 304 if _names(known, own["ETag"], weakly=True) else None
    since, at = _time(asked.get("if-modified-since")), _time(own.get("Last-Modified"))
    return 304 if since and at and at <= since else None


def part(asked: Headers, own: dict[str, str], size: int) -> tuple[int, int] | None:
    """The first byte that a GET asks for and the one after the last; None: all `size`, as where several parts are asked
    for, or of other content than there is now. An empty part where there is nothing of what is asked for."""
    unit, _, said = (_all(asked, "range") or "").partition("=")
    if unit.strip().lower() != "bytes":
        return None
    if (only_if := asked.get("if-range")) is not None and only_if.strip() not in (
        own["ETag"],
        own.get("Last-Modified"),
    ):
        return None
    ranges = [each for text in said.split(",") if (each := text.strip(" \t"))]
    found = [_RANGE.fullmatch(each) for each in ranges]
    if not found or None in found:
        return size, size
    if len(found) > 1:
        return None
    first, last = (_number(text) for text in cast(re.Match[str], found[0]).groups())
    start = max(0, size - (last or 0)) if first is None else first
    end = size if first is None or last is None else min(size, last + 1)
    return start, max(start, end)


def _number(digits: str) -> int | None:
    return int(digits.lstrip("0")[:_DIGITS] or 0) if digits else None


def _all(asked: Headers, name: str) -> str | None:
    """A header's value; those of several lines are one list (section 5.3)."""
    lines = asked.getlist(name)
    return ", ".join(lines) if lines else None


def _names(said: str, tag: str, weakly: bool) -> bool:
    """Whether a list of entity tags, or `*`, names this one, which is a strong one (section 8.8.3.2)."""
    tags = _TAG.finditer(said)
    return said.strip() == "*" or any(found[2] == tag and (weakly or not found[1]) for found in tags)


def _time(said: str | None) -> datetime | None:
    """A date of HTTP; None where it is none, which is to be passed over."""
    try:
        time = parsedate_to_datetime(said or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _date(modified: float) -> str | None:
    """Seconds since 1970 as HTTP writes them; None of a year that it cannot write, and of what is still to come, which
    no server may say (section 8.8.2.1)."""
    try:
        return format_datetime(datetime.fromtimestamp(modified, UTC), usegmt=True) if modified < time.time() else None
    except (ValueError, OverflowError, OSError):
        return None


def _disposition(name: str) -> str:
    """To be shown; saved under the file's name (RFC 6266, 8187). What no file's name should hold is `_` in it."""
    name = re.sub("[\ud800-\udfff]", "\ufffd", name)  # bytes of a name that is no UTF-8
    safe = "".join("_" if unicodedata.category(one) in ("Cc", "Zl", "Zp") or one in _WRONG else one for one in name)
    plain = re.sub(r'[^\x20-\x7e]|["%]', "_", safe)
    more = "" if plain == safe else f"; filename*=UTF-8''{quote(safe, safe='')}"
    return f'inline; filename="{plain}"{more}'
