"""pixels.u8: records that survive a kill, and only those that are wanted."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from semblance.indexer import pixelfile
from semblance.indexer.pixelfile import RECORD, PixelFile
from semblance.retrieval import pixels
from semblance.retrieval.pixels import PixelIndex


def vectors(*values: int) -> npt.NDArray[np.uint8]:
    return np.repeat(np.array(values, np.uint8)[:, None], pixels.LENGTH, axis=1)  # (N, 3072)


def ids(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def test_there_is_nothing_before_the_first_record(tmp_path: Path) -> None:
    assert not pixelfile.exists(tmp_path)
    assert pixelfile.stamp(tmp_path) is None
    assert len(PixelFile(tmp_path, ids(1, 2))) == 0


def test_the_records_of_the_wanted_ids_come_in_the_order_of_ids(tmp_path: Path) -> None:
    pixelfile.append(tmp_path, [5, 2], vectors(50, 20))
    pixelfile.append(tmp_path, [9, 1], vectors(90, 10))
    file = PixelFile(tmp_path, ids(1, 2, 9, 77))
    assert file.ids.tolist() == [1, 2, 9]
    assert file[0:3][:, 0].tolist() == [10, 20, 90]
    assert file[1:2].shape == (1, pixels.LENGTH)
    distances, found = PixelIndex(file.ids, file).search(vectors(19), 2)
    assert found.tolist() == [[2, 1]]
    assert distances[0, 0] == pytest.approx(np.sqrt(pixels.LENGTH) / 255)


@pytest.mark.parametrize("torn", [1, 8, 1500, RECORD.itemsize - 1])
def test_a_torn_record_is_dropped_by_the_next_writer(tmp_path: Path, torn: int) -> None:
    pixelfile.append(tmp_path, [1, 2], vectors(10, 20))
    path = tmp_path / pixelfile.FILE
    path.write_bytes(path.read_bytes()[: RECORD.itemsize + torn])
    assert PixelFile(tmp_path, ids(1, 2)).ids.tolist() == [1]
    pixelfile.append(tmp_path, [3], vectors(30))
    file = PixelFile(tmp_path, ids(1, 2, 3))
    assert file.ids.tolist() == [1, 3]
    assert file[0:2][:, -1].tolist() == [10, 30]
    assert path.stat().st_size == 2 * RECORD.itemsize


def test_compaction_orders_the_file_and_drops_what_is_not_wanted(tmp_path: Path) -> None:
    pixelfile.append(tmp_path, [4, 1, 3, 2], vectors(40, 10, 30, 20))
    before = PixelFile(tmp_path, ids(1, 2, 3, 4))
    pixelfile.compact(tmp_path, ids(1, 3, 4))
    assert np.fromfile(tmp_path / pixelfile.FILE, RECORD)["id"].tolist() == [1, 3, 4]
    assert PixelFile(tmp_path, ids(1, 3, 4))[0:3][:, 7].tolist() == [10, 30, 40]
    assert before[0:4][:, 7].tolist() == [10, 20, 30, 40], "a reader that was there before keeps what it mapped"


def test_a_file_in_order_with_little_waste_is_left_alone(tmp_path: Path) -> None:
    pixelfile.append(tmp_path, [1, 2, 3, 4, 5], vectors(1, 2, 3, 4, 5))
    before = pixelfile.stamp(tmp_path)
    pixelfile.compact(tmp_path, ids(1, 2, 3, 4))
    assert pixelfile.stamp(tmp_path) == before
    pixelfile.compact(tmp_path, ids(1, 2))
    assert pixelfile.stamp(tmp_path) != before
    pixelfile.compact(tmp_path, ids())
    assert len(PixelFile(tmp_path, ids(1, 2))) == 0
    assert pixelfile.exists(tmp_path), "an emptied library still keeps pixel vectors"
