"""Groups of duplicates over HTTP: what the command finds, in pages, however the library changes meanwhile."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.api.test_changing import asking, detail, rows, send
from tests.conftest import paint, until

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Path:
    """Seven pictures, five of them there more than once, and a library of all."""
    place = tmp_path_factory.mktemp("duplicates")
    for seed in range(7):
        first = paint(place / "pictures" / f"{seed}.png", seed, (320 + 20 * seed, 240))
        for copy in range(seed if seed < 5 else 0):
            shutil.copy(first, first.with_name(f"{seed}-{copy}.png"))
    pipeline.update([place / "pictures"], place / "library", codec, threads=1)
    return place


@pytest.fixture(scope="module")
def http(shelf: Path) -> Iterator[httpx.Client]:
    with asking(shelf / "library") as http:
        yield http


def page(http: httpx.Client, query: str = "") -> dict[str, Any]:
    """One page, after waiting for it."""
    answers: list[httpx.Response] = []

    def there() -> bool:
        answers.append(http.get(f"/duplicates{query}"))
        if answers[-1].status_code == 202:
            assert answers[-1].headers["retry-after"] == "1"
            assert set(answers[-1].json()) == {"state", "stage", "done", "total"}
            return False
        assert answers[-1].status_code == 200, answers[-1].text
        return True

    until(there)
    found: dict[str, Any] = answers[-1].json()
    return found


def ids(found: dict[str, Any]) -> list[list[int]]:
    return [[member["id"] for member in group["members"]] for group in found["groups"]]


def test_they_are_those_that_the_command_finds(http: httpx.Client, shelf: Path, semblance: Run) -> None:
    said = json.loads(semblance("duplicates", "--library", shelf / "library", "--json").stdout)
    found = page(http)
    groups = [[group["best"], *group["copies"]] for group in said["groups"]]
    assert [group["members"] for group in found["groups"]] == groups
    assert [group["best"] for group in found["groups"]] == [group[0]["id"] for group in groups]
    assert (found["next"], found["total"], found["pictures"]) == (None, 4, said["pictures"])
    assert (found["bytes"], found["within"]) == (said["bytes"], said["within"])


def test_pages_hold_every_group_once(http: httpx.Client) -> None:
    whole, paged = ids(page(http)), list[list[int]]()
    found = page(http, "?limit=1")
    paged += ids(found)
    while found["next"]:
        found = page(http, f"?limit=1&cursor={found['next']}")
        paged += ids(found)
    assert paged == whole
    assert len(paged) == 4
    for wrong in ("1-3", "99-0", "x", "1--1", "1-99999999"):
        assert "from the first page" in detail(http.get(f"/duplicates?cursor={wrong}"), 409)
    for wrong in ("limit=0", "limit=201", "limit=x", f"cursor={'1' * 41}"):
        detail(http.get(f"/duplicates?{wrong}"), 422)


def test_a_page_goes_on_where_the_library_has_changed_and_a_new_one_is_of_now(shelf: Path, tmp_path: Path) -> None:
    own = shutil.copytree(shelf / "library", tmp_path / "library")
    with asking(own) as http:
        first = page(http, "?limit=2")
        rest = ids(page(http, f"?cursor={first['next']}"))
        gone = rest[0][0]
        assert http.delete(f"/images/{gone}").status_code == 204
        left = [[id for id in group if id != gone] for group in rest]
        expected = [group for group in left if len(group) > 1]
        assert ids(page(http, f"?cursor={first['next']}")) == expected
        assert ids(page(http)) == ids(first) + expected
        paint(tmp_path / "new.png", 5, (640, 480))  # the fifth picture, larger
        added = send(http, tmp_path / "new.png").json()
        assert any(added["id"] == group[0] and len(group) == 2 for group in ids(page(http)))


def test_what_people_tell_apart_is_in_no_group_together(shelf: Path, tmp_path: Path) -> None:
    own = shutil.copytree(shelf / "library", tmp_path / "library")
    with asking(own) as http:
        (one, other) = next(group for group in ids(page(http)) if len(group) == 2)
        key = {"Idempotency-Key": "apart"}
        for replayed in (None, "true"):
            answer = http.post("/duplicates/apart", json={"first": other, "second": one}, headers=key)
            assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (204, replayed)
        assert [row[:2] for row in rows(own, "SELECT * FROM apart")] == [(min(one, other), max(one, other))]
        assert [one, other] not in ids(page(http))
        assert http.post("/duplicates/together", json={"first": one, "second": other}).status_code == 204
        assert rows(own, "SELECT * FROM apart") == []
        assert [one, other] in ids(page(http))
        for road in ("apart", "together"):
            assert "no picture 999" in detail(http.post(f"/duplicates/{road}", json={"first": 1, "second": 999}), 404)
            assert "one picture" in detail(http.post(f"/duplicates/{road}", json={"first": 1, "second": 1}), 422)
            bodies: tuple[Any, ...] = (
                {},
                {"first": 0, "second": 1},
                {"first": 1, "second": 2**63},
                {"first": "a", "second": 1},
                [],
            )
            for wrong in bodies:
                detail(http.post(f"/duplicates/{road}", json=wrong), 422)


def test_a_library_that_knows_no_copies_says_so(tmp_path: Path, shelf: Path) -> None:
    own = shutil.copytree(shelf / "library", tmp_path / "library")
    shutil.rmtree(own / "models")
    with contextlib.closing(sqlite3.connect(own / "catalog.sqlite")) as db, db:
        db.execute("DELETE FROM codecs WHERE purpose = 'same'")
    with asking(own) as http:
        until(lambda: http.get("/duplicates").status_code == 422)
        assert "does not know copies yet" in detail(http.get("/duplicates"), 422)
