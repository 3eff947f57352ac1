"""What is asked of a catalog of ever so many pictures reads few of them, and finds what reading all would."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Narrowing, Writer, finding, naming, said
from semblance.indexer.derived import thumbnails
from semblance.indexer.keeping import removing
from semblance.retrieval import storage
from tests.indexer.catalog.conftest import CODEC, new

PATHS = {
    "flat": ["/p/a.jpg", "/p/b.jpg"],
    "at the top": ["/a.jpg", "/p/a.jpg", "/p/q/a.jpg", "/z.jpg"],
    "between": ["/p/a", "/p/a-b/c/d", "/p/a/b/c", "/p/a/b/d/e", "/p/a0", "/p/b", "/q/r/s", "/q/r/s-t/u/v"],
    "addresses": ["/p/q/a.jpg", "s3://one/a.jpg", "s3://one/b/c.jpg", "s3://two/b/c.jpg", "s3://two/b/d/e.jpg"],
}


def holding(paths: list[str]) -> list[str]:
    """By all of them: for each three first parts the folder that they have in common."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for folder in {os.path.dirname(path) for path in paths}:  # noqa: PTH120 - text
        parts = folder.split("/") if storage.is_address(folder) else Path(folder).parts
        groups.setdefault(tuple(parts[:3]), []).append(folder)
    those = groups.values()
    return sorted(storage.common(each) if storage.is_address(each[0]) else os.path.commonpath(each) for each in those)


def children(paths: list[str], folder: str) -> dict[str, int]:
    """How many are below a folder, and below each folder in it."""
    first = folder.rstrip("/") + "/"
    below = [path for path in paths if path.startswith(first)]
    names = [path[len(first) :].split("/") for path in below]
    inner = {first + name[0] for name in names if len(name) > 1}
    return {folder: len(below), **{each: sum(path.startswith(f"{each}/") for path in below) for each in inner}}


@pytest.mark.parametrize("paths", [*PATHS.values(), []], ids=[*PATHS, "none"])
def test_the_folders_of_a_library_that_no_run_named_any(catalog: Writer, paths: list[str]) -> None:
    catalog.record([new(path) for path in paths], [])
    assert naming.folders(catalog) == holding(paths)
    assert {each.name: each.pictures for each in said.facets(catalog).folders} == {
        name: count for folder in holding(paths) for name, count in children(paths, folder).items()
    }


def test_folders_are_found_by_a_few_questions_whatever_lies_in_them(catalog: Writer) -> None:
    rng = np.random.default_rng(0)
    names = ["a", "a-b", "a.b", "b", "0"]
    paths = {f"/{'/'.join(rng.choice(names, rng.integers(1, 6)))}/{at}" for at in range(3000)}
    catalog.record([new(path) for path in paths], [])
    asked = list[str]()
    catalog._db.set_trace_callback(asked.append)
    found = naming.folders(catalog)
    assert found == holding([*paths])
    assert len(asked) < 4 * len(found) + 10
    for folder in found:
        catalog._db.set_trace_callback(None)
        assert said._folders(catalog, folder) == children([*paths], folder)


def test_pictures_are_removed_without_reading_others(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of /a, /b, and a twin of /a that goes on needing its thumbnail."""
    with Writer.writing(library, CODEC) as catalog:
        catalog.record([replace(new("/c/a", 1), sha256=new("/a").sha256), new("/c/d"), new("/c/e")], [])
    for content in ("/a", "/c/d"):
        path = thumbnails.thumbnail_path(library, new(content).sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for reads_all in ("entries", "contents"):
        monkeypatch.setattr(Catalog, reads_all, lambda _: pytest.fail("all pictures"))
    gone = removing.remove(library, [1, "/c/d", "/c/e"])
    assert [entry.path for entry in gone.pictures] == ["/a", "/c/d", "/c/e"]
    left = [thumbnails.thumbnail_path(library, new(content).sha256).exists() for content in ("/a", "/c/d")]
    assert left == [True, False]
    assert [entry.path for entry in removing.remove(library, ["/c"]).pictures] == ["/c/a"]


def test_a_folder_that_holds_all_is_no_narrowing(catalog: Writer) -> None:
    assert finding.narrows(catalog, Narrowing("/p")), "of nothing all are left out"
    catalog.record([new(path) for path in PATHS["between"]], [])
    for folder, leaves_out in (("/", False), ("/p", True), ("/p/a", True), ("/z", True)):
        assert finding.narrows(catalog, Narrowing(folder)) == leaves_out
        assert (len(catalog.among(Narrowing(folder))) < len(PATHS["between"])) == leaves_out
    assert finding.narrows(catalog, Narrowing("/", min_pixels=1))
    catalog.forget([path for path in PATHS["between"] if not path.startswith("/p/a/")])
    assert not finding.narrows(catalog, Narrowing("/p/a/"))
    assert finding.narrows(catalog, Narrowing("/p/a/b/c"))
