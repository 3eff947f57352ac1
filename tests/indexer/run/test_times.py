"""Files with time stamps that no camera wrote: a clock gone wrong, or a disk of another system."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semblance.indexer.run.pipeline import Summary
from tests.conftest import paint
from tests.indexer.conftest import Shelf

Counts = Callable[[Summary], tuple[int, int, int, int, int]]  # added, updated, removed, unchanged, failed

SECONDS = [
    -1,
    -(2**31),  # 1901, the oldest of ext3 and ext4
    -11_644_473_600,  # 1601, the oldest of NTFS
    2**31,  # 2038
    9_223_372_036,  # 2262, the last second whose nanoseconds fit into 64 bits
    9_223_372_037,
    15_032_385_535,  # 2446, the last of ext4
    2**34 - 1,  # 2514
    1_833_029_933_770,  # 60056, the last of NTFS
    2**53,
]


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """Six pictures on a disk that holds any time, where there is one: others keep the nearest that they can."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        yield Shelf(Path(place))


@pytest.mark.parametrize("seconds", SECONDS)
def test_any_time_that_a_disk_can_hold_is_indexed_and_known_again(shelf: Shelf, counts: Counts, seconds: int) -> None:
    os.utime(shelf.picture("a"), (seconds, seconds))
    assert counts(shelf.index()) == (6, 0, 0, 0, 0)
    assert counts(shelf.index()) == (0, 0, 0, 6, 0)
    assert shelf.codec.encoded == 0


def test_a_change_is_seen_between_two_times_that_are_both_beyond_64_bits(shelf: Shelf, counts: Counts) -> None:
    size = 0
    for seed, seconds in ((1, 9_300_000_000), (1, 9_300_000_001), (2, 9_300_000_002)):
        picture = paint(shelf.picture("a"), seed)
        size = max(size, picture.stat().st_size, 5_000)
        picture.write_bytes(picture.read_bytes().ljust(size, b"\0"))  # so that the time alone tells
        os.utime(picture, (seconds, seconds))
        report = shelf.index()
    assert counts(report) == (0, 1, 0, 5, 0)
