"""What was built to search by, where a library is verified, mended, copied and put back: derived, and never wrong."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from semblance.indexer.catalog import Catalog
from semblance.indexer.derived import built
from semblance.indexer.derived.building import build
from semblance.indexer.keeping import backing_up, repairing, restoring, standing, verifying
from semblance.indexer.library import Library
from semblance.retrieval.index import ENGINES
from semblance.retrieval.progress import quiet
from tests.indexer.conftest import Shelf
from tests.indexer.derived.rough import FILE, Rough


@pytest.fixture
def own(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A library of six pictures with an engine of its codes."""
    monkeypatch.setitem(ENGINES, "rough", Rough)
    shelf.index()
    build(shelf.library, "rough", lambda _: nullcontext(quiet))
    return shelf


def engine(library: Path) -> str:
    """What searches by rough go by; it finds each of six pictures."""
    with Library.open(library, index="rough") as opened:
        for id in opened.ways["code"].index.ids().tolist():  # type: ignore[attr-defined]
            assert opened.similar(id, 1).results[0].distance == 0
        return opened.standing["alike"].choice.engine


def test_a_damaged_engine_is_found_and_built_anew(own: Shelf) -> None:
    assert verifying.verify(own.library, threads=1).damage == []
    assert standing.sizes(own.library)[built.FOLDER] > 0
    for file in sorted((own.library / built.FOLDER).glob(f"*/{FILE}")):
        data = bytearray(file.read_bytes())
        data[-8] ^= 1
        file.write_bytes(data)
    found = verifying.verify(own.library, threads=1).damage
    assert [damage.part for damage in found] == ["engines", "engines"]
    assert "is not the index that was built" in found[0].said
    report = repairing.repair(own.library, threads=1)
    assert report.damage == []
    assert "rough is built of 6 codes" in " ".join(report.mended)
    assert engine(own.library) == "rough"


def test_a_backup_leaves_it_out_and_what_is_put_back_is_searched_exactly(own: Shelf, tmp_path: Path) -> None:
    backing_up.backup(own.library, tmp_path / "backup", derived=True)
    assert not (tmp_path / "backup" / built.FOLDER).exists()
    own.picture("a").unlink()
    own.index()
    with Catalog.opened(own.library) as catalog:
        assert len(catalog.entries()) == 5
    build(own.library, "rough", lambda _: nullcontext(quiet))
    restoring.restore(tmp_path / "backup", own.library)
    assert engine(own.library) == "flat", "what was built since is of a history that is not"
    assert verifying.verify(own.library, threads=1).damage == []
    build(own.library, "rough", lambda _: nullcontext(quiet))
    assert engine(own.library) == "rough"
    assert len([*(own.library / built.FOLDER).iterdir()]) == 2, "one for each purpose, and nothing of before"
