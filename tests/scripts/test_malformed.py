"""Malformed requests, some of those that `semblance bench malformed` sends: each is answered, and none with 500."""

import random
import shutil
from pathlib import Path

import httpx
import pytest

from semblance.scripts.benchmarks import malformed
from semblance.scripts.benchmarks.broken import KINDS
from tests.conftest import serving, until


def test_each_is_answered_or_ended(library: Path, tmp_path: Path) -> None:
    own = shutil.copytree(library, tmp_path / "library")  # some would remove pictures
    with serving(own) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        before = httpx.get(f"{url}/health").json()
        told = malformed.send(httpx.URL(url).port or 0, 400, seed=17)
        assert told.wrong == []
        assert sum(told.statuses.values()) >= 400
        assert {"400", "404", "405", "415", "422", "431"} <= told.statuses.keys()
        assert httpx.get(f"{url}/health").json() == before
        assert httpx.get(f"{url}/ready").status_code == 200


def test_the_same_numbers_make_the_same_requests() -> None:
    for kind in KINDS:
        assert [kind(random.Random(seed)) for seed in range(20)] == [kind(random.Random(seed)) for seed in range(20)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"500 Internal Server Error\r\n\r\n", "500"),
        (b"404 Not Found\r\nContent-Type: application/problem+json\r\n\r\n", "lacks"),
        (b"200 OK\r\nX-Content-Type-Options: nosniff\r\n\r\n", "lacks"),
        (b"none in time", "instead of an answer"),
        (b"", "instead of an answer"),
        (b"100 Continue\r\n\r\n", ""),
    ],
)
def test_what_is_wrong_is_seen(answer: bytes, said: str) -> None:
    assert said in malformed.unfit(answer)
    assert bool(said) == bool(malformed.unfit(answer))
