"""The catalog: one truth, one writer, generations that a reader can follow."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, Catalog
from semblance.indexer.records import Failure, NewPicture
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryLocked, LibraryMissing
from tests.conftest import ROOT


@pytest.fixture
def catalog(tmp_path: Path, codec: Codec) -> Iterator[Catalog]:
    with Catalog.writing(tmp_path / "library", codec) as catalog:
        yield catalog


def new(path: str, fill: int = 0, content: bytes = b"") -> NewPicture:
    return NewPicture(path, 10, 20, (content or path.encode()).ljust(32), np.full(32, fill, np.uint8))


def test_a_reader_asks_only_for_what_came_after_its_generation(catalog: Catalog) -> None:
    first = catalog.record([new("/a", 1), new("/b", 2)], [])
    seen = catalog.generation()
    second = catalog.record([new("/c", 3)], [])
    catalog.forget(["/a"])
    changes = catalog.changes(seen.number)
    assert (changes.ids.tolist(), changes.removed.tolist()) == (second, first[:1])
    assert changes.codes.tolist() == [[3] * 32]
    assert changes.generation == catalog.generation()
    assert changes.generation.number == seen.number + 2
    assert catalog.changes(changes.generation.number).ids.size == 0
    assert catalog.changes(0).ids.tolist() == [first[1], *second]


def test_an_id_is_never_given_twice(catalog: Catalog) -> None:
    ids = [catalog.record([new(f"/{turn}")], [])[0] for turn in range(3)]
    catalog.forget(["/2"])
    ids += catalog.record([new("/2")], [])
    ids += catalog.record([new("/2", 9)], [])
    assert ids == sorted(set(ids))
    assert catalog.counts() == (3, 0)
    assert catalog.changes(0).codes[:, 0].tolist() == [0, 0, 9], "the code of the last content only"


def test_a_failure_takes_the_picture_only_where_its_content_was_read(catalog: Catalog) -> None:
    ids = catalog.record([new("/a"), new("/b")], [])
    catalog.record([], [Failure("/a", "no permission today", read=False), Failure("/b", "a text", read=True)])
    assert [entry.id for entry in catalog.entries()] == ids[:1]
    assert catalog.failures() == {"/a": "no permission today", "/b": "a text"}
    catalog.touch(catalog.entries())
    assert catalog.failures() == {"/b": "a text"}


def test_a_batch_that_changes_no_code_passes_no_generation(catalog: Catalog) -> None:
    catalog.record([new("/a")], [])
    before = catalog.generation()
    catalog.record([], [Failure("/b", "a text", read=True)])
    catalog.touch(catalog.entries())
    catalog.forget(["/b", "/never there"])
    assert catalog.generation() == before


def test_a_batch_that_fails_leaves_nothing_behind(catalog: Catalog) -> None:
    catalog.record([new("/a")], [])
    before = catalog.generation()
    with pytest.raises(LibraryError):
        catalog.record([new("/b"), new("/c"), new("/c")], [])
    assert [entry.path for entry in catalog.entries()] == ["/a"]
    assert catalog.generation() == before
    catalog.record([new("/b")], [])


def test_paths_and_a_spread_of_many_pictures(catalog: Catalog) -> None:
    ids = catalog.record([new(f"/{number}") for number in range(1100)], [])
    assert catalog.paths([*ids, 10**9]) == {id: f"/{number}" for number, id in enumerate(ids)}
    assert [entry.path for entry in catalog.spread(4)] == ["/0", "/275", "/550", "/825"]
    assert len(catalog.spread(5000)) == 1100
    assert catalog.entry(ids[7]) == catalog.entries()[7]
    assert catalog.entry(10**9) is None


def test_a_library_holds_the_codes_of_one_model(catalog: Catalog, codec: Codec, tmp_path: Path) -> None:
    other = type("Other", (), {"codec_id": "f" * 64, "bits": 64, "name": "other"})()
    with pytest.raises(CodecMismatch, match=r"holds 256-bit codes .* not of other \(64 bits"):
        catalog.check(other)
    catalog.check(codec)


def test_a_folder_without_a_catalog_is_no_library(tmp_path: Path) -> None:
    assert not Catalog.exists(tmp_path)
    with pytest.raises(LibraryMissing, match="semblance index FOLDER"):
        Catalog.open(tmp_path)
    with pytest.raises(LibraryMissing), Catalog.writing(tmp_path):
        pass
    assert not list(tmp_path.iterdir()), "asking for a library makes none"


@pytest.mark.parametrize("content", [b"", b"this is no database, " * 500], ids=["empty", "garbage"])
def test_a_catalog_that_is_damaged_is_said_to_be(tmp_path: Path, codec: Codec, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(LibraryError, match=str(tmp_path)):
        Catalog.open(tmp_path)
    with pytest.raises(LibraryError), Catalog.writing(tmp_path, codec):
        pass
    assert (tmp_path / FILE).read_bytes().startswith(content), "what was there is not overwritten"


def test_a_catalog_of_another_format_is_refused(tmp_path: Path, codec: Codec) -> None:
    with Catalog.writing(tmp_path, codec):
        pass
    with sqlite3.connect(tmp_path / FILE) as raw:
        raw.execute("UPDATE library SET format = 99")
    raw.close()
    with pytest.raises(LibraryError, match="another version of Semblance"):
        Catalog.open(tmp_path)


def test_a_kill_while_the_catalog_is_made_leaves_none(tmp_path: Path, codec: Codec) -> None:
    """Whatever a killed first run leaves beside the catalog is not taken for one, and does not stop the next run."""
    for name in (".catalog.sqlite.tmp", ".catalog.sqlite.tmp-journal", "catalog.sqlite-wal", "writer.lock"):
        (tmp_path / name).write_bytes(b"half of something" * 300 if name != "writer.lock" else b"")
    assert not Catalog.exists(tmp_path)
    with Catalog.writing(tmp_path, codec) as catalog:
        catalog.record([new("/a")], [])
    with Catalog.opened(tmp_path) as catalog:
        assert catalog.counts() == (1, 0)


def test_a_library_that_cannot_be_made_is_an_error_of_one_sentence(tmp_path: Path, codec: Codec) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LibraryError, match="No library can be made"), Catalog.writing(folder, codec):
            pass


def test_a_second_writer_is_refused_while_the_first_lives_and_readers_are_not(tmp_path: Path, codec: Codec) -> None:
    hold = (
        "import sys; from pathlib import Path; from indexer.catalog import Catalog\n"
        "with Catalog.writing(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with Catalog.writing(tmp_path, codec) as catalog:
        catalog.record([new("/a")], [])
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], cwd=ROOT, stdin=pipe, stdout=pipe) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(LibraryLocked, match="Another process"), Catalog.writing(tmp_path, codec):
            pass
        with Catalog.opened(tmp_path) as reader:
            assert reader.counts() == (1, 0)
        first.kill()  # the lock goes with its process
        first.wait()
        with Catalog.writing(tmp_path, codec) as catalog:
            catalog.record([new("/b")], [])
            assert catalog.counts() == (2, 0)
