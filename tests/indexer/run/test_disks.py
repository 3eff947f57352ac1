"""Disks below the folders of a run: real ones where a test may mount them, else numbers that the catalog remembers."""

import contextlib
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semblance.indexer.catalog import FILE, Catalog, checksums, finding
from semblance.indexer.run.pipeline import Summary
from tests.conftest import paint
from tests.indexer.catalog.conftest import AS_ROOT
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed


@contextlib.contextmanager
def mounted(place: Path) -> Iterator[None]:
    """A fresh disk at a folder, for a while."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)]
    if not AS_ROOT or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root can mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remembered(shelf: Shelf) -> dict[str, tuple[int, bool]]:
    with Catalog.opened(shelf.library) as catalog:
        return {path: (folder.device, folder.named) for path, folder in finding.folders(catalog).items()}


def let_remember(shelf: Shelf, sql: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(shelf.library / FILE)) as db, db:
        checksums.keep(db)
        assert db.execute(sql, values).rowcount == 1


def warning(place: Path, count: int) -> str:
    said = "picture is" if count == 1 else "pictures are"
    return (
        f"The folder {place} is not on the disk that it was on: its {count} {said} kept in the library. "
        "If they are gone for good, run again with --prune."
    )


def test_a_disk_that_is_away_or_another_at_its_place_forgets_nothing(shelf: Shelf, counts: Counts) -> None:
    place = shelf.folder / "disk"
    paint(place / "under.png", 30)
    with mounted(place):
        for seed, name in enumerate(("x", "y", "z")):
            paint(place / f"{name}.png", 20 + seed)
        assert shelf.index().added == 9
        assert remembered(shelf).keys() == {str(shelf.folder), str(place)}
        saved = {path: path.read_bytes() for path in place.iterdir()}
        shelf.picture("d").unlink()
        (place / "z.png").unlink()
        assert counts(shelf.index()) == (0, 0, 2, 7, 0), "a disk that is there forgets what was deleted from it"
    report = shelf.index()
    assert (counts(report), report.warnings) == ((1, 0, 0, 5, 0), [warning(place, 2)])
    with mounted(place):
        paint(place / "other.png", 40)
        for _ in range(2):
            report = shelf.index()
            assert report.warnings == [warning(place, 3)], "of the disk, and of what it was mounted over"
            assert report.removed == 0
        for path, data in saved.items():
            path.write_bytes(data)
        report = shelf.index()
        assert report.warnings == [warning(place, 1)]
    assert counts(shelf.index(prune=True)) == (0, 0, 4, 6, 0)
    assert remembered(shelf).keys() == {str(shelf.folder)}


def test_a_disk_that_is_mounted_over_pictures_hides_them(shelf: Shelf) -> None:
    shelf.index()
    place = shelf.folder / "one"
    with mounted(place):
        paint(place / "x.png", 20)
        report = shelf.index()
        assert (report.removed, report.warnings) == (0, [warning(place, 3)])
    report = shelf.index()
    assert (report.unchanged, report.warnings) == (6, [])
    assert report.removed == 1, "what lay on the disk; a place knows one disk, here the one below"


def test_numbers_that_are_dealt_out_anew_keep_nothing_for_ever(shelf: Shelf, counts: Counts) -> None:
    """After a start of the machine a disk has another number: one picture that is as it was says so."""
    shelf.index()
    device, named = remembered(shelf)[str(shelf.folder)]
    assert (device, named) == (shelf.folder.stat().st_dev, True)
    let_remember(shelf, "UPDATE folders SET device = device + 7")
    shelf.picture("b").unlink()
    shelf.picture("e").unlink()
    report = shelf.index()
    assert (counts(report), report.warnings) == ((0, 0, 2, 4, 0), [])
    assert remembered(shelf)[str(shelf.folder)] == (device, True)


@pytest.mark.parametrize("there", [True, False])
def test_another_number_is_believed_only_where_no_picture_is_as_it_was(shelf: Shelf, there: bool) -> None:
    shelf.index()
    let_remember(shelf, "UPDATE folders SET device = device + 7")
    shelf.picture("a").unlink()
    if not there:
        for name in "bcdef":
            data = shelf.picture(name).read_bytes()
            shelf.picture(name).unlink()
            shelf.picture(name).write_bytes(data)
    report = shelf.index()
    assert (report.removed, report.warnings) == ((1, []) if there else (0, [warning(shelf.folder, 1)]))
    assert shelf.codec.encoded == 0
    if not there:
        assert shelf.index().removed == 1, "the files that are there are known now"
