"""What is wrong with a body that came, as a status and a sentence.

Looked for when something is: a good upload never passes here. Starlette reads forms, keeps their files in temporary
ones from a megabyte on, and refuses more files than a route takes (`form_limits`) before it reads them.
"""

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from fastapi import params
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

# What is wrong with a form is said to who sent it, and is no business of the log's: anyone could fill it.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

NO_JSON = "The body of the request is no JSON that can be read: send one object, in UTF-8."
HOW = "send the picture as the field `file` of a form, as curl -F file=@cat.jpg does"
_FORM, _JSON = "multipart/form-data", "application/json"
_MOST_FILES = re.compile(r"Maximum number of files is (\d+)")


def unread(request: Request, error: HTTPException) -> tuple[int, str] | None:
    """Of a body that could not be read to its end; None where the error is another."""
    cause = error.__cause__ or error.__context__
    if error.status_code != 400 or cause is None:
        return None
    if isinstance(cause, OSError):
        why = os.strerror(cause.errno) if cause.errno else type(cause).__name__
        return 503, f"The upload cannot be kept while it is read ({why}): the service needs room in its TMPDIR."
    if refused := unfit(request):
        return refused
    if not isinstance(cause, MultiPartException):
        return 400, f"The body of the request cannot be read: {HOW}." if _takes_form(request) else NO_JSON
    said = cause.message
    if most := _MOST_FILES.search(said):
        several = f"more than {most[1]} files" if most[1] != "1" else "more than one file"
        return 400, f"The form has {several}: send fewer at one time."
    if said.startswith("Part exceeded"):
        return 413, f"A text in the form is too long: {HOW}."
    if said.startswith("Missing boundary"):
        return 400, "The form's Content-Type names no boundary: leave that header to the client that makes the form."
    return 400, f"The form cannot be read ({said.rstrip('.')}): {HOW}."


def unfit(request: Request) -> tuple[int, str] | None:
    """Of a body that is not of the kind that its route takes, or whose length is not said; None where it is."""
    field = getattr(request.scope.get("route"), "body_field", None)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if field is None or not kind:
        return None
    form = _takes_form(request)
    if not (kind == _FORM if form else kind == _JSON or kind.endswith("+json")):
        return 415, f"file: {HOW}." if form else "Send the body as JSON, with Content-Type: application/json."
    if "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        return 411, "The request announces a body and not its length: send Content-Length, or in chunks."
    return None


def _takes_form(request: Request) -> bool:
    field = getattr(request.scope.get("route"), "body_field", None)
    return field is not None and isinstance(field.field_info, params.Form)


def name(item: Mapping[str, Any]) -> str:
    """What one thing that FastAPI found wrong is called: the parameter, or the body as a whole."""
    return ".".join(map(str, item["loc"][1:])) or str(item["loc"][0])


def lacking(item: Mapping[str, Any]) -> str | None:
    """Of one thing that FastAPI found wrong, where it is a name that is not known, or a picture that is not where it
    belongs: the field's name is to be put before. None where it is another thing."""
    where, kind = item["loc"][0], item["type"]
    if kind == "extra_forbidden" and not isinstance(item.get("input"), UploadFile):
        return "this request takes nothing of this name, see /docs"
    if isinstance(item.get("input"), UploadFile):
        return f"no file is asked for by this name; {HOW}"
    if where == "body" and item["loc"][1:] and (kind == "missing" or "UploadFile" in item["msg"]):
        return f"there is no such file in the form, or the form is cut short; {HOW}"
    return None
