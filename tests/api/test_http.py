"""The service over a real socket: its contract, and one problem document for whatever is wrong."""

import io
import json
import math
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from PIL import Image

from semblance.api.workers.threads import Slots
from semblance.retrieval import codes, images
from semblance.retrieval.codec import Codec, from_logits
from semblance.retrieval.errors import Busy
from semblance.retrieval.queries import asymmetric
from semblance.retrieval.views import views
from tests.conftest import Server, huge_header, paint, serving, until

HUGE_ID = 2**63 - 1


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


def upload(http: httpx.Client, picture: Path | bytes, query: str = "", **fields: str) -> httpx.Response:
    data = picture.read_bytes() if isinstance(picture, Path) else picture
    return http.post(f"/search{query}", files={"file": ("a.jpg", data)}, data=fields)


def problem(answer: httpx.Response, status: int) -> str:
    """The detail of an error, after a check that it is the problem document that the contract promises."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "kind", "request_id"}
    assert body["status"] == status
    detail: str = body["detail"]
    assert len(detail) > 15
    assert detail.endswith(".")
    return detail


@pytest.mark.parametrize("engine", ["code", "copies", "pixel"])
def test_a_search_answers_with_the_contracts_keys_and_the_picture_itself_first(
    http: httpx.Client, server: Server, engine: str
) -> None:
    asked = server.library_pictures[7]
    answer = upload(http, asked, f"?engine={engine}&k=5").json()
    assert set(answer) == {
        *("codec_id", "coverage", "engine", "library_size", "timings_ms", "results"),
        *("narrowed", "next"),
    }
    assert (answer["engine"], answer["library_size"], answer["coverage"]) == (engine, 48, 1)
    assert (answer["codec_id"] == http.get("/ready").json()["codec_id"]) is (engine != "copies")
    assert set(answer["timings_ms"]) == {"decode", "encode", "search"}
    assert answer["timings_ms"]["decode"] > 0
    assert answer["timings_ms"]["search"] > 0
    results = answer["results"]
    assert [set(hit) for hit in results] == 5 * [
        {"id", "path", "distance", "similarity", "expected_by_chance", "copy", "crowd", "folded"}
    ]
    assert (results[0]["path"], results[0]["distance"], results[0]["similarity"]) == (str(asked), 0, 1)
    assert results[0]["copy"] is True
    assert [hit["distance"] for hit in results] == sorted(hit["distance"] for hit in results)
    for hit in results:
        worst = math.sqrt(3072) if engine == "pixel" else 256
        assert hit["similarity"] == pytest.approx(1 - hit["distance"] / worst)


def test_k_and_engine_may_be_fields_of_the_form_and_default_to_ten_codes(http: httpx.Client, server: Server) -> None:
    asked = server.library_pictures[0]
    by_form = upload(http, asked, k="3", engine="pixel").json()
    by_query = upload(http, asked, "?k=3&engine=pixel").json()
    assert by_form["results"] == by_query["results"]
    assert len(by_form["results"]) == 3
    plain = upload(http, asked).json()
    assert (len(plain["results"]), plain["engine"]) == (10, "code")
    assert len(upload(http, asked, "?k=1000").json()["results"]) == 48, "no more than there are"


@pytest.mark.parametrize(
    ("query", "fields", "named"),
    [
        ("?k=0", {}, "k: "),
        ("?k=1001", {}, "k: "),
        ("?k=", {}, "k: "),
        ("?engine=magic", {}, "engine: "),
        ("?engine=", {}, "engine: "),
        ("?limit=3", {}, "limit: "),
        ("?views=0", {}, "views: "),
        ("?views=11", {}, "views: "),
        ("?views=", {}, "views: "),
        ("?views=two", {}, "views: "),
        ("?refine=", {}, "refine: "),
        ("?refine=maybe", {}, "refine: "),
        ("", {"views": "11"}, "views: "),
        ("", {"refine": "2"}, "refine: "),
        ("", {"k": "0"}, "k: "),
        ("", {"k": "three"}, "k: "),
        ("", {"engine": ""}, "engine: "),
        ("", {"top": "3"}, "top: "),
    ],
)
def test_unknown_fields_and_values_are_refused_by_name(
    http: httpx.Client, server: Server, query: str, fields: dict[str, str], named: str
) -> None:
    assert named in problem(upload(http, server.library_pictures[0], query, **fields), 422)


@pytest.mark.parametrize("query", ["&views=2", "&refine=true", "&views=10&refine=true"])
def test_pixels_have_neither_views_nor_a_refined_order(http: httpx.Client, server: Server, query: str) -> None:
    asked = server.library_pictures[0]
    assert "Only codes have several views" in problem(upload(http, asked, f"?engine=pixel{query}"), 422)
    assert upload(http, asked, "?engine=pixel&views=1&refine=false").status_code == 200


@pytest.mark.parametrize("query", ["views=2", "views=1", "refine=true", "refine=false"])
def test_of_a_stored_picture_there_are_no_views_and_no_logits(http: httpx.Client, query: str) -> None:
    """Its code is all that is kept of it; what cannot be done is refused by name, and not left undone in silence."""
    assert f"{query.partition('=')[0]}: " in problem(http.get(f"/images/1/similar?{query}"), 422)


def test_views_and_the_refined_order_are_those_of_the_codec(
    http: httpx.Client, server: Server, codec: Codec, sample: Path
) -> None:
    """Worked out again from the library's files: the distances to the nearest view, and the order among them."""
    paths = server.library_pictures
    held = codec.encode(np.stack([images.load(path, codec.spec) for path in paths]))
    ids = {hit["path"]: hit["id"] for hit in upload(http, paths[0], "?k=48").json()["results"]}
    refined_differs = 0
    for asked in paths[:6]:
        for count, refine in ((1, None), (1, False), (4, False), (4, True)):
            order = "" if refine is None else f"&refine={refine}"
            answer = upload(http, asked, f"?k=48&views={count}{order}").json()["results"]
            logits = codec.logits(views(images.load(asked, codec.spec), count))
            near = codes.hamming(from_logits(logits), held).min(axis=0)
            assert {hit["path"]: hit["distance"] for hit in answer} == dict(
                zip(map(str, paths), near.tolist(), strict=True)
            )
            rank = near if refine is False else asymmetric(logits, held).min(axis=0)
            rows = sorted(range(48), key=lambda row: (rank[row], ids[str(paths[row])]))
            assert [hit["path"] for hit in answer] == [str(paths[row]) for row in rows]
            assert all(hit["similarity"] == pytest.approx(1 - hit["distance"] / 256) for hit in answer)
            assert (answer[0]["path"], answer[0]["distance"]) == (str(asked), 0)
            refined_differs += [hit["distance"] for hit in answer] != sorted(near.tolist())
    assert refined_differs, "else refining would not have been seen"


def test_bad_uploads_are_refused_each_with_its_status(http: httpx.Client, server: Server) -> None:
    whole = server.library_pictures[0].read_bytes()
    assert "is not a picture that Semblance reads" in problem(upload(http, b"plain text, and no picture"), 415)
    assert "cut short" in problem(upload(http, whole[: len(whole) // 2]), 400)
    assert "The upload is empty" in problem(upload(http, b""), 400)
    assert "20000 x 6000 pixels" in problem(upload(http, huge_header()), 413)
    assert "file: " in problem(http.post("/search"), 422)
    assert "file: " in problem(http.post("/search", data={"k": "3"}), 415)
    assert "file: " in problem(http.post("/search", json={"file": "x"}), 415)
    assert upload(http, whole).status_code == 200, "and the service goes on"


def test_a_picture_that_is_no_form_is_told_how_to_come(http: httpx.Client, server: Server) -> None:
    """As `curl --data-binary @cat.jpg` sends it; what it sent is not sent back."""
    whole = server.library_pictures[0].read_bytes()
    for kind in ("application/x-www-form-urlencoded", "image/jpeg", "application/json"):
        said = problem(http.post("/search", content=whole, headers={"Content-Type": kind}), 415)
        assert said == "file: send the picture as the field `file` of a form, as curl -F file=@cat.jpg does."
    fields = {f"{number:02}" + 500 * "x": "1" for number in range(20)}
    said = problem(http.post("/search", files={"file": whole}, data=fields), 422)
    assert said.count("this request takes nothing of this name") == 5
    assert said.endswith("; and 15 more.")
    assert len(said) < 500


def multipart(megabytes: int) -> Iterator[bytes]:
    """The body of an upload, piece by piece: sent without an announced length."""
    yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    for _ in range(megabytes):
        yield bytes(2**20)
    yield b"\r\n--edge--\r\n"


def test_an_upload_over_25_mb_is_refused_announced_or_not(http: httpx.Client) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert "over 25 MB" in problem(upload(http, bytes(26 * 2**20)), 413)
    assert "over 25 MB" in problem(upload(http, bytes(25 * 2**20 + 1)), 413)
    assert "over 25 MB" in problem(http.post("/search", content=multipart(26), headers=form), 413)
    problem(http.post("/search", content=multipart(24), headers=form), 415)
    with socket.create_connection((http.base_url.host, http.base_url.port or 80), timeout=10) as absurd:
        absurd.sendall(b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n")
        assert b" 413 " in absurd.recv(100), "what is absurdly long is not waited for"


def test_a_picture_of_the_library_and_its_thumbnail(http: httpx.Client, server: Server) -> None:
    image = http.get("/images", params={"limit": 3}).json()["images"][1]
    original = http.get(f"/images/{image['id']}")
    assert original.headers["content-type"] == "image/jpeg"
    assert original.content == Path(image["path"]).read_bytes()

    for _ in ("made", "kept"):
        small = http.get(f"/images/{image['id']}/thumbnail")
        assert small.headers["content-type"] == "image/jpeg"
        with Image.open(io.BytesIO(small.content)) as shown, Image.open(image["path"]) as whole:
            assert min(shown.size) == min(320, min(whole.size))
            assert shown.width / shown.height == pytest.approx(whole.width / whole.height, rel=0.01)
    seen = http.get(f"/images/{image['id']}/thumbnail", headers={"If-None-Match": small.headers["etag"]})
    assert (seen.status_code, seen.content) == (304, b"")
    assert http.get(f"/images/{image['id']}/thumbnail", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("engine", ["code", "pixel"])
def test_a_picture_of_the_library_can_ask(http: httpx.Client, server: Server, engine: str) -> None:
    asked = upload(http, server.library_pictures[20], f"?k=4&engine={engine}&refine=false").json()["results"]
    answer = http.get(f"/images/{asked[0]['id']}/similar", params={"k": 4, "engine": engine}).json()
    assert answer["results"] == asked
    assert answer["timings_ms"]["decode"] == answer["timings_ms"]["encode"] == 0
    problem(http.get(f"/images/{asked[0]['id']}/similar", params={"k": 0}), 422)


@pytest.mark.parametrize("road", ["", "/thumbnail", "/similar", "/similar?engine=pixel"])
def test_an_id_that_is_not_there_is_404_and_what_is_no_id_422(http: httpx.Client, road: str) -> None:
    for id in (10**6, HUGE_ID):
        assert f"no picture {id}" in problem(http.get(f"/images/{id}{road}"), 404)
    for text in ("0", "-1", str(HUGE_ID + 1), "9" * 40, "first"):
        problem(http.get(f"/images/{text}{road}"), 422)


def test_some_pictures_are_spread_over_the_library(http: httpx.Client) -> None:
    ids = [image["id"] for image in http.get("/images").json()["images"]]
    assert len(ids) == 12
    assert ids == sorted(set(ids))
    assert ids[-1] > 40
    assert len(http.get("/images?limit=200").json()["images"]) == 48
    for limit in ("0", "201", "", "x"):
        assert "limit: " in problem(http.get(f"/images?limit={limit}"), 422)


def test_health_ready_and_the_description(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    ready = http.get("/ready").json()
    assert (ready["pictures"], ready["bits"], ready["engines"]) == (48, 256, ["code", "copies", "pixel"])
    assert "swagger" in http.get("/docs").text
    paths = http.get("/openapi.json").json()["paths"]
    assert {"/search", "/images/{id}", "/images/{id}/thumbnail", "/images/{id}/similar", "/health", "/ready"} <= {
        *paths
    }
    assert "application/problem+json" in paths["/search"]["post"]["responses"]["413"]["content"]


def test_whatever_else_is_asked_is_a_problem_too(http: httpx.Client) -> None:
    assert "GET /nowhere" in problem(http.get("/nowhere"), 404)
    assert "DELETE /search" in problem(http.delete("/search"), 405)
    problem(http.get("/page/nothing.js"), 404)
    problem(http.get("/page/..%2fapp.py"), 404)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::2]:80"])
def test_a_service_on_this_machine_answers_to_no_foreign_name(http: httpx.Client, host: str) -> None:
    problem(http.get("/images", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1", "[::1]:9", "[::1]"])
def test_it_answers_to_its_own(http: httpx.Client, host: str) -> None:
    assert http.get("/images", headers={"Host": host}).status_code == 200


def test_many_searches_at_once_are_each_answered_with_their_own_picture(http: httpx.Client, server: Server) -> None:
    def ask(number: int) -> bool:
        asked = server.library_pictures[number % 48]
        k = 1 + number % 7
        how = ("engine=code", "engine=pixel", "views=3", "refine=true", "views=2&refine=true")[number % 5]
        results = upload(http, asked, f"?{how}&k={k}").json()["results"]
        return len(results) == k and results[0]["path"] == str(asked)

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(ask, range(144)))


def test_no_more_is_decoded_at_one_time_than_there_are_slots() -> None:
    running = most = 0

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.02)
        running -= 1

    async def crowd(waiting: int) -> int:
        decoding, refused = Slots(slots=2, waiting=waiting), 0

        async def one() -> None:
            nonlocal refused
            try:
                await decoding.run(work)
            except Busy:
                refused += 1

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(one)
        return refused

    assert anyio.run(crowd, 64) == 0, "more uploads than slots are all answered"
    assert most == 2
    assert anyio.run(crowd, 4) == 6, "two at work and four that wait; the others are turned away"


def test_a_crowd_beyond_those_who_may_wait_is_told_to_come_again(library: Path, tmp_path: Path) -> None:
    large = paint(tmp_path / "large.bmp", 1, (2600, 2600)).read_bytes()
    with serving(library, SEMBLANCE_DECODE_SLOTS="1", SEMBLANCE_WAITING="1") as url, httpx.Client(base_url=url) as http:
        until(lambda: http.get("/ready").status_code == 200)
        with ThreadPoolExecutor(12) as pool:
            answers = [*pool.map(partial(upload, http), 12 * [large])]
        assert {answer.status_code for answer in answers} == {200, 503}
        turned_away = [answer for answer in answers if answer.status_code == 503]
        assert "try again" in problem(turned_away[0], 503)
        assert turned_away[0].headers["retry-after"] == "2"
        assert upload(http, large).status_code == 200


def test_answers_are_json_that_any_client_reads(http: httpx.Client, server: Server) -> None:
    text = upload(http, server.library_pictures[1]).text
    assert "NaN" not in text
    assert json.loads(text)["library_size"] == 48
