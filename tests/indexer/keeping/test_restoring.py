"""Backup and restore: what is copied is one state, whoever writes; what is put back is whole, whenever it is killed."""

import contextlib
import hashlib
import os
import random
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
import pytest

from semblance.indexer.catalog import FILE, Catalog, Writer, opening
from semblance.indexer.catalog.copying import BEFORE
from semblance.indexer.derived import pixelfile
from semblance.indexer.keeping import backing_up, restoring
from semblance.indexer.library import Library
from semblance.retrieval.errors import LibraryError, LibraryLocked, LibraryMissing, UsageError
from tests.conftest import ROOT, paint, serving, until
from tests.indexer.catalog.conftest import a_disk
from tests.indexer.conftest import Shelf

_NO_DATABASE = ("page 1", "no database")  # which is kept as it is
TABLES = ("pictures", "codes", "removals", "failures", "generations", "codecs", "identity")


def rows(catalog: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a catalog says, by plain sqlite3, which has looked for damage first."""
    with contextlib.closing(sqlite3.connect(catalog)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES}


@pytest.fixture
def indexed(shelf: Shelf) -> Shelf:
    """Six pictures and their library."""
    shelf.index(with_pixels=True)
    return shelf


@pytest.fixture
def old(indexed: Shelf, tmp_path: Path) -> Path:
    """A backup of the six; since then `a` and `b` have gone, and two came."""
    backing_up.backup(indexed.library, tmp_path / "backup", derived=True)
    for name in "ab":
        indexed.picture(name).unlink()
    for name in ("g", "h"):
        paint(indexed.folder / "two" / f"{name}.png", ord(name))
    indexed.index()
    return tmp_path / "backup"


# ---- backup --------------------------------------------------------------------------------------------------------


def test_a_backup_is_one_state_while_a_writer_commits(indexed: Shelf, tmp_path: Path) -> None:
    """Every generation adds one failure and one picture under the same name: a mixture of two states would show."""
    stop = threading.Event()

    def write() -> None:
        with Writer.writing(indexed.library) as catalog:
            number = 0
            while not stop.is_set():
                with catalog._transaction():
                    number += 1
                    for table, other in (("pictures", "size, mtime_ns, sha256"), ("failures", "reason")):
                        values = "0, 0, zeroblob(4000)" if table == "pictures" else "hex(zeroblob(4000))"
                        catalog._db.execute(
                            f"INSERT INTO {table} (path, {other}) VALUES (?, {values})", (f"/{number}",)
                        )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            time.sleep(0.1)
            backing_up.backup(indexed.library, tmp_path / str(number))
    finally:
        stop.set()
        writer.join()
    counts = []
    for number in range(5):
        state = rows(tmp_path / str(number) / FILE)
        added = {row[1] for row in state["pictures"] if row[1].count("/") == 1}
        assert added == {row[0] for row in state["failures"]}
        counts.append(len(added))
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1]


def test_a_backup_is_a_library_of_its_own(indexed: Shelf, tmp_path: Path) -> None:
    kill_a_writer_of(indexed.library)  # so that the newest batch is in SQLite's log alone
    made = backing_up.backup(indexed.library, tmp_path / "backup", derived=True)
    assert made.pictures == 7
    names = {path.name for path in (tmp_path / "backup").iterdir()}
    assert names == {FILE, "models", "backup.json", "index.faiss", "copies.faiss", pixelfile.FILE}
    assert rows(tmp_path / "backup" / FILE) == rows(indexed.library / FILE)
    asked = indexed.picture("c")
    with Library.open(tmp_path / "backup") as copy, Library.open(indexed.library) as library:
        assert [hit.id for hit in copy.search(asked)] == [hit.id for hit in library.search(asked)]
        assert copy.codec.folder.is_relative_to(tmp_path / "backup"), "by the encoder that it holds"


def kill_a_writer_of(library: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; import numpy as np\n"
        "from semblance.indexer.catalog import NewPicture, Writer\n"
        "with Writer.writing(Path(sys.argv[1])) as catalog:\n"
        "    codes = {catalog.codec_id: np.zeros(catalog.bits // 8, np.uint8)}\n"
        "    catalog.record([NewPicture('/late', 1, 1, bytes(32), codes)], [])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(library)], cwd=ROOT).returncode == -signal.SIGKILL
    assert (library / f"{FILE}-wal").stat().st_size


def test_an_older_backup_is_brought_up_to_date_and_nothing_else_is_touched(old: Path, indexed: Shelf) -> None:
    before = rows(old / FILE)
    backing_up.backup(indexed.library, old)
    assert rows(old / FILE) == rows(indexed.library / FILE) != before
    others: dict[str, Callable[[Path], object]] = {
        "files of another kind": lambda place: (place / "mine.txt").write_text("mine"),
        "another library": lambda place: shutil.copytree(indexed.library, place, dirs_exist_ok=True),
        "a newer one": lambda place: shutil.copytree(old, place, dirs_exist_ok=True),
    }
    for name, make in others.items():
        place = old.with_name(name)
        place.mkdir()
        make(place)
        if name == "a newer one":
            kill_a_writer_of(place)
        content = {path: path.read_bytes() for path in place.rglob("*") if path.is_file() and FILE not in path.name}
        with pytest.raises(UsageError, match="is no older backup of"):
            backing_up.backup(indexed.library, place)
        assert {path: path.read_bytes() for path in content} == content
        assert name != "a newer one" or "/late" in {row[1] for row in rows(place / FILE)["pictures"]}
    with pytest.raises(UsageError, match="is no older backup of"):
        backing_up.backup(indexed.library, indexed.library)


@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_nothing_half(indexed: Shelf, tmp_path: Path, there: bool) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    if there:
        backing_up.backup(indexed.library, place / "backup")
        paint(indexed.folder / "g.png", 99)
        indexed.index()
    with a_disk(place, filled=True):
        before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
        with pytest.raises(LibraryError, match=r"full|No space left"):
            backing_up.backup(indexed.library, place / "backup")
        assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
        assert {path.name for path in place.iterdir()} == {"filled", *(["backup"] if there else [])}


# ---- restore -------------------------------------------------------------------------------------------------------


def test_a_restored_library_is_what_was_backed_up(old: Path, indexed: Shelf) -> None:
    present, wanted = rows(indexed.library / FILE), rows(old / FILE)
    done = restoring.restore(old, indexed.library)
    assert (done.pictures, done.before) == (6, indexed.library / f"{BEFORE}-1")
    assert rows(indexed.library / FILE) == wanted
    assert rows(indexed.library / f"{BEFORE}-1") == present
    assert restoring.restore(old, indexed.library).before == indexed.library / f"{BEFORE}-2"
    assert rows(indexed.library / f"{BEFORE}-1") == present, "whoever put back the wrong one has still what was before"
    indexed.index()  # what has come since, by ids that were never given
    assert set(indexed.ids()) == {f"{name}.png" for name in "cdefgh"}
    assert min(indexed.ids()[f"{name}.png"] for name in "gh") > max(row[0] for row in present["pictures"])


def test_onto_a_fresh_machine(old: Path, tmp_path: Path) -> None:
    done = restoring.restore(old, tmp_path / "new" / "library")
    assert (done.pictures, done.before) == (6, None)
    assert rows(tmp_path / "new" / "library" / FILE) == rows(old / FILE)
    assert (tmp_path / "new" / "library").stat().st_mode & 0o777 == 0o700


def test_a_log_of_the_replaced_catalog_is_never_brought_into_the_new(old: Path, indexed: Shelf) -> None:
    """A killed writer leaves a batch in SQLite's log: it belongs to the catalog that is kept."""
    kill_a_writer_of(indexed.library)
    restoring.restore(old, indexed.library)
    assert rows(indexed.library / FILE) == rows(old / FILE)
    assert "/late" in {row[1] for row in rows(indexed.library / f"{BEFORE}-1")["pictures"]}


@pytest.mark.parametrize("damage", ["page 1", "schema", "no database", "cut short", "a bit"])
def test_in_the_place_of_a_damaged_catalog(old: Path, indexed: Shelf, damage: str) -> None:
    catalog = indexed.library / FILE
    data = bytearray(catalog.read_bytes())
    match damage:
        case "page 1":
            data[:4096] = os.urandom(4096)
        case "schema":
            at = data.index(b"CREATE TABLE pictures")
            data[at : at + 12] = b"CREATE TRASH"
        case "no database":
            data = bytearray(b"what is this?")
        case "cut short":
            data = data[: len(data) // 2]
        case _:
            data[len(data) // 2] ^= 16
    catalog.write_bytes(data)
    done = restoring.restore(old, indexed.library)
    assert rows(catalog) == rows(old / FILE)
    assert done.before is not None
    assert (
        hashlib.sha256(done.before.read_bytes()).digest() == hashlib.sha256(data).digest() or damage not in _NO_DATABASE
    )


def test_what_cannot_be_put_back_changes_nothing(old: Path, indexed: Shelf, tmp_path: Path) -> None:
    before = rows(indexed.library / FILE)
    with pytest.raises(LibraryMissing, match="There is no backup at"):
        restoring.restore(tmp_path / "none", indexed.library)
    with pytest.raises(UsageError, match="is the library itself"):
        restoring.restore(indexed.library, indexed.library)
    with opening.lock(indexed.library), pytest.raises(LibraryLocked):
        restoring.restore(old, indexed.library)
    data = bytearray((old / FILE).read_bytes())
    data[8192:12288] = os.urandom(4096)
    (old / FILE).write_bytes(data)
    with pytest.raises(LibraryError, match="cannot be put back, and nothing was changed"):
        restoring.restore(old, indexed.library)
    assert rows(indexed.library / FILE) == before
    assert not list(indexed.library.glob(".*"))


@contextlib.contextmanager
def service(library: Path) -> Iterator[str]:
    with serving(library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield url


def found(url: str, picture: Path) -> dict[int, str]:
    answer = httpx.post(f"{url}/search", files={"file": picture.read_bytes()}, params={"k": 20}, timeout=20)
    assert answer.status_code == 200, answer.text
    return {hit["id"]: Path(hit["path"]).name for hit in answer.json()["results"]}


def held(catalog: Path) -> dict[int, str]:
    return {row[0]: Path(row[1]).name for row in rows(catalog)["pictures"]}


def test_a_running_service_follows_and_never_errs(old: Path, indexed: Shelf) -> None:
    asked = indexed.picture("c")
    with service(indexed.library) as url:
        for _ in range(2):
            kill_a_writer_of(indexed.library)  # its batch stays in SQLite's log, which the service has open
            present = held(indexed.library / FILE)
            assert "late" in present.values()
            until(lambda: found(url, asked) == present, 2)  # noqa: B023
            restoring.restore(old, indexed.library)
            done = time.monotonic()
            until(lambda: found(url, asked) == held(old / FILE), 2)
            while time.monotonic() < done + 1.5:
                assert found(url, asked) == held(old / FILE)
            indexed.index()  # the other history goes on, and the numbers of its generations come again
            until(lambda: found(url, asked) == held(indexed.library / FILE), 2)
            assert {*held(indexed.library / FILE)} != {*present}


def test_a_kill_at_any_moment_leaves_the_old_or_the_new(old: Path, indexed: Shelf, tmp_path: Path) -> None:
    """Under a running service, which answers right whatever happens, and goes on with what is there."""
    with Writer.writing(indexed.library) as catalog, catalog._transaction():  # so that the copying takes a while
        catalog._db.executemany(
            "INSERT INTO failures (path, reason) VALUES (?, hex(zeroblob(2000)))", [(f"/{n}",) for n in range(5000)]
        )
    chance, ends = random.Random(7), []
    start = "import sys; from pathlib import Path; from semblance.indexer.keeping.restoring import restore; "
    start += "print(flush=True); "
    command = [sys.executable, "-c", f"{start}restore(Path(sys.argv[1]), Path(sys.argv[2]))"]
    present, wanted = rows(indexed.library / FILE), rows(old / FILE)
    other = tmp_path / "other"
    backing_up.backup(indexed.library, other)
    with service(indexed.library) as url:
        for number in range(10):
            source = old if number % 2 == 0 else other
            process = subprocess.Popen([*command, source, indexed.library], cwd=ROOT, stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.35))
            process.kill()
            process.wait()
            process.stdout.close()
            with Catalog.opened(indexed.library):
                pass
            state = rows(indexed.library / FILE)
            assert state in (present, wanted)
            ends.append(state == (wanted if source is old else present))
            until(lambda: found(url, indexed.picture("c")) == held(indexed.library / FILE), 3)
    assert len(set(ends)) == 2, "some before and some after"
    indexed.index()
    assert not list(indexed.library.glob(".*")), "what a kill leaves the next run removes"
