"""The file of a flat index: FAISS's own, searched where it lies, and never taken for what it is not."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest

from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.files import replace
from semblance.retrieval.index import FlatIndex, MappedFlat, Overlay, mapped
from tests.retrieval.index.conftest import assert_exact, brute_force, save, some_codes, some_ids

BITS = 20
IDS, CODES = some_ids(100), some_codes(100, BITS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """100 codes of 20 bits, saved."""
    index = FlatIndex(BITS)
    index.add(IDS, CODES)
    save(index, tmp_path / "index.faiss")
    return tmp_path / "index.faiss"


def test_faiss_reads_what_is_written(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"and what may follow")
    theirs = faiss.read_index_binary(str(path))
    assert theirs.ntotal == 100
    distances, ids = theirs.search(some_codes(3, BITS, seed=9), 10)
    expected = brute_force(some_codes(3, BITS, seed=9), IDS, CODES, 10)
    assert np.array_equal(distances, expected[0])
    assert np.array_equal(ids, expected[1])


@pytest.mark.parametrize("count", [0, 1, 100])
def test_what_faiss_writes_is_read(tmp_path: Path, count: int) -> None:
    """And byte for byte what is written here: this fails where FAISS changes its format."""
    order = np.argsort(IDS)[:count]
    theirs = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(24))
    theirs.add_with_ids(CODES[order], IDS[order])
    faiss.write_index_binary(theirs, str(tmp_path / "theirs"))
    mapped = MappedFlat(tmp_path / "theirs", BITS)
    assert mapped.ids().tolist() == IDS[order].tolist()
    if count:
        assert_exact(mapped, IDS[order], CODES[order], (1, 7, 1000))
    save(Overlay(mapped), tmp_path / "ours")
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_codes_are_not_read_when_the_file_is_opened(tmp_path: Path) -> None:
    """A file of 1,000 codes of 100,000 bytes, all zeros but the ids: 100 MB that take no place on a disk."""
    index = FlatIndex(800_000)
    save(index, tmp_path / "empty")
    count, header = 1000, bytearray((tmp_path / "empty").read_bytes()[:58])
    for at, number in ((12, count), (37, count), (50, count * 100_000)):
        header[at : at + 8] = number.to_bytes(8, "little")
    with (tmp_path / "large").open("wb") as file:
        file.write(header)
        file.seek(count * 100_000, 1)
        file.write(count.to_bytes(8, "little") + np.arange(count).tobytes())
    tracemalloc.start()
    try:
        mapped = MappedFlat(tmp_path / "large", 800_000)
        assert len(mapped) == count
        assert mapped.codes(np.array([999]))[0].max() == 0
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_open_file_may_get_a_successor(path: Path) -> None:
    mapped, before = Overlay(MappedFlat(path, BITS)), path.read_bytes()
    mapped.remove(IDS[:50])
    mapped.add(np.array([3 * 2**40]), CODES[:1])
    assert path.read_bytes() == before, "a change is none of the file"
    replace(path, [b"something else"])
    left = np.append(IDS[50:], 3 * 2**40)
    assert_exact(mapped, left, np.concatenate([CODES[50:], CODES[:1]]), (1, 10, 51))


OPEN = {"mapped": MappedFlat, "read": lambda path, bits: taken(path, bits, bytearray())}
ways = pytest.mark.parametrize("way", OPEN.values(), ids=OPEN)


def taken(path: Path, bits: int, seen: bytearray) -> FlatIndex:
    """What `mapped.read` reads of the file, and in `seen` what it says that it has read."""
    try:
        with path.open("rb") as file:
            return FlatIndex(bits, *mapped.read(path, file, bits, seen.extend))
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read") from error


def test_what_is_read_is_in_memory_and_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a checksum can be made of it meanwhile."""
    monkeypatch.setattr(mapped, "_BLOCK", 33)
    whole, seen = path.read_bytes(), bytearray()
    path.write_bytes(whole + b"and what may follow")
    index = taken(path, BITS, seen)
    path.write_bytes(bytes(len(whole)))
    assert seen == whole
    assert_exact(index, IDS, CODES, (1, 7, 1000))


@ways
def test_no_cut_is_opened(path: Path, way: Callable[[Path, int], object]) -> None:
    whole = path.read_bytes()
    for length in [*range(70), *range(70, len(whole), 37), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(SnapshotError, match=path.name):
            way(path, BITS)
    path.unlink()
    with pytest.raises(SnapshotError, match="cannot be read"):
        way(path, BITS)


@ways
def test_nothing_else_is_opened(
    path: Path, way: Callable[[Path, int], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codes of another length, other kinds of index, counts that cannot be, ids out of order, a text."""
    whole = path.read_bytes()
    for bits in (8, 256):
        with pytest.raises(SnapshotError, match=f"no codes of {bits} bits"):
            way(path, bits)
    for at in range(58):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with pytest.raises(SnapshotError):
            way(path, BITS)
    for block in (7, 10, 99, 1000):  # wherever what is checked at one time ends
        monkeypatch.setattr(mapped, "_BLOCK", block)
        for first in (0, 6, 9, 98):
            at = len(whole) - 8 * (100 - first)
            path.write_bytes(whole[:at] + whole[at + 8 : at + 16] + whole[at : at + 8] + whole[at + 16 :])
            with pytest.raises(SnapshotError, match="order of their ids"):
                way(path, BITS)
    path.write_bytes(b"this is a text, " * 50)
    with pytest.raises(SnapshotError):
        way(path, BITS)
