"""Metrics, the recall audit, and whether the service lives: told true."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from semblance.api.app import create_app
from semblance.api.settings import Settings
from semblance.api.workers import audits
from semblance.indexer.library import Library
from semblance.retrieval.index import Distances, Ids
from tests.conftest import serving, until


@contextmanager
def running(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of a service in this process, whose parts a test can put its hands on."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            yield http
    finally:
        server.should_exit = True
        thread.join()


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def url(library: Path) -> Iterator[str]:
    with serving(library, SEMBLANCE_AUDIT="1") as own:
        until(lambda: httpx.get(f"{own}/ready").status_code == 200)
        yield own


def read(url: str) -> Samples:
    answer = httpx.get(f"{url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = openmetrics(iter(answer.text.splitlines(keepends=True)))
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def requests(samples: Samples, method: str, route: str, status: int) -> float:
    labels = {"http_request_method": method, "http_route": route, "http_response_status_code": str(status)}
    return value(samples, "http_server_request_duration_seconds_count", **labels)


def test_requests_are_counted_by_route_and_never_by_what_they_name(url: str, sample: Path) -> None:
    before = read(url)
    picture = next(sample.rglob("*.jpg")).read_bytes()
    for id in (1, 2, 3):
        httpx.get(f"{url}/images/{id}/thumbnail")
    for path in ("/a", "/b", "/images/1/nothing", "/%00"):
        httpx.get(f"{url}{path}")
    httpx.request("PROPFIND", f"{url}/health")
    httpx.request("MKCOL", f"{url}/health")
    httpx.get(f"{url}/page/app.js")
    httpx.get(f"{url}/images/999999")
    assert httpx.post(f"{url}/search", files={"file": picture}).status_code == 200
    after = read(url)
    assert requests(after, "GET", "/images/{id}/thumbnail", 200) == 3
    assert requests(after, "GET", "_OTHER", 404) - requests(before, "GET", "_OTHER", 404) == 4
    assert requests(after, "_OTHER", "/health", 405) == 2
    assert requests(after, "GET", "/page", 200) == 1
    assert requests(after, "POST", "/search", 200) == 1
    assert value(after, "semblance_errors_total", kind="UnknownPicture") == 1
    for stage in ("decode", "encode", "search"):
        assert value(after, "semblance_stage_duration_seconds_count", stage=stage, engine="code") >= 1
    templates = {dict(labels)["http_route"] for name, labels in after if name.startswith("http_server")}
    assert not [each for each in templates if any(letter.isdigit() for letter in each)]


def test_what_it_has_is_told_as_it_is(url: str) -> None:
    samples = read(url)
    assert value(samples, "semblance_ready") == 1
    assert value(samples, "semblance_library_pictures") == 48
    assert value(samples, "semblance_library_generation") == httpx.get(f"{url}/ready").json()["generation"]
    assert {value(samples, "semblance_library_coverage", engine=each) for each in ("code", "copies", "pixel")} == {1}
    assert value(samples, "semblance_connections") >= 1
    assert value(samples, "semblance_connections_ended_total", why="refused") == 0
    assert ("semblance_queue_length", frozenset()) in samples
    assert ("semblance_uploads_waiting", frozenset()) in samples
    assert value(samples, "process_resident_memory_bytes") > 2**20
    plain = httpx.get(f"{url}/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "semblance_library_pictures" in {family.name for family in plain_text(plain.text)}


def test_answers_are_audited_and_right(url: str) -> None:
    assert httpx.get(f"{url}/images/1/similar").status_code == 200
    until(lambda: httpx.get(f"{url}/ready").json()["audit"]["answers"] >= 1)
    audit = httpx.get(f"{url}/ready").json()["audit"]
    assert (audit["recall"], audit["short"]) == (1, 0)


def test_a_wrong_engine_is_found_out_while_it_serves(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that loses each second picture, behind a service that knows nothing of it."""
    own = Library.open(Path(shutil.copytree(library, tmp_path / "library")))
    index = own.ways["code"].index  # type: ignore[attr-defined]
    right = index.search

    def lossy(codes: object, k: int, among: object = None) -> tuple[Distances, Ids]:
        near, ids = right(codes, 2 * k, among)
        return near[:, ::2], ids[:, ::2]

    monkeypatch.setattr(index, "search", lossy)
    with running(create_app(Settings(library=own.folder, audit=1), own)) as http:
        assert http.get("/images/1/similar?k=10").status_code == 200
        until(lambda: bool(http.get("/ready").json()["audit"]["answers"]))
        audit = http.get("/ready").json()["audit"]
        text = http.get("/metrics").text
    assert audit["recall"] == pytest.approx(0.5, abs=0.11)
    assert audit["short"] == 1
    assert "audit: an answer by code had" in caplog.text
    assert 'semblance_audit_short_answers_total{engine="code"} 1.0' in text


def test_audits_are_seldom_and_step_back_for_who_asks(library: Path) -> None:
    """With every answer to be audited, a second is not begun within the next seconds; questions go on meanwhile."""
    with running(create_app(Settings(library=library, audit=1))) as http:
        until(lambda: http.get("/ready").status_code == 200)
        for id in range(1, 20):
            assert http.get(f"/images/{id}/similar").status_code == 200
        until(lambda: http.get("/ready").json()["audit"]["answers"] == 1)
        assert http.get("/images/1/similar").status_code == 200
        assert http.get("/ready").json()["audit"]["answers"] == 1
        assert audits.EVERY >= 2


class Held:
    """A library's `follow` that waits, or ends its thread."""

    def __init__(self, dies: bool) -> None:
        self.dies, self.go_on, self.on = dies, threading.Event(), False

    def __call__(self, **_: bool) -> bool:
        if self.on and self.dies:
            raise SystemExit
        if self.on:
            self.go_on.wait()
        return True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("dies", "said"), [(False, "has not been heard of for 2.5 seconds"), (True, "has ended")], ids=["stuck", "dead"]
)
def test_health_is_no_more_than_that_of_the_thread_that_searches(
    library: Path, dies: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, held = Library.open(library), Held(dies)
    monkeypatch.setattr(own, "follow", held)
    with running(create_app(Settings(library=library, stuck_seconds=2.5), own)) as http:
        try:
            until(lambda: http.get("/ready").status_code == 200)
            assert http.get("/health").status_code == 200
            held.on = True
            until(lambda: http.get("/health").status_code == 503)
            assert said in http.get("/health").json()["detail"]
            assert http.get("/ready").status_code == 503
            assert "semblance_ready 0.0" in http.get("/metrics").text
            held.on = False
            held.go_on.set()
            if not dies:
                until(lambda: http.get("/health").status_code == 200)
                assert http.get("/ready").status_code == 200
        finally:
            held.go_on.set()
