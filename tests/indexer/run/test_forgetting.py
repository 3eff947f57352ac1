"""What a run does not look at it does not forget."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.run.pipeline import Summary
from tests.conftest import paint
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed


@pytest.mark.parametrize("kind", ["hidden", "library"])
def test_a_run_over_a_parent_keeps_what_one_over_a_child_found(shelf: Shelf, counts: Counts, kind: str) -> None:
    child = shelf.folder / {"hidden": ".hidden/deep", "library": "other/deep"}[kind]
    for seed, name in enumerate(("x", "y")):
        paint(child / f"{name}.png", 20 + seed)
    if kind == "library":
        (shelf.folder / "other" / "catalog.sqlite").touch()
    assert counts(shelf.index(child)) == (2, 0, 0, 0, 0)
    assert counts(shelf.index()) == (6, 0, 0, 0, 0)
    assert len(shelf.ids()) == 8
    (child / "x.png").unlink()
    assert counts(shelf.index()) == (0, 0, 0, 6, 0), "the parent's run has not looked, and cannot know"
    assert counts(shelf.index(shelf.folder, child)) == (0, 0, 1, 7, 0), "named itself, it was looked into"
    assert counts(shelf.index(prune=True)) == (0, 0, 1, 6, 0)


def test_the_thumbnails_of_another_library_are_no_pictures(shelf: Shelf, tmp_path: Path) -> None:
    shelf.index()
    library, shelf.library = shelf.library, tmp_path / "second"
    paint(library / "thumbnails" / "ab" / "ab.jpg", 30)
    assert shelf.index(tmp_path).added == 6


@pytest.mark.parametrize("state", ["is missing", "has no pictures any more"])
@pytest.mark.parametrize("below", ["", "deep/er"])
def test_a_subfolder_that_vanished_whole_is_kept_and_named_until_pruned(
    shelf: Shelf, counts: Counts, state: str, below: str
) -> None:
    """A disk mounted below the folder, which is away: its place is empty, or gone."""
    disk = shelf.folder / "one"
    for seed, name in enumerate(("x", "y")):
        paint(disk / below / f"{name}.png", 20 + seed)
    shelf.index()
    away = disk.rename(shelf.folder.parent / "away")
    if state != "is missing":
        disk.mkdir()
        (disk / "not mounted.txt").touch()
    shelf.picture("d").unlink()
    report = shelf.index()
    assert counts(report) == (0, 0, 1, 2, 0), "one file is gone from a folder that still has others"
    assert report.warnings == [
        f"The folder {disk} {state}: its 5 pictures are kept in the library. "
        "If they are gone for good, run again with --prune."
    ]
    if state != "is missing":
        shutil.rmtree(disk)
    away.rename(disk)
    report = shelf.index()
    assert (counts(report), report.warnings, shelf.codec.encoded) == ((0, 0, 0, 7, 0), [], 0)
    shutil.rmtree(disk)
    report = shelf.index(prune=True)
    assert (counts(report), report.warnings) == ((0, 0, 5, 2, 0), [])


def test_each_vanished_subfolder_is_named_once_by_its_top(shelf: Shelf, counts: Counts) -> None:
    for seed, name in enumerate(("nas/2019/x", "nas/2020/y", "usb/z", "one/inner/w")):
        paint(shelf.folder / f"{name}.png", 20 + seed)
    (shelf.folder / "one/inner/text.jpg").write_text("no picture")
    shelf.index()
    for name in ("nas", "usb", "one/inner"):
        shutil.rmtree(shelf.folder / name)
    report = shelf.index()
    assert counts(report) == (0, 0, 0, 6, 0)
    assert sorted(warning.partition(" kept")[0] for warning in report.warnings) == [
        f"The folder {shelf.folder}/nas is missing: its 2 pictures are",
        f"The folder {shelf.folder}/one/inner is missing: its 1 picture is",
        f"The folder {shelf.folder}/usb is missing: its 1 picture is",
    ]
    assert shelf.index(shelf.folder / "nas", prune=True).removed == 2
