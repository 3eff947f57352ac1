"""The library's own pictures: no run over other folders forgets them, and a backup has them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.catalog import Catalog
from semblance.indexer.keeping import removing, standing, uploads, verifying
from semblance.indexer.keeping.adding import Adding
from semblance.indexer.keeping.backing_up import backup
from semblance.indexer.keeping.restoring import restore
from semblance.indexer.run.pipeline import Summary
from tests.conftest import paint
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed


@pytest.fixture
def with_uploads(shelf: Shelf, tmp_path: Path) -> dict[int, Path]:
    """Two uploads in a library of six pictures: their files by id."""
    shelf.index()
    adding = Adding(shelf.library)
    added = [adding.add(paint(tmp_path / f"{seed}.png", seed).read_bytes(), "up.png", shelf.codec) for seed in (70, 71)]
    assert all(each.new for each in added)
    return {each.id: Path(each.path) for each in added}


def paths(library: Path) -> dict[int, Path]:
    with Catalog.opened(library) as catalog:
        return {entry.id: Path(entry.path) for entry in catalog.entries()}


def test_no_run_over_other_folders_knows_of_them(shelf: Shelf, with_uploads: dict[int, Path], counts: Counts) -> None:
    above = shelf.library.parent  # the library itself lies in the folder: runs pass over it
    shutil.rmtree(shelf.folder / "two")
    for path in shelf.library.parent.glob("*.png"):
        path.unlink()
    for folders, prune in (((shelf.folder,), False), ((above,), False), ((above,), True), ((shelf.folder,), True)):
        summary = shelf.index(*folders, prune=prune)
        assert (summary.failed, summary.passed_over) == ({}, 0)
    assert paths(shelf.library).items() >= with_uploads.items()
    assert len(paths(shelf.library)) == 5
    assert all(path.exists() for path in with_uploads.values())


def test_the_folder_itself_is_indexed_as_any_other(shelf: Shelf, with_uploads: dict[int, Path], counts: Counts) -> None:
    home = shelf.library / "uploads"
    left = next(iter(with_uploads.values())).with_name(".a.png.12.34.tmp")
    left.write_bytes(b"half")  # by a service that was killed
    assert counts(shelf.index(home)) == (0, 0, 0, 2, 0)
    assert shelf.codec.encoded == 0
    assert not left.exists()
    shutil.copy(shelf.picture("a"), home / "by-hand.png")
    next(iter(with_uploads.values())).unlink()
    assert counts(shelf.index(home)) == (1, 0, 1, 1, 0)


def test_who_removes_one_removes_its_file_and_no_other(shelf: Shelf, with_uploads: dict[int, Path]) -> None:
    (first, path), (_, other) = with_uploads.items()
    gone = removing.remove(shelf.library, [first, str(shelf.picture("a"))])
    assert len(gone.pictures) == 2
    assert (path.exists(), other.exists(), shelf.picture("a").exists()) == (False, True, True)


def test_a_backup_has_them_and_is_brought_up_to_date(
    shelf: Shelf, with_uploads: dict[int, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def held() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (out / "uploads").rglob("*.png")}

    backup(shelf.library, out)
    assert held() == {path.name: path.read_bytes() for path in with_uploads.values()}
    (first, _), (_, other) = with_uploads.items()
    removing.remove(shelf.library, [first])
    third = Adding(shelf.library).add(paint(tmp_path / "third.png", 72).read_bytes(), "c.png", shelf.codec)
    backup(shelf.library, out)
    assert held() == {path.name: path.read_bytes() for path in (other, Path(third.path))}


@pytest.mark.parametrize("before", ["there", "gone"])
def test_put_back_elsewhere_they_are_found_there(
    shelf: Shelf, with_uploads: dict[int, Path], tmp_path: Path, before: str
) -> None:
    backup(shelf.library, tmp_path / "out")
    if before == "gone":
        shutil.rmtree(shelf.library)
    restore(tmp_path / "out", tmp_path / "new")
    now = paths(tmp_path / "new")
    for id, path in with_uploads.items():
        assert now[id] == tmp_path / "new" / "uploads" / path.relative_to(shelf.library / "uploads")
        assert now[id].exists()
    assert verifying.verify(tmp_path / "new", with_pictures=True).damage == []
    assert now[1] == shelf.picture("a"), "others are where they are"


def test_put_back_over_a_newer_library_none_is_lost(
    shelf: Shelf, with_uploads: dict[int, Path], tmp_path: Path
) -> None:
    backup(shelf.library, tmp_path / "out")
    (first, path), (_, other) = with_uploads.items()
    removing.remove(shelf.library, [first])
    newer = Adding(shelf.library).add(paint(tmp_path / "third.png", 72).read_bytes(), "c.png", shelf.codec)
    restore(tmp_path / "out", shelf.library)
    assert paths(shelf.library).items() >= with_uploads.items()
    assert all(each.exists() for each in (path, other, Path(newer.path)))


def test_a_library_that_was_moved_finds_them_when_they_are_indexed(
    shelf: Shelf, with_uploads: dict[int, Path], tmp_path: Path, counts: Counts
) -> None:
    shutil.move(shelf.library, tmp_path / "moved")
    shelf.library = tmp_path / "moved"
    assert [damage.part for damage in verifying.verify(shelf.library, with_pictures=True).damage] == ["pictures"] * 2
    assert counts(shelf.index(shelf.library / "uploads")) == (0, 0, 0, 2, 0)
    assert all(paths(shelf.library)[id].is_relative_to(tmp_path / "moved") for id in with_uploads)


def test_verify_and_status_tell_of_them(shelf: Shelf, with_uploads: dict[int, Path]) -> None:
    assert verifying.verify(shelf.library).damage == []
    said = standing.status(shelf.library)
    assert said["uploads"] == 2
    assert said["files"]["uploads"] == sum(path.stat().st_size for path in with_uploads.values())
    path = next(iter(with_uploads.values()))
    path.unlink()
    (damage,) = verifying.verify(shelf.library).damage
    assert damage.part == "uploads"
    assert str(path) in damage.said


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("cat.JPG", "cat-{}.jpg"),
        ("../../etc/passwd", "passwd-{}.png"),
        ("C:\\me\\dog.jpeg", "dog-{}.jpeg"),
        (".hidden.png", "hidden-{}.png"),
        ("a\0b\n$(rm).png", "a-b-rm-{}.png"),
        ("\ud800x.png", "x-{}.png"),
        ("猫" * 200 + ".png", "猫" * 53 + "-{}.png"),
        ("....", "picture-{}.png"),
        ("", "picture-{}.png"),
        ("scan.exe", "scan.exe-{}.png"),
    ],
)
def test_a_name_is_made_safe(tmp_path: Path, given: str, kept: str) -> None:
    data = paint(tmp_path / "a.png", 1).read_bytes()
    path = uploads.write(tmp_path, given, data, b"\xab" * 32)
    assert path.name == kept.format("ab" * 8)
    assert path.read_bytes() == data
    assert path.parent.parent.parent == Path(uploads.home(tmp_path))
