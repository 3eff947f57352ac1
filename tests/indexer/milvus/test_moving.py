"""One command moves a library into a Milvus, one out of it, and the answers are the same."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import snapshot
from semblance.indexer.milvus import address, schema
from semblance.indexer.milvus.connection import Server
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from tests.indexer.milvus.conftest import Drawn

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def moved(drawn: Callable[[int], Drawn], milvus: Milvus, semblance: Run) -> tuple[Drawn, str]:
    """A library, and where it was exported to."""
    library, where = drawn(200), milvus.address("moving")
    done = semblance("export", where, "--library", library.folder, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"out": where, "rows": 380}
    return library, where


def test_a_library_comes_back_as_it_was(moved: tuple[Drawn, str], semblance: Run, tmp_path: Path) -> None:
    library, where = moved
    done = semblance("import", where, "--library", tmp_path / "back", "--model", "cifar10-fast", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"added": 200, "completed": 0, "unchanged": 0, "refused": []}
    with Catalog.opened(library.folder) as before, Catalog.opened(tmp_path / "back") as after:
        for was, now in zip(before.entries(), after.entries(), strict=True):
            assert (was.id, was.path, was.size, was.sha256) == (now.id, now.path, now.size, now.sha256)
            assert before.facts(was.id) == after.facts(was.id)
        for purpose in schema.PURPOSES:
            (was_index, _), (now_index, _) = (snapshot.load(each, purpose) for each in (before, after))
            queries = library.codes(20)
            one, other = was_index.search(queries, 30), now_index.search(queries, 30)
            assert np.array_equal(one[0], other[0])
            assert np.array_equal(one[1], other[1])


def test_what_is_not_whole_or_not_there_is_not_imported(
    moved: tuple[Drawn, str], semblance: Run, tmp_path: Path, milvus: Milvus
) -> None:
    server = Server(address.parse(moved[1]))
    line = schema.line(server, "same")
    assert line is not None
    for where, says in ((moved[1], "is not whole"), (milvus.address("nothing"), "There is no library at")):
        schema.put(server, "same", line | {"whole": False})
        done = semblance("import", where, "--library", tmp_path / "back", "--model", "cifar10-fast")
        schema.put(server, "same", line)
        assert done.returncode == 2
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "back").exists()


def test_another_library_makes_room_where_that_is_said(
    moved: tuple[Drawn, str], drawn: Callable[[int], Drawn], semblance: Run
) -> None:
    other = drawn(20)
    refused = semblance("export", moved[1], "--library", other.folder)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "holds another library" in refused.stderr
    done = semblance("export", moved[1], "--library", other.folder, "--force", "--purpose", "alike", "--json")
    assert json.loads(done.stdout)["rows"] == 20, done.stderr


def test_one_command_indexes_pictures_and_fills(milvus: Milvus, semblance: Run, sample: Path, tmp_path: Path) -> None:
    """Into the library first and into Milvus then; and again, when there are others. What is asked of either is the
    same answer."""
    folder, library, where = shutil.copytree(sample, tmp_path / "in"), tmp_path / "library", milvus.address("indexed")
    late = sorted(folder.rglob("*.jpg"))[0].rename(tmp_path / "late.jpg")
    for number in range(2):
        done = semblance("index", folder, "--library", library, "--index", where, "--json")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stderr
        state = schema.state(Server(address.parse(where)))
        assert state is not None
        with Catalog.opened(library) as catalog:
            count = catalog.counts()[0]
            assert [(held.whole, held.pictures, held.generation) for held in state.holds.values()] == [
                (True, count, catalog.generation())
            ] * 2
        if not number:
            before, late = count, late.rename(folder / "late.jpg")
    assert count == before + 1
    answers = [
        json.loads(semblance("search", late, "--library", library, "--k", 20, "--json", *more).stdout)["results"]
        for more in ((), ("--index", where))
    ]
    assert answers[0] == answers[1]
    assert (answers[0][0]["path"], answers[0][0]["distance"]) == (str(late), 0)


def test_what_was_indexed_is_kept_where_milvus_cannot_be_filled(
    moved: tuple[Drawn, str], semblance: Run, sample: Path, tmp_path: Path
) -> None:
    done = semblance("index", sample, "--library", tmp_path / "library", "--index", moved[1])
    assert done.returncode == 2
    assert "holds another library" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    with Catalog.opened(tmp_path / "library") as catalog:
        assert catalog.counts()[0] == len([*sample.rglob("*.jpg")])
