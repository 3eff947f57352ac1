"""How many connections there are: in all, and of each client.

A client that is slow costs the others nothing but its place. One address has few places; a proxy that is trusted has
as many as there are, since it speaks for many clients. Where all places are taken, who has waited longest without
having asked anything gives way to who comes.
"""

import ipaddress
import time
from asyncio import Transport
from collections import Counter
from typing import Protocol

from semblance.api.door.proxies import Trusted
from semblance.api.settings import Settings

# What a connection is at: a request's header, its body, its answer; kept for the next one; ended, and heard no more.
HEADER, BODY, ANSWER, KEPT, ENDED = "header", "body", "answer", "kept", "ended"


class Placed(Protocol):
    """What is known here of a connection."""

    client_key: str
    stage: str
    since: float  # when it last had nothing to ask
    due: float  # when it must have gone on with what it is at
    written_by: float  # when its client must have read on
    transport: Transport

    def overdue(self) -> None:
        """End it."""


class Door:
    """All connections of a service, by client, and what it has turned away."""

    def __init__(self, settings: Settings, most: int) -> None:
        """At most `most` connections, whatever `settings` says."""
        self.settings, self.most = settings, min(most, settings.connections)
        self.trusted = Trusted(settings.trust_proxy)
        self.inside: set[Placed] = set()
        self.clients: Counter[str] = Counter()
        self.refused = self.timed_out = self.malformed = 0

    def enter(self, connection: Placed) -> bool:
        """Let a connection in, where it has a place."""
        client = connection.client_key
        if client not in self.trusted and self.clients[client] >= self.settings.connections_each:
            return False
        if len(self.inside) >= self.most:
            idle = [each for each in self.inside if each.stage in (HEADER, KEPT, ENDED)]
            if not idle:
                return False
            self.refused += 1
            longest = min(idle, key=lambda each: each.since)
            self.leave(longest)
            longest.transport.abort()
        self.inside.add(connection)
        self.clients[client] += 1
        return True

    def leave(self, connection: Placed) -> None:
        """A connection has ended."""
        if connection in self.inside:
            self.inside.discard(connection)
            self.clients[connection.client_key] -= 1
            if not self.clients[connection.client_key]:
                del self.clients[connection.client_key]

    def look(self) -> None:
        """End what takes longer than it may; to be called each second."""
        now = time.monotonic()
        for connection in [each for each in self.inside if min(each.due, each.written_by) < now]:
            connection.overdue()


def client_key(address: str) -> str:
    """Whose connection it is: an IPv4 address; of IPv6 the network of 64 bits, all of which one client may have."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return address
    return str(ip.ipv4_mapped or ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
