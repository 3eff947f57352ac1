"""pixels.u8: records that survive a kill, and only those that are wanted."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from semblance.indexer.derived import pixelfile
from semblance.indexer.derived.pixelfile import HEADER, RECORD, PixelFile
from semblance.retrieval import pixels
from semblance.retrieval.errors import LibraryError
from semblance.retrieval.pixels import PixelIndex


def vectors(*values: int) -> npt.NDArray[np.uint8]:
    return np.repeat(np.array(values, np.uint8)[:, None], pixels.LENGTH, axis=1)  # (N, 3072)


def content(id: int) -> bytes:
    return bytes([id]) * 32


def ids(*values: int) -> dict[int, bytes]:
    return {id: content(id) for id in values}


def append(folder: Path, numbers: list[int], pixels: npt.NDArray[np.uint8]) -> None:
    pixelfile.append(folder, numbers, [content(id) for id in numbers], pixels)


def kept(folder: Path) -> npt.NDArray[np.void]:
    return np.frombuffer((folder / pixelfile.FILE).read_bytes()[len(HEADER) :], RECORD)


def test_there_is_nothing_before_the_first_record(tmp_path: Path) -> None:
    assert not pixelfile.exists(tmp_path)
    assert pixelfile.stamp(tmp_path) is None
    assert len(PixelFile(tmp_path, ids(1, 2))) == 0


def test_the_records_of_the_wanted_ids_come_in_the_order_of_ids(tmp_path: Path) -> None:
    append(tmp_path, [5, 2], vectors(50, 20))
    append(tmp_path, [9, 1], vectors(90, 10))
    file = PixelFile(tmp_path, ids(1, 2, 9, 77))
    assert file.ids.tolist() == [1, 2, 9]
    assert file[0:3][:, 0].tolist() == [10, 20, 90]
    assert file[1:2].shape == (1, pixels.LENGTH)
    distances, found = PixelIndex(file.ids, file).search(vectors(19), 2)
    assert found.tolist() == [[2, 1]]
    assert distances[0, 0] == pytest.approx(np.sqrt(pixels.LENGTH) / 255)


@pytest.mark.parametrize("torn", [1, 8, 1500, RECORD.itemsize - 1])
def test_a_torn_record_is_dropped_by_the_next_writer(tmp_path: Path, torn: int) -> None:
    append(tmp_path, [1, 2], vectors(10, 20))
    path = tmp_path / pixelfile.FILE
    path.write_bytes(path.read_bytes()[: len(HEADER) + RECORD.itemsize + torn])
    assert PixelFile(tmp_path, ids(1, 2)).ids.tolist() == [1]
    append(tmp_path, [3], vectors(30))
    file = PixelFile(tmp_path, ids(1, 2, 3))
    assert file.ids.tolist() == [1, 3]
    assert file[0:2][:, -1].tolist() == [10, 30]
    assert path.stat().st_size == len(HEADER) + 2 * RECORD.itemsize


def test_compaction_orders_the_file_and_drops_what_is_not_wanted(tmp_path: Path) -> None:
    append(tmp_path, [4, 1, 3, 2], vectors(40, 10, 30, 20))
    before = PixelFile(tmp_path, ids(1, 2, 3, 4))
    pixelfile.compact(tmp_path, ids(1, 3, 4))
    assert kept(tmp_path)["id"].tolist() == [1, 3, 4]
    assert PixelFile(tmp_path, ids(1, 3, 4))[0:3][:, 7].tolist() == [10, 30, 40]
    assert before[0:4][:, 7].tolist() == [10, 20, 30, 40], "a reader that was there before keeps what it mapped"


def test_a_file_in_order_with_little_waste_is_left_alone(tmp_path: Path) -> None:
    append(tmp_path, [1, 2, 3, 4, 5], vectors(1, 2, 3, 4, 5))
    before = pixelfile.stamp(tmp_path)
    pixelfile.compact(tmp_path, ids(1, 2, 3, 4))
    assert pixelfile.stamp(tmp_path) == before
    pixelfile.compact(tmp_path, ids(1, 2))
    assert pixelfile.stamp(tmp_path) != before
    pixelfile.compact(tmp_path, ids())
    assert len(PixelFile(tmp_path, ids(1, 2))) == 0
    assert pixelfile.exists(tmp_path), "an emptied library still keeps pixel vectors"


def test_a_record_of_other_content_under_the_same_id_is_not_taken(tmp_path: Path) -> None:
    """As where a catalog was put back from a copy, and gave the id to another picture since."""
    append(tmp_path, [1, 2], vectors(10, 20))
    pixelfile.append(tmp_path, [2], [b"other" + bytes(27)], vectors(99))
    file = PixelFile(tmp_path, {1: content(1), 2: b"other" + bytes(27)})
    assert file[0:2][:, 0].tolist() == [10, 99]
    pixelfile.compact(tmp_path, {1: content(1)})
    assert kept(tmp_path)["id"].tolist() == [1]


def test_whichever_bit_of_a_record_flips_it_counts_as_lacking(tmp_path: Path) -> None:
    append(tmp_path, [1, 2, 3], vectors(10, 20, 30))
    path = tmp_path / pixelfile.FILE
    whole = path.read_bytes()
    for bit in range(0, 8 * RECORD.itemsize, 97):
        flipped = bytearray(whole)
        flipped[len(HEADER) + RECORD.itemsize + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        file = PixelFile(tmp_path, ids(1, 2, 3))
        assert (file.ids.tolist(), file.damaged) == ([1, 3], 1)
    pixelfile.compact(tmp_path, ids(1, 2, 3))
    assert kept(tmp_path)["id"].tolist() == [1, 3]


def test_a_file_of_before_or_of_another_kind_holds_nothing_and_is_written_anew(tmp_path: Path) -> None:
    of_before = np.dtype([("id", "<i8"), ("pixels", np.uint8, (pixels.LENGTH,))])
    old = np.zeros(9, of_before)
    old["id"] = range(9)
    (tmp_path / pixelfile.FILE).write_bytes(old.tobytes())
    assert pixelfile.is_of_before(tmp_path)
    assert len(PixelFile(tmp_path, ids(1, 2))) == 0
    append(tmp_path, [1], vectors(10))
    assert not pixelfile.is_of_before(tmp_path)
    assert kept(tmp_path)["pixels"][:, 0].tolist() == [10]


def test_a_file_that_is_cut_short_under_a_reader_is_a_sentence(tmp_path: Path) -> None:
    """A process that reads a map of such a file is killed by the system."""
    append(tmp_path, [*range(2000)][1:200], vectors(*range(1, 200)))
    file = PixelFile(tmp_path, ids(*range(1, 200)))
    os.truncate(tmp_path / pixelfile.FILE, 5000)
    with pytest.raises(LibraryError, match="cut short"):
        file[0:199]
