"""`semblance bench scale`: every engine in a process of its own, with limits; what was found is kept."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import ENGINES
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.progress import Progress
from semblance.scripts.benchmarks.figures import Asked
from semblance.scripts.benchmarks.scale import contenders, laying, measuring, rows, running, sources
from semblance.scripts.benchmarks.scale.places import Place
from semblance.scripts.main import build
from tests.conftest import paint

SIZE = 1000


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), ["bench", "scale", "--sizes", str(SIZE), *map(str, arguments)])


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painted")
    for seed in range(260):
        paint(folder / f"{seed}.png", seed)
    return folder


@pytest.fixture(scope="module")
def plots(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of everything has left."""
    folder = tmp_path_factory.mktemp("plots")
    done = call("--pictures", painted, "--plots", folder, "--json")
    assert done.exit_code == 0, done.output
    (folder / "said.json").write_text(done.stdout)
    return folder


def test_every_engine_is_measured_beside_the_exact_scan(plots: Path) -> None:
    found = {row["name"]: row for row in json.loads((plots / "said.json").read_text())["rows"]}
    for name in contenders.names():
        some = {
            key.split(": ")[-1]: row["value"] for key, row in found.items() if key.startswith(f"1,000 codes, {name}")
        }
        assert "recall@10, ties counted fairly" in some, (name, some)
        assert some["one query"] > 0
        assert some["/ exact scan beside it"] > 0
        if name in ("flat", "mapped", "mih", "NumPy scan"):
            assert some["recall@10, ties counted fairly"] == some["recall@100"] == 1
            assert [value for key, value in some.items() if key.startswith("codes of the set not found")] == [0]
    asked = {name: row["against"] for name, row in found.items() if row["against"]}
    assert "at most 1.2 of 10,000,000 codes" in asked.values()
    assert "at most 60 of 1,000,000 codes" in asked.values()


def test_plots_and_a_table_are_drawn(plots: Path) -> None:
    for name in ("time.png", "recall.png", "trade.png"):
        with Image.open(plots / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5  # something is on it
    lines = (plots / "scale.md").read_text().splitlines()
    assert [line.split(" | ")[1] for line in lines[2:]] == [*contenders.names()]
    assert len({line.count("|") for line in lines}) == 1


def test_a_run_that_was_cut_goes_on(plots: Path, painted: Path) -> None:
    kept = plots / "scale.jsonl"
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:-1]) + lines[-1][:40])
    done = call("--pictures", painted, "--plots", plots, "--json")
    assert done.exit_code == 0, done.output
    before, after = (json.loads(text)["rows"] for text in ((plots / "said.json").read_text(), done.stdout))
    same = [row for row in before if running.GROUPS not in row["name"]]
    assert len(same) < len(before)  # the last was the groups
    assert same == [row for row in after if running.GROUPS not in row["name"]]
    assert len(before) == len(after)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / str(SIZE)
    np.save(tmp_path / "real.npy", np.random.default_rng(0).integers(0, 256, (600, 32), np.uint8))
    return Place(folder, running.LAID)


def test_what_takes_too_long_or_too_much_is_a_line_that_says_so(place: Place) -> None:
    assert running.watched("lay", place, limit=0.05)[1] == "took more than 0 s"
    assert running.watched("lay", place, limit=60, memory=1e-5)[1] == "took more than 0 GB"
    said, why = running.watched("lay", Place(place.folder.parent / "none" / "7", ""), limit=60)
    assert said == []
    assert why is not None
    assert "FileNotFoundError" in why
    said, why = running.watched("lay", place, limit=60)
    assert why is None
    assert said[0]["real"] == 600 - 192


def test_a_process_ends_with_whoever_started_it(place: Place) -> None:
    command = [sys.executable, "-P", "-m", "semblance.scripts.benchmarks.scale.child", "lay"]
    huge = Place(place.folder.parent / "90000000", "")
    with subprocess.Popen([*command, str(huge.folder), "set"], stdin=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not huge.folder.exists() and time.monotonic() < until:  # it has begun
            time.sleep(0.01)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 1
    shutil.rmtree(huge.folder)


def test_what_failed_is_not_tried_on_more_codes() -> None:
    failed = {"codes": 10, "contender": "a", "points": [], "failed": "took more than 5 s, building"}
    slow = {"codes": 10, "contender": "b", "points": [], "build_s": 100.0}
    first, second = (running._unable([failed, slow], name, 1000) for name in "ab")
    assert first is not None
    assert first["failed"] == "not tried: with 10 codes it took more than 5 s, building"
    assert second is not None
    assert second["failed"] == "not tried: it took 100 s to build 10 codes"
    again = running._unable([failed, first], "a", 10_000)
    assert again is not None
    assert again["failed"] == first["failed"]
    assert running._unable([failed, slow], "b", 11) is None
    no_set = {"codes": 1000, "contender": running.LAID, "failed": "took more than 1 GB, growing"}
    third = running._unable([no_set], "c", 1000)
    assert third is not None
    assert third["failed"] == "not tried: there was no such set"
    said = rows.rows([second], "few pictures")
    assert [(row["name"], row["value"]) for row in said] == [(f"1,000 codes, b: {second['failed']}", 0)]


def test_semantic_hashing_is_compared_at_the_same_effort() -> None:
    def record(codes: int, ms: float, recall: float, *efforts: int) -> dict[str, Any]:
        both = {"recall@10": recall, "recall@100": recall, "times_exact": 1.0}
        points = [{"effort": effort, "ms": ms * effort, **both} for effort in efforts]
        return {"codes": codes, "contender": "hash", "points": points}

    said = rows.rows([record(10, 1, 0.9, 1, 2), record(100, 9, 0.5, 1), record(1000, 3, 0.6, 2, 4)], "few pictures")
    found = [(row["name"], row["value"]) for row in said if "semantic" in row["name"]]
    assert found == [("semantic hashing, 10 to 1,000 codes, effort 2, recall@10 0.900 and 0.600", 3)]


def test_ties_count_as_found_and_repetition_does_not() -> None:
    codes = np.array([[0], [1], [2], [3], [255]], np.uint8)  # at 0, 1, 1, 2, 8 from 0
    query = np.array([0], np.uint8)
    for rows_found, share in (([0, 1], 1), ([0, 2], 1), ([0, 0], 0.5), ([0, 3], 0.5), ([0, -1], 0.5), ([4, 7], 0)):
        assert measuring.recall(np.array(rows_found), query, 1, codes, 2) == share, rows_found


def test_real_codes_come_from_a_library_or_from_pictures(library: Path, sample: Path, tmp_path: Path) -> None:
    of_library, whose = sources.real(Asked(tmp_path, None, [], "", library=library))
    assert of_library.shape == (48, 32)
    assert whose == "48 pictures of a library"
    of_pictures, whose = sources.real(Asked(tmp_path, sample, [], ""))
    assert of_pictures.shape == (48, 32)
    assert np.array_equal(
        np.sort(of_pictures, axis=0), np.sort(Codec("photos").encode(sorted(sample.rglob("*.*"))), axis=0)
    )
    assert whose == "48 pictures"


class Every(Flat):
    """An engine of ours that looks at every n-th code, n being less by effort."""

    engine = "every"
    efforts = (1, 2, 3)
    effort = 1
    memory = 0

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        progress(0, 1)
        (folder / "built").write_text(str(len(stored)))

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> "Every":
        assert (folder / "built").read_text() == str(len(stored))
        return cls(stored.bits, stored.ids(), stored.codes(stored.ids()))

    def candidates(self, codes: Codes, k: int) -> list[npt.NDArray[np.intp]]:
        assert k in (10, 100)
        return [np.arange(0, len(self), 4 >> self.effort)] * len(codes)


def test_an_engine_of_ours_is_asked_with_rising_efforts_until_it_finds_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast(dict[str, Any], ENGINES), "every", Every)
    monkeypatch.setattr(measuring, "_AT_LEAST", 1e9)  # however slow the machine is just now
    laying.lay(place, lambda **_: None)
    said: list[dict[str, Any]] = []
    every = Place(place.folder, "every")
    measuring.build(every, lambda **found: said.append(found))
    measuring.search(every, lambda **found: said.append(found))
    points = [found["point"] for found in said if "point" in found]
    assert [point["effort"] for point in points] == [1, 2]  # the second finds all: no third
    assert 0.4 < points[0]["recall@10"] < 0.6  # of every second code
    assert 0.4 < points[0]["recall@100"] < 0.6
    assert points[1]["recall@10"] == points[1]["recall@100"] == 1
    assert said[0]["disk_mb"] == len(str(SIZE)) / 1e6
    assert said[-1] == {"copies": said[-1]["copies"], "missed": 0}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--sizes", "10,x"), "are no sizes"),
        (("--sizes", "10"), "from 1000 on"),
        (("--engines", "flat,annoy"), "'annoy'"),
        (("--library", "nowhere"), "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence(options: tuple[str, ...], why: str, sample: Path) -> None:
    done = CliRunner().invoke(build(), ["bench", "scale", "--pictures", str(sample), *options])
    assert done.exit_code == 2
    assert why in str(done.exception) + done.output


def test_too_few_codes_are_refused(sample: Path) -> None:
    done = call("--pictures", sample)
    assert done.exit_code == 2
    assert "too few" in str(done.exception) + done.output
