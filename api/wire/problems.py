"""Errors over HTTP: RFC 9457 problem+json, one sentence each."""

from contextvars import ContextVar
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from semblance.api.door.foreign import ALWAYS
from semblance.api.wire import forms
from semblance.retrieval import errors
from semblance.retrieval.errors import SemblanceError

_SAID = 5  # things that are wrong with one request; the names of fields may be anything
MEDIA_TYPE = "application/problem+json"
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")  # of the request that is answered; set by the door

_STATUS: dict[type[SemblanceError], int] = {
    errors.UnknownPicture: 404,
    errors.NoMap: 404,
    errors.NeedsCatalog: 501,
    errors.NothingRemembered: 404,
    errors.UnknownJob: 404,
    errors.Outdated: 409,
    errors.Gone: 410,
    errors.Busy: 503,
    errors.IndexAway: 503,
    errors.NotWritable: 403,
    errors.DiskFull: 507,
    errors.DamagedPicture: 400,
    errors.NotAPicture: 415,
    errors.PictureTooLarge: 413,
    errors.PictureTooCostly: 413,
    errors.NoPixels: 422,
    errors.NoCopies: 422,
    errors.UsageError: 422,
    errors.OtherCodec: 409,
}


class Problem(BaseModel):
    """RFC 9457: what went wrong, with a `detail` fit to show to a person, and the name of the error in
    retrieval/errors.py where it is one (`kind`), by which `semblance.Client` raises the same. A log knows the request
    by `request_id`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    kind: str = ""
    request_id: str = ""


def problem(status: int, detail: str, headers: dict[str, str] | None = None, kind: str = "") -> JSONResponse:
    """An answer that says what is wrong."""
    said = {"title": HTTPStatus(status).phrase, "detail": detail, "kind": kind, "request_id": REQUEST_ID.get()}
    body = Problem(status=status, **said)
    headers = {"Cache-Control": "no-store"} | (headers or {})  # a 404 or 410 is kept else (RFC 9110, 15.1)
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


def too_large(limit_mb: int) -> str:
    """The sentence for an upload over the limit."""
    return f"The upload is over {limit_mb} MB, the limit for all that one request sends. Send smaller copies."


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same, for the OpenAPI description of a route; api/description says what each holds."""
    return {status: {"description": HTTPStatus(status).phrase} for status in statuses}


def _allowed(request: Request) -> list[str]:
    """The methods that the path of a request takes: of all routes, while Starlette names the first one's."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    asked = [(method, {**request.scope, "method": method}) for method in HTTPMethod]
    taken: list[str] = [
        method for method, scope in asked if any(route.matches(scope)[0] == Match.FULL for route in routes)
    ]
    return taken or ["GET", "HEAD"]  # those of a folder of files


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    @app.exception_handler(SemblanceError)
    def semblance_error(request: Request, error: SemblanceError) -> JSONResponse:
        request.state.kind = type(error).__name__  # for who counts errors
        status = next((number for kind, number in _STATUS.items() if isinstance(error, kind)), 503)
        again = {"Retry-After": "2"} if status == 503 else None
        return problem(status, str(error), again, type(error).__name__)

    @app.exception_handler(RequestValidationError)
    def wrong_request(request: Request, error: RequestValidationError) -> JSONResponse:
        if refused := forms.unfit(request):
            return problem(*refused)
        if any(item["type"] == "json_invalid" for item in error.errors()):
            return problem(400, forms.NO_JSON)
        wrong = [
            (forms.name(item), forms.lacking(item) or item["msg"].removeprefix("Value error, "))
            for item in error.errors()
        ]
        parts = [f"{name if len(name) < 40 else f'{name[:40]}…'}: {said}" for name, said in wrong[:_SAID]]
        more = f"; and {len(wrong) - _SAID} more" if len(wrong) > _SAID else ""
        return problem(422, "; ".join(parts) + f"{more}.", kind=errors.UsageError.__name__)

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> JSONResponse:
        if refused := forms.unread(request, error):
            return problem(*refused, {"Retry-After": "2"} if refused[0] == 503 else None)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_allowed(request))
        detail = str(error.detail)
        if detail == HTTPStatus(error.status_code).phrase:  # Starlette's own, which says no more than the title
            detail = f"{request.method} {request.url.path} is not a request that this service knows: see /docs."
        return problem(error.status_code, detail, headers)

    @app.exception_handler(Exception)
    def broken(_: Request, error: Exception) -> JSONResponse:
        bears = {**ALWAYS, "X-Request-ID": REQUEST_ID.get()}  # it is sent from outside the door
        return problem(500, f"The service failed ({type(error).__name__}); its log says where.", bears)
