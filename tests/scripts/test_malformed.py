"""Malformed requests, some of those that `semblance bench malformed` sends: each is answered, and none with 500."""

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from semblance.scripts.benchmarks import malformed
from semblance.scripts.benchmarks.broken import KINDS
from tests.conftest import ROOT, until


@contextmanager
def logging_to(log: Path, library: Path) -> Iterator[str]:
    """A service whose log is kept; its address."""
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(library), "--port", "0"]
    with log.open("w") as file, subprocess.Popen(command, cwd=ROOT, stderr=file) as process:
        try:
            until(lambda: "http://" in log.read_text())
            url = log.read_text().split(" at ")[1].split("/ ")[0]
            until(lambda: httpx.get(f"{url}/ready").status_code == 200)
            yield url
        finally:
            process.send_signal(signal.SIGINT)


def test_each_is_answered_or_ended(library: Path, tmp_path: Path) -> None:
    own = shutil.copytree(library, tmp_path / "library")  # some would remove pictures
    with logging_to(tmp_path / "log", own) as url:
        before = httpx.get(f"{url}/health").json()
        told = malformed.send(httpx.URL(url).port or 0, 600, seed=17)
        assert told.wrong == []
        assert sum(told.statuses.values()) >= 600
        assert {"400", "404", "405", "415", "422", "431"} <= told.statuses.keys()
        assert httpx.get(f"{url}/health").json() == before
        assert httpx.get(f"{url}/ready").status_code == 200
    assert "Traceback" not in (tmp_path / "log").read_text()


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
