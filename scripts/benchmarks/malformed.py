"""`malformed`: requests that are none, or nearly: broken lines, headers, bodies and addresses, by raw sockets.

Each is drawn from a seed and its number, so that one that was answered wrongly can be sent again. What may come back is
an answer of the service, or the end of the connection; never 500, never silence, and never words of another's.
"""

import random
import re
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from semblance.scripts.benchmarks.broken import KINDS
from semblance.scripts.benchmarks.clients import serving
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write

MALFORMED = 5_000
_PATIENCE = 20.0  # seconds after which an answer is not coming any more
_AT_ONCE = 8
_QUIET = 0.3  # seconds without a word after which the service is told that this was all
_BORNE = (b"x-content-type-options: nosniff", b"cross-origin-resource-policy: same-origin", b"referrer-policy:")


@dataclass
class Told:
    """What came of requests: how many of each status ("closed" where there was none), and what was wrong."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def malformed(asked: Asked) -> list[Row]:
    """MALFORMED requests to a service over a few pictures, and whether it answers after them as before."""
    pictures, library = asked.scratch / "for-malformed", asked.scratch / "of-malformed"
    write(pictures, 8)
    indexed(pictures, library)
    with serving(library) as (_, port):
        before = _whole(port)
        told = send(port, MALFORMED)
        after = _whole(port)
    return [
        *(row(f"malformed: {status}", count, "requests") for status, count in sorted(told.statuses.items())),
        row("malformed: answered wrongly, or not", len(told.wrong), "requests", "0"),
        row("malformed: answers after them as before", float(before == after == b"200"), "", "1"),
    ]


def send(port: int, count: int, seed: int = 0) -> Told:
    """Send `count` requests of this seed to a service on this port, a few at one time."""
    told = Told()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name, answers in pool.map(lambda number: _sent(port, f"{seed}-{number}"), range(count)):
            told.statuses.update([answer[:3].decode("ascii", "replace") for answer in answers] or ["closed"])
            told.wrong += [f"{name}: {said}" for answer in answers if (said := unfit(answer))]
    return told


def _sent(port: int, name: str) -> tuple[str, list[bytes]]:
    rng = random.Random(name)
    kind = rng.choice(KINDS)
    return f"{name} {kind.__name__}", exchange(port, kind(rng), rng)


def exchange(port: int, data: bytes, rng: random.Random) -> list[bytes]:
    """What comes back on a connection, as answers from their status on; b"none..." where nothing does in time."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        came = b""
        try:
            cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 0, 3))))
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                connection.sendall(data[start:end])
            for patience in (_QUIET, _PATIENCE):
                connection.settimeout(patience)
                with suppress(TimeoutError):
                    while part := connection.recv(65536):
                        came += part
                    break
                connection.shutdown(socket.SHUT_WR)  # half a request: nothing more will come
            else:
                return [b"none in time"]
        except OSError:  # ended while something was on its way
            pass
    return [part for part in re.split(rb"HTTP/1\.1 (?=\d{3} )", came) if part]


def unfit(answer: bytes) -> str:
    """What is wrong with an answer, from its status on; "" where nothing is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.lower()
    if not re.match(rb"\d{3} ", head):
        return f"{answer[:80]!r} instead of an answer"
    if head.startswith(b"100 "):
        return ""
    if head.startswith(b"5") and not head.startswith((b"503", b"507")):
        return f"{head[:40]!r} {body[:200]!r}"
    if lacks := [name for name in _BORNE if name not in lines]:
        return f"{head[:40]!r} lacks {lacks}"
    if head.startswith((b"4", b"5")) and b"content-type: application/problem+json" not in lines:
        return f"{head[:300]!r} is no problem"
    return f"{lines[:300]!r} names its server" if b"\r\nserver:" in lines else ""


def _whole(port: int) -> bytes:
    return exchange(port, b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", random.Random(0))[0][
        :3
    ]
