"""Narrowing, held to a search of every picture in Python; and facets."""

import datetime
import math
import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Facts, Folder, Narrowing, NewPicture, Writer, finding, placing, said
from tests.indexer.catalog.conftest import CODEC, new

CAMERAS = ["Canon EOS R5", "Straße 1", "NIKON D750", None]
FOLDERS = ["/a", "/a/b", "/a/bc", "/a/b%", "/a/b_", "/a/B", "/z"]


def pictures() -> list[NewPicture]:
    chance = random.Random(7)
    places = [(89.9, 10.0), (89.9, -170.0), (-90.0, 0.0), (10.0, 179.95), (10.0, -179.95), (10.0, 179.0), (48.0, 11.0)]
    made = []
    for number in range(400):
        day = datetime.datetime(2019, 12, 28) + datetime.timedelta(hours=chance.randrange(24 * 10))
        place = chance.choice([*places, None, (chance.uniform(-90, 90), chance.uniform(-180, 180))])
        facts = Facts(
            chance.randrange(1, 60),
            chance.randrange(1, 60),
            chance.choice([None, day.isoformat(), f"{day.isoformat()}.5+02:00"]),
            chance.choice(CAMERAS),
            *(place or (None, None)),
        )
        path = f"{chance.choice(FOLDERS)}/{number}.jpg"
        made.append(replace(new(path, number % 256), facts=None if number % 10 == 0 else facts))
    return made


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, NewPicture]]:
    folder = tmp_path_factory.mktemp("narrowed") / "library"
    with Writer.writing(folder, CODEC) as catalog:
        ids = catalog.record([*pictures(), new("/z/gone.jpg")], [])
        catalog.forget(["/z/gone.jpg"])
        placing.see(
            catalog, {"/a": Folder(1, True, 0.0, 0), "/a/b": Folder(2, False, 0.0, 0), "/z": Folder(1, True, 0.0, 0)}
        )
    return folder, dict(zip(ids[:-1], pictures(), strict=True))


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By the angle between two unit vectors, which is another formula than the haversine."""
    vectors = [
        (math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a))
        for a, b in (map(math.radians, place) for place in (one, other))
    ]
    x, y, z = (vectors[0][n - 2] * vectors[1][n - 1] - vectors[0][n - 1] * vectors[1][n - 2] for n in range(3))
    return 6371.0088 * math.atan2(math.sqrt(x * x + y * y + z * z), sum(a * b for a, b in zip(*vectors, strict=True)))


def counts(picture: NewPicture, asked: Narrowing) -> bool:
    facts = picture.facts or Facts(0, 0)
    day = facts.taken and datetime.date.fromisoformat(facts.taken[:10])
    tests = [
        asked.folder is None or Path(asked.folder) in Path(picture.path).parents,
        asked.taken_from is None or (day and day >= asked.taken_from),
        asked.taken_to is None or (day and day <= asked.taken_to),
        asked.camera is None or (facts.camera and facts.camera.casefold() == asked.camera.casefold()),
        asked.min_pixels is None or facts.width * facts.height >= asked.min_pixels,
        asked.near is None
        or (
            facts.latitude is not None
            and facts.longitude is not None
            and kilometres((facts.latitude, facts.longitude), asked.near[:2]) <= asked.near[2]
        ),
    ]
    return all(tests)


NEW_YEAR = datetime.date(2020, 1, 1)
PLACES = [(90.0, 0.0), (-90.0, 77.0), (89.95, 100.0), (10.0, 180.0), (10.0, -180.0), (10.0, 179.9), (48.0, 11.0)]
ASKED = [
    Narrowing(),
    *(Narrowing(folder=folder) for folder in [*FOLDERS, "/", "/a/", "/a/b/", "/nowhere", "/a%", "/a/b/../b", "\ud800"]),
    Narrowing(taken_from=NEW_YEAR),
    Narrowing(taken_to=NEW_YEAR),
    Narrowing(taken_from=NEW_YEAR, taken_to=NEW_YEAR),
    Narrowing(taken_from=datetime.date.min, taken_to=datetime.date.max),
    Narrowing(taken_from=datetime.date(2020, 1, 2), taken_to=NEW_YEAR),
    *(Narrowing(camera=name) for name in ["Canon EOS R5", "canon eos r5", "STRASSE 1", "Canon", "%", "", "NIKON D75_"]),
    *(Narrowing(near=(*place, km)) for place in PLACES for km in (0.001, 6.0, 12.0, 120.0, 2000.0, 19_000.0, 30_000.0)),
    *(Narrowing(min_pixels=count) for count in (1, 900, 59 * 59, 10**9, 2**80)),
    Narrowing(folder="/a", taken_from=NEW_YEAR, camera="nikon d750", min_pixels=400),
    Narrowing(folder="/a/b", near=(10.0, 180.0, 500.0)),
]  # fmt: skip


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_is_left_is_what_each_picture_says(known: tuple[Path, dict[int, NewPicture]], asked: Narrowing) -> None:
    folder, made = known
    with Catalog.opened(folder) as catalog:
        ids = catalog.among(asked)
        assert ids.dtype == np.int64
        assert ids.tolist() == [id for id, picture in made.items() if counts(picture, asked)]
    assert bool(asked) == (asked != Narrowing())


def test_narrowing_is_by_an_index_and_reads_no_table(known: tuple[Path, dict[int, NewPicture]]) -> None:
    """As SQLite itself tells what it does; a million pictures would be read else."""
    folder, _ = known
    plans: list[str] = []
    with Catalog.opened(folder) as catalog:
        statements: list[str] = []
        catalog._connection.db.set_trace_callback(statements.append)
        for asked in (ASKED[1], Narrowing(taken_from=NEW_YEAR), Narrowing(camera="NIKON D750"), Narrowing(min_pixels=5),
                      Narrowing(near=(48.0, 11.0, 5.0))):  # fmt: skip
            catalog.among(asked)
        catalog._connection.db.set_trace_callback(None)
        for statement in statements:
            plans += [row[-1] for row in catalog._rows(f"EXPLAIN QUERY PLAN {statement}")]
    tables = [plan for plan in plans if "facts" in plan or "pictures" in plan]
    assert len(tables) >= 5
    assert all(plan.startswith("SEARCH") and "INDEX" in plan for plan in tables), plans


def test_a_listing_goes_through_all_by_id_and_on_after_what_comes_or_goes(
    known: tuple[Path, dict[int, NewPicture]],
) -> None:
    folder, made = known
    with Catalog.opened(folder) as catalog:
        for among in (None, catalog.among(Narrowing(folder="/a/b"))):
            seen, after, is_more = list[int](), 0, True
            while is_more:
                entries, following = finding.listed(catalog, after, 7, among)
                seen += [entry.id for entry in entries]
                after, is_more = following or 0, following is not None
            assert seen == (among.tolist() if among is not None else [*made])


def test_facets_sum_up_what_there_is(known: tuple[Path, dict[int, NewPicture]]) -> None:
    folder, made = known
    with Catalog.opened(folder) as catalog:
        found = said.facets(catalog)
        told = said.counts(catalog)
    below = {name: sum(path.path.startswith(name + os.sep) for path in made.values()) for name in FOLDERS}
    assert {each.name: each.pictures for each in found.folders} == below
    facts = [picture.facts for picture in made.values() if picture.facts]
    assert {each.name: each.pictures for each in found.cameras} == {
        name: sum(each.camera == name for each in facts) for name in CAMERAS if name
    }
    days = [each.taken[:10] for each in facts if each.taken]
    assert found.taken == (min(days), max(days))
    placed = sum(each.latitude is not None for each in facts)
    assert found.placed == placed
    assert (told.taken, told.camera, told.placed) == (len(days), sum(bool(each.camera) for each in facts), placed)


def test_facets_of_a_library_of_nothing(tmp_path: Path) -> None:
    with Writer.writing(tmp_path / "library", CODEC) as catalog:
        found = said.facets(catalog)
        assert (found.folders, found.cameras, found.taken, found.placed) == ([], [], None, 0)
        assert catalog.among(Narrowing()).tolist() == []


def test_facts_go_with_their_pictures_and_damaged_ones_are_none(known: tuple[Path, dict[int, NewPicture]]) -> None:
    folder, made = known
    with Catalog.opened(folder) as catalog:
        assert {id: catalog.facts(id) for id in made} == {id: picture.facts for id, picture in made.items()}
        assert said.asked(catalog) == {id for id, picture in made.items() if picture.facts}
        assert said.asked(catalog, [1, 2, 3]) == {2, 3}
