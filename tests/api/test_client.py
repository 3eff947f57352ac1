"""`semblance.Client` against running services: it answers as a library does, and fails as one does."""

import contextlib
import io
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

import semblance
from semblance.api.client import sending
from semblance.api.wire.changing import Job, JobProgress
from semblance.retrieval import errors
from tests.conftest import Server, huge_header, serving


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[semblance.Client]:
    with semblance.Client(server.url) as made:
        yield made


def test_it_answers_as_the_library_does(client: semblance.Client, server: Server) -> None:
    picture = server.library_pictures[7]
    with semblance.open(server.library) as library:
        for how in ({}, {"engine": "pixel"}, {"views": 4}, {"refine": False}):
            ours, theirs = library.search(picture, k=7, **how), client.search(picture, k=7, **how)
            assert theirs.results == ours.results
            assert (theirs.codec_id, theirs.library_size) == (ours.codec_id, ours.library_size)
        best = theirs[0]
        assert [hit.path for hit in client.similar(best.id, k=4)] == [hit.path for hit in library.similar(best.id, k=4)]
    assert client.picture(best.id) == picture.read_bytes()
    with Image.open(io.BytesIO(client.thumbnail(best.id))) as small, Image.open(picture) as whole:
        assert small.format == "JPEG"
        with Image.open(io.BytesIO(client.view(best.id, 1024))) as view:
            assert view.size == whole.size
    ready = client.ready()
    assert (ready.pictures, len(client.some(5))) == (len(server.library_pictures), 5)


def test_pictures_may_be_what_a_library_takes(client: semblance.Client, server: Server) -> None:
    path = server.library_pictures[2]
    with Image.open(path) as opened:
        pixels = opened.convert("RGB")
    turned = Image.open(path)
    exif = turned.getexif()
    exif[0x0112] = 3  # upside down
    upright = io.BytesIO()
    turned.rotate(180).save(upright, "PNG", exif=exif)
    pictures: list[Any] = [path, str(path), path.read_bytes(), pixels, np.asarray(pixels), pixels.convert("CMYK")]
    with Image.open(upright) as upside_down:
        answers = [client.search(picture, k=1) for picture in [*pictures, upside_down]]
    assert {answer[0].path for answer in answers} == {str(path)}
    assert [answer[0].distance for answer in answers[:3]] == [0, 0, 0]


def test_errors_are_those_of_a_library(client: semblance.Client, tmp_path: Path, server: Server) -> None:
    whole = server.library_pictures[0].read_bytes()
    for kind, match, wrong in (
        (errors.UnknownPicture, "no picture 1000000", lambda: client.picture(10**6)),
        (errors.NotAPicture, "not a picture", lambda: client.search(b"nothing")),
        (errors.DamagedPicture, "empty", lambda: client.search(b"")),
        (errors.DamagedPicture, "cut short", lambda: client.search(whole[:600])),
        (errors.PictureTooLarge, "megapixels", lambda: client.search(huge_header())),
        (errors.UsageError, "k: .*1000", lambda: client.search(whole, k=1001)),
        (errors.UsageError, "not list", lambda: client.search([3])),  # type: ignore[arg-type]
        (errors.UsageError, "uint8", lambda: client.search(np.zeros((4, 4)))),
        (errors.UsageError, "no address", lambda: semblance.Client("photos")),
        (OSError, "none.jpg", lambda: client.search(tmp_path / "none.jpg")),
    ):
        with pytest.raises(kind, match=match) as raised:
            wrong()
        assert type(raised.value) is kind or kind is OSError


def test_a_service_that_is_not_there_is_said_to_be(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with pytest.raises(semblance.ServiceError, match="does not answer") as raised:
        semblance.Client(f"http://127.0.0.1:{free}").ready()
    assert raised.value.status is None
    with pytest.raises(semblance.ServiceError, match="is not a request that this service knows") as raised:
        semblance.Client(f"{server.url}/elsewhere/").ready()
    assert raised.value.status == 404


def test_it_asks_again_while_the_service_says_when(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service whose library comes later: 503 until then, with Retry-After; asked so often, and no longer."""
    folder = tmp_path / "library"
    shutil.copytree(library, tmp_path / "copy")
    with serving(folder, "--wait") as url, semblance.Client(url, retries=2) as client:
        for longest, waits in ((30, [2, 2]), (1, [])):
            slept: list[float] = []
            with monkeypatch.context() as within:
                within.setattr(sending, "sleep", slept.append)
                within.setattr(sending, "LONGEST", longest)
                with pytest.raises(semblance.LibraryError):
                    client.ready()
            assert slept == waits
        (tmp_path / "copy").rename(folder)
        assert client.ready().pictures == 48


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 503 No\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n",
        b"none at all\r\n\r\n",
        b"",
    ],
)
def test_whatever_answers_its_errors_are_of_semblance(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = other.accept()
                    with connection:
                        connection.recv(2**16)
                        connection.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with semblance.Client(f"http://127.0.0.1:{other.getsockname()[1]}", timeout=5) as client:
            with pytest.raises(semblance.ServiceError):
                client.facts(1)
            with pytest.raises(semblance.ServiceError):
                next(iter(client.duplicates()))
        other.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_its_key_is_sent(server: Server) -> None:
    """The service of the tests asks for none: what is sent is seen as httpx sends it."""
    seen: list[httpx.Request] = []
    with semblance.Client(server.url, key="secret") as client:
        client._sending.http.event_hooks = {"request": [seen.append]}
        client.ready()
    assert seen[0].headers["Authorization"] == "Bearer secret"


def test_it_asks_in_every_way(client: semblance.Client, server: Server) -> None:
    """Against the library itself, which is asked in the same ways."""
    first, second, third = server.library_pictures[:3]
    with semblance.open(server.library) as library:
        theirs = client.several([first, second], unlike=[third], k=5)
        assert theirs.results == library.search(first, second, unlike=[third], k=5).results
        ids = [client.search(path, k=1)[0].id for path in (first, second, third)]
        assert client.several(ids[:2], unlike=ids[2:], k=5)[0].id in {hit.id for hit in theirs}
        codes = library.codec.encode([first, second])
    encoded = client.encode(first)
    assert (encoded.code, encoded.codec_id) == (codes[0].tobytes().hex(), theirs.codec_id)
    for asked in (codes, [code.tobytes() for code in codes], [encoded.code, codes[1].tobytes().hex()]):
        found = client.search_codes(asked, k=1, codec_id=encoded.codec_id)
        assert [[hit.path for hit in hits] for hits in found] == [[str(first)], [str(second)]]
    with pytest.raises(errors.OtherCodec):
        client.search_codes([encoded.code], codec_id="0" * 64)
    part = client.search(first, region=(0.25, 0.25, 0.5, 0.5), fold=True, within=200.0, k=5)
    assert part.library_size == 48
    assert all(hit.distance <= 200 for hit in part)


def test_pages_hold_each_result_once(client: semblance.Client, server: Server) -> None:
    picture = server.library_pictures[4]
    whole = [hit.path for hit in client.search(picture, k=48)]
    pages = list(client.pages(picture, k=20))
    assert [len(page) for page in pages] == [20, 20, 8]
    assert [hit.path for page in pages for hit in page] == whole
    id = pages[0][0].id
    assert sorted(hit.path for page in client.pages(id, k=30) for hit in page) == sorted(whole)


def test_it_looks_at_what_there_is(client: semblance.Client, server: Server) -> None:
    listed = list(client.pictures())
    assert [each.path for each in listed] == [str(path) for path in server.library_pictures]
    folder = server.library_pictures[0].parent
    assert {Path(each.path).parent for each in client.pictures(folder=str(folder))} == {folder}
    facts = client.facts(listed[0].id)
    with Image.open(server.library_pictures[0]) as picture:
        assert (facts.path, (facts.width, facts.height)) == (listed[0].path, picture.size)
    assert str(folder) in {each.path for each in client.facets().folders}
    assert client.remembered(listed[0].id)[:3] == b"\xff\xd8\xff"
    with pytest.raises(semblance.SemblanceError, match="semblance map"):
        client.map()


def test_it_changes_the_library(tmp_path: Path, sample: Path) -> None:
    """Added, removed, indexed as a job, duplicates told apart: by a service of its own."""
    pictures = sorted(sample.rglob("*.jpg"))[:6]
    for name, path in zip(("a.jpg", "b.jpg", "c.jpg"), pictures, strict=False):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "pictures" / name)
    shutil.copy(tmp_path / "pictures/a.jpg", tmp_path / "pictures/twin.jpg")
    semblance.create(tmp_path / "library", model="cifar10-fast").close()
    with serving(tmp_path / "library", "--folder", str(tmp_path / "pictures")) as url, semblance.Client(url) as client:
        job = client.index(tmp_path / "pictures")
        *progress, ended = client.events(job.id)
        assert isinstance(ended, Job)
        assert ended == client.job(job.id) == client.finish(job.id) == client.jobs()[0]
        assert ended.state == "done"
        assert ended.summary
        assert ended.summary["added"] == 4
        assert all(isinstance(each, JobProgress) and each.done <= each.total for each in progress)

        added = client.add(pictures[5])
        assert client.add(pictures[5]) == added
        assert client.search(pictures[5], k=1)[0].id == added.id
        client.remove(added.id)
        for gone in (lambda: client.remove(added.id), lambda: client.picture(added.id)):
            with pytest.raises(errors.UnknownPicture):
                gone()
        assert client.cancel(job.id).state == "done"

        (group,) = client.duplicates()
        first, second = sorted(member.id for member in group.members)
        client.tell_apart(first, second)
        assert list(client.duplicates()) == []
        client.tell_apart(first, second, apart=False)
        assert len(list(client.duplicates())) == 1
        with pytest.raises(semblance.ServiceError) as refused:
            client.index(tmp_path)
        assert refused.value.status == 403
