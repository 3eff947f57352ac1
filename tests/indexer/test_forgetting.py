"""What a run does not look at it does not forget."""

from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.pipeline import Summary
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
