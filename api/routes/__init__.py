"""The routes: thin, each the way of one request; a module for each subject."""

import copy
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse

from semblance.api.routes import changing, codes, duplicates, facts, jobs, pictures, search, standing
from semblance.api.wire.problems import responses
from semblance.retrieval.errors import NeedsCatalog

ROUTERS = (
    *(search.router, codes.router, pictures.router, facts.router, standing.router),
    *(changing.router, jobs.router, duplicates.router),
)
OF_A_CATALOG = (facts.router, changing.router, jobs.router, duplicates.router)  # all that only a catalog can answer


def without_a_catalog(router: APIRouter) -> dict[str, Any]:
    """How a router is included where there is no catalog: with 501 for what needs one, in the document too."""
    refused = [Depends(_needs_catalog)] if router in OF_A_CATALOG else []
    return {"dependencies": refused, "responses": responses(501)}


def _needs_catalog() -> None:
    raise NeedsCatalog


def is_stream(route: APIRoute) -> bool:
    """Whether a route answers with events for as long as there are any."""
    return route.response_class is EventSourceResponse


# Whatever answers GET answers HEAD, by the same function (RFC 9110, 9.3.2), but streams, which have no end.
for _router in ROUTERS:
    for _route in [*_router.routes]:
        if isinstance(_route, APIRoute) and "GET" in (_route.methods or ()) and not is_stream(_route):
            _head = copy.copy(_route)
            _head.methods, _head.include_in_schema = {"HEAD"}, False
            _router.routes.append(_head)
