"""The one pool: in order, bounded, and over when whoever asked has heard enough."""

import threading
from collections.abc import Generator, Iterator
from typing import cast

import pytest

from semblance.retrieval.pool import in_order


class Counted:
    """Numbers to work on: how many were taken, and how many have begun."""

    def __init__(self, total: int) -> None:
        self.total, self.taken, self.begun = total, 0, 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        for number in range(self.total):
            self.taken += 1
            yield number

    def work(self, number: int) -> int:
        """Take part in the count."""
        with self._lock:
            self.begun += 1
        return number


def alive() -> list[str]:
    """The pool's threads that have not ended."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("in-order")]


def test_results_come_in_the_order_of_the_items_whichever_ends_first() -> None:
    second_is_done = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(20), "the second item never ran beside the first"
        else:
            second_is_done.set()
        return number * number

    assert [*in_order(work, range(5), threads=2)] == [0, 1, 4, 9, 16]
    assert [*in_order(work, [], threads=2)] == []
    assert alive() == []


@pytest.mark.parametrize(("ahead", "most"), [(5, 5), (None, 8)], ids=["ahead=5", "four for each thread"])
def test_so_many_are_in_flight_and_no_more(ahead: int | None, most: int) -> None:
    items = Counted(100)
    in_flight = []
    for given_back, _ in enumerate(in_order(items.work, items, threads=2, ahead=ahead)):
        in_flight.append(items.taken - given_back)  # with the one just received
    assert max(in_flight) == most


def test_as_many_threads_as_asked_for_work_at_one_time() -> None:
    together = threading.Barrier(3)
    assert len({*in_order(lambda _: together.wait(20), range(3), threads=3)}) == 3, "else the barrier breaks"
    with pytest.raises(threading.BrokenBarrierError):
        [*in_order(lambda _: together.wait(0.2), range(3), threads=2)]


def test_an_error_is_raised_in_its_place_and_the_rest_never_begins() -> None:
    items = Counted(1000)

    def work(number: int) -> int:
        if number == 3:
            raise ValueError("the third")
        return items.work(number)

    results: list[int] = []
    with pytest.raises(ValueError, match="the third"):
        results.extend(in_order(work, items, threads=2, ahead=6))
    assert results == [0, 1, 2]
    assert items.begun < 10
    assert alive() == []


def test_closed_early_what_has_not_begun_never_begins() -> None:
    items, go_on = Counted(1000), threading.Event()

    def work(number: int) -> int:
        items.work(number)
        if number:
            go_on.wait(20)
        return number

    results = cast(Generator[int], in_order(work, items, threads=2, ahead=10))
    assert next(results) == 0
    threading.Timer(0.5, go_on.set).start()  # while close() waits for the two that have begun
    results.close()
    assert items.taken == 10
    assert items.begun <= 3
    assert alive() == []


def test_an_error_of_whoever_takes_the_results_ends_the_work() -> None:
    items = Counted(1000)

    def take() -> None:
        for _ in in_order(items.work, items, threads=2, ahead=4):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take()
    assert items.begun <= 4
    assert alive() == []


def test_an_error_of_whoever_gives_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        [*in_order(lambda number: number, items())]
    assert alive() == []
