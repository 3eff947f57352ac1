"""The commands that keep a library: remove, backup, restore, export, import, status; pipes; whose a library is."""

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semblance.indexer.catalog import FILE, Catalog, Writer
from semblance.indexer.derived import thumbnails
from semblance.indexer.keeping import backing_up, exporting, restoring
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, paint

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `pictures` (one of them broken) and their `library`."""
    for number, name in enumerate(("a.png", "one/b.png", "one/c.png", "onex.png")):
        paint(tmp_path / "pictures" / name, number)
    (tmp_path / "pictures" / "one" / "broken.jpg").write_text("no picture")
    codec = Codec("cifar10-fast")
    assert len(pipeline.update([tmp_path / "pictures"], tmp_path / "library", codec, with_pixels=True).failed) == 1
    return tmp_path


def names(library: Path) -> dict[str, int]:
    with Catalog.opened(library) as catalog:
        return {Path(entry.path).name: entry.id for entry in catalog.entries()}


# ---- remove --------------------------------------------------------------------------------------------------------


def test_remove_forgets_and_touches_no_file(place: Path, semblance: Run) -> None:
    library, pictures = place / "library", place / "pictures"
    ids = names(library)
    with Catalog.opened(library) as catalog:
        entries = {Path(entry.path).name: entry for entry in catalog.entries()}
    shown = [thumbnails.thumbnail_path(library, entries[name].sha256) for name in ("a.png", "onex.png")]
    for name in ("a.png", "onex.png"):
        thumbnails.make(library, entries[name])
    files = {path: path.read_bytes() for path in pictures.rglob("*") if path.is_file()}
    done = semblance("remove", pictures / "one", ids["a.png"], "--library", library, "--json")
    told = json.loads(done.stdout)
    gone = {ids[name] for name in ("a.png", "b.png", "c.png")}
    assert (done.returncode, {each["id"] for each in told["removed"]}) == (0, gone)
    assert (told["failed"], told["unknown"], told["still_there"]) == ([str(pictures / "one" / "broken.jpg")], [], 4)
    assert "--exclude" in done.stderr
    assert {path: path.read_bytes() for path in files} == files
    assert names(library) == {"onex.png": ids["onex.png"]}, "a folder is no beginning of a name"
    assert [path.exists() for path in shown] == [False, True]
    again = json.loads(semblance("index", pictures, "--library", library, "--json").stdout)
    assert again["added"] == 3
    assert min(names(library)[n] for n in ("a.png", "b.png", "c.png")) > max(ids.values()), "ids stay unused"


def test_remove_says_what_it_does_not_know(place: Path, semblance: Run) -> None:
    library = place / "library"
    some = semblance("remove", place / "pictures" / "a.png", "99", place / "none", "--library", library)
    assert (some.returncode, some.stdout) == (1, "")
    assert some.stderr.splitlines()[3].startswith("Untouched: 1 file. ")
    assert some.stderr.splitlines()[:3] == [
        "not in the library: 99", f"not in the library: {place / 'none'}", "1 picture forgotten",
    ]  # fmt: skip
    none = semblance("remove", "99", "--library", library)
    assert (none.returncode, "0 pictures forgotten" in none.stderr) == (2, True)


def test_remove_knows_a_path_however_it_is_written(place: Path) -> None:
    (place / "link").symlink_to(place / "pictures")
    with Library.open(place / "library") as library:
        assert len(library.remove(str(place / "link" / "one" / ".." / "a.png")).pictures) == 1
        (place / "pictures" / "one" / "b.png").unlink()  # a file need not be there
        assert len(library.remove(place / "link" / "one" / "b.png").pictures) == 1
        assert (len(library.remove(place / "link").pictures), len(library)) == (2, 0)


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 2), (b"\n", 1, 4), (b"\x04", 1, 4), (b"no\n", 1, 4)])
def test_remove_asks_on_a_terminal_before_a_folder(place: Path, answer: bytes, code: int, left: int) -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "semblance", "remove", str(place / "pictures" / "one"), "--library"]
    process = subprocess.Popen(
        [*command, str(place / "library")], cwd=ROOT, stdin=terminal, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "forget 2 pictures?" in process.stderr.readline()
    os.write(master, answer)
    process.stderr.read()
    assert process.wait(timeout=30) == code
    assert len(names(place / "library")) == left
    os.close(master)
    os.close(terminal)


# ---- there and back ------------------------------------------------------------------------------------------------


def test_every_command_there_and_back(place: Path, semblance: Run) -> None:
    library, before = place / "library", names(place / "library")
    odd = place / "a :smile: [b] \x1b[31m"
    made = semblance("backup", "--library", library, odd)
    assert made.returncode == 0
    assert ":smile: [b] \\x1b[31m" in made.stderr
    semblance("remove", place / "pictures", "--library", library)
    restored = json.loads(semblance("restore", odd, "--library", library, "--json").stdout)
    assert restored == {"library": str(library), "pictures": 4, "before": str(library / f"{FILE}.before-restore-1")}
    assert names(library) == before
    for suffix in ("parquet", "npz"):
        out = place / f"out.{suffix}"
        assert json.loads(semblance("export", "--library", library, out, "--json").stdout)["rows"] == 8
        taken = semblance("import", out, "--library", place / suffix, "--json")
        assert json.loads(taken.stdout) == {"added": 4, "completed": 0, "unchanged": 0, "refused": []}
        assert names(place / suffix) == before
    refused = semblance("backup", "--library", library, place / "pictures")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


# ---- status --------------------------------------------------------------------------------------------------------


def test_status_says_folders_failures_and_sizes(place: Path, semblance: Run) -> None:
    library, broken = place / "library", str(place / "pictures" / "one" / "broken.jpg")
    told = json.loads(semblance("status", "--library", library, "--json").stdout)
    assert told["folders"] == [str(place / "pictures")]
    assert (told["failed"], [each["path"] for each in told["failures"]]) == (1, [broken])
    assert told["reasons"] == [{"reason": told["failures"][0]["reason"], "count": 1}]
    assert told["files"]["pixels.u8"] == (library / "pixels.u8").stat().st_size
    assert {FILE, "index.faiss", "copies.faiss", "models"} <= {*told["files"]}
    assert (told["generation"], told["schema"]) == (1, 5)
    assert broken in semblance("status", "--library", library, "--failed").stdout
    assert broken not in semblance("status", "--library", library).stdout


def test_status_of_an_empty_library_and_of_one_that_is_written_to(tmp_path: Path, semblance: Run) -> None:
    Library.create(tmp_path / "library", "cifar10-fast").close()
    with Writer.writing(tmp_path / "library") as writer, writer._transaction():
        writer._db.execute("INSERT INTO failures (path, reason) VALUES ('/a', 'because')")
        told = json.loads(semblance("status", "--library", tmp_path / "library", "--json").stdout)
    assert (told["pictures"], told["failed"], told["folders"], told["generation"]) == (0, 0, [], 0)


# ---- pipes ---------------------------------------------------------------------------------------------------------


def searched(picture: str, stdin: int | None, library: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "semblance", "search", picture, "--library", str(library), "--k", "1"]
    return subprocess.run(
        command, cwd=ROOT, stdin=stdin, capture_output=True, text=True, timeout=60, env={**os.environ, **variables}
    )


@pytest.fixture
def piped(library: Path, sample: Path, tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A pipe that a picture comes by, slowly, and the picture's path."""
    picture = min(sample.rglob("*.jpg"))
    reading, writing = os.pipe()

    def write() -> None:
        data = picture.read_bytes()
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for start in range(0, len(data), 1000):
                pipe.write(data[start : start + 1000])

    thread = threading.Thread(target=write)
    thread.start()
    yield reading, str(picture)
    thread.join()
    os.close(reading)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_search_reads_standard_input(name: str, piped: tuple[int, str], library: Path) -> None:
    done = searched(name, piped[0], library)
    assert done.stdout.split(maxsplit=2)[:2] == ["0", "bits"], done.stderr
    assert piped[1] in done.stdout


def test_search_reads_a_pipe_by_its_path(library: Path, sample: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    picture = min(sample.rglob("*.jpg"))
    thread = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(picture.read_bytes()))
    thread.start()
    assert str(picture) in searched(str(tmp_path / "pipe"), None, library).stdout
    thread.join()


def test_a_picture_that_does_not_come(library: Path, tmp_path: Path) -> None:
    nothing = searched("-", subprocess.DEVNULL, library)
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert "Nothing came by standard input" in nothing.stderr
    device = searched("/dev/zero", subprocess.DEVNULL, library)
    assert (device.returncode, "is a device" in device.stderr) == (2, True)
    master, terminal = pty.openpty()
    typed = searched("-", terminal, library)
    assert (typed.returncode, "cat IMAGE | semblance search -" in typed.stderr) == (2, True)
    os.close(master)
    os.close(terminal)


# ---- whose a library is --------------------------------------------------------------------------------------------


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder.parent)): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Whatever is made is open to all, but for what is asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_library_is_its_owners_alone(place: Path, no_umask: None) -> None:
    private, opened = place / "private", place / "opened"
    opened.mkdir(mode=0o755)
    for library in (private, opened):
        pipeline.update([place / "pictures"], library, Codec("cifar10-fast"), with_pixels=True)
        backing_up.backup(library, place / f"{library.name} backup", derived=True)
        restoring.restore(place / f"{library.name} backup", library)
        exporting.export(library, place / f"{library.name}.npz")
        with Catalog.opened(library) as catalog:
            thumbnails.make(library, catalog.entries()[0])
    assert (place / "private.npz").stat().st_mode & 0o777 == 0o600
    for name, folder, file in (("private", 0o700, 0o600), ("private backup", 0o700, 0o600), ("opened", 0o755, 0o644)):
        for path, mode in modes(place / name).items():
            assert mode == (folder if (place / path).is_dir() else file), path


def test_a_log_is_as_private_as_its_catalog(place: Path) -> None:
    with Writer.writing(place / "library") as writer:
        writer.forget([str(place / "pictures" / "a.png")])
        found = {path.name: path.stat().st_mode & 0o777 for path in (place / "library").glob(f"{FILE}*")}
    assert found == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm"), 0o600)
