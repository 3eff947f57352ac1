"""A disk that hangs under pictures of the library ends no request but those for them, and holds up no stop."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.api.hung_disk import hung
from tests.conftest import paint, serving, until

ROADS = ("", "/thumbnail", "/view")
ASKED = 45


@pytest.fixture
def library(tmp_path: Path, codec: Codec, fuse: str) -> Iterator[Path]:
    """A library of two pictures on a disk that hangs by now, of one that has become a pipe, and of one that is well."""
    for seed, name in enumerate(("disk/open.png", "disk/read.png", "well/pipe.png", "well/well.png")):
        paint(tmp_path / name, seed)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "disk").iterdir()}
    pipeline.update([tmp_path / "disk", tmp_path / "well"], tmp_path / "library", codec)
    (tmp_path / "well" / "pipe.png").unlink()
    os.mkfifo(tmp_path / "well" / "pipe.png")
    with hung(tmp_path / "disk", sizes):
        yield tmp_path / "library"


def ids_of(http: httpx.Client) -> dict[str, int]:
    until(lambda: http.get("/ready").status_code == 200)
    return {Path(each["path"]).name: each["id"] for each in http.get("/images").json()["images"]}


def ask_all(url: str, pool: ThreadPoolExecutor, ids: dict[str, int]) -> list[Future[httpx.Response]]:
    """ASKED requests for the pictures that cannot be read, by all roads."""
    wanted = [f"{url}/images/{ids[name]}{road}" for road in ROADS for name in ("open.png", "read.png")]
    return [pool.submit(httpx.get, wanted[turn % len(wanted)], timeout=60) for turn in range(ASKED)]


def test_while_it_hangs_all_else_is_answered_and_the_service_stops(library: Path) -> None:
    """The patience is endless here, so what is answered is answered beside 45 requests that wait for the disk."""
    picture = (library.parent / "well" / "well.png").read_bytes()
    with ThreadPoolExecutor(ASKED) as pool:
        with serving(library, SEMBLANCE_READ_SECONDS="600") as url, httpx.Client(base_url=url, timeout=15) as http:
            ids = ids_of(http)
            asked = ask_all(url, pool, ids)
            for _ in range(10):
                for road in ROADS:
                    assert "is gone" in http.get(f"/images/{ids['pipe.png']}{road}").json()["detail"]
                    assert http.get(f"/images/{ids['well.png']}{road}").status_code == 200
            assert http.get(f"/images/{ids['well.png']}").content == picture
            found = http.post("/search", files={"file": picture}).json()["results"][0]
            assert (Path(found["path"]).name, found["distance"]) == ("well.png", 0)
            assert http.get(f"/images/{ids['read.png']}/similar").status_code == 200
            assert not any(future.done() for future in asked)
        assert [future.result().status_code for future in asked] == ASKED * [503], "it has ended, and has told them so"


def test_who_waits_for_it_hears_that_it_hangs(library: Path) -> None:
    with (
        ThreadPoolExecutor(ASKED) as pool,
        serving(library, SEMBLANCE_READ_SECONDS="0.5") as url,
        httpx.Client(base_url=url) as http,
    ):
        for answer in (future.result() for future in ask_all(url, pool, ids_of(http))):
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert answer.json()["detail"].endswith("its disk hangs, or is too slow.")
            assert answer.headers["retry-after"]
