"""Files of arrays: what is damaged in them is a sentence, whatever NumPy, Python's parser and zipfile make of it."""

from pathlib import Path

import numpy as np
import pytest

from semblance.indexer import tables
from semblance.retrieval import arrays
from semblance.retrieval.errors import SnapshotError, UsageError

HEADER = 128  # bytes of an .npy before its numbers


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of kinds that flipped bits make
def test_an_array_with_any_one_bit_of_its_header_flipped_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.npy"
    np.save(file, np.arange(9, dtype=np.int32))
    whole, refused = file.read_bytes(), 0
    for bit in range(0, 8 * HEADER, 3):
        file.write_bytes(flipped(whole, bit))
        try:
            arrays.mapped(file)
        except SnapshotError:
            refused += 1
    assert refused > HEADER
    file.unlink()
    with pytest.raises(SnapshotError):
        arrays.mapped(file)


def test_an_archive_with_any_one_bit_flipped_of_what_its_members_say_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "codes.npz"
    codes = np.zeros((2, 32), np.uint8)
    np.savez(file, path=np.array(["/a", "/b"]), sha256=codes, codec_id=np.array(["c", "c"]), code=codes)
    whole, said = file.read_bytes(), set[str]()
    for bit in [*range(400, 8 * 192, 5), *range(8 * (len(whole) - 230), 8 * len(whole), 3)]:
        file.write_bytes(flipped(whole, bit))
        try:
            list(tables.table(file).batches())
        except UsageError as error:
            said.add(str(error))
    assert len(said) > 9
    assert all(str(file) in each for each in said)
