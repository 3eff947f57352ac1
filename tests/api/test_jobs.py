"""Folders indexed over HTTP: progress as it goes, one writer at a time, cancelled, killed, stopped, by two services."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from semblance.indexer.catalog import Writer
from semblance.indexer.keeping import exporting, importing
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.api.test_changing import asking, detail, rows
from tests.conftest import ROOT, paint, serving, until

Run = Callable[..., subprocess.CompletedProcess[str]]
MANY = 1800  # pictures: some batches, and seconds


@dataclass(frozen=True)
class Home:
    """A library of one picture in `few`, and a folder of `many`, which the service may index."""

    library: Path
    few: Path
    many: Path


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    for seed in range(MANY):
        paint(folder / f"{seed}.png", seed)
    return folder


@pytest.fixture
def home(tmp_path: Path, many: Path, codec: Codec) -> Home:
    few = paint(tmp_path / "few" / "one.png", MANY + 1).parent
    pipeline.update([few], tmp_path / "library", codec, threads=1)
    return Home(tmp_path / "library", few, many)


def index(http: httpx.Client, folder: Path | str) -> httpx.Response:
    return http.post("/jobs", json={"kind": "index", "folder": str(folder)})


def begun(http: httpx.Client, folder: Path) -> int:
    answer = index(http, folder)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"jobs/{answer.json()['id']}"
    return int(answer.json()["id"])


def events(http: httpx.Client, id: int, last: str | None = None) -> Iterator[dict[str, Any]]:
    """The events of a job as a browser reads them: name, data, id."""
    with http.stream("GET", f"/jobs/{id}/events", headers={"Last-Event-ID": last} if last else {}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, Any] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "data", "id"):
                event[name] = json.loads(value) if name == "data" else value
            elif not line and event:
                yield event
                event = {}


def committed(library: Path) -> int:
    ((count,),) = rows(library, "SELECT count(*) FROM pictures")
    return int(str(count))


def test_a_folder_is_indexed_and_its_progress_told_until_the_end(home: Home, semblance: Run) -> None:
    with asking(home.library, "--folder", str(home.many)) as http:
        assert http.get("/jobs").json() == {"jobs": []}
        id = begun(http, home.many)
        heard, searched = list[dict[str, Any]](), 0
        for event in events(http, id):
            heard.append(event)
            with httpx.Client(base_url=http.base_url) as other:
                searched += other.get("/images/1/similar").status_code == 200
        *progress, end = heard
        assert searched == len(heard) > 2, "searches go on meanwhile"
        assert {event["event"] for event in progress} == {"progress"}
        done = [event["data"]["done"] for event in progress]
        assert done == sorted(done)
        assert any(0 < each < MANY for each in done)
        assert (end["event"], end["id"], end["data"]["state"]) == ("end", "end", "done")
        assert end["data"]["summary"]["added"] == end["data"]["total"] == MANY
        assert http.get(f"/jobs/{id}").json() == end["data"] == http.get("/jobs").json()["jobs"][0]
        assert [event["event"] for event in events(http, id)] == ["end"]
        until(lambda: http.get("/ready").json()["pictures"] == MANY + 1)
        assert http.delete(f"/jobs/{id}").json()["state"] == "done", "what has ended stays as it is"
        for missing in (http.get("/jobs/9"), http.get("/jobs/9/events"), http.delete("/jobs/9")):
            assert "no job 9" in detail(missing, 404)
    status = json.loads(semblance("status", "--library", home.library, "--json").stdout)
    assert (status["pictures"], status["failed"]) == (MANY + 1, 0)


def test_one_that_is_cancelled_keeps_what_was_committed_and_another_goes_on(home: Home) -> None:
    with asking(home.library, "--folder", str(home.many)) as http:
        id = begun(http, home.many)
        for event in events(http, id):
            if event["event"] == "progress" and committed(home.library) > 1:
                with httpx.Client(base_url=http.base_url, timeout=30) as other:
                    assert other.delete(f"/jobs/{id}").json()["state"] == "cancelled"
        assert event["data"]["state"] == "cancelled"
        held = committed(home.library)
        assert 1 < held < MANY
        *_, end = events(http, begun(http, home.many))
        assert (end["data"]["summary"]["added"], end["data"]["summary"]["unchanged"]) == (MANY + 1 - held, held - 1)


def started(home: Home) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(home.library), "--port", "0"]
    variables = {**os.environ, "SEMBLANCE_FOLDERS": os.pathsep.join(["/nowhere", str(home.many)])}
    process = subprocess.Popen(command, cwd=ROOT, env=variables, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    url = re.findall(r"http://\S+", process.stderr.readline())[0]
    until(lambda: httpx.get(f"{url}ready").status_code == 200)
    return process, url


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "stopped"])
def test_a_service_that_ends_in_the_middle_of_a_job_says_so_at_its_next_start(home: Home, number: int) -> None:
    process, url = started(home)
    with httpx.Client(base_url=url, timeout=20) as http:
        id, last = begun(http, home.many), {}
        with contextlib.suppress(httpx.TransportError):
            for event in events(http, id):
                last = event
                if process.poll() is None and committed(home.library) > 1:
                    process.send_signal(number)
    asked = time.monotonic()
    process.communicate(timeout=20)
    assert time.monotonic() - asked < 10
    assert last["data"]["done"] < MANY

    def free() -> bool:
        with contextlib.suppress(Exception), Writer.writing(home.library):
            return True
        return False

    until(free)  # what worked for it is gone too
    held = committed(home.library)
    assert 1 < held < MANY
    with asking(home.library, "--folder", str(home.many)) as http:
        job = http.get(f"/jobs/{id}").json()
        assert job["state"] == "interrupted"
        assert "goes on from there" in job["detail"]
        assert [event["data"]["state"] for event in events(http, id)] == ["interrupted"]
        *_, end = events(http, begun(http, home.many))
        assert end["data"]["state"] == "done"
    assert committed(home.library) == MANY + 1


def test_jobs_wait_for_other_writers_and_for_each_other(home: Home) -> None:
    folders = [paint(home.few / str(number) / "a.png", 2000 + number).parent for number in range(20)]
    with asking(home.library) as http:
        with Writer.writing(home.library):
            first = begun(http, home.few)
            until(lambda: "Another process is writing" in (http.get(f"/jobs/{first}").json()["detail"] or ""))
            waiting = [begun(http, folder) for folder in folders[:15]]
            assert begun(http, folders[3]) == waiting[3], "it waits already"
            for folder in folders[15:]:
                answer = index(http, folder)
                if answer.status_code != 202:
                    break
            assert "wait for their turn" in detail(answer, 503)
            assert answer.headers["retry-after"]
            for id in waiting[2:]:
                assert http.delete(f"/jobs/{id}").json()["state"] == "cancelled"
        until(lambda: http.get(f"/jobs/{waiting[1]}").json()["state"] == "done", 40)
        states = [http.get(f"/jobs/{id}").json()["state"] for id in [first, *waiting]]
        assert states == ["done"] * 3 + ["cancelled"] * 13


def test_no_other_folder_is_indexed(home: Home, tmp_path: Path) -> None:
    for name in ("secret", "few-too"):
        paint(tmp_path / name / "a.png", 3000)
    (home.few / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "way").symlink_to(home.few)
    with asking(home.library) as http:
        for folder in (
            "/",
            "/etc",
            tmp_path,
            tmp_path / "few-too",
            home.few / "link",
            f"{home.few}/../secret",
            home.many,
        ):
            assert "may not be indexed" in detail(index(http, folder), 403)
        for wrong in ("few", "", "/a\0b"):
            detail(index(http, wrong), 422)
        for body in (
            {},
            {"kind": "drop", "folder": "/"},
            {"kind": "index", "folder": 3},
            {"folder": "/", "prune": True},
        ):
            detail(http.post("/jobs", json=body), 422)
        *_, end = events(http, begun(http, tmp_path / "way"))
        assert end["data"]["folder"] == str(home.few)
    with asking(home.library, "--folder", str(tmp_path), SEMBLANCE_FOLDERS="/elsewhere") as http:
        assert "the library itself" in detail(index(http, home.library), 422)
        *_, end = events(http, begun(http, tmp_path / "gone"))
        assert (end["data"]["state"], "no folder" in end["data"]["detail"]) == ("failed", True)
        *_, end = events(http, begun(http, tmp_path / "secret"))
        assert end["data"]["summary"]["added"] == 1


def test_what_was_imported_may_not_be_indexed_for_that(home: Home, tmp_path: Path) -> None:
    """Who wrote the file has not the leave of who indexes."""
    exporting.export(home.library, tmp_path / "a.parquet")
    importing.take(tmp_path / "a.parquet", tmp_path / "imported")
    with asking(tmp_path / "imported") as http:
        assert "may not be indexed" in detail(index(http, home.few), 403)


def test_two_services_tell_of_and_cancel_each_others_jobs(home: Home) -> None:
    with asking(home.library) as one, asking(home.library) as other, Writer.writing(home.library):
        id = begun(one, home.few)
        watched = list[dict[str, Any]]()
        watching = threading.Thread(target=lambda: watched.extend(events(other, id)))
        watching.start()
        until(lambda: bool(one.get(f"/jobs/{id}").json()["detail"]))
        until(lambda: other.get(f"/jobs/{id}").json() == one.get(f"/jobs/{id}").json())
        with httpx.Client(base_url=other.base_url, timeout=30) as third:
            assert third.delete(f"/jobs/{id}").json()["state"] == "cancelled"
        watching.join()
        assert watched[-1]["data"]["state"] == "cancelled"
        assert one.get("/jobs").json() == other.get("/jobs").json()


def test_those_who_watch_and_go_or_do_not_read_hold_nothing(home: Home) -> None:
    """Each of 40 clients asks for a stream, reads nothing, and is left; the service answers and stops all the same."""
    with serving(home.library) as url, httpx.Client(base_url=url) as http, Writer.writing(home.library):
        until(lambda: http.get("/ready").status_code == 200)
        id = begun(http, home.few)
        port = int(url.rsplit(":", 1)[1])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        for connection in held:
            connection.sendall(f"GET /jobs/{id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for connection in held[:20]:
            connection.recv(1000)
            connection.close()
        assert http.get("/images/1/similar").status_code == 200
        heard = events(http, id)
        event = next(heard)
        assert event["event"] == "progress"
        heard.close()  # type: ignore[attr-defined]
        again = list[str]()
        watching = threading.Thread(
            target=lambda: again.extend(each["event"] for each in events(http, id, event["id"]))
        )
        watching.start()
        time.sleep(0.5)  # it would be told again by now
        with httpx.Client(base_url=url, timeout=30) as other:
            assert other.delete(f"/jobs/{id}").json()["state"] == "cancelled"
        watching.join()
        assert again == ["end"], "what was heard is not told again"
        told = b""
        while b"event: end" not in told:
            part = held[-1].recv(10_000)
            assert part, told
            told += part
        for connection in held:
            connection.close()


def test_who_keeps_what_is_remembered_locked_holds_up_nobody_else(home: Home) -> None:
    with serving(home.library, "--folder", str(home.few)) as url, httpx.Client(base_url=url, timeout=60) as http:
        until(lambda: http.get("/ready").status_code == 200)
        picture = (home.few / "one.png").read_bytes()
        assert http.post("/images", files={"file": picture}, headers={"Idempotency-Key": "first"}).is_success
        ended: list[int] = []

        def change(number: int) -> None:
            with httpx.Client(base_url=url, timeout=60) as own:
                key = {"Idempotency-Key": str(number)}
                ended.append(own.post("/images", files={"file": picture}, headers=key).status_code)

        with contextlib.closing(sqlite3.connect(home.library / "requests.sqlite", isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            crowd = [threading.Thread(target=change, args=(number,)) for number in range(45)]  # all have 40 threads
            for each in crowd:
                each.start()
            time.sleep(0.7)
            assert http.get("/images/1/thumbnail").status_code == 200
            assert not ended, "the others' changes wait still"
        for each in crowd:
            each.join()
        assert set(ended) <= {200, 503}
