"""Folders to a library and again: only what changed is encoded, and nothing is forgotten by accident."""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Writer
from semblance.indexer.derived import snapshot
from semblance.indexer.run import pipeline
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval import images
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import CodecMismatch, LibraryLocked, UsageError
from semblance.retrieval.images import Picture
from tests.conftest import huge_header, paint
from tests.indexer.conftest import CountingCodec, Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed
NOBODY = 65534


def test_the_first_run_encodes_all_and_the_second_nothing(shelf: Shelf, counts: Counts) -> None:
    assert counts(shelf.index()) == (6, 0, 0, 0, 0)
    assert shelf.codec.encoded == 6
    before, stamp = shelf.ids(), (shelf.library / snapshot.FILE).stat().st_mtime_ns
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert shelf.codec.encoded == 0
    assert shelf.ids() == before
    assert (shelf.library / snapshot.FILE).stat().st_mtime_ns == stamp


def test_a_library_holds_the_codes_that_its_codec_gives(shelf: Shelf) -> None:
    shelf.index()
    with Catalog.opened(shelf.library) as catalog:
        index, _ = snapshot.load(catalog)
        for entry in catalog.entries():
            code = shelf.codec.encode(images.load(Path(entry.path), shelf.codec.spec)[None])[0]
            assert index.codes(np.array([entry.id]))[0].tolist() == code.tolist()


def test_a_changed_file_gets_a_new_id_and_its_old_one_goes(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    before = shelf.ids()
    paint(shelf.picture("b"), seed=99)
    assert counts(shelf.index()) == (0, 1, 0, 5, 0)
    assert shelf.codec.encoded == 1
    after = shelf.ids()
    assert after.pop("b.png") > max(before.values())
    assert after == {name: id for name, id in before.items() if name != "b.png"}


def test_a_touched_file_keeps_its_id_and_is_read_only_once(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    before = shelf.ids()
    os.utime(shelf.picture("a"), (1, 1))
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert shelf.codec.encoded == 0
    assert shelf.ids() == before
    with Catalog.opened(shelf.library) as catalog:
        assert 10**9 in [entry.mtime_ns for entry in catalog.entries()], "else it would be read again in every run"


def test_a_moved_file_is_there_once_under_its_new_path(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    shelf.picture("a").rename(shelf.folder / "moved.png")
    assert counts(shelf.index()) == (0, 0, 0, 5, 0)
    assert sorted(shelf.ids()) == ["b.png", "c.png", "d.png", "e.png", "f.png", "moved.png"]


def test_a_run_that_ends_before_it_forgets_leaves_that_to_the_next(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    shelf.picture("a").unlink()
    paint(shelf.picture("b"), seed=99)

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.update([shelf.folder], shelf.library, shelf.codec, progress=interrupt)
    assert sorted(shelf.ids()) == ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png"]
    assert counts(shelf.index()) == (0, 0, 1, 5, 0)
    assert sorted(shelf.ids()) == ["b.png", "c.png", "d.png", "e.png", "f.png"]


def test_the_thread_that_commits_does_not_encode(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction must not last while something is encoded."""
    threads: list[int] = []

    def encode(codec: CountingCodec, pictures: Picture) -> Codes:
        threads.append(threading.get_ident())
        return original(codec, pictures)

    original = CountingCodec.encode
    monkeypatch.setattr(CountingCodec, "encode", encode)
    shelf.index()
    assert threads
    assert threading.get_ident() not in threads


def test_a_removed_file_is_forgotten_only_under_the_folders_named(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    shelf.picture("a").unlink()
    shelf.picture("d").unlink()
    assert counts(shelf.index(shelf.folder / "two")) == (0, 0, 1, 2, 0)
    assert sorted(shelf.ids()) == ["a.png", "b.png", "c.png", "e.png", "f.png"]
    twin = shelf.folder / "one and more"  # begins like the folder `one`, and is not below it
    paint(twin / "z.png", 7)
    shelf.index(twin)
    (twin / "z.png").unlink()
    shelf.index(shelf.folder / "one")
    assert sorted(shelf.ids()) == ["b.png", "c.png", "e.png", "f.png", "z.png"]


@pytest.mark.parametrize("state", ["is missing", "has no pictures any more"])
def test_a_missing_or_emptied_folder_forgets_nothing_unless_pruned(shelf: Shelf, counts: Counts, state: str) -> None:
    shelf.index()
    shutil.rmtree(shelf.folder / "one")
    if state != "is missing":
        (shelf.folder / "one").mkdir()
    report = shelf.index(shelf.folder / "one", shelf.folder / "two")
    assert counts(report) == (0, 0, 0, 3, 0)
    assert len(report.warnings) == 1
    assert f"{state}: its 3 pictures are kept" in report.warnings[0]
    assert len(shelf.ids()) == 6
    report = shelf.index(shelf.folder, shelf.folder / "one")
    assert report.removed == 0, "the folder itself is named: what it lost is kept, though another named one holds it"
    assert shelf.index(shelf.folder / "one", prune=True).removed == 3
    assert sorted(shelf.ids()) == ["d.png", "e.png", "f.png"]


def test_a_missing_folder_that_was_never_indexed_is_refused_before_anything_is_made(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        shelf.index(shelf.folder, shelf.folder / "typo")
    assert not shelf.library.exists()
    shelf.index()
    shelf.picture("a").unlink()
    with pytest.raises(UsageError, match="has no pictures from it"):
        shelf.index(shelf.folder, shelf.folder / "typo")
    assert len(shelf.ids()) == 6


@contextmanager
def bound_by_permissions(*own: Path) -> Iterator[None]:
    """Permissions do not bind root: root becomes nobody, to whom `own` is given, and comes back."""
    if os.geteuid() != 0:
        yield
        return
    for path in own:
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_cannot_be_listed_keeps_its_pictures_and_is_named() -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to nobody
        shelf = Shelf(Path(place))
        (shelf.folder / "one" / "text.jpg").write_text("no picture")
        shelf.index()
        (shelf.folder / "one").chmod(0)
        shelf.picture("d").unlink()
        with bound_by_permissions(Path(place), shelf.library, *shelf.library.iterdir()):
            report = shelf.index(prune=True)
        assert report.failed == {str(shelf.folder / "one"): "The folder cannot be listed: Permission denied."}
        assert report.removed == 1, "what was really seen to be gone is forgotten"
        assert sorted(shelf.ids()) == ["a.png", "b.png", "c.png", "e.png", "f.png"]
        assert sorted(shelf.failures()) == ["one", "text.jpg"]
        (shelf.folder / "one").chmod(0o755)
        shelf.index()
        assert sorted(shelf.failures()) == ["text.jpg"]


def test_a_file_that_cannot_be_opened_keeps_its_picture() -> None:
    with tempfile.TemporaryDirectory() as place:
        shelf = Shelf(Path(place))
        shelf.index()
        before = shelf.ids()
        os.utime(shelf.picture("a"), (1, 1))
        shelf.picture("a").chmod(0)
        with bound_by_permissions(Path(place), shelf.library, *shelf.library.iterdir()):
            report = shelf.index()
        assert [*report.failed.values()] == ["The file cannot be read: Permission denied."]
        assert report.unchanged == 5, "the file that failed is counted once"
        assert shelf.ids() == before
        shelf.picture("a").chmod(0o644)
        shelf.index()
        assert (shelf.ids(), shelf.failures()) == (before, {})


def test_a_text_named_like_a_picture_fails_on_each_run_until_it_is_mended(shelf: Shelf, counts: Counts) -> None:
    text = shelf.folder / "text.jpg"
    text.write_text("no picture")
    for expected in ((6, 0, 0, 0, 1), (0, 0, 0, 6, 1)):
        report = shelf.index()
        assert counts(report) == expected
        assert "is not a picture that Semblance reads" in report.failed[str(text)]
    paint(shelf.folder / "mended.png", 9).rename(text)
    assert counts(shelf.index()) == (1, 0, 0, 6, 0)
    assert shelf.failures() == {}


def test_a_picture_that_became_a_text_is_a_failure_and_no_result(shelf: Shelf, counts: Counts) -> None:
    shelf.index()
    shelf.picture("a").write_text("no picture")
    assert counts(shelf.index()) == (0, 0, 0, 5, 1)
    assert "a.png" not in shelf.ids()
    shelf.picture("a").unlink()
    assert counts(shelf.index()) == (0, 0, 0, 5, 0)
    assert shelf.failures() == {}, "a failure whose file is gone is forgotten"


def test_bad_pictures_are_counted_and_named_while_others_are_indexed(shelf: Shelf, counts: Counts) -> None:
    cut = paint(shelf.folder / "cut.jpg", 1, (400, 300))
    cut.write_bytes(cut.read_bytes()[:2000])
    (shelf.folder / "huge.png").write_bytes(huge_header())
    (shelf.folder / "empty.png").touch()
    odd = os.fsencode(shelf.folder) + b"/caf\xe9.png"
    paint(shelf.folder / "odd.png", 3).rename(os.fsdecode(odd))
    (shelf.folder / "link.png").symlink_to("nowhere")
    (shelf.folder / "readme.txt").write_text("hello")
    report = shelf.index()
    assert counts(report) == (6, 0, 0, 0, 5)
    assert report.skipped == 1
    reasons = {Path(path).name: reason for path, reason in report.failed.items()}
    assert "cut short" in reasons["cut.jpg"]
    assert "20000 x 6000 pixels; at most 100 megapixels" in reasons["huge.png"]
    assert "empty" in reasons["empty.png"]
    assert "not valid UTF-8" in reasons["caf\\udce9.png"]
    assert "leads nowhere" in reasons["link.png"]
    assert shelf.failures() == reasons


def test_a_link_that_dangles_for_a_day_keeps_its_picture(shelf: Shelf) -> None:
    shelf.index()
    picture, away = shelf.picture("a"), shelf.folder.parent / "away.png"
    picture.rename(away)
    picture.symlink_to(away)
    assert shelf.index().unchanged == 6
    away.rename(shelf.folder.parent / "unmounted.png")
    report = shelf.index()
    assert (report.removed, [*report.failed]) == (0, [str(picture)])
    assert "a.png" in shelf.ids()


def test_a_library_keeps_its_codec(shelf: Shelf) -> None:
    shelf.index()
    shelf.codec.codec_id = "f" * 64
    before = shelf.ids()
    paint(shelf.folder / "new.png", 8)
    with pytest.raises(CodecMismatch, match="index into a new library"):
        shelf.index()
    assert shelf.ids() == before


def test_a_second_run_is_refused_while_the_first_writes(shelf: Shelf) -> None:
    with Writer.writing(shelf.library, shelf.codec), pytest.raises(LibraryLocked):
        shelf.index()
    assert shelf.index().added == 6


@pytest.mark.parametrize("damage", ["missing", "cut short", "one bit", "another state", "another library"])
def test_a_snapshot_that_is_not_right_is_rebuilt_and_never_trusted(shelf: Shelf, tmp_path: Path, damage: str) -> None:
    shelf.index()
    path = shelf.library / snapshot.FILE
    whole = path.read_bytes()
    if damage == "another state":
        paint(shelf.picture("a"), seed=50)
        shelf.index()
    content = {
        "missing": None,
        "cut short": whole[:-40],
        "one bit": whole[:200] + bytes([whole[200] ^ 1]) + whole[201:],
        "another state": whole,
        "another library": _snapshot_of_a_twin(tmp_path / "twin"),
    }[damage]
    path.unlink() if content is None else path.write_bytes(content)
    with Catalog.opened(shelf.library) as catalog:
        truth = catalog.changes(0)
        index, generation = snapshot.load(catalog)
        assert generation == catalog.generation()
    assert index.ids().tolist() == truth.ids.tolist()
    assert [index.codes(np.array([id]))[0].tolist() for id in truth.ids] == truth.codes.tolist()
    assert shelf.index().unchanged == 6
    assert path.read_bytes() != content, "the next run mends it"


def _snapshot_of_a_twin(place: Path) -> bytes:
    """The snapshot of a library with as many batches and ids, but other pictures."""
    twin = Shelf(place)
    paint(twin.picture("a"), seed=77)
    twin.index()
    return (twin.library / snapshot.FILE).read_bytes()
