"""A library is read wherever it lies, and what is none is said to be none; nothing is written that need not be."""

import contextlib
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from semblance.indexer.catalog import FILE, Catalog, Writer
from semblance.indexer.derived import pixelfile, snapshot, thumbnails
from semblance.retrieval.errors import LibraryError, LibraryMissing
from tests.conftest import paint
from tests.indexer.catalog.conftest import (
    AS_ROOT,
    CODEC,
    UNWRITABLE,
    another_users,
    in_a_process,
    kill_a_writer,
    new,
)

each_unwritable = pytest.mark.parametrize("place", UNWRITABLE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- what cannot be written ----------------------------------------------------------------------------------------


@each_unwritable
@pytest.mark.parametrize("state", ["at rest", "with an empty log", "killed in a batch"])
def test_a_library_that_cannot_be_written_is_read(library: Path, place: str, state: str) -> None:
    if state == "with an empty log":
        (library / f"{FILE}-wal").touch()
    if state == "killed in a batch":
        kill_a_writer(library)
    before = contents(library)
    with UNWRITABLE[place](library), Catalog.opened(library) as catalog:
        expected = ["/a", "/b", *(["/c"] if state == "killed in a batch" else [])]
        assert [entry.path for entry in catalog.entries()] == expected
        assert catalog.changes(0).codes[:, 0].tolist() == [*range(1, len(expected) + 1)]
        assert catalog.knows(catalog.generation())
        assert catalog.generation().number == len(expected) - 1
        index, generation = snapshot.load(catalog)
        assert (len(index), generation) == (len(expected), catalog.generation())
        assert not pixelfile.exists(library)
    if place == "a read-only disk":
        assert contents(library) == before


@each_unwritable
def test_a_batch_left_in_the_log_is_never_passed_over(library: Path, place: str) -> None:
    """Without its other file SQLite cannot read the log here, and the catalog alone would lack a committed batch."""
    kill_a_writer(library)
    (library / f"{FILE}-shm").unlink()
    with UNWRITABLE[place](library), pytest.raises(LibraryError, match=r"middle of a batch .* on a copy of the folder"):
        Catalog.open(library)
    with Catalog.opened(library) as catalog:
        assert catalog.counts() == (3, 0)


@each_unwritable
def test_a_batch_left_half_written_is_never_taken_for_the_truth(library: Path, place: str) -> None:
    """A catalog that is not in write-ahead mode yet has beside it what it was, which SQLite must put back first."""

    def die() -> None:
        db = sqlite3.connect(library / FILE, isolation_level=None)
        db.execute("PRAGMA cache_size = 1")  # so that the batch reaches the file before it is committed
        db.execute("BEGIN")
        rows = [(str(number), "x" * 500) for number in range(500)]
        db.executemany("INSERT INTO failures (path, reason) VALUES (?, ?)", rows)
        os.kill(os.getpid(), signal.SIGKILL)

    with contextlib.closing(sqlite3.connect(library / FILE)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    in_a_process(die).join()
    assert (library / f"{FILE}-journal").stat().st_size
    with UNWRITABLE[place](library):
        if place == "a full disk":  # where SQLite can roll back what is there
            with Catalog.opened(library) as catalog:
                assert catalog.counts() == (2, 0)
        else:
            with pytest.raises(LibraryError, match="middle of a batch"):
                Catalog.open(library)
    with Catalog.opened(library) as catalog:
        assert catalog.counts() == (2, 0)


@each_unwritable
def test_writing_where_nothing_can_be_written_is_one_sentence(library: Path, place: str) -> None:
    before = contents(library)
    with UNWRITABLE[place](library):
        with (
            pytest.raises(LibraryError, match=r"see to its permissions|is full"),
            Writer.writing(library, CODEC) as catalog,
        ):
            catalog.record([new("/c")], [])
        with (
            pytest.raises(LibraryError, match=r"No library can be made|is full"),
            Writer.writing(library / "new", CODEC),
        ):
            pass
    assert contents(library) == before


@each_unwritable
def test_a_thumbnail_that_cannot_be_kept_is_made_all_the_same(library: Path, tmp_path: Path, place: str) -> None:
    picture = paint(tmp_path / "a.png", 1)
    picture.chmod(0o644)
    with Catalog.opened(library) as catalog:
        entry = catalog.entries()[0]
    shown = type(entry)(entry.id, str(picture), 0, 0, hashlib.sha256(picture.read_bytes()).digest())
    with UNWRITABLE[place](library):
        small, as_indexed = thumbnails.make(library, shown)
    assert as_indexed
    assert small.startswith(b"\xff\xd8")


@pytest.fixture
def owned(library: Path) -> Iterator[Path]:
    """A library whose folder another user may only read, while its owner's processes write to it."""
    if not AS_ROOT:
        pytest.skip("it takes root to be two users")
    with another_users(library):
        yield library


def test_what_its_owner_writes_is_seen_by_another_user(owned: Path) -> None:
    """While nobody writes the catalog is read as it stands; that must end when somebody does."""
    here, there = multiprocessing.Pipe()

    def write(step: Connection) -> None:
        with Writer.writing(owned, CODEC) as catalog:
            catalog.record([new("/c", 3)], [])
            step.send("added")
            assert step.recv() == "seen"
            catalog.forget(["/a"])
        step.send("closed")

    with Catalog.opened(owned) as reader:
        assert reader.counts() == (2, 0)
        owner = in_a_process(write, there)
        assert here.recv() == "added"
        assert [entry.path for entry in reader.entries()] == ["/a", "/b", "/c"]
        assert reader.changes(1).codes[:, 0].tolist() == [3]
        here.send("seen")
        assert here.recv() == "closed"
        assert [entry.path for entry in reader.entries()] == ["/b", "/c"]
        assert reader.changes(2).removed.tolist() == [1]
        owner.join()
    with Catalog.opened(owned) as reader:
        assert reader.generation().number == 3


def test_an_answer_that_was_written_under_is_asked_for_again(owned: Path) -> None:
    def write() -> None:
        with Writer.writing(owned, CODEC) as catalog:
            catalog.forget(["/a"])
            catalog.record([new(f"/{number}") for number in range(3000)], [])

    asked: list[int] = []

    def question(db: sqlite3.Connection) -> list[tuple[str]]:
        first = db.execute("SELECT path FROM pictures ORDER BY id LIMIT 1").fetchall()
        if not asked:
            owner = in_a_process(write)
            owner.join()
        asked.append(len(asked))
        return first + db.execute("SELECT path FROM pictures ORDER BY id DESC LIMIT 1").fetchall()

    with Catalog.opened(owned) as reader:
        assert reader._ask(question) == [("/b",), ("/2999",)]
    assert len(asked) == 2


def test_reading_leaves_nothing_behind_where_it_could(library: Path) -> None:
    before = contents(library)
    with Catalog.opened(library) as catalog:
        catalog.changes(0)
    assert contents(library) == before


def test_a_folder_with_signs_in_its_name_is_opened_and_no_other(tmp_path: Path) -> None:
    """The catalog is opened by an address, in which these mean something."""
    for name in ("a?mode=memory", "50%20", "#1", "ä ö"):
        with Writer.writing(tmp_path / name, CODEC) as catalog:
            catalog.record([new(f"/{name}")], [])
        with Catalog.opened(tmp_path / name) as catalog:
            assert [entry.path for entry in catalog.entries()] == [f"/{name}"]


# ---- what is no library --------------------------------------------------------------------------------------------


def notes() -> bytes:
    """Another program's SQLite file."""
    with tempfile.NamedTemporaryFile() as file, contextlib.closing(sqlite3.connect(file.name)) as db:
        db.execute("CREATE TABLE library (title TEXT, format TEXT)")
        db.execute("INSERT INTO library VALUES ('Emma', 'paper')")
        db.commit()
        return Path(file.name).read_bytes()


NO_CATALOGS = {
    "empty": (b"", "is no catalog of Semblance"),
    "another program's": (notes(), "is no catalog of Semblance"),
    "a text": (b"this is no database, " * 500, "is damaged"),
    "zeros": (bytes(8192), "is damaged"),
}


@pytest.mark.parametrize("kind", NO_CATALOGS)
def test_a_file_that_is_no_catalog_is_said_to_be_none_and_left_alone(tmp_path: Path, kind: str) -> None:
    content, said = NO_CATALOGS[kind]
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(LibraryError, match=f"{tmp_path}.*{said}|{said.removeprefix('is ')}"):
        Catalog.open(tmp_path)
    with pytest.raises(LibraryError), Writer.writing(tmp_path, CODEC):
        pass
    assert contents(tmp_path) == {FILE: content}


def test_a_catalog_cut_short_or_changed_on_disk_gives_a_sentence_or_what_was_there(library: Path) -> None:
    """Whatever byte is lost, no answer is anything else than an answer or a LibraryError."""
    with Writer.writing(library, CODEC) as catalog:
        catalog.record([new(f"/{number}") for number in range(300)], [])
    whole = (library / FILE).read_bytes()
    chance = random.Random(0)
    refused = 0
    for turn in range(150):
        damaged = bytearray(whole)
        if turn % 3 == 0:
            del damaged[chance.randrange(len(whole)) :]
        else:
            for _ in range(1 if turn % 3 == 1 else 200):
                damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (library / FILE).write_bytes(damaged)
        try:
            with Catalog.opened(library) as catalog:
                catalog.entries(), catalog.failures(), catalog.counts(), catalog.spread(5)
                catalog.changes(0)
        except LibraryError:
            refused += 1
        for name in (f"{FILE}-wal", f"{FILE}-shm"):
            (library / name).unlink(missing_ok=True)
    assert refused > 75


def test_a_folder_in_the_place_of_the_catalog_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(LibraryMissing):
        Catalog.open(tmp_path)
    with pytest.raises(LibraryError, match="No library can be made"), Writer.writing(tmp_path, CODEC):
        pass


@pytest.mark.skipif(not AS_ROOT, reason="it takes root to be two users")
def test_a_folder_that_one_may_not_look_into_is_one_sentence(tmp_path: Path, library: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(library, closed / "library")
    with another_users(tmp_path), pytest.raises(LibraryError, match="cannot be looked into"):
        Catalog.open(closed / "library")
