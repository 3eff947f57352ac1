"""A service that searches by an index: built beside it while it answers exactly, gone over to, built anew; audited."""

import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from semblance.api.app import create_app
from semblance.api.settings import Settings
from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import building, built
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.retrieval.index import ENGINES
from semblance.retrieval.progress import quiet
from tests.api.watch.test_metrics import running
from tests.conftest import paint, serving, until
from tests.indexer.derived.rough import Rough

ENGINE = "ivf"
PICTURES = 60


@pytest.fixture
def painted(tmp_path: Path, codec: Codec) -> Path:
    """A folder of small pictures, and a library of it beside it."""
    for seed in range(PICTURES):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    pipeline.update([tmp_path / "pictures"], tmp_path / "library", codec, threads=2)
    return tmp_path


def searched(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/ready").json()["indexes"]["code"]
    return found


def assert_finds_all(url: str, count: int) -> None:
    """Each picture is the nearest to itself, of so many."""
    with httpx.Client(base_url=url) as http:
        for id in range(1, count + 1):
            answer = http.get(f"/images/{id}/similar?k=1&engine=code")
            assert answer.status_code == 200
            assert answer.json()["library_size"] == count
            assert answer.json()["results"][0]["distance"] == 0


def test_it_answers_exactly_until_the_index_is_built_and_goes_over_to_it(painted: Path, codec: Codec) -> None:
    with serving(painted / "library", "--index", ENGINE) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        first = searched(url)
        assert (first["asked"], first["engine"], first["recall"]) == (ENGINE, "flat", 1.0)
        seen = list[str]()
        while not seen or seen[-1] != ENGINE:  # the suite's own time is the limit
            assert_finds_all(url, PICTURES)
            seen.append(searched(url)["engine"])
        assert searched(url)["laid_over"] == 0
        before = {path.name for path in (painted / "library" / built.FOLDER).iterdir()}

        for seed in range(PICTURES, PICTURES + 10):
            paint(painted / "pictures" / f"{seed}.png", seed)
        pipeline.update([painted / "pictures"], painted / "library", codec, threads=2)
        until(lambda: httpx.get(f"{url}/ready").json()["pictures"] == PICTURES + 10)
        assert_finds_all(url, PICTURES + 10)
        until(lambda: searched(url)["laid_over"] == 0, 60)
        assert_finds_all(url, PICTURES + 10)
        assert before.isdisjoint(path.name for path in (painted / "library" / built.FOLDER).iterdir())


def test_what_it_finds_damaged_is_never_answered_with_and_built_anew(painted: Path) -> None:
    """The process that builds sees sizes that are right, and is told what the service has found."""
    library = painted / "library"
    building.build(library, ENGINE, lambda _: nullcontext(quiet))
    (folder, *_) = sorted((library / built.FOLDER).glob("*-ivf-*"))
    for codes in (library / built.FOLDER).glob(f"*/{built.CODES}"):
        data = bytearray(codes.read_bytes())
        data[58 : 58 + 32 * PICTURES] = bytes(32 * PICTURES)  # where all codes lie: see mapped.py
        codes.write_bytes(data)
    was = (folder / built.CODES).stat().st_ino
    with serving(library, "--index", ENGINE) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        assert searched(url)["engine"] == ENGINE
        exact = Library.open(library, index="flat")
        right = [[(hit.id, hit.distance) for hit in exact.similar(id, 5)] for id in range(1, 6)]
        for id, expected in zip(range(1, 6), right, strict=True):
            found = httpx.get(f"{url}/images/{id}/similar?k=5").json()["results"]
            assert [(hit["id"], hit["distance"]) for hit in found] == expected
        until(lambda: searched(url)["engine"] == ENGINE and (folder / built.CODES).stat().st_ino != was)
        assert_finds_all(url, PICTURES)
    with Catalog.opened(library) as catalog:
        assert [*built.damaged(catalog)] == []


@pytest.fixture
def rough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "rough", Rough)


@pytest.mark.parametrize(("index", "effort"), [("flat", 0), ("mapped", 0), ("rough", 256), ("rough", 1)])
def test_the_audit_covers_every_index(rough: None, painted: Path, index: str, effort: int) -> None:
    """What it says of an engine that looks at codes of one first byte alone is what is counted by hand."""
    folder = Path(shutil.copytree(painted / "library", painted / "own"))
    building.build(folder, index, lambda _: nullcontext(quiet))
    with Catalog.opened(folder) as catalog:
        truth = catalog.changes(0)
    own, k = Library.open(folder, index=index), 10
    assert own.standing["alike"].choice.engine == index
    far = np.unpackbits(truth.codes[:1] ^ truth.codes, axis=1).sum(axis=1)
    expected = 1.0
    if effort:
        own.standing["alike"].index.base.effort = effort  # type: ignore[attr-defined]
    if effort == 1:
        # One value of the first byte has too few codes, so more are looked at only where k remain.
        own.standing["alike"].index.base.efforts = (1,)  # type: ignore[attr-defined]
        first = np.flatnonzero(truth.codes[:, 0] == truth.codes[0, 0])
        k = len(first)
        last = np.sort(far)[k - 1]
        expected = float(np.mean(far[first] <= last))
    with running(create_app(Settings(library=folder, audit=1, index=index), own)) as http:
        id = int(truth.ids[0])
        assert http.get(f"/images/{id}/similar?k={k}&engine=code").status_code == 200
        until(lambda: bool(http.get("/ready").json()["audit"]["answers"]))
        ready, text = http.get("/ready").json(), http.get("/metrics").text
    assert ready["indexes"]["code"]["engine"] == index
    assert ready["audit"]["recall"] == pytest.approx(expected)
    assert f'semblance_audit_recall_sum{{engine="code"}} {expected}' in text
    assert (expected < 1) == (effort == 1)
