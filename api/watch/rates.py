"""How often one may ask: a gate of the door, where a rate is set. By key, and without one by the client's address.

The counting is that of `limits`: a window that moves with the clock, exact, in memory.
"""

import ipaddress
import math
import time
from http import HTTPStatus

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from semblance.api.wire.problems import problem

_ALWAYS = ("/health", "/ready")
_OF_A_NETWORK = 64  # bits of an IPv6 address: the rest is its owner's to choose


def rate(text: str) -> RateLimitItem:
    """A rate as it is written: "600/minute", "10 per second". ValueError where it is none."""
    try:
        limit = parse(text)
        if limit.amount < 1 or limit.multiples < 1:
            raise ValueError
    except ValueError:
        raise ValueError(f"{text!r} is no rate (one is 600/minute)") from None
    return limit


class Rates:
    """The rate of each client."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._limit, self._counted = limit, MovingWindowRateLimiter(MemoryStorage())

    def gate(self, scope: Scope, _: Headers) -> Response | None:
        """See door's Gate; after that of keys, which says who asks."""
        if get_route_path(scope) in _ALWAYS:
            return None
        holder = scope.get("state", {}).get("holder")
        whose = f"key {holder}" if holder else f"address {_network((scope['client'] or ('',))[0])}"
        if self._counted.hit(self._limit, whose):
            return None
        wait = self._counted.get_window_stats(self._limit, whose).reset_time - time.time()
        seconds = str(max(1, math.ceil(wait)))
        said = f"More than {self._limit} is asked: try again in {seconds} s."
        return problem(HTTPStatus.TOO_MANY_REQUESTS, said, {"Retry-After": seconds})


def _network(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((known, _OF_A_NETWORK), strict=False)) if known.version == 6 else address
