"""How often one may ask: a gate of the door, where a rate is set. By key, and without one by the client's address.

The counting is that of `limits`: a window that moves with the clock, exact, in memory.
"""

import math
import time
from http import HTTPStatus

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette._utils import get_route_path
from starlette.responses import Response
from starlette.types import Scope

from semblance.api.door.places import client_key
from semblance.api.wire.problems import problem

_ALWAYS = ("/health", "/ready")


class Rates:
    """The rate of each client."""

    def __init__(self, limit: str) -> None:
        """A limit as `limits` reads it: "600/minute". ValueError where it is none."""
        self._limit, self._counted = parse(limit), MovingWindowRateLimiter(MemoryStorage())

    def gate(self, scope: Scope) -> Response | None:
        """See watch's Gate; after that of keys, which says who asks."""
        if get_route_path(scope) in _ALWAYS:
            return None
        holder = scope.get("state", {}).get("holder")
        whose = f"key {holder}" if holder else f"address {client_key((scope['client'] or ('',))[0])}"
        if self._counted.hit(self._limit, whose):
            return None
        wait = self._counted.get_window_stats(self._limit, whose).reset_time - time.time()
        seconds = str(max(1, math.ceil(wait)))
        said = f"More than {self._limit} is asked: try again in {seconds} s."
        return problem(HTTPStatus.TOO_MANY_REQUESTS, said, {"Retry-After": seconds})
