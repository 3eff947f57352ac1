"""A service's life: started before its library, following what other processes index, stopped by a signal."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from semblance.indexer.derived import pixelfile
from tests.conftest import ROOT, paint, serving, until

Run = Callable[..., subprocess.CompletedProcess[str]]
WITHIN = 2.5  # seconds: two are promised, and the test's own asking takes some


def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    text: str = answer.json()["detail"]
    return text


def test_a_service_finds_what_other_processes_do_to_its_library(semblance: Run, tmp_path: Path) -> None:
    folder, library = tmp_path / "pictures", tmp_path / "library"
    pictures = [paint(folder / f"{seed}.png", seed, (640, 480)) for seed in range(5)]
    index = ("index", folder, "--library", library)
    with serving(library, "--wait") as url, httpx.Client(base_url=url) as http:

        def search(picture: Path, engine: str = "code") -> httpx.Response:
            return http.post(f"/search?engine={engine}&k=5", files={"file": picture.read_bytes()})

        def holds(count: int) -> bool:
            return bool(http.get("/ready").json().get("pictures") == count)

        for answer in (http.get("/ready"), search(pictures[0]), http.get("/images"), http.get("/images/1/similar")):
            assert "There is no library at" in detail(answer, 503)
        assert http.get("/health").status_code == 200

        assert semblance(*index).returncode == 0
        until(lambda: holds(5), WITHIN)
        assert search(pictures[0]).json()["results"][0]["path"] == str(pictures[0])
        assert http.get("/ready").json()["engines"] == ["code", "copies"]
        assert "index FOLDER --library DIR --pixels" in detail(search(pictures[0], "pixel"), 422)

        new = paint(folder / "new.png", 50)
        pictures[1].unlink()
        assert semblance(*index).returncode == 0
        until(lambda: new.name in [Path(hit["path"]).name for hit in search(new).json()["results"]], WITHIN)
        answer = search(pictures[0]).json()
        found = [hit["path"] for hit in answer["results"]]
        assert answer["library_size"] == 5
        assert (str(pictures[1]) in found, len(found)) == (False, 5)

        assert semblance(*index, "--pixels").returncode == 0
        until(lambda: http.get("/ready").json()["engines"] == ["code", "copies", "pixel"], WITHIN)
        assert len(search(new, "pixel").json()["results"]) == 5

        gone = search(pictures[2]).json()["results"][0]["id"]
        assert http.get(f"/images/{gone}/thumbnail").status_code == 200
        pictures[2].unlink()
        for road in ("", "/thumbnail"):
            assert "index its folder again" in detail(http.get(f"/images/{gone}{road}"), 410)
        assert http.get(f"/images/{gone}/similar").status_code == 200, "its code is still there"
        pictures[2].write_text("not a picture any more, and nothing to show to anyone")
        assert "no picture any more" in detail(http.get(f"/images/{gone}"), 410)

        for file in library.glob("*"):
            file.unlink() if file.is_file() else None
        until(lambda: http.get("/ready").status_code == 503, WITHIN)
        assert semblance(*index).returncode == 1
        until(lambda: holds(4), WITHIN)


def test_vectors_that_come_after_their_pictures_are_found(semblance: Run, tmp_path: Path) -> None:
    """Pixel vectors are written after the pictures are committed: no new generation tells of them."""
    folder, library = tmp_path / "pictures", tmp_path / "library"
    for seed in range(4):
        paint(folder / f"{seed}.png", seed)
    assert semblance("index", folder, "--library", library, "--pixels").returncode == 0
    path = library / pixelfile.FILE
    whole = path.read_bytes()
    path.write_bytes(whole[: pixelfile.RECORD.itemsize * 5 // 2])
    with serving(library) as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)

        def found() -> int:
            picture = (folder / "3.png").read_bytes()
            return len(http.post("/search?engine=pixel", files={"file": picture}).json()["results"])

        assert found() == 2
        assert "no pixel vector yet" in detail(http.get("/images/4/similar?engine=pixel"), 422)
        path.write_bytes(whole)
        until(lambda: found() == 4, WITHIN)


def test_a_picture_is_never_shown_as_other_content_than_was_indexed_under_its_id(
    semblance: Run, tmp_path: Path
) -> None:
    """The file changed after it was indexed: nothing is shown until it is indexed again, under another id or not."""
    folder, library = tmp_path / "pictures", tmp_path / "library"
    first, twin = paint(folder / "first.png", 1), paint(folder / "twin.png", 1)
    assert semblance("index", folder, "--library", library).returncode == 0
    paint(first, seed=2)
    with serving(library) as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)
        ids = {Path(image["path"]).name: image["id"] for image in http.get("/images").json()["images"]}
        for road in ("", "/thumbnail", "/view"):
            assert "not the picture that was indexed" in detail(http.get(f"/images/{ids[first.name]}{road}"), 410)
            assert http.get(f"/images/{ids[twin.name]}{road}").status_code == 200
        assert semblance("index", folder, "--library", library).returncode == 0
        now = {Path(image["path"]).name: image["id"] for image in http.get("/images").json()["images"]}
        assert http.get(f"/images/{now[first.name]}").content == first.read_bytes()


def started(library: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(library), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def stalled() -> Iterator[list[socket.socket]]:
    """Connections to be closed after the test."""
    held: list[socket.socket] = []
    yield held
    for connection in held:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_the_service_in_time_though_an_upload_stalls(
    library: Path, stalled: list[socket.socket], number: signal.Signals
) -> None:
    process = started(library, "--port", "0")
    assert process.stderr is not None
    port = int(process.stderr.readline().split("http://127.0.0.1:")[1].split("/")[0])
    until(lambda: httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200)
    stalled.append(socket.create_connection(("127.0.0.1", port)))
    stalled[0].sendall(
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=edge\r\n"
        b"Content-Length: 5000\r\n\r\n--edge"
    )
    httpx.get(f"http://127.0.0.1:{port}/health")  # by now the upload is under way
    asked = time.monotonic()
    process.send_signal(number)
    try:
        process.communicate(timeout=15)
    finally:
        process.kill()
        process.communicate()
    assert time.monotonic() - asked < 10
    assert process.returncode in (130, 128 + number, -number)


@pytest.mark.parametrize("apart", [0.0, 0.05], ids=["at once", "a moment apart"])
def test_ctrl_c_twice_ends_without_a_traceback(library: Path, apart: float) -> None:
    process = started(library, "--port", "0")
    assert process.stderr is not None
    process.stderr.readline()  # it listens
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(apart)
    _, said = process.communicate(timeout=15)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_an_error_of_one_sentence(semblance: Run, library: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = semblance("serve", "--library", library, "--port", port)
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        f"error: 127.0.0.1:{port} cannot be listened on (Address already in use): choose another --port."
    ]
