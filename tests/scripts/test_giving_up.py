"""Ctrl-C at `semblance index`, and the stop of a service, in the middle of a picture that takes its decoder seconds."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from semblance.scripts.benchmarks import hostile
from tests.conftest import ROOT, paint, serving, until

MARK = "SEMBLANCE_DECODE_SECONDS"


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A JPEG that takes its decoder seconds."""
    return hostile.scans(85, 9_000)


@pytest.fixture
def marked() -> dict[str, str]:
    """An environment that lets it take them, and by which processes of one test are known."""
    return {MARK: f"100.{time.monotonic_ns()}"}


def decoding_under(marked: dict[str, str]) -> list[Path]:
    """The processes of this environment that decode, and have been at it for a while."""
    mark = f"{MARK}={marked[MARK]}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            own = mark in (place / "environ").read_bytes() and b"decoding" in (place / "cmdline").read_bytes()
            if own and int((place / "stat").read_text().rpartition(")")[2].split()[11]) > 40:
                found.append(place)
        except OSError:  # it has gone
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_and_keeps_what_it_has(
    number: signal.Signals,
    slow: bytes,
    marked: dict[str, str],
    tmp_path: Path,
    semblance: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "slow.jpg").write_bytes(slow)
    command = ["index", tmp_path / "pictures", "--library", tmp_path / "library", "--model", "cifar10-fast"]
    process = subprocess.Popen(
        [sys.executable, "-m", "semblance", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **marked},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: bool(decoding_under(marked)))
    process.send_signal(number)
    assert process.wait(3) == 130
    assert process.stderr is not None
    assert process.stderr.read().startswith("Interrupted: what was indexed is kept")
    until(lambda: not decoding_under(marked), 2)
    (tmp_path / "pictures" / "slow.jpg").unlink()
    paint(tmp_path / "pictures" / "quick.png", 1)
    assert semblance(*command).returncode == 0


def test_a_service_that_is_stopped_gives_up_what_it_decodes(slow: bytes, marked: dict[str, str], library: Path) -> None:
    answers: list[httpx.Response] = []
    with serving(library, **marked) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        asking = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/search", files={"file": slow}, timeout=60))
        )
        asking.start()
        until(lambda: bool(decoding_under(marked)))
        for place in decoding_under(marked):  # so that it takes for ever, however quick the machine
            os.kill(int(place.name), signal.SIGSTOP)
        assert not answers
        started = time.monotonic()
    assert time.monotonic() - started < 5, "the end of serving() sends SIGINT and waits"
    asking.join(5)
    assert answers[0].status_code == 503
    assert "given up" in answers[0].json()["detail"]
    until(lambda: not decoding_under(marked), 2)
