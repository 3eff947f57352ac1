"""The snapshot: read once, caught up from the catalog's changes, and never trusted further than its checksum."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Changes, Generation, NewPicture, Writer
from semblance.indexer.derived import sealed, snapshot
from semblance.indexer.derived.snapshot import FILE, load, refresh, take_in
from semblance.retrieval.codec import Codec
from semblance.retrieval.index import FlatIndex, MappedFlat, Overlay

CODEC = Codec("cifar10-fast")


def some(*names: str) -> list[NewPicture]:
    """Pictures whose codes are made of their names."""
    hashes = [hashlib.blake2b(name.encode(), digest_size=32).digest() for name in names]
    return [
        NewPicture(f"/{name}", 10, 20, content, {CODEC.codec_id: np.frombuffer(content, np.uint8)})
        for name, content in zip(names, hashes, strict=True)
    ]


def write(index: FlatIndex, catalog: Catalog) -> None:
    """Write an index as the snapshot of this state, whatever it holds."""
    state = snapshot._state(catalog, snapshot._codec(catalog, "alike"), catalog.generation())
    sealed.write(index, catalog.folder / FILE, state)


def written(folder: Path) -> tuple[int, int, int]:
    """What changes whenever the snapshot is written; to read it changes its time of access alone."""
    state = (folder / FILE).stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


@pytest.fixture
def catalog(tmp_path: Path, codec: Codec) -> Iterator[Writer]:
    """Three batches of twelve pictures, one picture forgotten, and the snapshot of that."""
    with Writer.writing(tmp_path / "library", codec) as catalog:
        for batch in range(3):
            catalog.record(some(*(f"{batch}-{number}" for number in range(12))), [])
        catalog.forget(["/1-3"])
        refresh(catalog)
        yield catalog


def assert_present(index: FlatIndex, catalog: Writer) -> None:
    """The index holds what the catalog does, and nothing else."""
    truth = catalog.changes(0)
    assert index.ids().tolist() == truth.ids.tolist()
    assert index.codes(truth.ids).tolist() == truth.codes.tolist()


class Watch:
    """What is asked of a catalog, and how often its snapshot is opened and anything is hashed."""

    def __init__(self, catalog: Writer, patch: pytest.MonkeyPatch) -> None:
        self.since: list[int] = []
        self.opened = self.hashed = 0
        changes, opens, sha256 = Catalog.changes, io.open, hashlib.sha256

        def watched_changes(of: Catalog, since: int, *codec_id: str) -> Changes:
            self.since.append(since)
            return changes(of, since, *codec_id)

        def watched_open(file: Any, *args: Any, **more: Any) -> Any:
            self.opened += file == catalog.folder / FILE
            return opens(file, *args, **more)

        def watched_sha256(*args: Any) -> Any:
            self.hashed += 1
            return sha256(*args)

        patch.setattr(Catalog, "changes", watched_changes)
        patch.setattr(io, "open", watched_open)
        patch.setattr("builtins.open", watched_open)
        patch.setattr(hashlib, "sha256", watched_sha256)


@pytest.fixture
def watch(catalog: Writer, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(catalog, monkeypatch)


# ---- what it spares ------------------------------------------------------------------------------------------------


def test_a_snapshot_of_the_present_state_is_read_once_and_left_alone(catalog: Writer, watch: Watch) -> None:
    present, before = catalog.generation(), written(catalog.folder)
    index = refresh(catalog)
    assert (watch.opened, watch.hashed, watch.since) == (1, 1, [])
    assert written(catalog.folder) == before
    assert_present(index, catalog)
    index, generation = load(catalog)
    assert generation == present
    assert_present(index, catalog)


def test_a_stale_snapshot_is_caught_up_and_not_built_anew(catalog: Writer, watch: Watch) -> None:
    stale = catalog.generation()
    catalog.record(some("3-0", "3-1"), [])
    catalog.record(some("0-5"), [])  # another content: its id goes, another comes
    catalog.forget(["/2-2", "/3-1"])  # one of these came and went since
    index, generation = load(catalog)
    assert (watch.opened, watch.hashed, watch.since) == (1, 1, [stale.number])
    assert generation == catalog.generation()
    assert generation != stale
    assert_present(index, catalog)


def test_a_stale_snapshot_is_written_anew_from_one_reading(catalog: Writer, watch: Watch) -> None:
    stale = catalog.generation()
    catalog.record(some("3-0"), [])
    index = refresh(catalog)
    assert (watch.opened, watch.hashed, watch.since) == (1, 2, [stale.number]), "hashed as it was and as it is"
    assert_present(index, catalog)
    watch.since.clear()
    index = refresh(catalog)
    assert watch.since == []
    assert_present(index, catalog)


def test_a_library_without_pictures_has_a_snapshot_too(tmp_path: Path, codec: Codec) -> None:
    with Writer.writing(tmp_path, codec) as empty:
        assert len(refresh(empty)) == 0
        before = written(tmp_path)
        assert len(refresh(empty)) == 0
        assert written(tmp_path) == before
        empty.record(some("a"), [])
        assert_present(load(empty)[0], empty)


def test_what_another_process_commits_between_two_questions_is_in_the_answer_or_after_it(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch comes after each question: whatever the index holds is what its generation held."""
    states: dict[Generation, Changes] = {}

    def one_more(name: str) -> Callable[..., Any]:
        real = getattr(Catalog, name)

        def asked(of: Catalog, *args: Any, **more: Any) -> Any:
            answer = real(of, *args, **more)
            writer.record(some(f"{name} {len(states)}"), [])
            writer.forget([f"/0-{len(states)}"])
            states[writer.generation()] = real_changes(writer, 0)
            return answer

        return asked

    real_changes = Catalog.changes
    with Catalog.opened(catalog.folder) as reader:
        writer = catalog
        states[writer.generation()] = real_changes(writer, 0)
        for name in ("knows", "changes"):
            monkeypatch.setattr(Catalog, name, one_more(name))
        index, generation = load(reader)
        assert len(states) == 3
        assert index.ids().tolist() == states[generation].ids.tolist()
        assert index.codes(index.ids()).tolist() == states[generation].codes.tolist()


def test_a_picture_may_get_another_code_under_its_id() -> None:
    index = FlatIndex(8)
    index.add(np.array([1, 2, 3]), np.array([[1], [2], [3]], np.uint8))
    changes = Changes(Generation(2, ""), np.array([2, 4]), np.array([[20], [40]], np.uint8), np.array([3, 9]))
    take_in(index, changes)
    assert index.ids().tolist() == [1, 2, 4]
    assert index.codes(index.ids()).tolist() == [[1], [20], [40]]


# ---- what it is not trusted with -----------------------------------------------------------------------------------


def assert_rebuilt(catalog: Writer, watch: Watch) -> None:
    index, generation = load(catalog)
    assert watch.since.pop() == 0
    assert generation == catalog.generation()
    assert_present(index, catalog)
    watch.since.clear()


def test_no_flipped_byte_is_trusted(catalog: Writer, watch: Watch) -> None:
    path, whole = catalog.folder / FILE, (catalog.folder / FILE).read_bytes()
    for at in [*range(0, len(whole), 7), *range(len(whole) - 60, len(whole))]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        assert_rebuilt(catalog, watch)


def test_no_cut_is_trusted(catalog: Writer, watch: Watch) -> None:
    path, whole = catalog.folder / FILE, (catalog.folder / FILE).read_bytes()
    for content in [
        *(whole[:length] for length in (*range(60), *range(60, len(whole), 37))),
        whole[:-1],
        whole + b"\0",
    ]:
        path.write_bytes(content)
        assert_rebuilt(catalog, watch)
    path.unlink()
    assert_rebuilt(catalog, watch)
    path.mkdir()
    assert_rebuilt(catalog, watch)


@pytest.mark.parametrize(
    "other",
    [
        {"library": "another"},
        {"codec_id": "b" * 64},
        {"number": 99},
        {"token": "of another history"},
        {"more": "than there is today"},
        {"token": None},
    ],
    ids=str,
)
def test_a_snapshot_of_anything_else_is_not_trusted(
    catalog: Writer, watch: Watch, other: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole, with a right checksum, and of a library, a codec or a history that is not this one."""
    state = snapshot._state
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "_state", lambda *args: {**state(*args), **other})
        write(FlatIndex(catalog.bits), catalog)
    assert_rebuilt(catalog, watch)
    refresh(catalog)
    assert_present(refresh(catalog), catalog)


@pytest.mark.parametrize("bits", [24, 512])
def test_codes_of_another_length_are_not_trusted(catalog: Writer, watch: Watch, bits: int) -> None:
    """As after a change of the file's own layout: the checksum is right, and still it is built anew, not a crash."""
    write(FlatIndex(bits), catalog)
    assert_rebuilt(catalog, watch)


def test_a_snapshot_of_the_version_before_is_built_anew(catalog: Writer, watch: Watch) -> None:
    """FAISS's file, a line of JSON with its checksum, the line's length, another magic: of 0.1.0, and of this state."""
    index, generation = load(catalog)
    theirs = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(256))
    theirs.add_with_ids(index.codes(index.ids()), np.array(index.ids()))
    body = faiss.serialize_index_binary(theirs).tobytes()
    state = {"library": catalog.library, "codec_id": catalog.codec_id, "generation": generation.number, "bits": 256}
    line = json.dumps({**state, "sha256": hashlib.sha256(body).hexdigest()}).encode()
    (catalog.folder / FILE).write_bytes(body + line + len(line).to_bytes(8, "little") + b"SEMBLNC1")
    watch.since.clear()
    assert_rebuilt(catalog, watch)
    refresh(catalog)
    watch.since.clear()
    load(catalog)
    assert watch.since == [], "the next run has written one of today"


# ---- the file ------------------------------------------------------------------------------------------------------


def test_faiss_itself_reads_a_snapshot_and_so_does_a_map(catalog: Writer) -> None:
    index = refresh(catalog)
    query = index.codes(index.ids()[4:7])
    distances, ids = index.search(query, 5)
    for other in (faiss.read_index_binary(str(catalog.folder / FILE)), MappedFlat(catalog.folder / FILE, 256)):
        found = other.search(query, 5)
        assert np.array_equal(found[0], distances)
        assert np.array_equal(found[1], ids)


def test_a_failed_save_leaves_the_old_snapshot(catalog: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (catalog.folder / FILE).read_bytes()
    catalog.record(some("more"), [])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        refresh(catalog)
    assert (catalog.folder / FILE).read_bytes() == before
    assert not [path for path in catalog.folder.iterdir() if path.suffix == ".tmp"]


def test_a_large_snapshot_is_written_anew_for_much_alone_and_never_believed_to_be_more(
    catalog: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """35 codes are large here, and one in ten much: three changes of 38 pass, four do not."""
    monkeypatch.setattr(snapshot, "_FEW", 30)
    monkeypatch.setattr(snapshot, "_FEW_OF", 10)
    before = written(catalog.folder)
    catalog.record(some("a", "b", "c"), [])
    assert_present(refresh(catalog), catalog)
    assert written(catalog.folder) == before
    assert_present(load(catalog)[0], catalog)
    saved, generation = load(catalog, caught_up=False)
    over = Overlay(saved)
    take_in(over, catalog.changes(generation.number))
    assert (len(saved), len(over), over.laid_over) == (35, 38, 3), "nothing was copied to take in what came since"
    assert over.ids().tolist() == catalog.changes(0).ids.tolist()
    catalog.forget(["/0-0"])
    assert_present(refresh(catalog), catalog)
    after = written(catalog.folder)
    assert after != before
    (catalog.folder / FILE).write_bytes(b"damaged")
    catalog.record(some("d"), [])
    assert_present(refresh(catalog), catalog)
    assert load(catalog)[1] == catalog.generation()
    assert len((catalog.folder / FILE).read_bytes()) > 100, "damaged, it is written whatever came since"
