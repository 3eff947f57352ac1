"""Services without a catalog, which answer from a real Milvus alone: as one over FAISS with the catalog does, or with a
sentence that says why not."""

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from playwright.sync_api import expect

from semblance.api.workers.shelf import may_be_read
from semblance.api.workers.stores import Store
from semblance.indexer.library import Library
from semblance.indexer.milvus import address, filling, schema
from semblance.indexer.milvus.connection import Server
from semblance.retrieval.errors import Busy
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from tests.api import browser
from tests.api.browser import DESK, PHONE
from tests.conftest import paint, serving, until
from tests.exif import DATED, exif, saved
from tests.sites import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

NEEDS_CATALOG = [
    *(("GET", path) for path in ("/facets", "/map", "/images/1/facts", "/images/1/remembered", "/duplicates", "/jobs")),
    *(("GET", path) for path in ("/jobs/1", "/images/1/similar?camera=x", "/images/1/similar?engine=pixel")),
    *(("GET", path) for path in ("/images/1/similar?near=1,2,3", "/images?min_pixels=9", "/jobs/1/events")),
    *(("DELETE", path) for path in ("/images/1", "/jobs/1")),
]


@dataclass
class Both:
    """One library, served with its catalog over FAISS and from Milvus alone, and all its pictures."""

    library: Path
    milvus: Milvus
    folder: Path
    catalogued: httpx.Client
    alone: httpx.Client

    @property
    def address(self) -> str:
        return self.milvus.address("shown")

    def equal(self, method: str, path: str, files: Any = None, json: Any = None) -> dict[str, Any]:
        """What both say, which is the same but for times and cursors."""
        said = [http.request(method, path, files=files, json=json) for http in (self.catalogued, self.alone)]
        assert [each.status_code for each in said] == [200, 200], said[1].text
        one, other = ({**each.json(), "timings_ms": None, "next": None} for each in said)
        assert one == other, path
        return said[1].json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Both]:
    place = tmp_path_factory.mktemp("alone")
    folder = place / "pictures"
    for seed in range(60):
        paint(folder / f"{seed % 3}" / f"painted {seed}.png", seed)
    for day in range(1, 9):
        entries = [(tag, kind, f"2019:05:{day:02d} 13:02:01" if tag == 0x9003 else said) for tag, kind, said in DATED]
        (folder / f"{day}.jpg").write_bytes(saved("JPEG", (40 + day, 30), exif=exif([], entries)))
    with Library.create(place / "library") as library:
        library.index(sample, folder, pixels=True)
    milvus = Milvus(place / "milvus")
    milvus.start()
    filling.fill(place / "library", milvus.address("shown"))
    try:
        with contextlib.ExitStack() as stack:
            urls = [
                stack.enter_context(serving(place / "library", SEMBLANCE_AUDIT="0")),
                stack.enter_context(serving(None, "--index", milvus.address("shown"), SEMBLANCE_AUDIT="0.2")),
            ]
            clients = [stack.enter_context(httpx.Client(base_url=url, timeout=60)) for url in urls]
            for http in clients:
                until(lambda http=http: http.get("/ready").status_code == 200)  # type: ignore[misc]
            yield Both(place / "library", milvus, folder, *clients)
    finally:
        milvus.kill()


def test_the_answers_are_those_of_a_service_with_a_catalog(both: Both, sample: Path) -> None:
    uploads = [*sorted(sample.rglob("*.jpg"))[::6], *sorted(both.folder.rglob("*.png"))[::15]]
    for path in uploads:
        for how in ("k=12", "engine=copies&views=2", "views=3&refine=false", "fold=true&k=30", "within=90&chance=5"):
            both.equal("POST", f"/search?{how}", files={"file": path.read_bytes()})
    ids = both.equal("GET", "/images?limit=24")["images"]
    for id in (each["id"] for each in ids):
        first = both.equal("GET", f"/images/{id}/similar?k=7")["results"][0]
        assert first["distance"] == 0
        assert first["copy"] is True
        both.equal("GET", f"/images/{id}/similar?engine=copies&folder={both.folder}/1&k=7")
    some = [("like", uploads[0].read_bytes()), ("like_id", (None, "3")), ("unlike_id", (None, "60"))]
    both.equal("POST", "/search/several?k=20", files=some)
    one = both.equal("POST", "/encode", files={"file": uploads[1].read_bytes()})
    both.equal("POST", "/search/codes", json={"codes": [one["code"], 64 * "0", 64 * "f"], "k": 25, "chance": 1e9})
    both.equal("POST", "/search/codes", json={"codes": [one["copies"]["code"]], "engine": "copies"})


def test_it_is_narrowed_by_folder_and_day(both: Both) -> None:
    narrowings = [f"folder={both.folder}/2", f"folder={both.folder}", f"folder={both.folder}/none"]
    narrowings += ["taken_from=2019-05-03", "taken_to=2019-05-03", "taken_from=2019-05-02&taken_to=2019-05-06"]
    for narrowing in narrowings:
        both.equal("GET", f"/images/70/similar?{narrowing}&k=9")
        both.equal("GET", f"/images?limit=100&{narrowing}")
    assert both.equal("GET", f"/images/70/similar?{narrowings[0]}")["narrowed"] == 20
    assert len(both.equal("GET", f"/images?{narrowings[-1]}")["images"]) == 5


def test_pages_go_through_all_pictures_once(both: Both) -> None:
    for engine, fold in (("code", False), ("copies", True)):
        seen: list[list[int]] = []
        for http in (both.catalogued, both.alone):
            answer = http.get(f"/images/5/similar?k=50&cursor=&engine={engine}&fold={fold}").json()
            ids = [hit["id"] for hit in answer["results"]]
            while answer["next"]:
                answer = http.post("/search/next", json={"cursor": answer["next"], "k": 50}).json()
                ids += [hit["id"] for hit in answer["results"]]
            seen.append(ids)
        assert seen[0] == seen[1]
        assert len(seen[1]) == len({*seen[1]})
    listed: list[int] = []
    page: dict[str, Any] = {"next": ""}
    while page["next"] is not None:
        page = both.equal("GET", f"/images?limit=50&cursor={page['next']}") | {}
        listed += [each["id"] for each in page["images"]]
    assert listed == [*range(1, 117)]


def test_pictures_are_shown_as_by_a_service_with_a_catalog(both: Both) -> None:
    for path in ("/images/2", "/images/2/thumbnail", "/images/2/view", "/images/2/thumbnail"):
        one, other = both.catalogued.get(path), both.alone.get(path)
        assert other.status_code == 200
        assert (one.content, one.headers["ETag"]) == (other.content, other.headers["ETag"])
        assert both.alone.get(path, headers={"If-None-Match": other.headers["ETag"]}).status_code == 304
    (shown, *_) = both.alone.get("/images/2/similar").json()["results"]
    part = both.alone.get(f"/images/{shown['id']}", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, Path(shown["path"]).read_bytes()[5:10])
    assert both.alone.get("/images/9999").json()["kind"] == "UnknownPicture"


@pytest.mark.parametrize(("method", "path"), NEEDS_CATALOG)
def test_what_needs_a_catalog_says_501(both: Both, method: str, path: str) -> None:
    said = both.alone.request(method, path)
    assert (said.status_code, said.json()["kind"]) == (501, "NeedsCatalog"), said.text
    assert "catalog" in said.json()["detail"]


def test_uploads_and_jobs_say_so_too_and_the_document_names_it(both: Both) -> None:
    assert both.alone.post("/images", files={"file": b"x"}).status_code == 501
    assert both.alone.post("/jobs", json={"kind": "index", "folder": "/x"}).status_code == 501
    assert both.alone.post("/duplicates/apart", json={"first": 1, "second": 2}).status_code == 501
    assert both.alone.post("/search?engine=pixel", files={"file": b"x"}).status_code == 501
    said, usual = (http.get("/openapi.json").json()["paths"] for http in (both.alone, both.catalogued))
    assert all("501" in said[path][method]["responses"] for path, method in (("/map", "get"), ("/images", "post")))
    assert "501" not in usual["/map"]["get"]["responses"]
    ready = both.alone.get("/ready").json()
    assert (ready["catalog"], ready["engines"], ready["pictures"]) == (False, ["code", "copies"], 116)
    until(lambda: both.alone.get("/ready").json()["audit"]["answers"] > 0)
    assert both.alone.get("/ready").json()["audit"]["recall"] == 1
    assert "semblance_ready 1.0" in both.alone.get("/metrics").text


def test_it_finds_what_the_indexer_changed(both: Both) -> None:
    new = paint(both.folder / "late" / "late.png", 5000)
    with Library.open(both.library) as library:
        library.index(new.parent)
        filling.fill(both.library, both.address)
        now = library.ways["code"].generation.number
        for http in (both.alone, both.catalogued):
            until(lambda http=http: http.get("/ready").json()["generation"] == now)  # type: ignore[misc]
    found = both.equal("POST", "/search", files={"file": new.read_bytes()})
    assert found["results"][0]["path"] == str(new)
    with Library.open(both.library) as library:
        library.remove(new)
        filling.fill(both.library, both.address)
    until(lambda: both.alone.get("/ready").json()["pictures"] == 116)
    assert str(new) not in both.alone.post("/search", files={"file": new.read_bytes()}).text


@contextlib.contextmanager
def changed(both: Both, **held: Any) -> Iterator[None]:
    """The state says something else of what is alike for a while."""
    server = Server(address.parse(both.address))
    state = schema.state(server)
    assert state is not None
    try:
        other = replace(state.holds["alike"], **held)
        if "codec_id" in held:
            other = replace(schema.make(server, other), **held)
        schema.note(server, other)
        yield
    finally:
        schema.note(server, state.holds["alike"])
        server.close()


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ({"codec_id": "f" * 64, "model": "/home/who/own", "collection": "shown_alike_f", "through": 0}, "filled"),
        ({"codec_id": "e" * 64, "model": "/home/who/own", "collection": "shown_alike_e", "through": None}, "--model"),
        ({"through": 40}, "being filled"),
        ({"collection": "shown_alike_none"}, "is gone"),
        ({"bits": 128}, "is damaged"),
        ({"last": "x"}, "is damaged"),
        ({"pictures": 7}, "has 116 rows, and not the 7"),
        ({"at": 2**62}, "yet to come"),
    ],
)
def test_what_it_cannot_answer_from_is_said_and_it_answers_again(both: Both, held: dict[str, Any], says: str) -> None:
    with changed(both, **held):
        until(lambda: says in both.alone.get("/ready").text)
        said = both.alone.get("/images/1/similar")
        assert said.status_code == 503
        assert says in said.json()["detail"]
        assert int(said.headers["Retry-After"]) > 0
    until(lambda: both.alone.get("/ready").status_code == 200)
    assert both.alone.get("/images/1/similar").status_code == 200


PLACES = ["/shown", "https://host/shown", "s3://shown/a"]


@pytest.mark.parametrize(
    ("path", "usually", "named"),
    [
        ("/shown/1.png", True, True),
        ("/shown/../etc/1.png", True, False),
        ("/shown else/1.png", True, False),
        ("s3://shown/a/1.png", True, True),
        ("s3://shown/ab.png", True, False),
        ("https://host/shown/1.png", False, True),
        ("https://host/shown/../1.png", False, False),
        ("https://host/shown/.%2E/1.png", False, False),  # which is sent as the one before
        ("https://host.else/shown/1.png", False, False),
        ("http://169.254.169.254/latest/meta-data/", False, False),
        ("file:///shown/1.png", False, False),
        ("sftp://host/1.png", False, False),
    ],
)
def test_which_pictures_it_reads(path: str, usually: bool, named: bool) -> None:
    assert (may_be_read([], path), may_be_read(PLACES, path)) == (usually, named)


def test_a_storage_that_cannot_be_asked_is_nobodys_fault_who_asks() -> None:
    with pytest.raises(Busy, match="mount that storage"):
        asyncio.run(Store(1).ask(None, open="ftp://host/1.png"))


@contextlib.contextmanager
def others(both: Both, **row: Any) -> Iterator[None]:
    """A picture 900 that somebody else has put there."""
    server = Server(address.parse(both.address))
    state = schema.state(server)
    assert state is not None
    own = {"id": 900, "code": bytes(32), "path": "/none.png", "sha256": "00" * 32, "size": 9, "mtime": 1, "taken": 0}
    try:
        server.change("upsert", state.holds["alike"].collection, [{**own, "facts": "", **row}])
        yield
    finally:
        server.change("delete", state.holds["alike"].collection, ids=[900])
        server.close()


def test_what_others_put_there_is_neither_fetched_nor_shown(both: Both) -> None:
    asked = list[str]()

    class Web(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

        do_HEAD = do_GET

    web = Site(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    for path, status in (
        (f"http://127.0.0.1:{web.server_port}/latest/meta-data", 410),
        ("file:///etc/passwd", 410),
        ("/etc/passwd", 410),
        (str(next(both.folder.rglob("*.png"))), 410),  # a picture, but not by its hash
        ("../../etc/passwd", 503),
        ("/zero\0byte.png", 503),
    ):
        with others(both, path=path):
            until(lambda: both.alone.get("/images/900").status_code != 404)  # Milvus shows it at its next tick
            for of in ("", "/thumbnail", "/view"):
                said = both.alone.get(f"/images/900{of}")
                assert (said.status_code, said.headers["Content-Type"]) == (status, "application/problem+json"), path
    for wrong in ({"sha256": "no hash"}, {"sha256": "ab"}, {"size": -5}):
        with others(both, **wrong):
            until(lambda: both.alone.get("/images/900").status_code == 503)
            said = both.alone.get("/images/900")
            assert (said.status_code, "not written by Semblance" in said.text) == (503, True), wrong
    web.shutdown()
    assert asked == []


def test_wrong_ways_to_start_are_one_sentence(both: Both, semblance: Callable[..., Any], tmp_path: Path) -> None:
    public = ("--index", both.address, "--host", "0.0.0.0", "--port", "0")
    for arguments, says in (
        ((), "--library DIR"),
        (("--index", "flat"), "--library DIR"),
        (("--index", both.milvus.address("nothing")), "no library"),
        (("--index", both.address, "--model", "cifar10-fast"), "leave --model out"),
        (public, "--keys DIR"),
        ((*public, "--keys", str(tmp_path)), "semblance keys add"),
    ):
        said = semblance("serve", *arguments)
        assert (said.returncode, said.stdout) == (2, "")
        assert says in said.stderr
        assert "Traceback" not in said.stderr


def test_keys_lie_in_a_folder_of_their_own(both: Both, semblance: Callable[..., Any], tmp_path: Path) -> None:
    key = semblance("keys", "add", "phone", "--library", tmp_path).stdout.split()[-1]
    with serving(None, "--index", both.address, "--keys", str(tmp_path)) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        assert httpx.get(f"{url}/images/1/similar").status_code == 401
        assert httpx.get(f"{url}/images/1/similar", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_pictures_are_shown_from_object_storage(both: Both, semblance: Callable[..., Any], tmp_path: Path) -> None:
    storage = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    storage.start()
    keys = {"AWS_ACCESS_KEY_ID": "AKIAALONE", "AWS_SECRET_ACCESS_KEY": "a/secret", "AWS_DEFAULT_REGION": "us-east-1"}
    keys |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{storage.get_host_and_port()[1]}"}
    secret = {"aws_access_key_id": "AKIAALONE", "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"]}
    bucket = boto3.client("s3", endpoint_url=keys["AWS_ENDPOINT_URL"], region_name="us-east-1", **secret)
    bucket.create_bucket(Bucket="shown")
    bodies = {f"a/{seed} é.png": paint(tmp_path / f"{seed}.png", seed).read_bytes() for seed in range(3)}
    for key, body in bodies.items():
        bucket.put_object(Bucket="shown", Key=key, Body=body)
    said = semblance("index", "s3://shown", "--library", tmp_path / "library", env={**os.environ, **keys})
    assert said.returncode == 0, said.stderr
    filling.fill(tmp_path / "library", both.milvus.address("stored"))
    with serving(None, "--index", both.milvus.address("stored"), **keys) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        for key, body in bodies.items():
            hit = httpx.post(f"{url}/search?folder=s3://shown/a", files={"file": body}).json()["results"][0]
            assert (hit["path"], hit["distance"], hit["copy"]) == (f"s3://shown/{key}", 0, True)
            assert httpx.get(f"{url}/images/{hit['id']}").content == body
            small = httpx.get(f"{url}/images/{hit['id']}/thumbnail")
            assert (small.status_code, small.headers["Content-Type"]) == (200, "image/jpeg")
        bucket.delete_object(Bucket="shown", Key=key)
        assert httpx.get(f"{url}/images/{hit['id']}").status_code == 410
    storage.stop()


@pytest.mark.browser
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_offers_what_there_is(both: Both, chromium: "Browser", sample: Path, size: "ViewportSize") -> None:
    context = chromium.new_context(viewport=size, base_url=str(both.alone.base_url), reduced_motion="reduce")
    page, refused = context.new_page(), list[str]()
    page.on("response", lambda said: refused.append(said.url) if said.status >= 400 else None)
    browser.opened(page)
    expect(page.locator("[data-go]:visible")).to_have_count(0)
    expect(page.get_by_test_id("samples").locator("img").first).to_be_visible()
    picture = next(sample.rglob("*.jpg"))
    browser.choose(page, picture)
    page.locator("#narrow summary").click()
    expect(page.locator("#fields label")).to_have_count(3)
    page.get_by_test_id("by-folder").fill(str(picture.parent))
    page.get_by_test_id("by-folder").press("Enter")
    expect(page.get_by_test_id("narrowed")).to_contain_text(f"In {picture.parent.name}")
    browser.settled(page)
    browser.cards(page).first.press(" ")
    expect(page.locator("#details-path")).to_have_text(str(picture))
    page.goto("/?view=map")
    expect(page.locator("#other")).to_contain_text("answers from Milvus alone")
    assert refused == []
    context.close()


def test_a_milvus_that_is_killed_and_filled_anew(both: Both) -> None:
    before = both.equal("GET", "/images/3/similar")["results"]
    state = schema.state(server := Server(address.parse(both.address)))
    assert state is not None
    twin = {
        "id": 3,
        "code": bytes(32),
        "path": "/x",
        "sha256": "00" * 32,
        "size": 1,
        "mtime": 1,
        "taken": 0,
        "facts": "",
    }
    server.change(
        "insert", state.holds["alike"].collection, [twin, twin]
    )  # which Milvus searches by, and does not show
    files = {"file": next(both.folder.rglob("*.png")).read_bytes()}
    says = ("contradicts itself", "rows, and not the")  # the second as soon as they were counted
    until(lambda: any(each in both.alone.post("/search", files=files).text for each in says))
    assert both.alone.get("/images/4/thumbnail").status_code == 200
    both.milvus.kill()
    until(lambda: both.alone.get("/ready").status_code == 503)
    assert both.alone.get("/health").status_code == 200
    for said in (both.alone.get("/images/3/similar"), both.alone.get("/images/3/thumbnail"), both.alone.get("/ready")):
        assert (said.status_code, said.json()["kind"]) == (503, "IndexAway"), said.text
        assert int(said.headers["Retry-After"]) > 0
    shutil.rmtree(both.milvus.folder)  # with what was in it, the indexer refills another
    both.milvus.start()
    until(lambda: "no library" in both.alone.get("/ready").text)
    filling.fill(both.library, both.address)
    until(lambda: both.alone.get("/ready").status_code == 200)
    assert both.alone.get("/images/3/similar").json()["results"] == before
