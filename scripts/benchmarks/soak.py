"""`soak`: everything at once for half an hour: searches, pictures, codes, additions and removals, an indexer beside."""

import json
import random
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.clients import CORES, Client, crowd, jpeg, megabytes, serving
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write

_CLIENTS = 8
_PASSING = {200, 201, 204, 304, 503, 429}


def soak(asked: Asked) -> list[Row]:
    """Answers by status, and the memory of all processes in the last third against the second."""
    pictures, library = asked.scratch / "soaked", asked.scratch / "of-soak"
    write(pictures, CORES)
    indexed(pictures, library)
    over, memory = threading.Event(), list[float]()
    with serving(library) as (process, port):
        beside = threading.Thread(target=_index, args=(pictures, library, over))
        watch = threading.Thread(target=_watch, args=(process.pid, memory, over))
        beside.start()
        watch.start()
        seen = crowd(port, _CLIENTS, 60 * asked.minutes, _ask)
        over.set()
        beside.join()
        watch.join()
    third = len(memory) // 3
    second, last = (sorted(part)[len(part) // 2] for part in (memory[third : 2 * third], memory[2 * third :]))
    statuses = Counter({status: len(times) for status, times in seen.seconds.items()})
    return [
        *(row(f"answers with {status}", count, "answers") for status, count in sorted(statuses.items())),
        row(
            "answers with another error than 503 and 429",
            sum(count for status, count in statuses.items() if status not in _PASSING),
            "answers",
            "0",
        ),
        row("memory, median of the second third", second, "MB"),
        row("memory, last third / second", last / second, "ratio", "at most 1.05"),
    ]


def _ask(client: Client, number: int) -> tuple[int, bytes]:
    """One of many kinds of requests, by the number."""
    chosen = random.Random(number)
    id = chosen.randint(1, 900)
    match chosen.randint(0, 9):
        case 0 | 1 | 2:
            return client.upload(jpeg(chosen.randint(0, 20), 640, 480), "/search?fold=true&chance=1")
        case 3:
            return client.ask("GET", f"/images/{id}/similar?k=50")
        case 4 | 5:
            return client.ask("GET", f"/images/{id}/thumbnail")
        case 6:
            return client.ask("GET", f"/images/{id}")
        case 7:
            return client.codes([chosen.randbytes(32).hex() for _ in range(16)])
        case 8:
            return client.ask("GET", f"/images/{id}/view?side=1024")
        case _:
            status, said = client.upload(jpeg(number, 320, 240), "/images")
            if status not in (200, 201):
                return status, said
            return client.ask("DELETE", f"/images/{json.loads(said)['id']}")


def _index(pictures: Path, library: Path, over: threading.Event) -> None:
    """Changes a picture and indexes, again and again."""
    paths, number = sorted(pictures.iterdir()), 0
    while not over.wait(20):
        paths[-1 - number % 50].write_bytes(jpeg(10_000 + number, 800, 600))
        number += 1
        with suppress(UsageError):  # the service writes at the moment: the next time will do
            indexed(pictures, library)


def _watch(pid: int, memory: list[float], over: threading.Event) -> None:
    while not over.wait(5):
        memory.append(megabytes(pid))
