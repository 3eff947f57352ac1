"""Pictures into a library and out of it over HTTP: real processes, kills, disks; the truth read by plain SQLite."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from semblance.indexer.catalog import Writer
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, paint, serving, until
from tests.indexer.catalog.conftest import a_disk


def rows(library: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db:
        return db.execute(question, values).fetchall()


def kept(library: Path) -> list[Path]:
    return sorted(path for path in (library / "uploads").rglob("*") if path.is_file())


def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def send(http: httpx.Client, picture: Path | bytes, key: str | None = None, name: str = "a.png") -> httpx.Response:
    data = picture.read_bytes() if isinstance(picture, Path) else picture
    return http.post("/images", files={"file": (name, data)}, headers={"Idempotency-Key": key} if key else {})


@contextlib.contextmanager
def asking(library: Path, *options: str, **variables: str) -> Iterator[httpx.Client]:
    with serving(library, *options, **variables) as url, httpx.Client(base_url=url, timeout=30) as http:
        until(lambda: http.get("/ready").status_code == 200)
        yield http


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Path:
    """Twelve pictures and a library of them, `library`, which is served; `whole` is as it was."""
    place = tmp_path_factory.mktemp("changing")
    for seed in range(12):
        paint(place / "pictures" / f"{seed}.png", seed, (320, 240))
    pipeline.update([place / "pictures"], place / "whole", codec, threads=1)
    shutil.copytree(place / "whole", place / "library")
    return place


@pytest.fixture
def own(place: Path, tmp_path: Path) -> Path:
    """A copy of the library, whose pictures are where they were."""
    return Path(shutil.copytree(place / "whole", tmp_path / "library"))


@pytest.fixture(scope="module")
def http(place: Path) -> Iterator[httpx.Client]:
    with asking(place / "library") as http:
        yield http


def test_an_upload_is_kept_and_found_at_once_as_if_it_had_been_indexed(
    http: httpx.Client, place: Path, tmp_path: Path
) -> None:
    library, new = place / "library", paint(tmp_path / "new.png", 100, (320, 240))
    answer = send(http, new, name="../../x/Ähm, my cat?.PNG")
    assert answer.status_code == 201
    path = Path(answer.json()["path"])
    assert answer.headers["location"] == f"images/{answer.json()['id']}"
    digits = hashlib.sha256(new.read_bytes()).hexdigest()
    assert re.fullmatch(rf"uploads/\d{{4}}/\d\d/Ähm-my-cat-{digits[:16]}\.png", str(path.relative_to(library)))
    assert path.read_bytes() == new.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 == stat.S_IMODE(library.stat().st_mode) & 0o666
    found = http.post("/search?k=1", files={"file": new.read_bytes()}).json()
    assert (found["results"][0]["id"], found["results"][0]["copy"]) == (answer.json()["id"], True)
    assert http.get(f"/images/{answer.json()['id']}").content == new.read_bytes()

    # An index of a copy of the file says what the catalog should hold: the same content, the same codes.
    pipeline.update([new.parent], tmp_path / "other", Codec("cifar10-fast"), threads=1)
    question = (
        "SELECT sha256, codec_id, code FROM pictures JOIN codes ON picture = id WHERE sha256 = ? ORDER BY codec_id"
    )
    same = bytes.fromhex(digits)
    assert rows(library, question, same) == rows(tmp_path / "other", question, same) != []


def test_a_content_that_is_there_is_not_kept_twice(http: httpx.Client, place: Path) -> None:
    before = kept(place / "library")
    answer = send(http, place / "pictures" / "3.png")
    assert (answer.status_code, answer.json()["path"]) == (200, str(place / "pictures" / "3.png"))
    assert kept(place / "library") == before


def test_a_content_whose_file_is_gone_is_kept_under_its_id(
    own: Path, place: Path, tmp_path: Path, codec: Codec
) -> None:
    lost = paint(tmp_path / "lost" / "lost.png", 200, (320, 240))
    pipeline.update([lost.parent], own, codec, threads=1)
    ((id,),) = rows(own, "SELECT id FROM pictures WHERE path = ?", str(lost))
    data = lost.read_bytes()
    lost.write_bytes((place / "pictures" / "1.png").read_bytes())  # another content is in its place
    with asking(own) as http:
        answer = send(http, data)
        assert (answer.status_code, answer.json()["id"]) == (200, id)
        assert Path(answer.json()["path"]).read_bytes() == data
        assert http.get(f"/images/{id}").content == data


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"hello", 415), (b"", 400), (b"\x89PNG\r\n\x1a\n" + bytes(40), 400)],
    ids=["text", "empty", "cut"],
)
def test_what_is_no_picture_is_refused_and_leaves_nothing(
    http: httpx.Client, place: Path, data: bytes, status: int
) -> None:
    before, held = kept(place / "library"), rows(place / "library", "SELECT id FROM pictures")
    assert len(detail(send(http, data), status)) > 15
    assert kept(place / "library") == before
    assert rows(place / "library", "SELECT id FROM pictures") == held
    assert rows(place / "library", "SELECT * FROM failures") == []


def test_a_picture_is_forgotten_with_its_file_where_that_is_the_librarys_own(
    own: Path, place: Path, tmp_path: Path
) -> None:
    listed = rows(own, "SELECT id, path FROM pictures WHERE path LIKE '%/5.png'")
    (id, path), = listed  # fmt: skip
    with asking(own) as http:
        added = send(http, paint(tmp_path / "new.png", 101)).json()
        assert http.get(f"/images/{added['id']}/thumbnail").status_code == 200
        assert http.delete(f"/images/{added['id']}").status_code == 204
        assert http.delete(f"/images/{id}").status_code == 204
        assert kept(own) == []
        assert Path(str(path)).exists(), "a file of somebody's own is not touched"
        for gone in (id, added["id"]):
            assert "no picture" in detail(http.get(f"/images/{gone}/similar"), 404)
            assert "no picture" in detail(http.delete(f"/images/{gone}"), 404)
        assert http.get("/ready").json()["pictures"] == 11
        again = send(http, tmp_path / "new.png").json()
        assert again["id"] > added["id"], "ids are never given again"
    assert len(rows(own, "SELECT * FROM removals")) == 2


def test_the_same_key_is_the_same_answer_even_of_a_service_started_anew(own: Path, place: Path, tmp_path: Path) -> None:
    new, other = paint(tmp_path / "new.png", 102), paint(tmp_path / "other.png", 103)
    with asking(own) as http:
        first = send(http, new, "one")
        assert "idempotency-replayed" not in first.headers
        again = send(http, new, "one", name="other-name.png")  # another boundary, another name: the same content
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert "another request" in detail(send(http, other, "one"), 409)
        id = first.json()["id"]
        assert "another request" in detail(http.delete(f"/images/{id}", headers={"Idempotency-Key": "one"}), 409)
        for replayed in (None, "true"):
            answer = http.delete(f"/images/{id}", headers={"Idempotency-Key": "two"})
            assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (204, replayed)
        detail(send(http, b"no picture", "three"), 415)
        assert send(http, other, "three").status_code == 201, "what failed has changed nothing, and holds no key"
        for wrong in ("", "a b", "k" * 256):
            assert http.delete("/images/1", headers={"Idempotency-Key": wrong}).status_code == 422
    with asking(own) as http:
        again = send(http, new, "one")
        assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
        with contextlib.closing(sqlite3.connect(own / "requests.sqlite")) as db, db:
            db.execute("UPDATE answers SET begun = begun - 90000")  # more than a day ago
        assert "idempotency-replayed" not in send(http, new, "one").headers
    with contextlib.closing(sqlite3.connect(own / "requests.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone() == (1,), "old ones are forgotten"


def test_clients_at_one_time_with_one_key_change_once(own: Path, tmp_path: Path) -> None:
    new = paint(tmp_path / "new.png", 104, (800, 600))
    with asking(own) as http, ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: send(http, new, "k"), range(8))]
        made = [answer for answer in answers if answer.status_code == 201]
        assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1
        for answer in answers:
            if answer.status_code != 201:
                assert "under way" in detail(answer, 409)
                assert answer.headers["retry-after"] == "1"
    assert len(kept(own)) == 1


def test_clients_at_one_time_add_what_they_send(own: Path, tmp_path: Path) -> None:
    """To two services over one library, some of them the same picture."""
    pictures = [paint(tmp_path / f"{seed}.png", 300 + seed, (320, 240)) for seed in range(12)]
    with asking(own) as one, asking(own) as other, ThreadPoolExecutor(8) as pool:
        sent = [(http, picture) for picture in pictures for http in (one, other)]
        answers = [*pool.map(lambda each: send(*each), sent)]
        assert sorted(answer.status_code for answer in answers) == [200] * 12 + [201] * 12
        until(lambda: {http.get("/ready").json()["pictures"] for http in (one, other)} == {24}, 3)
    ids = {answer.json()["id"] for answer in answers}
    assert {id for (id,) in rows(own, "SELECT id FROM pictures WHERE path LIKE '%/uploads/%'")} == ids
    assert len(kept(own)) == 12 == len(ids)


def test_while_another_process_writes_a_change_waits_and_then_says_so(own: Path, tmp_path: Path) -> None:
    new = paint(tmp_path / "new.png", 105)
    with asking(own) as http:
        with Writer.writing(own):
            answer = send(http, new, "key")
            assert "Another process is writing" in detail(answer, 503)
            assert answer.headers["retry-after"]
            assert kept(own) == []
            waiting = threading.Thread(target=lambda: answers.append(send(http, new, "key")))
            answers: list[httpx.Response] = []
            waiting.start()
            assert http.get("/images/1/similar").status_code == 200, "searches go on"
        waiting.join()
        assert answers[0].status_code == 201


def test_a_kill_leaves_a_whole_picture_or_none(own: Path, tmp_path: Path) -> None:
    """A service is killed again and again while pictures are sent; the same keys then bring in all of them, once."""
    pictures = [paint(tmp_path / f"{seed}.png", 400 + seed, (640, 480)) for seed in range(15)]
    left = dict(enumerate(pictures))
    kills = 0
    while left:
        command = [sys.executable, "-m", "semblance", "serve", "--library", str(own), "--port", "0"]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert process.stderr
        url = process.stderr.readline().split(" at ")[1].split()[0]
        with httpx.Client(base_url=url) as http:
            until(lambda: http.get("/ready").status_code == 200)
            killing = threading.Timer(0.12, process.kill) if kills < 2 else None
            if killing:
                killing.start()
                kills += 1
            with contextlib.suppress(httpx.TransportError):
                for number, picture in [*left.items()]:
                    if send(http, picture, f"key-{number}").status_code in (200, 201):
                        del left[number]
            process.kill()
            process.wait()
            if killing:
                killing.join()
        process.stderr.close()
        in_catalog = {str(path) for (path,) in rows(own, "SELECT path FROM pictures WHERE path LIKE '%/uploads/%'")}
        assert in_catalog <= {str(path) for path in kept(own)}, "never a picture without its file"
    assert kills == 2
    assert len(in_catalog) == len(pictures) == sum(not path.name.startswith(".") for path in kept(own))
    assert {hashlib.sha256(Path(path).read_bytes()).digest() for path in in_catalog} == {
        hashlib.sha256(picture.read_bytes()).digest() for picture in pictures
    }


@pytest.mark.usefixtures("mounting")
def test_a_full_disk_keeps_nothing_half_and_loses_nothing(own: Path, tmp_path: Path) -> None:
    new = paint(tmp_path / "new.png", 106, (640, 480))
    with a_disk(own, filled=False):
        subprocess.run(["mount", "-o", "remount,rw", str(own)], check=True)
        with asking(own) as http:
            first = send(http, paint(tmp_path / "first.png", 107))
            assert first.status_code == 201
            disk, filled, tried = os.statvfs(own), own / "filled", 0
            room, file = disk.f_bavail * disk.f_bsize // 1024, new.stat().st_size // 1024
            filled.write_bytes(bytes(room * 1024))
            for left in (0, 8, file // 2, *range(file + 4, file + 400, 8)):  # no room for the file, then for its row
                os.truncate(filled, (room - left) * 1024)
                answer = send(http, new, f"key-{left}" if left < file else None)
                if answer.status_code == 201:
                    break
                assert "full" in detail(answer, 507)
                assert [str(path) for path in kept(own)] == [first.json()["path"]]
                assert rows(own, "SELECT * FROM failures") == []
                assert http.get(f"/images/{first.json()['id']}/similar").status_code == 200
                tried += left > file
            assert tried > 1, "there was room for the file, and none for its row"
            filled.unlink()
            assert send(http, new).status_code in (200, 201)
            assert http.delete(f"/images/{first.json()['id']}").status_code == 204
        assert len(kept(own)) == 1
        assert rows(own, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.usefixtures("mounting")
def test_a_read_only_library_answers_and_refuses_changes(own: Path, place: Path, tmp_path: Path) -> None:
    new = paint(tmp_path / "new.png", 108)
    with a_disk(own, filled=False), asking(own) as http:
        for answer in (
            send(http, new),
            send(http, new, "key"),
            http.delete("/images/1"),
            http.post("/jobs", json={"kind": "index", "folder": str(place / "pictures")}),
            http.post("/duplicates/apart", json={"first": 1, "second": 2}),
        ):
            assert "see to its permissions" in detail(answer, 403)
        assert http.get("/jobs").json() == {"jobs": []}
        assert http.get("/images/1/similar").status_code == 200


def test_on_a_public_address_without_keys_nothing_is_changed(own: Path, place: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "semblance",
        "serve",
        "--library",
        str(own),
        "--port",
        "0",
        "--host",
        "0.0.0.0",
        "--open",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        while "http://" not in (line := process.stderr.readline()):
            assert line
        url = re.sub("0.0.0.0", "127.0.0.1", re.findall(r"http://\S+", line)[0])
        with httpx.Client(base_url=url) as http:
            until(lambda: http.get("/ready").status_code == 200)
            for answer in (
                send(http, paint(tmp_path / "new.png", 109)),
                http.delete("/images/1"),
                http.post("/jobs", json={"kind": "index", "folder": str(place / "pictures")}),
                http.delete("/jobs/1"),
                http.post("/duplicates/apart", json={"first": 1, "second": 2}),
                http.post("/duplicates/together", json={"first": 1, "second": 2}),
            ):
                assert "semblance keys" in detail(answer, 403)
            assert http.get("/images/1/similar").status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
