"""The way of one upload through the project, from the socket to the answer: short enough to be followed by a reader."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
import uvicorn

from semblance.api.app import create_app
from semblance.api.settings import Settings
from semblance.api.watch import watch
from semblance.api.workers import threads
from semblance.retrieval import queries
from tests.conftest import ROOT, until
from tests.test_layers import LAYERS

MOST_FILES, MOST_FUNCTIONS = 9, 25


@pytest.fixture
def traced(library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """The address of a service in this process, and each of the project's functions that its threads call, by file."""
    called: set[tuple[str, str]] = set()
    monkeypatch.setattr(queries, "TELLING", 2)  # what is expected by chance is on the way too

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            name = Path(frame.f_code.co_filename)
            file = name.resolve()
            own = name.is_absolute() and file.is_relative_to(ROOT) and file.relative_to(ROOT).parts[0] in LAYERS
            if own and not frame.f_code.co_name.startswith("<"):  # a comprehension is no function
                called.add((str(file.relative_to(ROOT)), frame.f_code.co_qualname))

    threading.setprofile(note)
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(library=library)), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        monkeypatch.setattr(threads, "FOLLOW_EVERY", 3600.0)  # a look at the catalog is no part of a request
        monkeypatch.setattr(watch, "LOOK_EVERY", 3600.0)  # nor one at the keys
        time.sleep(1.5)
        yield url, called
    finally:
        threading.setprofile(None)
        sys.setprofile(None)
        server.should_exit = True
        thread.join()


def test_it_passes_through_few_places(traced: tuple[str, set[tuple[str, str]]], sample: Path) -> None:
    url, called = traced
    picture = next(sample.rglob("*.jpg")).read_bytes()
    httpx.post(f"{url}/search", files={"file": picture})
    called.clear()
    answer = httpx.post(f"{url}/search", files={"file": picture})
    assert answer.json()["results"][0]["expected_by_chance"] is not None
    files = {file for file, _ in called}
    listing = "\n".join(f"{file}: {name}" for file, name in sorted(called))

    places = {"api/routes/search.py", "retrieval/decoding/__init__.py", "retrieval/codec.py"}
    assert places <= files, "the trace sees every thread"
    assert len(files) <= MOST_FILES, listing
    assert len(called) <= MOST_FUNCTIONS, listing
