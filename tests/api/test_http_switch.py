"""A service whose library gets another model, under a stream of requests: no error, no gap, and never a mixed answer.

Each answer is compared with brute force over the codes of the codec that it names, read by plain SQLite.
"""

import contextlib
import functools
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, paint, serving, until

WITHIN = 2.5  # seconds: two are promised, and the test's own asking takes some
PICTURES = 40


@dataclass
class Stream:
    """Requests from several clients, one after the other without a rest, and what came back."""

    url: str
    pictures: list[Path]
    answers: list[tuple[float, str, int, dict[str, Any]]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, client: int) -> None:
        """Upload picture after picture, and now and then ask by an id, until told to stop."""
        with httpx.Client(base_url=self.url, timeout=60) as http:
            number = client
            while not self.stop.is_set():
                number = (number + 7) % len(self.pictures)
                engine = ("code", "code", "copies")[number % 3]
                if number % 5:
                    sent = {"file": self.pictures[number].read_bytes()}
                    got = http.post(f"/search?k=9&refine=false&engine={engine}", files=sent)
                    asked = f"{engine} {self.pictures[number]}"
                else:
                    got = http.get(f"/images/{number + 1}/similar?k=9&engine=code")
                    asked = f"id {number + 1}"
                self.answers.append((time.monotonic(), asked, got.status_code, got.json()))

    @contextlib.contextmanager
    def running(self, clients: int) -> Iterator[None]:
        """Ask by so many clients at one time."""
        with ThreadPoolExecutor(clients) as pool:
            under_way = [pool.submit(self.ask, client) for client in range(clients)]
            try:
                yield
            finally:
                self.stop.set()
            for each in under_way:
                each.result()


class BruteForce:
    """What a library's catalog says, read by plain SQLite: the nearest of all codes of one codec."""

    def __init__(self, library: Path, codecs: list[Codec]) -> None:
        self.codecs = {codec.codec_id: codec for codec in codecs}
        with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db:
            question = "SELECT picture, code FROM codes WHERE codec_id = ? ORDER BY picture"
            self.rows = {codec_id: db.execute(question, (codec_id,)).fetchall() for codec_id in self.codecs}

    @functools.cache  # noqa: B019 - it lives as long as its test
    def nearest(self, codec_id: str, asked: str) -> list[tuple[int, int]]:
        """Id and distance of the nine that are nearest to an uploaded picture, or to one of the library."""
        rows = self.rows[codec_id]
        kind, what = asked.split(" ", 1)
        if kind == "id":
            query = next(code for id, code in rows if id == int(what))
        else:
            query = self.codecs[codec_id].encode([Path(what)])[0].tobytes()
        bits = [(int(np.bitwise_count(np.frombuffer(query, np.uint8) ^ np.frombuffer(code, np.uint8)).sum()), id)
                for id, code in rows]  # fmt: skip
        return [(id, distance) for distance, id in sorted(bits)[:9]]


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return [paint(tmp_path / "pictures" / f"{seed:02}.png", seed, (320, 240)) for seed in range(PICTURES)]


def test_each_answer_is_one_codec_s_before_at_and_after_the_switch(
    pictures: list[Path], tmp_path: Path, codec: Codec
) -> None:
    library, other, copies = tmp_path / "library", Codec("cifar10-ae"), Codec("copies")
    pipeline.update([tmp_path / "pictures"], library, codec)
    switches: list[tuple[float, str]] = []

    with serving(library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        stream = Stream(url, pictures)
        with stream.running(clients=4):
            for model, codec_id in (("cifar10-ae", other.codec_id), ("cifar10-fast", codec.codec_id)):
                command = [sys.executable, "-m", "semblance", "index", "--model", model, "--library", str(library)]
                assert subprocess.run(command, cwd=ROOT, timeout=120).returncode == 0
                switches.append((time.monotonic(), codec_id))
                until(lambda wanted=codec_id: httpx.get(f"{url}/ready").json()["codec_id"] == wanted, WITHIN)  # type: ignore[misc]
                time.sleep(0.5)

    truth = BruteForce(library, [codec, other, copies])
    assert {status for _, _, status, _ in stream.answers} == {200}, "no error and no gap"
    for _, asked, _, got in stream.answers:
        found = [(hit["id"], hit["distance"]) for hit in got["results"]]
        if asked.startswith("copies"):  # which asks by more than one code: the nearest of all is the picture itself
            assert (got["codec_id"], found[0][1]) == (copies.codec_id, 0)
        else:
            assert found == truth.nearest(got["codec_id"], asked), asked
        assert got["coverage"] == 1
        assert got["results"][0]["copy"] is True
    answered = [(when, got["codec_id"]) for when, asked, _, got in stream.answers if not asked.startswith("copies")]
    assert {codec_id for _, codec_id in answered} == {codec.codec_id, other.codec_id}
    (first, new), (second, old) = switches
    late = {codec_id for when, codec_id in answered if first + WITHIN + 1 < when < second - 1}
    assert late <= {new}
    assert {codec_id for when, codec_id in answered if when > second + WITHIN} <= {old}
