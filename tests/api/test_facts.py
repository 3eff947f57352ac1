"""What pictures say of themselves over HTTP: facts, facets, a listing, what codes remember, the map."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import mapping
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import Server, serving, until
from tests.exif import CANON, DATED, MUNICH, exif, saved


@pytest.fixture(scope="module")
def dated(sample: Path, codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A service over a dozen drawn scenes, one picture that says when and where it was taken, and its copy."""
    place = tmp_path_factory.mktemp("dated")
    for number, path in enumerate(sorted(sample.rglob("*.jpg"))[:12]):
        (place / "pictures" / f"s{number % 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / "pictures" / f"s{number % 2}")
    for folder in ("s0", "s1"):
        (place / "pictures" / folder / "taken.png").write_bytes(saved("PNG", exif=exif(CANON, DATED, MUNICH)))
    pipeline.update([place / "pictures"], place / "library", codec)
    with serving(place / "library") as url, httpx.Client(base_url=url, timeout=30) as http:
        until(lambda: http.get("/ready").status_code == 200)
        yield http, place


def ids(http: httpx.Client, query: str = "") -> dict[str, int]:
    """All pictures by their paths, page by page."""
    found: dict[str, int] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = http.get(f"/images?limit=5&cursor={cursor}{query}").raise_for_status().json()
        assert len(page["images"]) <= 5
        found |= {each["path"]: each["id"] for each in page["images"]}
        cursor = page["next"]
    return found


def test_facts_of_a_picture_are_those_that_its_file_states(dated: tuple[httpx.Client, Path]) -> None:
    http, place = dated
    path = place / "pictures" / "s0" / "taken.png"
    known = ids(http)
    answer = http.get(f"/images/{known[str(path)]}/facts").json()
    assert answer.pop("modified").startswith("20")
    assert answer == {
        "id": known[str(path)],
        "path": str(path),
        "size": path.stat().st_size,
        "width": 40,
        "height": 30,
        "taken": "2019-05-04T13:02:01.25+02:00",
        "camera": "Canon EOS R5",
        "latitude": 48.1375,
        "longitude": 11.575,
        "sha256": Catalog.open(place / "library").contents()[answer["id"]].hex(),
        "copies": [known[str(place / "pictures" / "s1" / "taken.png")]],
    }
    other = http.get(f"/images/{min(known.values())}/facts").json()
    assert (other["taken"], other["camera"], other["latitude"], other["copies"]) == (None, None, None, [])
    assert http.get("/images/999999/facts").status_code == 404


def test_a_listing_narrows_as_its_parameters_say(dated: tuple[httpx.Client, Path]) -> None:
    http, place = dated
    everything = ids(http)
    assert len(everything) == 14
    assert [*everything.values()] == sorted(everything.values())
    below = str(place / "pictures" / "s1")
    assert ids(http, f"&folder={below}").keys() == {path for path in everything if path.startswith(below + "/")}
    taken = {path for path in everything if path.endswith("taken.png")}
    for query in ("taken_from=2019-05-04&taken_to=2019-05-04", "camera=CANON EOS r5", "near=48.14,11.58,1"):
        assert ids(http, f"&{query}").keys() == taken, query
        assert len(http.get(f"/images?{query}").json()["images"]) == 2, "without a cursor too"
    assert ids(http, "&min_pixels=1201").keys() == everything.keys() - taken
    assert ids(http, "&taken_to=2019-05-03") == {}


@pytest.mark.parametrize(
    "query",
    [
        *("folder=relative", "folder=/a%00b", "taken_from=2019-02-30", "near=1,2", "near=91,0,1", "near=1,2,nan"),
        *("near=1,2,0", "near=a,b,c", "min_pixels=0", "min_pixels=1e9", "cursor=-1", "cursor=x"),
        *("limit=0", "limit=201", "colour=red"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(dated: tuple[httpx.Client, Path], query: str) -> None:
    answer = dated[0].get(f"/images?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert query.partition("=")[0] in answer.json()["detail"]


def test_facets_are_what_there_is_to_narrow_by(dated: tuple[httpx.Client, Path]) -> None:
    http, place = dated
    assert http.get("/facets").json() == {
        "folders": [
            {"path": str(place / "pictures"), "pictures": 14},
            {"path": str(place / "pictures" / "s0"), "pictures": 7},
            {"path": str(place / "pictures" / "s1"), "pictures": 7},
        ],
        "cameras": [{"name": "Canon EOS R5", "pictures": 2}],
        "taken": {"first": "2019-05-04", "last": "2019-05-04"},
        "placed": 2,
    }


def test_what_a_code_remembers_is_what_the_decoder_makes_of_it(dated: tuple[httpx.Client, Path], codec: Codec) -> None:
    http, place = dated
    id = min(ids(http).values())
    answer = http.get(f"/images/{id}/remembered")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)
    with Catalog.opened(place / "library") as catalog:
        changes = catalog.changes(0)
    made = codec.decode(codec.latents(changes.codes[changes.ids == id]))[0].astype(int)
    assert np.abs(shown - made).mean() < 8
    again = http.get(f"/images/{id}/remembered", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get("/images/999999/remembered").status_code == 404


def test_a_map_is_shown_once_computed_and_grows_with_what_comes(dated: tuple[httpx.Client, Path], codec: Codec) -> None:
    http, place = dated
    none = http.get("/map")
    assert none.status_code == 404
    assert f"semblance map --library {place / 'library'}" in none.json()["detail"]
    mapping.make(place / "library")
    answer = http.get("/map")
    body = answer.json()
    assert body["ids"] == sorted(ids(http).values())
    assert len(body["x"]) == len(body["y"]) == 14
    assert all(0 <= each <= 65535 for each in body["x"] + body["y"])
    tag = {"If-None-Match": answer.headers["etag"]}
    assert http.get("/map", headers=tag).status_code == 304

    shutil.copy(place / "pictures" / "s0" / "taken.png", place / "pictures" / "third.png")
    (place / "pictures" / "s1" / "taken.png").unlink()
    pipeline.update([place / "pictures"], place / "library", codec)
    grown = http.get("/map", headers=tag)
    assert grown.status_code in (200, 304)
    assert http.get("/map").json()["ids"] == sorted(ids(http).values())


def test_a_codec_that_cannot_decode_remembers_nothing(server: Server, tmp_path: Path, codec: Codec) -> None:
    """A model that is none of those that ship, without a decoder: by another rule of resizing."""
    model = tmp_path / "blind"
    shutil.copytree(codec.folder, model)
    (model / "decoder.onnx").unlink()
    card = json.loads((model / "model.json").read_text())
    card["input"]["resize"] = "trim-bicubic"
    (model / "model.json").write_text(json.dumps(card))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    shutil.copy(server.library_pictures[0], pictures)
    pipeline.update([pictures], tmp_path / "library", Codec(str(model)))
    with serving(tmp_path / "library") as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        answer = httpx.get(f"{url}/images/1/remembered")
    assert answer.status_code == 404
    assert "no decoder" in answer.json()["detail"]
