"""A changed file is noticed by size, mtime, ctime and inode, and one that only looks changed costs no decode."""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.catalog import FILE, Catalog, checksums
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval import images
from tests.conftest import paint
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from here on."""
    names: list[str] = []
    read = images.read

    def counting(path: Path, *limit: int) -> bytes:
        names.append(path.name)
        return read(path, *limit)

    monkeypatch.setattr(images, "read", counting)
    return names


def remember(shelf: Shelf, changes: str, only: str = "%") -> None:
    """Let the catalog have known other states of files than it saw."""
    with contextlib.closing(sqlite3.connect(shelf.library / FILE)) as db, db:
        checksums.keep(db)
        db.execute(f"UPDATE pictures SET {changes} WHERE path LIKE ?", (only,))


def states(shelf: Shelf) -> dict[str, tuple[int, int, int, int]]:
    with Catalog.opened(shelf.library) as catalog:
        return {Path(e.path).name: (e.size, e.mtime_ns, e.ctime_ns, e.inode) for e in catalog.entries()}


def true_states(shelf: Shelf) -> dict[str, tuple[int, int, int, int]]:
    found = {path.name: path.stat() for path in shelf.folder.rglob("*.png")}
    return {name: (s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino) for name, s in found.items()}


def test_another_content_with_the_old_size_and_mtime_is_seen(shelf: Shelf, counts: Counts) -> None:
    a = shelf.picture("a")
    a.write_bytes(a.read_bytes().ljust(9000, b"\0"))
    shelf.index()
    assert states(shelf) == true_states(shelf)
    before = a.stat()
    paint(a, 77)
    a.write_bytes(a.read_bytes().ljust(9000, b"\0"))
    os.utime(a, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = a.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert counts(shelf.index()) == (0, 1, 0, 5, 0)


def test_a_file_of_other_rights_is_hashed_once_and_not_decoded(shelf: Shelf, counts: Counts, reads: list[str]) -> None:
    shelf.index()
    ids = shelf.ids()
    shelf.picture("a").chmod(0o600)
    for expected in (["a.png"], []):
        reads.clear()
        assert counts(shelf.index()) == (0, 0, 0, 6, 0)
        assert (reads, shelf.codec.encoded, shelf.ids()) == (expected, 0, ids)


def test_what_was_not_known_is_filled_in_without_reading(shelf: Shelf, counts: Counts, reads: list[str]) -> None:
    """A library of before knows no ctime and no inode."""
    shelf.index()
    remember(shelf, "ctime_ns = 0, inode = 0")
    reads.clear()
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert reads == []
    assert states(shelf) == true_states(shelf)


def test_one_file_with_another_inode_is_read(shelf: Shelf, counts: Counts, reads: list[str]) -> None:
    shelf.index()
    remember(shelf, "inode = inode + 1000", "%/a.png")
    reads.clear()
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert reads == ["a.png"]
    assert states(shelf) == true_states(shelf)


def test_a_disk_that_numbers_its_files_anew_is_not_read_again(shelf: Shelf, counts: Counts, reads: list[str]) -> None:
    """FAT, and some network disks: with each mount every file has another inode, and the same times."""
    shelf.index()
    remember(shelf, "inode = inode + 1000")
    reads.clear()
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert reads == []
    assert states(shelf) == true_states(shelf)


def test_a_file_system_without_inodes_and_ctimes_is_known_by_the_rest(
    shelf: Shelf, counts: Counts, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from semblance.indexer.run import scan

    state_of = scan.state_of
    monkeypatch.setattr(scan, "state_of", lambda *seen: state_of(*seen)._replace(ctime_ns=0, inode=0))
    shelf.index()
    reads.clear()
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert reads == []
    paint(shelf.picture("a"), 99)
    assert counts(shelf.index()) == (0, 1, 0, 5, 0)
