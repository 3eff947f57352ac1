"""Asking over HTTP in every way there is, and what is wrong with a question."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from semblance.indexer.library import Library
from semblance.retrieval.codes import from_hex, hamming
from tests.conftest import Server


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def picture(server: Server) -> bytes:
    return server.library_pictures[7].read_bytes()


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["results"]]


def detail(answer: httpx.Response, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    return str(answer.json()["detail"])


def test_pages_of_an_upload_by_either_way(http: httpx.Client, picture: bytes) -> None:
    files = {"file": picture}
    whole = ids(http.post("/search?k=48", files=files))
    assert http.post("/search", files=files).json()["next"] is None
    first = http.post("/search", files=files, data={"k": "5", "cursor": ""})
    second = http.post("/search/next", json={"cursor": first.json()["next"], "k": 6})
    third = http.post("/search?k=7", files=files, data={"cursor": second.json()["next"]})
    assert ids(first) + ids(second) + ids(third) == whole[:18]
    assert ids(http.post("/search/next", json={"cursor": third.json()["next"], "k": 1000})) == whole[18:]


def test_pages_of_a_picture_of_the_library_and_of_several(http: httpx.Client, picture: bytes) -> None:
    first = http.get("/images/3/similar?k=4&cursor=&fold=true").json()
    following = http.get("/images/3/similar", params={"k": 4, "cursor": first["next"]})
    assert ids(following) == ids(http.get("/images/3/similar?k=8&fold=true"))[4:]
    asked = {"like_id": ["3", "5"], "unlike_id": ["9"], "k": "4"}
    whole = ids(http.post("/search/several", files={"like": picture}, data={**asked, "k": "8"}))
    several = http.post("/search/several", files={"like": picture}, data={**asked, "cursor": ""})
    assert ids(several) == whole[:4]
    assert ids(http.post("/search/next", json={"cursor": several.json()["next"], "k": 4})) == whole[4:]

    other = "cursor: it goes on with another question"
    assert other in detail(http.get("/images/4/similar", params={"cursor": first["next"]}), 422)
    assert other in detail(http.get("/images/3/similar", params={"cursor": first["next"], "within": 9}), 422)
    assert other in detail(http.get("/images/3/similar", params={"cursor": first["next"], "engine": "copies"}), 422)
    assert other in detail(http.post("/search", files={"file": picture}, data={"cursor": first["next"]}), 422)
    for cursor in ("x", first["next"][:-9], first["next"][9:], "A" * 70_000):
        assert "cursor" in detail(http.post("/search/next", json={"cursor": cursor}), 422)


def test_answers_are_those_of_the_library_itself(http: httpx.Client, server: Server, picture: bytes) -> None:
    folder = str(server.library_pictures[7].parent)
    with Library.open(server.library) as own:
        wished: dict[str, Any] = {"folder": folder, "fold": True, "within": 200.0, "chance": 40.0}
        params = {**wished, "fold": "true"}
        for engine in ("code", "copies", "pixel"):
            found = http.post("/search", params={**params, "engine": engine}, files={"file": picture}).json()
            assert [hit["id"] for hit in found["results"]] == [
                h.id for h in own.search(picture, engine=engine, **wished)
            ]
            assert found["narrowed"] == len([*server.library_pictures[7].parent.iterdir()])
            region = (0.1, 0.2, 0.5, 0.6)
            by_region = [hit.id for hit in own.search(picture, engine=engine, region=region)]
            query = f"?engine={engine}&region=0.1,0.2,0.5,0.6"
            assert ids(http.post(f"/search{query}", files={"file": picture})) == by_region
            id = own.search(picture)[0].id
            assert ids(http.get(f"/images/{id}/similar{query}")) == by_region


def test_codes_out_and_many_codes_in(http: httpx.Client, server: Server, picture: bytes) -> None:
    encoded = http.post("/encode", files={"file": picture}).json()
    assert set(encoded) == {"codec_id", "bits", "code", "copies", "timings_ms"}
    assert set(encoded["copies"]) == {"codec_id", "bits", "code"}
    with Library.open(server.library) as own:
        way: Any = own.ways["code"]
        index = way.index
        known, stored = index.ids(), index.codes(index.ids())
    asked = [encoded["code"], *(code.tobytes().hex() for code in stored[:39])]
    answer = http.post("/search/codes", json={"codes": asked, "k": 7, "codec_id": encoded["codec_id"]}).json()
    assert set(answer) == {"codec_id", "engine", "library_size", "timings_ms", "narrowed", "answers"}
    assert len(answer["answers"]) == 40
    for code, found in zip(asked, answer["answers"], strict=True):
        far = hamming(from_hex(code, 256)[None], stored)[0]
        order = np.lexsort((known, far))[:7]
        assert [(hit["id"], hit["distance"]) for hit in found["results"]] == [
            (int(known[row]), int(far[row])) for row in order
        ]
        assert {hit["expected_by_chance"] for hit in found["results"]} == {None}
    within = http.post("/search/codes", json={"codes": asked[:1], "k": 40, "within": 60}).json()["answers"][0]
    assert all(hit["distance"] <= 60 for hit in within["results"])
    assert "another model" in detail(http.post("/search/codes", json={"codes": asked, "codec_id": "0" * 64}), 409)


def test_many_codes_with_many_results_are_answered_part_by_part(http: httpx.Client, server: Server) -> None:
    with Library.open(server.library) as own:
        way: Any = own.ways["code"]
        codes = [code.tobytes().hex() for code in way.index.codes(way.index.ids())]
    wished = {"k": 1000, "chance": 2.0}
    few = http.post("/search/codes", json={"codes": codes[:4], **wished})
    many = http.post("/search/codes", json={"codes": codes[:23], **wished})
    assert "content-length" in few.headers
    assert "content-length" not in many.headers, "others are answered, and memory is free, between two parts"
    assert few.json().keys() == many.json().keys()
    assert few.json()["answers"] == many.json()["answers"][:4]
    alone = [http.post("/search/codes", json={"codes": [code], **wished}).json()["answers"][0] for code in codes[:23]]
    assert many.json()["answers"] == alone
    with (
        httpx.Client(base_url=server.url) as gone,
        gone.stream("POST", "/search/codes", json={"codes": 256 * codes[:1], "k": 1000}) as answer,
    ):
        next(answer.iter_raw())
    assert http.post("/search/codes", json={"codes": codes[:4], **wished}).status_code == 200, "its turn is given back"


@pytest.mark.parametrize("name", ["within", "chance", "near", "region", "min_pixels", "k", "taken_from", "fold"])
def test_wrong_forms_of_a_parameter_are_named(http: httpx.Client, picture: bytes, name: str) -> None:
    for value in ("", "nan", "inf", "-1", "1e309", "x", "0x1", "1,2", "1,2,3,4,5", "nan,0,1", "0,0,0,0", "0.6,0,0.5,1"):
        for answer in (
            http.get("/images/3/similar", params={name: value}),
            http.post("/search", params={name: value}, files={"file": picture}),
            http.post("/search", files={"file": picture}, data={name: value}),
        ):
            assert name in detail(answer, 422)


@pytest.mark.parametrize("name", ["k", "within", "folder", "engine", "region"])
def test_what_is_said_twice_is_refused(http: httpx.Client, picture: bytes, name: str) -> None:
    twice = f"?{name}=1&{name}=1"
    for answer in (
        http.get(f"/images/3/similar{twice}"),
        http.post(f"/search{twice}", files={"file": picture}),
        http.post("/search", files={"file": picture}, data={name: ["1", "1"]}),
    ):
        assert name in detail(answer, 422)


def test_wrong_bodies_of_codes_and_of_several(http: httpx.Client, picture: bytes) -> None:
    good = "0" * 64
    wrong: list[Any] = [
        {"codes": []}, {"codes": [good] * 257}, {"codes": ["0"]}, {"codes": [good], "k": True},
        {"codes": [good], "k": 0},
        {"codes": [good], "within": "5"}, {"codes": [good], "engine": "pixel"}, {"codes": good}, {}, [],
        {"codes": [good], "near": "0,0"}, {"codes": [good], "views": 2},
    ]  # fmt: skip
    for body in wrong:
        detail(http.post("/search/codes", json=body), 422)
    for text in ('{"codes": ["' + good + '"], "within": NaN}', json.dumps({"codes": [good], "chance": 1e308}) + "9"):
        assert http.post("/search/codes", content=text, headers={"content-type": "application/json"}).status_code in (
            400,
            422,
        )
    assert "no picture 999" in detail(
        http.post("/search/several", files={"like": picture}, data={"like_id": "999"}), 404
    )
    for fields in (
        {"like_id": "0"},
        {"like_id": ["1"] * 17},
        {"like_id": "1", "engine": "pixel"},
        {"region": "0,0,1,1", "like_id": "1"},
    ):
        detail(http.post("/search/several", files={"like": picture}, data=fields), 422)
    detail(http.post("/search/several", files={"unlike": picture}), 422)


@pytest.mark.parametrize(
    ("path", "kind", "body", "status", "said"),
    [
        ("/search/codes", "application/json", b'{"codes":' + b"[" * 100_000, 400, "is no JSON"),
        ("/search/codes", "application/json", b'{"k":' + b"9" * 5000 + b"}", 400, "is no JSON"),
        ("/search/codes", "application/json", b"{", 400, "is no JSON"),
        ("/search/next", "application/json", b'"\xff"', 400, "is no JSON"),
        ("/search/codes", "application/json", b"[]", 422, "body: "),
        ("/search/codes", "application/json", b"", 422, "body: "),
        ("/search/several", "image/jpeg", b"\xff\xd8", 415, "form"),
        ("/search/several", "application/json", b"{}", 415, "form"),
    ],
)
def test_what_is_no_body_of_its_route_is_told_by_what_that_takes(
    http: httpx.Client, path: str, kind: str, body: bytes, status: int, said: str
) -> None:
    told = detail(http.post(path, content=body, headers={"content-type": kind}), status)
    assert said in told
    assert ("field `file`" in told) == (status == 415)
