"""Every way that an upload can be wrong, over a real socket: a status and a sentence each, and the service goes on."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, serving, until

START = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--b--\r\n"
FORM = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture
def picture(server: Server) -> bytes:
    return server.library_pictures[0].read_bytes()


def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: str = answer.json()["detail"]
    assert said.endswith(".")
    return said


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ([("file", b"1"), ("file", b"2")], 400, "more than one file"),
        ([("file", b"1"), ("other", b"2")], 400, "more than one file"),
        ([("picture", b"1")], 422, "picture: no file is asked for by this name; send the picture as the field `file`"),
        ([("file", (None, "text"))], 422, "file: there is no such file in the form"),
        ([("file", (None, 2 * 2**20 * "x"))], 413, "text in the form is too long"),
        ([("file", ("", b""))], 422, "file: there is no such file"),
        ([("file", ("a.jpg", b""))], 400, "The upload is empty"),
        ([(f"k{number}", (None, "x")) for number in range(1001)], 400, "Too many fields"),
    ],
)
def test_forms_with_other_parts(http: httpx.Client, files: list[tuple[str, object]], status: int, said: str) -> None:
    assert said in detail(http.post("/search", files=files), status)  # type: ignore[arg-type]


def test_two_large_files_are_refused_and_the_client_hears_it(http: httpx.Client) -> None:
    assert "more than one file" in detail(http.post("/search", files=2 * [("file", bytes(12 * 10**6))]), 400)


BODIES = {
    "cut short": (FORM, START + b"12345", 422, "or the form is cut short"),
    "cut in a header": (FORM, START[:30], 422, "or the form is cut short"),
    "empty": (FORM, b"", 422, "file: "),
    "without a boundary": ("multipart/form-data", START + END, 400, "names no boundary"),
    "an empty boundary": ("multipart/form-data; boundary=", START + END, 400, "cannot be read"),
    "another boundary": ("multipart/form-data; boundary=c", START + END, 400, "cannot be read"),
    "a boundary too long": (f"multipart/form-data; boundary={999 * 'b'}", START + END, 400, "cannot be read"),
    "a part without a name": (FORM, START.replace(b'name="file"; ', b"") + END, 400, '"name" must be provided'),
    "a part without a header": (FORM, b"--b\r\n\r\n1" + END, 400, '"name" must be provided'),
    "bytes in a header": (FORM, b"--b\r\n\xff\0: x\r\n\r\n1" + END, 400, "cannot be read"),
    "lines of another system": (FORM, START.replace(b"\r", b"") + b"\n--b--\n", 400, "cannot be read"),
    "something before": (FORM, b"Hello\r\n" + START + END, 400, "cannot be read"),
    "in UTF-16": (f"{FORM}; charset=utf-16", START + b"1" + END, 422, "no file is asked for by this name"),
    "in no charset": (f"{FORM}; charset=undefined", START + b"1" + END, 400, "cannot be read"),
    "as JSON": ("application/json", b"{}", 415, "file: send the picture as the field `file` of a form"),
    "as itself": ("image/jpeg", b"\xff\xd8\xff", 415, "file: send the picture"),
    "as curl -d sends it": ("application/x-www-form-urlencoded", 2000 * b"&a", 415, "file: send the picture"),
    "as another multipart": ("multipart/mixed; boundary=b", START + b"1" + END, 415, "file: send the picture"),
    "as nothing": (";", START + b"1" + END, 422, "file: "),
}


@pytest.mark.parametrize("kind", BODIES)
def test_bodies_that_are_no_form(http: httpx.Client, kind: str) -> None:
    content_type, body, status, said = BODIES[kind]
    assert said in detail(http.post("/search", content=body, headers={"Content-Type": content_type}), status)


@pytest.mark.parametrize("said", [FORM, f"{FORM}; charset=x-unknown", "Multipart/Form-Data; BOUNDARY=b"])
def test_forms_that_are_right_however_they_look(http: httpx.Client, picture: bytes, said: str) -> None:
    for start in (START, START.replace(b"a.jpg", b""), START.replace(b"a.jpg", b"\xff\0")):
        answer = http.post("/search", content=start + picture + END, headers={"Content-Type": said})
        assert answer.json()["results"][0]["distance"] == 0, "without the name of a file, or with a wild one"


def test_a_body_of_unsaid_length_is_411(server: Server) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as raw:
        raw.sendall(f"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n\r\n".encode())
        assert b" 411 " in raw.recv(100)


@pytest.mark.usefixtures("mounting")
def test_without_room_for_temporary_files_large_uploads_are_503_until_there_is(
    library: Path, tmp_path: Path, picture: bytes
) -> None:
    """On a real disk of two megabytes, full, then taken away; what fits in memory is answered all the same."""
    disk = tmp_path / "tmp"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    large = picture + bytes(3 * 2**19)  # a JPEG ends where it says
    try:
        with serving(library, TMPDIR=str(disk)) as url, httpx.Client(base_url=url, timeout=30) as http:
            until(lambda: http.get("/ready").status_code == 200)

            def upload(data: bytes) -> httpx.Response:
                return http.post("/search", files={"file": data})

            assert upload(large).status_code == 200
            until(lambda: shutil.disk_usage(disk).used < 2**16)
            (disk / "fills it").write_bytes(bytes(2**20))
            refused = upload(large)
            assert "No space left on device" in detail(refused, 503)
            assert "TMPDIR" in refused.text
            assert refused.headers["retry-after"]
            assert upload(picture).status_code == 200
            (disk / "fills it").unlink()
            assert upload(large).status_code == 200
            subprocess.run(["umount", disk], check=True)
            disk.rmdir()
            assert "No such file or directory" in detail(upload(large), 503)
            disk.mkdir()
            assert upload(large).status_code == 200
    finally:
        subprocess.run(["umount", disk], check=False, capture_output=True)
