"""Pictures at addresses over HTTP: shown as files are, and a bucket that hangs ends no request but those for it."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.buckets import S3, SECRETS, Road, variables
from tests.conftest import paint, serving, until

ROADS = ("", "/thumbnail", "/view")
ASKED = 24


@pytest.fixture
def bodies(s3: S3, tmp_path: Path) -> dict[str, bytes]:
    """Of three pictures in a bucket, one of them large, and one beside them on the disk."""
    made = {f"{seed}.png": paint(tmp_path / "well" / f"{seed}.png", seed).read_bytes() for seed in range(3)}
    made["grain.png"] = paint(tmp_path / "grain.png", 9, (2_400, 1_600)).read_bytes()
    (tmp_path / "well" / "0.png").unlink()
    (tmp_path / "well" / "1.png").unlink()
    s3.put("shown", **{f"in/{name}": body for name, body in made.items() if name != "2.png"})
    return made


@pytest.fixture
def library(bodies: dict[str, bytes], road: Road, tmp_path: Path, codec: Codec) -> Path:
    pipeline.update(["s3://shown/in", tmp_path / "well"], tmp_path / "library", codec)
    return tmp_path / "library"


@pytest.fixture
def url(library: Path, road: Road) -> Iterator[str]:
    with serving(library, SEMBLANCE_READ_SECONDS="5", **variables(road.url)) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield url


def test_they_are_shown_as_files_are_and_hold_up_nothing(
    url: str, road: Road, s3: S3, bodies: dict[str, bytes]
) -> None:
    with httpx.Client(base_url=url, timeout=30) as http:
        listed = http.get("/images").json()["images"]
        ids = {each["path"].rpartition("/")[2]: each["id"] for each in listed}
        assert {each["path"] for each in listed if "s3:" in each["path"]} == {
            "s3://shown/in/0.png",
            "s3://shown/in/1.png",
            "s3://shown/in/grain.png",
        }
        grain = f"/images/{ids['grain.png']}"
        whole = http.get(grain)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (
            200,
            bodies["grain.png"],
            "image/png",
        )
        assert whole.headers["etag"] == f'"{hashlib.sha256(bodies["grain.png"]).hexdigest()}"'
        assert 'filename="grain.png"' in whole.headers["content-disposition"]
        road.asked.clear()
        part = http.get(grain, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, bodies["grain.png"][100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(bodies['grain.png'])}"
        assert len(road.gets()) == 2, "a look at its beginning, and the part"
        assert http.get(grain, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        for road_to in ROADS[1:]:
            small = http.get(f"{grain}{road_to}")
            assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
        found = http.post("/search", files={"file": bodies["1.png"]}).json()["results"][0]
        assert (found["path"], found["distance"]) == ("s3://shown/in/1.png", 0)

        s3.client.put_object(Bucket="shown", Key="in/0.png", Body=bodies["2.png"])
        changed = http.get(f"/images/{ids['0.png']}")
        assert (changed.status_code, "not the picture that was indexed" in changed.text) == (410, True)
        s3.client.delete_object(Bucket="shown", Key="in/0.png")
        gone = http.get(f"/images/{ids['0.png']}/thumbnail")
        assert (gone.status_code, "is gone" in gone.text) == (410, True)
        road.hinder = lambda *_: "deny"
        denied = http.get(f"/images/{ids['1.png']}")
        assert (denied.status_code, "may not be read" in denied.json()["detail"]) == (503, True)
        assert not [secret for secret in SECRETS for answer in (gone, denied, changed) if secret in answer.text]

        road.hinder = lambda *_: "hang"
        with ThreadPoolExecutor(ASKED) as pool:
            hung = [
                pool.submit(httpx.get, f"{url}/images/{ids['1.png']}{ROADS[turn % 3]}", timeout=60)
                for turn in range(ASKED)
            ]
            for road_to in ROADS:
                assert http.get(f"/images/{ids['2.png']}{road_to}").status_code == 200
            assert http.post("/search", files={"file": bodies["2.png"]}).status_code == 200
            answers = [future.result() for future in hung]
        assert {answer.status_code for answer in answers} == {503}
        assert "its storage hangs" in answers[0].json()["detail"]
        road.hinder = lambda *_: None
        assert http.get(f"/images/{ids['1.png']}").content == bodies["1.png"]
        job = http.post("/jobs", json={"kind": "index", "folder": "s3://shown/in"})
        assert job.status_code == 202
        until(lambda: http.get(f"/jobs/{job.json()['id']}").json()["state"] == "done")
        assert http.post("/jobs", json={"kind": "index", "folder": "s3://shown"}).status_code == 403
        assert http.post("/jobs", json={"kind": "index", "folder": "s3://a:b@shown/in"}).status_code == 422
