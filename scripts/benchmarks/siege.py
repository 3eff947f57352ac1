"""`siege`: whoever asks while others do all they can to stop the service, each from an address of their own."""

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial

from semblance.scripts.benchmarks.clients import CORES, Client, crowd, jpeg, megabytes, serving
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.hostile import scans
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write

SLOW, UNFINISHED, HUNG, BOMBS = 1_100, 100, 45, 4
_SECONDS = 20.0
_LETTER = 0.5  # seconds between the bytes of a slow one
_ANNOUNCED = 20 * 2**20  # bytes of an upload that is never finished
_SENT = 2**19  # of these
_HUNGRY = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")  # a kind of client each


def siege(asked: Asked) -> list[Row]:
    """The time of a search and of a thumbnail as usual, and while slow connections, unfinished uploads, reads of files
    that hang and pictures that cost all they may are there at once."""
    pictures, library = asked.scratch / "besieged", asked.scratch / "of-siege"
    write(pictures, CORES)
    indexed(pictures, library)
    with serving(library) as (process, port):
        usual = _asked(port)
        for path in sorted(pictures.iterdir())[-HUNG:]:
            path.unlink()
            os.mkfifo(path)
        with ExitStack() as stack:
            for attack, source in zip((_slow, _unfinished, _hung, _bombs), _HUNGRY, strict=True):
                stack.enter_context(_attacked(partial(attack, port, source)))
            time.sleep(2)
            besieged = _asked(port)
            memory = megabytes(process.pid)
        started = time.perf_counter()
        process.terminate()
        process.wait(30)
        stopped = time.perf_counter() - started
    return [
        *(row(f"{name}, as usual", 1000 * seconds, "ms") for name, (seconds, _) in usual.items()),
        *(row(f"{name}, besieged", 1000 * seconds, "ms") for name, (seconds, _) in besieged.items()),
        *(row(f"{name}, besieged / usual", besieged[name][0] / usual[name][0], "ratio", "at most 2") for name in usual),
        row("of these not answered", sum(wrong for _, wrong in besieged.values()), "requests", "0"),
        row("memory, besieged, all processes", memory, "MB"),
        row("from the signal to the end, besieged", stopped, "s", "at most 5"),
    ]


def _asked(port: int) -> dict[str, tuple[float, int]]:
    """The median seconds of each kind of request, and how many of it were not answered rightly."""
    pictures = [jpeg(number, 1152, 864) for number in range(8)]
    kinds: dict[str, Callable[[Client, int], tuple[int, bytes]]] = {
        "a search by upload": lambda client, number: client.upload(pictures[number % 8]),
        "a thumbnail": lambda client, number: client.ask("GET", f"/images/{1 + number % 20}/thumbnail"),
    }
    found = {}
    for name, ask in kinds.items():
        crowd(port, 1, 1, ask)
        seen = crowd(port, 1, _SECONDS / 2, ask)
        found[name] = seen.percentile(50), sum(len(times) for status, times in seen.seconds.items() if status != 200)
    return found


@contextmanager
def _attacked(attack: Callable[[threading.Event], None]) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=attack, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)


def _slow(port: int, source: str, over: threading.Event) -> None:
    """SLOW connections that send a letter of their header now and then."""
    begin = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    _by_letters(port, source, over, SLOW, begin)


def _unfinished(port: int, source: str, over: threading.Event) -> None:
    """UNFINISHED uploads that have sent a part of what they announced."""
    head = (
        "POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {_ANNOUNCED}\r\n\r\n--b\r\n"
        'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    ).encode()
    _by_letters(port, source, over, UNFINISHED, head + bytes(_SENT))


def _by_letters(port: int, source: str, over: threading.Event, count: int, begin: bytes) -> None:
    """So many connections that begin and then send a letter now and then; whichever is closed is opened anew."""
    open_ = dict[int, socket.socket]()
    while not over.wait(_LETTER):
        for place in range(count):
            try:
                if place not in open_:
                    open_[place] = socket.create_connection(("127.0.0.1", port), 1, (source, 0))
                    open_[place].sendall(begin)
                open_[place].send(b"a")
            except OSError:
                if place in open_:
                    open_.pop(place).close()
    for each in open_.values():
        each.close()


def _hung(port: int, source: str, over: threading.Event) -> None:
    """HUNG reads, one after the other is answered, of pictures that have become pipes to which nobody writes."""

    def read(id: int) -> None:
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException), closing(Client(port, source, 5)) as client:
                client.ask("GET", f"/images/{id}")
            over.wait(0.2)

    _together([partial(read, id) for id in range(1000, 1000 - HUNG, -1)])


def _bombs(port: int, source: str, over: threading.Event) -> None:
    """BOMBS clients that upload progressive JPEGs of as many scans as are read, and of more."""
    dear = [scans(count, side) for count, side in ((20, 3_000), (90, 9_000), (2_000, 2_000))]

    def send(place: int) -> None:
        number = place
        while not over.is_set():
            with suppress(OSError, http.client.HTTPException), closing(Client(port, source, 30)) as client:
                client.upload(dear[number % len(dear)])
            number += 1

    _together([partial(send, place) for place in range(BOMBS)])


def _together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
