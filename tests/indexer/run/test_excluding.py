"""What is left out: by patterns, and always."""

from pathlib import Path

import pytest

from semblance.indexer.run.scan import scan
from semblance.retrieval.errors import UsageError
from tests.conftest import paint
from tests.indexer.conftest import Shelf

FILES = ["2019/a.png", "2019/raw/b.png", "2020/raw/deep/c.png", "Raw/d.png", "e.raw.png", "raw.png", "raws/f.png"]


@pytest.mark.parametrize(
    ("patterns", "left", "skipped"),
    [
        ([], FILES, 0),
        (["raw"], ["2019/a.png", "Raw/d.png", "e.raw.png", "raw.png", "raws/f.png"], 2),
        (["raw/"], ["2019/a.png", "Raw/d.png", "e.raw.png", "raw.png", "raws/f.png"], 2),
        (["raw*"], ["2019/a.png", "Raw/d.png", "e.raw.png"], 4),
        (["*.raw.png", "[Rr]aw"], ["2019/a.png", "raw.png", "raws/f.png"], 4),
        (["2019/*"], FILES[2:], 2),
        (["./2019"], FILES[2:], 1),
        (["2020/*/c.png"], [name for name in FILES if "c.png" not in name], 1),
        (["deep/c.png"], FILES, 0),
        (["?.png"], ["e.raw.png", "raw.png"], 5),
        (["pictures"], FILES, 0),
        (["*"], [], 6),
    ],
)
def test_patterns_leave_out_names_and_paths_below_the_folder(
    tmp_path: Path, patterns: list[str], left: list[str], skipped: int
) -> None:
    folder = tmp_path / "pictures"
    for name in FILES:
        paint(folder / name, 1)
    seen = scan([folder], tmp_path / "library", patterns)
    assert sorted(str(Path(path).relative_to(folder)) for path in seen.found) == left
    assert seen.skipped == skipped


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "#recycle", "$RECYCLE.BIN", "$Recycle.Bin", "node_modules"])
def test_what_nobody_means_is_left_out_unless_it_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "pictures"
    for place in ("seen", name, f"deep/{name}/er"):
        paint(folder / place / "a.png", 1)
    seen = scan([folder], tmp_path / "library")
    assert [*seen.found] == [str(folder / "seen" / "a.png")]
    assert seen.skipped == 2
    assert len(scan([folder, folder / name], tmp_path / "library").found) == 2


@pytest.mark.parametrize("pattern", ["", "/", "./", "/home/me/pictures/raw"])
def test_a_pattern_that_matches_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="matches nothing: give a name or a path below the FOLDER"):
        scan([tmp_path], tmp_path / "library", ["raw", pattern])


def test_what_is_left_out_stays_as_it_was_known_until_pruned(shelf: Shelf) -> None:
    shelf.index()
    report = shelf.index(exclude=["one", "d.png"])
    assert (report.removed, report.unchanged, report.skipped, report.warnings) == (0, 2, 2, [])
    assert report.passed_over == 4, "so that the numbers of a run add up to the library"
    assert len(shelf.ids()) == 6
    assert shelf.index(exclude=["one", "d.png"], prune=True).removed == 4
    assert shelf.index(exclude=["one", "d.png"]).passed_over == 0, "what is forgotten is not waited for"
    assert sorted(shelf.ids()) == ["e.png", "f.png"]
    assert shelf.index().added == 4
