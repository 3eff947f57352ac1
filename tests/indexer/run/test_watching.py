"""`semblance index --watch` as a process: what changes on the disk is taken in, beside a service and other commands."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from semblance.indexer.catalog import FILE, Catalog, Writer
from tests.conftest import ROOT, paint, serving, until
from tests.indexer.run.test_disks import mounted


class Watch:
    """A running `semblance index --watch --json`, what it printed, and the library as any SQLite reads it."""

    def __init__(self, folders: list[Path], library: Path, *options: str) -> None:
        self.folders, self.library = folders, library
        command = [sys.executable, "-m", "semblance", "index", *map(str, folders), "--library", str(library)]
        self.process = subprocess.Popen(
            [*command, "--model", "cifar10-fast", "--watch", "--json", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.reports: list[dict[str, Any]] = []
        self.said: list[str] = []
        for stream, keep in ((self.process.stdout, self._report), (self.process.stderr, self.said.append)):
            threading.Thread(target=self._read, args=(stream, keep), daemon=True).start()

    def _report(self, line: str) -> None:
        self.reports.append(json.loads(line))

    @staticmethod
    def _read(stream: Any, keep: Callable[[str], None]) -> None:
        for line in stream:
            keep(line.rstrip())

    def total(self, key: str) -> int:
        """The sum of a count over all batches after the first run."""
        return sum(report[key] for report in list(self.reports)[1:])

    def ids(self) -> dict[str, int]:
        with contextlib.closing(sqlite3.connect(self.library / FILE, timeout=10)) as db:
            rows = db.execute("SELECT path, id FROM pictures").fetchall()
        return {os.path.relpath(path, self.folders[0]): id for path, id in rows}

    def until(self, condition: Callable[[], bool]) -> None:
        until(lambda: self.process.poll() is None and condition())


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Start one over pictures `a` to `f` in two folders, once it watches."""
    running: list[Watch] = []

    def start(*options: str, folder: Path = tmp_path / "pictures") -> Watch:
        for seed, name in enumerate("abcdef"):
            paint(folder / ("one" if name in "abc" else "two") / f"{name}.png", seed)
        running.append(Watch([folder], tmp_path / "library", *options))
        until(lambda: "Watching; Ctrl-C ends." in running[-1].said)
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.wait()


def quiet(seconds: float = 1.5) -> None:
    """Long enough for whatever would happen to have happened."""
    time.sleep(seconds)


def test_a_new_picture_is_searchable_in_a_running_service(watch: Callable[..., Watch]) -> None:
    watching = watch()
    new = watching.folders[0] / "deep" / "er" / "new.png"
    with serving(watching.library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        paint(new, 50)

        def found() -> str:
            answer = httpx.post(f"{url}/search?k=1", files={"file": new.read_bytes()}).json()
            return str(answer["results"][0]["path"])

        until(lambda: found() == str(new))
        id = watching.ids()["deep/er/new.png"]
        moved = new.rename(watching.folders[0] / "moved.png")
        new = moved
        until(lambda: found() == str(moved))
        assert watching.ids()["moved.png"] == id
        paint(moved, 51)
        watching.until(lambda: watching.ids()["moved.png"] != id)
    watching.until(lambda: [watching.total(key) for key in ("added", "moved", "updated", "removed")] == [1, 1, 1, 0])


def test_deleted_moved_and_passed_over(watch: Callable[..., Watch]) -> None:
    watching = watch("--exclude", "raw*")
    folder, before = watching.folders[0], watching.ids()
    for place in (".hidden", "raw 2019", "@eaDir", "other"):
        (folder / place).mkdir()
    (folder / "other" / FILE).touch()
    for place in (".hidden", "raw 2019", "@eaDir", "other", ".hidden/deep"):
        paint(folder / place / "x.png", 40)
    paint(folder / ".x.png", 40)
    (folder / "readme.txt").write_text("hello")
    (folder / "one" / "a.png").unlink()
    (folder / "two").rename(folder / "new")
    paint(folder / "last.png", 60)
    watching.until(lambda: {"last.png", "new/f.png"} <= watching.ids().keys() and "one/a.png" not in watching.ids())
    expected = {name.replace("two/", "new/"): id for name, id in before.items() if name != "one/a.png"}
    after = watching.ids()
    assert after.pop("last.png") > max(before.values())
    assert after == expected
    watching.until(lambda: [watching.total(key) for key in ("added", "moved", "removed")] == [1, 3, 1])


def test_a_file_that_is_still_being_written_is_waited_for(watch: Callable[..., Watch]) -> None:
    watching = watch()
    drawn = paint(watching.folders[0].parent / "drawn.bmp", 50, (300, 200)).read_bytes()
    with (watching.folders[0] / "slow.bmp").open("wb", buffering=0) as file:
        for start in range(0, len(drawn), len(drawn) // 12):
            file.write(drawn[start : start + len(drawn) // 12])
            time.sleep(0.1)
    with (watching.folders[0] / "paused.bmp").open("wb", buffering=0) as file:
        file.write(drawn[:5000])
        watching.until(lambda: any(report["failed"] for report in watching.reports))
        file.write(drawn[5000:])
    watching.until(lambda: {"slow.bmp", "paused.bmp"} <= watching.ids().keys())
    failed = [failure["path"] for report in watching.reports for failure in report["failed"]]
    assert failed == [str(watching.folders[0] / "paused.bmp")], "one that paused is looked at again"
    with Catalog.opened(watching.library) as catalog:
        assert catalog.failures() == {}


def test_a_storm_is_survived_and_nothing_of_it_is_missed(watch: Callable[..., Watch]) -> None:
    watching = watch()
    folder = watching.folders[0]
    noise = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8)
    originals = []
    for number, pixels in enumerate(noise):
        originals.append(folder.parent / f"{number}.png")
        Image.fromarray(pixels).save(originals[-1])
    for number in range(10_000):
        place = folder / f"storm{number % 7}" / f"{number // 1000}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").hardlink_to(originals[number % 50])
        if number % 10 == 9:
            (place / f"{number}.png").unlink()
    for number in range(0, 10_000, 10):
        place = folder / f"storm{number % 7}" / f"{number // 1000}"
        (place / f"{number}.png").rename(folder / f"{number}.png")
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.png")}
    assert len(files) == 9006
    watching.until(lambda: watching.ids().keys() == files)


def test_a_folder_that_vanishes_forgets_nothing_and_is_watched_again(watch: Callable[..., Watch]) -> None:
    watching = watch()
    folder, before = watching.folders[0], watching.ids()
    away = folder.rename(folder.parent / "away")
    watching.until(lambda: any("its 6 pictures are kept" in line for line in watching.said + warnings(watching)))
    quiet()
    assert watching.ids() == before
    paint(away / "one" / "new.png", 50)
    shutil.copytree(away, folder)  # another folder for the system, which tells nothing of it unless asked anew
    watching.until(lambda: "one/new.png" in watching.ids())
    paint(folder / "newer.png", 51)
    watching.until(lambda: "newer.png" in watching.ids())
    assert {name: id for name, id in watching.ids().items() if name in before} == before


def warnings(watching: Watch) -> list[str]:
    return [sentence for report in watching.reports for sentence in report["warnings"]]


def test_pictures_of_a_folder_that_was_emptied_are_forgotten_when_others_come(watch: Callable[..., Watch]) -> None:
    watching = watch()
    folder = watching.folders[0] / "two"
    for picture in folder.iterdir():
        picture.unlink()
    watching.until(lambda: "has no pictures any more" in f"{watching.reports} {watching.said}")
    assert len(watching.ids()) == 6
    paint(folder / "g.png", 77)
    watching.until(lambda: {*watching.ids()} == {"one/a.png", "one/b.png", "one/c.png", "two/g.png"})


def test_a_disk_that_comes_and_goes_below_the_folder(watch: Callable[..., Watch], tmp_path: Path) -> None:
    place = tmp_path / "pictures" / "disk"
    place.mkdir(parents=True)
    with mounted(place):
        paint(place / "x.png", 50)
        watching = watch()
        before = watching.ids()
        assert "disk/x.png" in before
    paint(place / "under.png", 51)
    watching.until(lambda: "disk/under.png" in watching.ids())
    quiet()
    assert watching.ids().items() >= before.items()
    with mounted(place):
        paint(place / "y.png", 52)
        watching.until(lambda: "disk/y.png" in watching.ids())
        quiet()
        assert watching.ids().items() >= before.items()


def test_by_polling_alone(watch: Callable[..., Watch]) -> None:
    watching = watch("--poll", "1")
    folder, before = watching.folders[0], watching.ids()
    paint(folder / "new.png", 50)
    (folder / "text.jpg").write_text("no picture")
    (folder / "one" / "a.png").rename(folder / "two" / "z.png")
    watching.until(lambda: {"new.png", "two/z.png"} <= watching.ids().keys())
    assert watching.ids()["two/z.png"] == before["one/a.png"]
    (folder / "one" / "b.png").unlink()
    watching.until(lambda: "one/b.png" not in watching.ids())
    quiet(2.5)
    assert sum(len(report["failed"]) for report in watching.reports) == 1, "a failure is named once"


def test_another_command_writes_between_batches_and_is_waited_for(
    watch: Callable[..., Watch], semblance: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    watching = watch()
    assert semblance("index", watching.folders[0] / "one", "--library", watching.library).returncode == 0
    with Writer.writing(watching.library):
        paint(watching.folders[0] / "new.png", 50)
        watching.until(lambda: any("Another process is writing" in line for line in watching.said))
        assert "new.png" not in watching.ids()
    watching.until(lambda: "new.png" in watching.ids())
    assert len([line for line in watching.said if "Another process" in line]) == 1


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_one_line(watch: Callable[..., Watch], ended_by: signal.Signals) -> None:
    watching = watch()
    watching.process.send_signal(ended_by)
    assert watching.process.wait(timeout=10) == 130
    until(lambda: len(watching.said) == 2)
    assert watching.said[1].startswith("Interrupted: the library holds what was taken in")


def test_a_kill_while_moves_are_taken_in_loses_no_id(watch: Callable[..., Watch]) -> None:
    watching = watch()
    folder, before = watching.folders[0], watching.ids()
    (folder / "one").rename(folder / "new")
    time.sleep(0.25 + 0.1 * np.random.default_rng().random())
    watching.process.kill()
    watching.process.wait()
    assert {*watching.ids().values()} == {*before.values()}
    again = watch_again(watching)
    try:
        expected = {name.replace("one/", "new/"): id for name, id in before.items()}
        until(lambda: again.ids() == expected)
    finally:
        again.process.kill()
        again.process.wait()


def watch_again(watching: Watch) -> Watch:
    return Watch(watching.folders, watching.library)
