"""`semblance index` as a process that is killed, interrupted, or runs out of disk; the next run finishes."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import snapshot
from tests.conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]
MANY = 3000
FAST = ("--model", "cifar10-fast")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many tiny pictures that a run can be caught in the middle."""
    folder = tmp_path_factory.mktemp("many")
    noise = np.random.default_rng(0).integers(0, 256, (MANY, 8, 8, 3), np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / f"{number:04}.png", compress_level=0)
    return folder


@contextmanager
def indexing(folder: Path, library: Path) -> Iterator[subprocess.Popen[str]]:
    """A running `semblance index` that has committed something and is not done yet."""
    command = [
        sys.executable,
        "-m",
        "semblance",
        "index",
        str(folder),
        "--library",
        str(library),
        *FAST,
        "--threads",
        "1",
    ]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, "--json"], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    try:
        end = time.monotonic() + 60
        while not committed(library):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)
        yield process
    finally:
        process.kill()
        process.communicate()


def committed(library: Path) -> int:
    """How many pictures another process has committed."""
    return Catalog.exists(library) and counted(library)


def counted(library: Path) -> int:
    with Catalog.opened(library) as catalog:
        return catalog.counts()[0]


def check_whole(semblance: Run, folder: Path, library: Path) -> None:
    """Each picture is there exactly once, with its code; the index holds the same; a search finds a picture itself."""
    with Catalog.opened(library) as catalog:
        entries, changes = catalog.entries(), catalog.changes(0)
        index, _ = snapshot.load(catalog)
    assert sorted(entry.path for entry in entries) == sorted(str(path) for path in folder.iterdir())
    assert changes.ids.tolist() == [entry.id for entry in entries] == index.ids().tolist()
    with sqlite3.connect(library / "catalog.sqlite") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    asked = folder / "1234.png"
    answer = json.loads(semblance("search", asked, "--library", library, "--k", "5", "--json").stdout)
    assert answer["library_size"] == MANY
    assert str(asked) in [hit["path"] for hit in answer["results"] if hit["distance"] == 0]


def finish(semblance: Run, folder: Path, library: Path) -> None:
    """The next run takes up where the broken one ended."""
    kept = counted(library)
    assert 0 < kept < MANY, "the run was not caught in the middle"
    done = semblance("index", folder, "--library", library, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["added"], report["unchanged"]) == (MANY - kept, kept)
    check_whole(semblance, folder, library)


def test_after_a_kill_the_next_run_finishes(semblance: Run, many: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with indexing(many, library) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    finish(semblance, many, library)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupted_run_says_so_in_one_sentence(
    semblance: Run, many: Path, tmp_path: Path, number: signal.Signals
) -> None:
    library = tmp_path / "library"
    with indexing(many, library) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines() == ["Interrupted: what was indexed is kept; run the same command again to go on"]
    if number == signal.SIGINT:
        finish(semblance, many, library)
    else:
        assert 0 < counted(library) < MANY


def test_a_full_disk_is_said_in_one_sentence_and_the_next_run_finishes(
    semblance: Run, many: Path, tmp_path: Path
) -> None:
    library = tmp_path / "library"

    def no_file_over_half_a_megabyte() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))  # the nearest to a full disk that needs no mount

    stopped = semblance("index", many, "--library", library, *FAST, "--json", preexec_fn=no_file_over_half_a_megabyte)
    assert stopped.returncode == 2, stopped.stderr
    assert stopped.stdout == ""
    assert len(stopped.stderr.splitlines()) == 1
    assert "cannot be written" in stopped.stderr or "could not be written" in stopped.stderr
    assert "run the same command again" in stopped.stderr
    finish(semblance, many, library)


def test_derived_files_that_cannot_be_written_lose_nothing(semblance: Run, sample: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "pixels.u8").symlink_to(tmp_path / "a disk that is away" / "pixels.u8")  # nothing can be written there
    stopped = semblance("index", sample, "--library", library, "--pixels")
    assert stopped.returncode == 2
    assert len(stopped.stderr.splitlines()) == 1
    assert "Traceback" not in stopped.stderr
    (library / "pixels.u8").unlink()
    again = semblance("index", sample, "--library", library, "--pixels", "--json")
    assert (again.returncode, json.loads(again.stdout)["added"]) == (0, 0), "what was committed was kept"


def test_a_second_indexer_is_refused_while_the_first_runs(semblance: Run, many: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    with indexing(many, library) as first:
        os.kill(first.pid, signal.SIGSTOP)
        second = semblance("index", many, "--library", library)
        os.kill(first.pid, signal.SIGCONT)
        assert (second.returncode, second.stdout) == (2, "")
        assert "Another process is writing" in second.stderr
