"""The catalog: one truth, one writer, generations that a reader can follow."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Failure, Generation, NewPicture, Writer
from semblance.retrieval.errors import CodecMismatch, LibraryError, LibraryLocked, LibraryMissing
from tests.conftest import ROOT
from tests.indexer.catalog.conftest import CODEC, new, some_codec

COPIES = some_codec("copies", 64)  # a second codec, for telling copies


def test_a_reader_asks_only_for_what_came_after_its_generation(catalog: Writer) -> None:
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


def test_an_id_is_never_given_twice(catalog: Writer) -> None:
    ids = [catalog.record([new(f"/{turn}")], [])[0] for turn in range(3)]
    catalog.forget(["/2"])
    ids += catalog.record([new("/2")], [])
    ids += catalog.record([new("/2", 9)], [])
    assert ids == sorted(set(ids))
    assert catalog.counts() == (3, 0)
    assert catalog.changes(0).codes[:, 0].tolist() == [0, 0, 9], "the code of the last content only"


def test_a_failure_takes_the_picture_only_where_its_content_was_read(catalog: Writer) -> None:
    ids = catalog.record([new("/a"), new("/b")], [])
    catalog.record([], [Failure("/a", "no permission today", read=False), Failure("/b", "a text", read=True)])
    assert [entry.id for entry in catalog.entries()] == ids[:1]
    assert catalog.failures() == {"/a": "no permission today", "/b": "a text"}
    catalog.touch(catalog.entries())
    assert catalog.failures() == {"/b": "a text"}


def test_a_batch_that_changes_no_code_passes_no_generation(catalog: Writer) -> None:
    catalog.record([new("/a")], [])
    before = catalog.generation()
    catalog.record([], [Failure("/b", "a text", read=True)])
    catalog.touch(catalog.entries())
    catalog.forget(["/b", "/never there"])
    assert catalog.generation() == before


def test_a_batch_that_fails_leaves_nothing_behind(catalog: Writer) -> None:
    catalog.record([new("/a")], [])
    before = catalog.generation()
    with pytest.raises(LibraryError):
        catalog.record([new("/b"), new("/c"), new("/c")], [])
    assert [entry.path for entry in catalog.entries()] == ["/a"]
    assert catalog.generation() == before
    catalog.record([new("/b")], [])


def test_paths_and_a_spread_of_many_pictures(catalog: Writer) -> None:
    ids = catalog.record([new(f"/{number}") for number in range(1100)], [])
    assert catalog.paths([*ids, 10**9]) == {id: f"/{number}" for number, id in enumerate(ids)}
    assert [entry.path for entry in catalog.spread(4)] == ["/0", "/275", "/550", "/825"]
    assert len(catalog.spread(5000)) == 1100
    assert catalog.entry(ids[7]) == catalog.entries()[7]
    assert catalog.entry(10**9) is None


def test_a_library_has_one_current_codec(catalog: Writer) -> None:
    other = some_codec("other", 64)
    with pytest.raises(CodecMismatch, match=r"holds 256-bit codes .* not of other \(64 bits"):
        catalog.check(other)
    catalog.check(CODEC)


def test_a_folder_without_a_catalog_is_no_library(tmp_path: Path) -> None:
    assert not Catalog.exists(tmp_path)
    with pytest.raises(LibraryMissing, match="semblance index FOLDER"):
        Catalog.open(tmp_path)
    with pytest.raises(LibraryMissing), Writer.writing(tmp_path):
        pass
    assert not list(tmp_path.iterdir()), "asking for a library makes none"


def test_a_kill_while_the_catalog_is_made_leaves_none(tmp_path: Path) -> None:
    """Whatever a killed first run leaves beside the catalog is not taken for one, and does not stop the next run."""
    for name in (".catalog.sqlite.tmp", ".catalog.sqlite.tmp-journal", "catalog.sqlite-wal", "writer.lock"):
        (tmp_path / name).write_bytes(b"half of something" * 300 if name != "writer.lock" else b"")
    assert not Catalog.exists(tmp_path)
    with Writer.writing(tmp_path, CODEC) as catalog:
        catalog.record([new("/a")], [])
    with Catalog.opened(tmp_path) as catalog:
        assert catalog.counts() == (1, 0)


def test_a_library_that_cannot_be_made_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LibraryError, match="No library can be made"), Writer.writing(folder, CODEC):
            pass


def test_a_second_writer_is_refused_while_the_first_lives_and_readers_are_not(tmp_path: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from semblance.indexer.catalog import Writer\n"
        "with Writer.writing(Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    )
    with Writer.writing(tmp_path, CODEC) as catalog:
        catalog.record([new("/a")], [])
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", hold, tmp_path], cwd=ROOT, stdin=pipe, stdout=pipe) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"locked\n"
        with pytest.raises(LibraryLocked, match="Another process"), Writer.writing(tmp_path, CODEC):
            pass
        with Catalog.opened(tmp_path) as reader:
            assert reader.counts() == (1, 0)
        first.kill()  # the lock goes with its process
        first.wait()
        with Writer.writing(tmp_path, CODEC) as catalog:
            catalog.record([new("/b")], [])
            assert catalog.counts() == (2, 0)


# ---- generations ---------------------------------------------------------------------------------------------------


def test_a_generation_of_another_history_is_not_known(library: Path, tmp_path: Path) -> None:
    """A catalog put back from a copy counts on with numbers that were used: only their tokens tell them apart."""
    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    passed = []
    for folder, path in ((library, "/here"), (copy, "/there")):
        with Writer.writing(folder, CODEC) as catalog:
            before = catalog.generation()
            catalog.record([new(path)], [])
            passed.append(catalog.generation())
            assert catalog.knows(before)
            assert catalog.knows(catalog.generation())
    here, there = passed
    assert here.number == there.number == before.number + 1
    with Catalog.opened(library) as catalog:
        assert catalog.knows(here)
        assert not catalog.knows(there)
        assert not catalog.knows(Generation(here.number + 1, here.token))
        assert catalog.generation() == here


def test_a_new_library_has_a_generation_that_no_other_knows(tmp_path: Path) -> None:
    generations = []
    for name in ("one", "two"):
        with Writer.writing(tmp_path / name, CODEC) as catalog:
            generations.append(catalog.generation())
            assert catalog.knows(generations[-1])
    assert [generation.number for generation in generations] == [0, 0]
    with Catalog.opened(tmp_path / "one") as catalog:
        assert not catalog.knows(generations[1])


# ---- codes of several codecs ---------------------------------------------------------------------------------------


def codes_of(catalog: Catalog, codec_id: str | None = None, since: int = 0) -> dict[int, list[int]]:
    changes = catalog.changes(since, codec_id)
    return dict(zip(changes.ids.tolist(), changes.codes.tolist(), strict=True))


def test_codes_of_two_codecs_stand_side_by_side(catalog: Writer) -> None:
    catalog.know(COPIES, "same")
    both = NewPicture(
        "/a", 1, 1, bytes(32), {CODEC.codec_id: np.full(32, 1, np.uint8), "c" * 64: np.arange(8, dtype=np.uint8)}
    )
    one, two = catalog.record([both, new("/b", 2)], [])
    assert codes_of(catalog) == codes_of(catalog, CODEC.codec_id) == {one: [1] * 32, two: [2] * 32}
    assert codes_of(catalog, COPIES.codec_id) == {one: [*range(8)]}
    assert catalog.codec_id == CODEC.codec_id, "a codec for telling copies does not replace the one for what is alike"
    with Catalog.opened(catalog.folder) as reader:
        assert (reader.codec_id, reader.bits, reader.model) == (CODEC.codec_id, 256, "alpha")


def test_a_picture_may_get_its_code_of_another_codec_later(catalog: Writer) -> None:
    one, two = catalog.record([new("/a", 1), new("/b", 2)], [])
    catalog.know(COPIES, "same")
    before = catalog.generation()
    codes = np.arange(24, dtype=np.uint8).reshape(3, 8)
    catalog.add_codes(COPIES, np.array([two, 10**9, one]), codes)
    assert catalog.generation().number == before.number + 1
    assert codes_of(catalog, COPIES.codec_id, before.number) == {two: [*range(8)], one: [*range(16, 24)]}
    assert codes_of(catalog, since=before.number) == {}, "nothing is new for those who follow the other codec"
    after = catalog.generation()
    catalog.add_codes(COPIES, np.array([one]), codes[:1])
    assert catalog.generation() == after, "an id names one content, so a code that is there stays"
    assert codes_of(catalog, COPIES.codec_id)[one] == [*range(16, 24)]


def test_a_picture_goes_with_all_its_codes(catalog: Writer) -> None:
    catalog.know(COPIES, "same")
    ids = catalog.record([new("/a", 1), new("/b", 2)], [])
    catalog.add_codes(COPIES, np.array(ids), np.zeros((2, 8), np.uint8))
    seen = catalog.generation().number
    catalog.forget(["/a"])
    for codec_id in (CODEC.codec_id, COPIES.codec_id):
        assert [*codes_of(catalog, codec_id)] == ids[1:]
        assert catalog.changes(seen, codec_id).removed.tolist() == ids[:1]


def test_codes_of_a_codec_that_is_not_known_are_refused(catalog: Writer) -> None:
    ids = catalog.record([new("/a", 1)], [])
    before = catalog.generation()
    with pytest.raises(CodecMismatch, match="no codes of a model cccccccccccc"):
        catalog.changes(0, COPIES.codec_id)
    with pytest.raises(CodecMismatch):
        catalog.add_codes(COPIES, np.array(ids), np.zeros((1, 8), np.uint8))
    with pytest.raises(CodecMismatch):
        catalog.record([new("/b", 2, COPIES)], [])
    assert [entry.path for entry in catalog.entries()] == ["/a"]
    assert catalog.generation() == before


def test_a_code_of_another_length_is_refused(catalog: Writer) -> None:
    catalog.know(COPIES, "same")
    ids = catalog.record([new("/a", 1)], [])
    with pytest.raises(ValueError, match="32 bytes"):
        catalog.record([NewPicture("/b", 1, 1, bytes(32), {CODEC.codec_id: np.zeros(8, np.uint8)})], [])
    with pytest.raises(ValueError, match="64"):
        catalog.add_codes(COPIES, np.array(ids), np.zeros((1, 32), np.uint8))
    assert catalog.counts() == (1, 0)


def test_the_first_codec_of_a_purpose_is_its_current_one(catalog: Writer) -> None:
    better = some_codec("better", 128)
    for codec in (COPIES, better, CODEC, COPIES):
        catalog.know(codec, "alike" if codec is better else "same")
    rows = catalog._rows("SELECT codec_id, bits, model, purpose, current FROM codecs ORDER BY codec_id")
    assert rows == [
        ("a" * 64, 256, "alpha", "alike", 1),
        ("b" * 64, 128, "better", "alike", 0),
        ("c" * 64, 64, "copies", "same", 1),
    ]
    catalog.check(CODEC)
    with pytest.raises(CodecMismatch):
        catalog.check(better)
