"""`index` refuses folders that make no sense before anything is written: not a file more, not a byte changed. `serve`
says what it lacks."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import ROOT, paint
from tests.scripts.test_cli import call

State = dict[str, bytes | None]


def everything(folder: Path) -> State:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("other", ["", "good"])
@pytest.mark.parametrize(
    "way",
    [lambda x: x, lambda x: x / ".", lambda x: x / ".." / x.name, lambda x: x.parent / "link",
     lambda x: Path(os.path.relpath(x))],
    ids=["itself", "dot", "parent", "link", "relative"],
)  # fmt: skip
def test_pictures_that_are_the_library_stay_alone(tmp_path: Path, way: Callable[[Path], Path], other: str) -> None:
    mine, good = tmp_path / "mine", tmp_path / "good"
    paint(mine / "a.png", 1)
    paint(good / "b.png", 2)
    (tmp_path / "link").symlink_to(mine)
    before = everything(tmp_path)
    first = [good] if other else []
    for folder, library in ((way(mine), mine), (mine, way(mine))):
        done = call("index", *first, folder, "--library", library)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "is the library itself: give the library a folder of its own." in done.stderr
        assert everything(tmp_path) == before


def test_a_library_of_an_earlier_version_is_not_even_brought_up_to_date(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    past = ROOT / "tests" / "indexer" / "catalog" / "schemas" / "1.sql"
    with closing(sqlite3.connect(library / "catalog.sqlite")) as db:
        db.executescript(past.read_text())
    before = everything(tmp_path)
    for wrong in (library, library / "catalog.sqlite"):
        assert call("index", wrong, "--library", library).exit_code == 2
        assert everything(tmp_path) == before


def test_nothing_is_made_where_there_is_nothing(tmp_path: Path) -> None:
    for folders in ([tmp_path / "new"], [paint(tmp_path / "a.png", 1)]):
        before = everything(tmp_path)
        assert call("index", *folders, "--library", tmp_path / "new").exit_code == 2
        assert everything(tmp_path) == before


def test_serve_says_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMBLANCE_LIBRARY", raising=False)
    done = call("serve")
    assert done.exit_code == 2
    assert "Say which library: --library DIR, or SEMBLANCE_LIBRARY; or --index" in done.stderr
    done = call("serve", "--host", "0.0.0.0", "--library", tmp_path)
    assert (done.exit_code, f"`semblance keys add NAME --library {tmp_path}`" in done.stderr) == (2, True)
