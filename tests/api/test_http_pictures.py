"""Pictures over a real socket: what is sent is what was indexed, whole or in parts, and once."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import paint, serving, until

pillow_heif.register_heif_opener()
KEPT = "private, max-age=31536000, immutable"
NAMES = ("naïve 猫.png", 'say "hi".png', "a\nSet-Cookie: x.png", "100%41;.png", "page.html.png")
TIMES = {"old.png": -2_000_000_000, "to come.png": 15_000_000_000}  # 1906, 2445
CORNERS = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (255, 255, 0)]], np.uint8)

FLIPS = """
import os, sys, time
path, indexed, other = sys.argv[1:]
print("flips", flush=True)
while True:
    for make in (lambda: os.link(indexed, path + ".next"), lambda: os.symlink(other, path + ".next")):
        make()
        os.replace(path + ".next", path)
        time.sleep(0.001)
"""


class Shelf:
    """A library of few pictures, whose service runs."""

    def __init__(self, folder: Path, http: httpx.Client) -> None:
        self.folder, self.http = folder, http
        self.ids = {Path(each["path"]).name: each["id"] for each in http.get("/images?limit=200").json()["images"]}

    def get(self, name: str, road: str = "", **headers: str) -> httpx.Response:
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        return self.http.get(f"/images/{self.ids[name]}{road}", headers=named)


def quartered(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(CORNERS).resize(size, Image.Resampling.NEAREST)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    for seed, name in enumerate((*NAMES, *TIMES, "flipped.png", "touched.png", "replaced.png", "plain.png")):
        paint(folder / name, seed)
    for name, time in TIMES.items():
        os.utime(folder / name, (time, time))
    quartered((6000, 500)).save(folder / "wide.jpg", quality=95)
    quartered((300, 1500)).save(folder / "tall.webp", lossless=True)
    quartered((2500, 1500)).save(folder / "photo.heic", quality=95)
    turned = Image.Exif()
    turned[274] = 6
    quartered((1500, 2500)).transpose(Image.Transpose.ROTATE_90).save(folder / "turned.tif", exif=turned)
    noise = np.random.default_rng(0).integers(0, 256, (3000, 3000, 3), np.uint8)
    Image.fromarray(noise).save(folder / "large.bmp")
    library = tmp_path_factory.mktemp("shelved")
    pipeline.update([folder], library, codec)
    with serving(library) as url, httpx.Client(base_url=url, timeout=30) as http:
        until(lambda: http.get("/ready").status_code == 200)
        yield Shelf(folder, http)


def detail(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] in ("no-store", "no-cache")
    said: str = answer.json()["detail"]
    return said


def test_a_file_is_sent_whole_and_in_parts(shelf: Shelf) -> None:
    data = (shelf.folder / "large.bmp").read_bytes()
    whole = shelf.get("large.bmp")
    assert whole.content == data
    tag = f'"{hashlib.sha256(data).hexdigest()}"'
    kept = {"etag": tag, "cache-control": KEPT, "accept-ranges": "bytes", "x-content-type-options": "nosniff"}
    assert {name: whole.headers.get(name) for name in kept} == kept
    for said, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=1000000-9000000", 10**6, 9 * 10**6 + 1),
        ("bytes=-5", -5, None),
    ):
        some = shelf.get("large.bmp", Range=said, If_Range=tag)
        first, last = start % len(data), (len(data) if end is None else end) - 1
        assert (some.status_code, some.content) == (206, data[start:end])
        assert some.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"
    assert shelf.get("large.bmp", Range="bytes=0-1", If_Range='"other"').content == data
    none = shelf.get("large.bmp", Range="bytes=99999999-")
    assert "Range: bytes=0-99" in detail(none, 416)
    assert none.headers["content-range"] == f"bytes */{len(data)}"
    for path in ("/", "/page/app.js", "/docs"):
        answers = [shelf.http.get(path, headers={"Range": said}) for said in ("bytes=0-0", "bytes=5-2", "bytes=abc")]
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, shelf.http.get(path).content)}


def test_what_a_client_has_is_not_sent_again(shelf: Shelf) -> None:
    for road in ("", "/thumbnail", "/view", "/view?side=1024"):
        sent = shelf.get("plain.png", road)
        assert (sent.status_code, sent.headers["cache-control"]) == (200, KEPT)
        for tag in (sent.headers["etag"], f"W/{sent.headers['etag']}", f'"x", {sent.headers["etag"]}', "*"):
            for method in ("GET", "HEAD"):
                asked = {"If-None-Match": tag, "Range": "bytes=99999999-"}
                seen = shelf.http.request(method, sent.url, headers=asked)
                assert (seen.status_code, seen.content) == (304, b"")
                assert (seen.headers["etag"], seen.headers["cache-control"]) == (sent.headers["etag"], KEPT)
        assert shelf.get("plain.png", road, If_None_Match='"x"').content == sent.content
        assert "If-Match" in detail(shelf.get("plain.png", road, If_Match='"x"'), 412)
    date = shelf.get("plain.png").headers["last-modified"]
    assert shelf.get("plain.png", If_Modified_Since=date).status_code == 304


def test_whatever_answers_get_answers_head(shelf: Shelf) -> None:
    described = shelf.http.get("/openapi.json").json()["paths"]
    paths = [path for path, said in described.items() if "get" in said and not path.endswith("/events")]  # without end
    paths += ["/", "/page/app.js", "/docs", "/openapi.json"]
    assert len(paths) > 8
    until(lambda: shelf.http.get("/duplicates").status_code == 200)
    assert not [path for path in described if "head" in described[path]], "a generated client has no use for them"
    for path in paths:
        for id in ("1", "0", "999999"):
            url = path.replace("{id}", id)
            got, head = shelf.http.get(url), shelf.http.head(url)
            assert (head.status_code, head.content) == (got.status_code, b""), url
            assert head.headers["content-type"] == got.headers["content-type"]
            assert "etag" not in got.headers or head.headers["content-length"] == got.headers["content-length"]
            if "{id}" not in path:
                break


def test_a_method_that_a_path_does_not_take_is_told_those_that_it_does(shelf: Shelf) -> None:
    refused = shelf.http.get("/search")
    assert "GET /search" in detail(refused, 405)
    assert refused.headers["allow"] == "POST"
    for path in ("/images/1/thumbnail", "/health", "/page/app.js", "/openapi.json"):
        refused = shelf.http.post(path)
        detail(refused, 405)
        assert refused.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("name", [*NAMES, *TIMES])
def test_names_and_times_that_no_header_holds(shelf: Shelf, name: str) -> None:
    answer = shelf.get(name)
    assert answer.content == (shelf.folder / name).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-disposition"].startswith('inline; filename="')
    assert ("last-modified" in answer.headers) == (name != "to come.png")


def test_a_thumbnail_keeps_what_a_square_of_it_shows(shelf: Shelf) -> None:
    for name, size in (("wide.jpg", (1280, 107)), ("tall.webp", (300, 1200)), ("photo.heic", (533, 320))):
        sent = shelf.get(name, "/thumbnail")
        assert sent.headers["content-type"] == "image/jpeg"
        shown = Image.open(io.BytesIO(sent.content))
        assert shown.size == size or name == "tall.webp"
        assert max(shown.size) <= 1280
        assert min(shown.size) <= 320
    assert shown.size == (533, 320)


@pytest.mark.parametrize("name", ["photo.heic", "turned.tif", "wide.jpg", "tall.webp"])
def test_the_view_is_the_whole_picture_upright_for_any_browser(shelf: Shelf, name: str) -> None:
    size = {"photo.heic": (2500, 1500), "turned.tif": (1500, 2500), "wide.jpg": (6000, 500), "tall.webp": (300, 1500)}
    for side in (1024, 2048, 4096):
        sent = shelf.get(name, f"/view?side={side}")
        assert sent.headers["content-type"] == "image/jpeg"
        shown = Image.open(io.BytesIO(sent.content))
        scale = min(1, side / max(size[name]))
        assert shown.size == tuple(round(scale * length) for length in size[name])
        assert (shown.mode, shown.info.get("icc_profile")) == ("RGB", None)
        for x, y in np.ndindex(2, 2):
            seen = shown.getpixel((shown.width * (1 + 2 * x) // 4, shown.height * (1 + 2 * y) // 4))
            assert np.abs(np.array(seen) - CORNERS[y, x].astype(int)).max() < 12
    assert "side: " in detail(shelf.get(name, "/view?side=300"), 422)


def test_another_file_is_never_sent_though_the_path_flips(shelf: Shelf, tmp_path: Path) -> None:
    """Between the picture and a link to another, of the same size and time; the two are atomic renames."""
    path, indexed, other = shelf.folder / "flipped.png", tmp_path / "indexed", tmp_path / "other.png"
    data = path.read_bytes()
    right = {road: shelf.get(path.name, road).content for road in ("", "/thumbnail", "/view")}
    shutil.copy2(path, indexed)
    paint(other, 99)
    other.write_bytes(other.read_bytes().ljust(len(data), b"\0")[: len(data)])
    shutil.copystat(indexed, other)
    flips = subprocess.Popen([sys.executable, "-c", FLIPS, path, indexed, other], stdout=subprocess.PIPE)
    try:
        assert flips.stdout is not None
        flips.stdout.readline()

        def ask(turn: int) -> int:
            road = ("", "", "", "/thumbnail", "/view")[turn % 5]
            answer = shelf.get(path.name, road)
            if answer.status_code == 200:
                assert answer.content == right[road], turn
            else:
                assert "index its folder again" in detail(answer, 410)
            return answer.status_code

        with ThreadPoolExecutor(6) as pool:
            statuses = [*pool.map(ask, range(600))]
        assert {status for status in (200, 410) if statuses.count(status) > 20} == {200, 410}, "else it was not flipped"
    finally:
        flips.kill()
        flips.communicate()


def test_a_file_that_was_touched_or_copied_is_the_same_and_one_with_other_content_is_not(shelf: Shelf) -> None:
    touched, replaced = shelf.folder / "touched.png", shelf.folder / "replaced.png"
    os.utime(touched, (1, 1))
    assert shelf.get(touched.name).content == touched.read_bytes()
    shutil.copyfile(touched, replaced)
    for road in ("", "/thumbnail", "/view"):
        assert "is not the picture that was indexed" in detail(shelf.get(replaced.name, road), 410)
        assert "is not the picture" in detail(shelf.get(replaced.name, road, If_None_Match="*"), 410)
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), os.mkdir):
        replaced.unlink()
        make(replaced)
        for road in ("", "/thumbnail", "/view"):
            assert "is gone" in detail(shelf.get(replaced.name, road), 410)


def test_a_file_that_is_changed_while_it_is_sent_is_broken_off(shelf: Shelf) -> None:
    path = shelf.folder / "large.bmp"
    before, got = path.read_bytes(), list[bytes]()

    def all_of(answer: httpx.Response) -> None:
        for piece in answer.iter_raw(2**16):
            if not got:
                with path.open("r+b") as file:  # in place, and as long as it was
                    file.write(bytes(len(before)))
            got.append(piece)

    with (
        shelf.http.stream("GET", f"/images/{shelf.ids[path.name]}") as answer,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        all_of(answer)
    assert before.startswith(b"".join(got)), "and nothing of the new content was sent for the old"
    path.write_bytes(before)
    assert shelf.get(path.name, Range="bytes=0-99").content == before[:100]
