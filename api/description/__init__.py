"""What the service says of itself to programs: the OpenAPI document, made of the routes as they stand, and its viewer.

FastAPI's own is brought to what generators of clients understand. A route needs nothing but its types, descriptions of
its parameters and `responses(...)` with its statuses: its name, tag, errors and examples come from here.
"""

import importlib.util
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.types import Lifespan

import semblance
from semblance.api.description import examples, schemas
from semblance.api.description.names import NAMES, TAGS, tag
from semblance.api.wire.problems import MEDIA_TYPE, Problem
from semblance.api.workers.sending import Whole

_PAGE = Whole(directory=Path(__file__).parent.parent / "page")
# No script and no style but files of ours; the viewer's icons are in its style sheet as `data:`.
_VIEWER_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ABOUT = """Search by an upload, by pictures of the library, by codes; look at what it holds; change it.

Every error is `application/problem+json` (RFC 9457) with a sentence in `detail` that says what to do. Where 429 and 503
bear `Retry-After`, ask again after so many seconds. Requests that change anything take an `Idempotency-Key`: the same
key and the same request have the same answer, and are done once."""
_ID = "5832312232ab4614a66798922a3a32ee"  # of a request, in examples
_OF_THE_DOOR = (400, 401, 403, 421, 429)  # what any request may be told before it reaches its route
_TOLD_TO_ALL = ("/health",)  # without a look at names, keys and rates

router = APIRouter(include_in_schema=False)


def app(lifespan: Lifespan[FastAPI]) -> FastAPI:
    """An app that describes itself by this module, and not by FastAPI's, whose viewer needs a network."""
    made = FastAPI(
        title="Semblance",
        summary="Find the pictures that look like this one.",
        description=_ABOUT,
        version=semblance.__version__,
        openapi_tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        openapi_url=None,
        generate_unique_id_function=lambda route: NAMES.get(
            f"{route.path_format} {min(route.methods or ())}", route.name
        ),
        lifespan=lifespan,
    )
    made.openapi = lambda: _kept(made)  # type: ignore[method-assign]
    made.include_router(router)
    found = importlib.util.find_spec("fastapi_offline")  # its files alone: nothing of it is imported
    assert found is not None
    assert found.submodule_search_locations
    made.mount("/docs", Whole(directory=Path(found.submodule_search_locations[0]) / "static"), name="viewer")
    return made


@router.api_route("/openapi.json", methods=["GET", "HEAD"])
@router.api_route("/v1/openapi.json", methods=["GET", "HEAD"])
def document(request: Request) -> JSONResponse:
    """The OpenAPI document."""
    root = request.scope.get("root_path", "").rstrip("/")
    return JSONResponse(request.app.openapi() | ({"servers": [{"url": root}]} if root else {}))


@router.api_route("/docs", methods=["GET", "HEAD"])
async def viewer(request: Request) -> Response:
    """The document to read and to try; it works without a network."""
    shown = await _PAGE.get_response("docs.html", request.scope)
    shown.headers.update({"Content-Security-Policy": _VIEWER_POLICY, "Cache-Control": "no-cache"})
    return shown


def _kept(of: FastAPI) -> dict[str, Any]:
    if of.openapi_schema is None:
        of.openapi_schema = describe(of)
    return of.openapi_schema


def describe(of: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app, with nothing in it that is not described."""
    said = get_openapi(
        title=of.title,
        version=of.version,
        summary=of.summary,
        description=of.description,
        routes=of.routes,
        tags=of.openapi_tags,
    )
    for path, operation in [(path, each) for path, verbs in said["paths"].items() for each in verbs.values()]:
        text = " ".join(operation.get("description", "").split())
        operation["tags"] = operation.get("tags") or [found for found in [tag(path)] if found]
        operation["summary"], operation["description"] = re.split("[.;:]( |$)", text)[0], text
        for parameter in operation.get("parameters", []):  # one of a named type is described by that
            named = said["components"]["schemas"].get(parameter["schema"].get("$ref", "").rpartition("/")[2], {})
            parameter.setdefault("description", named.get("description", ""))
        _errors(operation, path)
        schemas.pictures(operation)
    components = said.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | {"Problem": Problem.model_json_schema()}
    said = schemas.plain(said)
    components = said["components"]
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that `semblance keys` made, where it has some",
        }
    }
    said["security"] = [{}, {"key": []}]
    examples.put(said)
    return said


def _errors(operation: dict[str, Any], path: str) -> None:
    """Each status from 400 on is a Problem; those of the door are every route's."""
    answers = operation["responses"]
    of_the_door = () if path in _TOLD_TO_ALL else _OF_THE_DOOR
    for status in sorted({*map(str, of_the_door), *(status for status in answers if status >= "4")}):
        title = HTTPStatus(int(status)).phrase
        example = Problem(title=title, status=int(status), detail=examples.sentence(status), request_id=_ID)
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example.model_dump()}}
        answers[status] = {"description": title, "content": content}
    operation["responses"] = dict(sorted(answers.items()))
