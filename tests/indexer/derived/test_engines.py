"""Which index a library is searched by: the same answers by each, built beside it, trusted as far as it may be."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, CurrentCodec, NewPicture, Purpose, Writer, codecs
from semblance.indexer.catalog.sqlite_errors import sentences
from semblance.indexer.derived import built, doubts, engines, measured, snapshot
from semblance.indexer.derived.building import build
from semblance.indexer.derived.engines import AUTO, FLAT, MAPPED, Loaded
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import LibraryError, LibraryLocked, UsageError
from semblance.retrieval.index import ENGINES, Ids, Overlay
from semblance.retrieval.index.contract import Approximate
from semblance.retrieval.progress import Progress, quiet
from tests.conftest import ROOT, until
from tests.indexer.derived.rough import FILE, SLOWLY, Rough

ALIKE: Purpose = "alike"
COUNT = 1200
NAMES = [AUTO, FLAT, MAPPED, *ENGINES, "rough"]


@pytest.fixture(autouse=True)
def rough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "rough", Rough)


def bar(_: str) -> AbstractContextManager[Progress]:
    return nullcontext(quiet)


def some(first: int, count: int, *codec_ids: str) -> list[NewPicture]:
    """Pictures in families of four whose codes are near each other, with another code for each codec."""
    made = []
    for number in range(first, first + count):
        codes = {}
        for place, codec_id in enumerate(codec_ids):
            family = np.random.default_rng([place, number // 4]).integers(0, 256, 32, np.uint8)
            family[np.random.default_rng([place, number]).integers(0, 32)] ^= 1 << number % 8
            codes[codec_id] = family
        made.append(NewPicture(f"/{number}", 10, 20, number.to_bytes(32, "big"), codes))
    return made


@pytest.fixture
def catalog(tmp_path: Path, codec: Codec) -> Iterator[Writer]:
    """A library of COUNT codes, and its snapshot."""
    with Writer.writing(tmp_path / "library", codec) as catalog:
        catalog.record(some(0, COUNT, codec.codec_id), [])
        snapshot.refresh(catalog)
        yield catalog


def own(catalog: Catalog) -> CurrentCodec:
    return CurrentCodec(catalog.codec_id, catalog.bits, catalog.model)


def load(catalog: Catalog, index: str) -> Loaded:
    loaded = engines.load(catalog, ALIKE, own(catalog), index)
    changes = catalog.changes(loaded.generation.number)
    snapshot.take_in(loaded.index, changes)
    loaded.generation = changes.generation
    if isinstance(loaded.index, Overlay) and isinstance(loaded.index.base, Approximate):
        loaded.index.base.effort = loaded.index.base.efforts[-1]  # type: ignore[attr-defined]
    return loaded


def nearest(queries: Codes, ids: Ids, stored: Codes, k: int) -> Ids:
    """By brute force."""
    far = np.unpackbits(queries[:, None] ^ stored, axis=2).sum(axis=2, dtype=np.int32)
    return np.array([ids[np.lexsort((ids, row))[:k]] for row in far])


def assert_right(loaded: Loaded, catalog: Catalog) -> None:
    """It finds what brute force finds in the catalog's present codes, and holds nothing else."""
    truth = catalog.changes(0)
    assert loaded.generation == truth.generation
    assert loaded.index.ids().tolist() == truth.ids.tolist()
    queries = truth.codes[::97]
    assert np.array_equal(loaded.index.search(queries, 10)[1], nearest(queries, truth.ids, truth.codes, 10))


def folders(catalog: Catalog) -> list[str]:
    return sorted(path.name for path in (catalog.folder / built.FOLDER).glob("[0-9a-f]*-*-*"))


def flip(path: Path, at: int = -1) -> None:
    """Another bit, with the same size and time."""
    was, data = path.stat(), bytearray(path.read_bytes())
    data[at] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


# ---- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", NAMES)
def test_answers_are_those_of_brute_force_through_a_librarys_life(catalog: Writer, index: str) -> None:
    assert_right(load(catalog, index), catalog)
    build(catalog.folder, index, bar) if index != MAPPED else None
    loaded = load(catalog, index)
    assert loaded.choice.engine == (FLAT if index == AUTO else index)
    assert (loaded.wanted, loaded.laid_over) == (None, 0)
    assert_right(loaded, catalog)

    catalog.record(some(COUNT, 9, catalog.codec_id), [])
    catalog.record([NewPicture("/7", 10, 20, b"other" * 6, {catalog.codec_id: np.arange(32, dtype=np.uint8)})], [])
    catalog.forget([f"/{number}" for number in range(100, 106)])
    loaded = load(catalog, index)
    assert loaded.wanted is None, "so little may lie over it"
    assert loaded.laid_over == (0 if loaded.choice.engine == FLAT else 9 + 2 + 6)
    assert_right(loaded, catalog)

    catalog.record(some(COUNT + 9, COUNT // 10, catalog.codec_id), [])
    loaded = load(catalog, index)
    assert_right(loaded, catalog)
    assert loaded.wanted == (None if loaded.choice.engine == FLAT else index), "and so much is to be built anew"
    before = folders(catalog)
    if loaded.wanted == MAPPED:
        snapshot.refresh(catalog)
    elif loaded.wanted:
        assert build(catalog.folder, index, bar)
        assert len(folders(catalog)) == 1
        assert folders(catalog) != before
        assert engines.is_overtaken(loaded, catalog, ALIKE, own(catalog))
    fresh = load(catalog, index)
    assert (fresh.wanted, fresh.laid_over) == (None, 0)
    assert_right(fresh, catalog)
    assert not engines.is_overtaken(fresh, catalog, ALIKE, own(catalog))


def test_codes_of_another_model_are_searched_by_an_index_of_their_own(catalog: Writer, tmp_path: Path) -> None:
    build(catalog.folder, "rough", bar)
    old = own(catalog)
    other = Codec("copies")
    catalog.know(other, "alike")
    catalog.record(some(COUNT, 40, catalog.codec_id, other.codec_id), [])
    codecs.make_current(catalog, {"alike": other.codec_id})
    loaded = load(catalog, "rough")
    assert (loaded.choice.engine, loaded.wanted) == (FLAT, "rough")
    assert_right(loaded, catalog)
    build(catalog.folder, "rough", bar)
    assert load(catalog, "rough").choice.engine == "rough"
    assert_right(load(catalog, "rough"), catalog)
    assert len(folders(catalog)) == 2, "the way back stays"
    built.drop(catalog.folder, old.codec_id)
    assert [name.startswith(other.codec_id[:16]) for name in folders(catalog)] == [True]


# ---- auto ------------------------------------------------------------------------------------------------------------


def test_auto_measures_nothing_where_there_is_little(catalog: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a_code", "fits_in_memory", "tried", "remembered"):
        monkeypatch.setattr(measured, name, lambda *_: pytest.fail("it cost something"))
    assert build(catalog.folder, AUTO, bar) == []
    loaded = load(catalog, AUTO)
    assert (loaded.choice.engine, loaded.wanted, loaded.doubt) == (FLAT, None, None)
    assert not (catalog.folder / built.FOLDER).exists()


def test_auto_builds_the_quickest_that_finds_enough_where_comparing_all_is_slow(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "FEW", 0)
    monkeypatch.setattr(measured, "a_code", lambda _: 21 / COUNT)
    tried = [measured.Tried("slow", 1.5, 1.0), measured.Tried("rough", 0.1, 0.995), measured.Tried("misses", 0.01, 0.9)]
    monkeypatch.setattr(measured, "tried", lambda *_: tried)
    assert load(catalog, AUTO).wanted == AUTO
    assert "rough is built of 1,200 codes" in build(catalog.folder, AUTO, bar)[0]
    (made,) = built.find(catalog, own(catalog))
    monkeypatch.setattr(built, "find", lambda *_: [made])
    loaded = load(catalog, AUTO)
    assert (loaded.choice.engine, loaded.wanted) == ("rough", None)
    assert_right(loaded, catalog)
    monkeypatch.setattr(measured, "a_code", lambda _: 19 / COUNT)
    assert load(catalog, AUTO).choice.engine == FLAT, "exact wherever that is quick enough"


def test_engines_are_tried_once_and_none_is_built_that_gains_nothing(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "FEW", 0)
    monkeypatch.setattr(measured, "a_code", lambda _: 1.0)
    monkeypatch.setattr(Rough, "efforts", (1,))
    for name in [*ENGINES]:
        monkeypatch.setattr(ENGINES[name], "efforts", (1,)) if name == "rough" else monkeypatch.delitem(ENGINES, name)
    assert "no engine is quicker" in build(catalog.folder, AUTO, bar)[0]
    assert folders(catalog) == []
    monkeypatch.setattr(measured, "tried", lambda *_: pytest.fail("tried again"))
    assert build(catalog.folder, AUTO, bar) == []
    assert load(catalog, AUTO).choice.engine == FLAT
    catalog.record(some(COUNT, COUNT, catalog.codec_id), [])
    snapshot.refresh(catalog)
    assert load(catalog, AUTO).wanted == AUTO, "twice as large it is another library"


def test_an_unknown_name_is_refused_with_those_there_are(catalog: Writer) -> None:
    for call in (lambda: load(catalog, "ivfpq"), lambda: build(catalog.folder, "", bar)):
        with pytest.raises(UsageError, match=r"there are auto, flat, mapped, .*rough and milvus://HOST:PORT/NAME\."):
            call()


# ---- trust -----------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def link_elsewhere(path: Path) -> None:
    """The folder is at another place, which belongs to somebody else."""
    path.parent.rename(path.parent.parent.parent / "elsewhere")
    path.parent.symlink_to(path.parent.parent.parent / "elsewhere")
    cut(path)


def link_nowhere(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to(path.parent)


def say_other(path: Path) -> None:
    path.write_text(path.read_text().replace('"effort"', '"efort"'))


def say_later(path: Path) -> None:
    """As a later version may, which has other words for what it says."""
    said = {"format": 2, "of": {"library": "another"}}
    path.write_text(json.dumps({**said, "checksum": built._checksum(said)}))


def say_less(path: Path) -> None:
    """As no version does, but with the right checksum."""
    said = json.loads(path.read_text())
    del said["checksum"], said["files"]
    path.write_text(json.dumps({**said, "checksum": built._checksum(said)}))


@pytest.mark.parametrize("say", [say_later, say_less])
def test_what_another_version_says_is_passed_over(catalog: Writer, say: Callable[[Path], None]) -> None:
    build(catalog.folder, "rough", bar)
    (folder,) = (catalog.folder / built.FOLDER).glob("*-rough-*")
    say(folder / built.STATE)
    assert [*built.damaged(catalog)] == []
    loaded = load(catalog, "rough")
    assert (loaded.choice.engine, loaded.wanted) == (FLAT, "rough")
    assert build(catalog.folder, "rough", bar)
    assert load(catalog, "rough").choice.engine == "rough"


@pytest.mark.parametrize(
    ("damage", "file"),
    [
        *((cut, FILE), (cut, built.CODES), (Path.unlink, FILE), (Path.unlink, built.STATE), (say_other, built.STATE)),
        *((link_elsewhere, FILE), (link_nowhere, FILE)),
    ],
)
def test_what_is_damaged_plainly_is_never_opened(catalog: Writer, damage: Callable[[Path], None], file: str) -> None:
    build(catalog.folder, "rough", bar)
    (folder,) = (catalog.folder / built.FOLDER).glob("*-rough-*")
    damage(folder / file)
    assert [*built.damaged(catalog)] == [folder]
    loaded = load(catalog, "rough")
    assert (loaded.choice.engine, loaded.wanted) == (FLAT, "rough")
    assert_right(loaded, catalog)
    assert build(catalog.folder, "rough", bar)
    assert load(catalog, "rough").choice.engine == "rough"
    assert [*built.damaged(catalog)] == []


@pytest.mark.parametrize(("index", "file", "at"), [("rough", FILE, -1), ("rough", built.CODES, 200), (MAPPED, "", 200)])
def test_a_bit_that_flipped_is_noticed_soon_and_searched_by_no_longer(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch, index: str, file: str, at: int
) -> None:
    monkeypatch.setattr(doubts, "SOON", 0.05)
    build(catalog.folder, index, bar)
    path = catalog.folder / snapshot.FILE
    if index == "rough":
        path = next((catalog.folder / built.FOLDER).glob("*-rough-*")) / file
    whole = load(catalog, index)
    assert whole.doubt
    until(lambda: not whole.doubt._timer.is_alive())  # type: ignore[union-attr]
    assert not engines.is_overtaken(whole, catalog, ALIKE, own(catalog)), "nothing is wrong with a whole one"
    flip(path, at)
    loaded = load(catalog, index)
    assert loaded.choice.engine == index, "to read all of it would keep the first answer"
    until(lambda: engines.is_overtaken(loaded, catalog, ALIKE, own(catalog)))
    after = load(catalog, index)
    assert (after.choice.engine, after.wanted) == (FLAT, index)
    assert_right(after, catalog)
    catalog_at = catalog.folder
    if index == MAPPED:
        snapshot.refresh(catalog)
    else:
        assert build(catalog_at, index, bar)
    assert engines.is_overtaken(after, catalog, ALIKE, own(catalog))
    assert load(catalog, index).choice.engine == index
    assert_right(load(catalog, index), catalog)


def test_what_cannot_be_read_any_more_is_searched_by_no_longer(catalog: Writer) -> None:
    build(catalog.folder, "rough", bar)
    loaded = load(catalog, "rough")
    assert loaded.doubt
    folder = os.open(catalog.folder, os.O_RDONLY)
    os.dup2(folder, loaded.doubt._files[0][1].fileno())  # a disk that says no when it is asked
    os.close(folder)
    loaded.doubt.settle()
    assert (loaded.doubt.wrong, loaded.doubt.settled) == (True, False)
    assert load(catalog, "rough").choice.engine == FLAT


def test_what_was_built_of_another_history_or_library_is_not_trusted(
    catalog: Writer, tmp_path: Path, codec: Codec
) -> None:
    build(catalog.folder, "rough", bar)
    with Writer.writing(tmp_path / "twin", codec) as twin:
        twin.record(some(5, COUNT, codec.codec_id), [])
        shutil.copytree(catalog.folder / built.FOLDER, twin.folder / built.FOLDER)
        loaded = load(twin, "rough")
        assert (loaded.choice.engine, [*built.damaged(twin)]) == (FLAT, [])
        assert_right(loaded, twin)
        build(twin.folder, "rough", bar)
        assert len(folders(twin)) == 1
        assert_right(load(twin, "rough"), twin)


def test_a_snapshot_that_is_gone_is_made_anew_and_mapped(tmp_path: Path, codec: Codec) -> None:
    with Writer.writing(tmp_path / "library", codec) as writer:
        writer.record(some(0, COUNT, codec.codec_id), [])
    with Catalog.opened(tmp_path / "library") as catalog:
        loaded = load(catalog, MAPPED)
        assert (loaded.choice.engine, loaded.wanted) == (FLAT, MAPPED)
        assert not engines.is_overtaken(loaded, catalog, ALIKE, own(catalog))
        build(catalog.folder, MAPPED, bar)
        assert engines.is_overtaken(loaded, catalog, ALIKE, own(catalog))
        assert load(catalog, MAPPED).choice.engine == MAPPED
        assert_right(load(catalog, MAPPED), catalog)


def test_an_empty_library_wants_nothing(tmp_path: Path, codec: Codec) -> None:
    with Writer.writing(tmp_path / "library", codec):
        pass
    for index in NAMES:
        with Catalog.opened(tmp_path / "library") as catalog:
            assert load(catalog, index).wanted is None
            assert build(catalog.folder, index, bar) == []
            assert load(catalog, index).index.search(np.zeros((1, 32), np.uint8), 3)[1].shape == (1, 0)


# ---- what hinders ----------------------------------------------------------------------------------------------------


def test_a_killed_builder_leaves_the_library_as_it_was(catalog: Writer) -> None:
    """SIGKILL, half way."""
    build(catalog.folder, "rough", bar)
    catalog.record(some(COUNT, COUNT // 4, catalog.codec_id), [])
    before = folders(catalog)
    program = (
        "import sys; from pathlib import Path; from tests.indexer.derived import rough, test_engines as t\n"
        "t.ENGINES['rough'] = rough.Rough; t.build(Path(sys.argv[1]), 'rough', t.bar)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(catalog.folder)],
        cwd=ROOT,
        env={**os.environ, SLOWLY: "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half built\n"
    with pytest.raises(LibraryLocked, match="Another process is building an index"):
        build(catalog.folder, "rough", bar)
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()
    assert folders(catalog) == before
    assert [*(catalog.folder / built.FOLDER).glob(".*.tmp")], "what it had half done"
    loaded = load(catalog, "rough")
    assert (loaded.choice.engine, loaded.wanted) == ("rough", "rough")
    assert_right(loaded, catalog)
    assert build(catalog.folder, "rough", bar)
    assert [path.name for path in (catalog.folder / built.FOLDER).iterdir()] == folders(catalog)
    assert_right(load(catalog, "rough"), catalog)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_who_is_stopped_leaves_nothing_half(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    def stopped(*_: object) -> None:
        raise stop

    monkeypatch.setattr(Rough, "build", stopped)
    with pytest.raises((KeyboardInterrupt, LibraryError)) as raised:
        build(catalog.folder, "rough", bar)
    if isinstance(raised.value, LibraryError):
        assert "No space left on device" in str(raised.value)
        assert "semblance index --index rough --library" in str(raised.value)
    assert [*(catalog.folder / built.FOLDER).iterdir()] == []
    assert_right(load(catalog, "rough"), catalog)


def test_a_full_disk_stops_a_builder_and_not_the_library(mounting: None, catalog: Writer, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    try:
        shutil.copytree(catalog.folder, disk / "library")
        room = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(bytes(room - 20_000))
        with pytest.raises(LibraryError, match=r"could not be built .No space left on device.*--index rough"):
            build(disk / "library", "rough", bar)
        assert [*(disk / "library" / built.FOLDER).iterdir()] == []
        with sentences(disk), Catalog.opened(disk / "library") as full:
            assert_right(load(full, "rough"), full)
    finally:
        subprocess.run(["umount", disk], check=True)
