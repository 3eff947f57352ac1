"""The least effort with a recall, of engines whose recall at each effort is known."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pytest

from semblance.retrieval.codes import Codes
from semblance.retrieval.index import tuning
from semblance.retrieval.index.contract import Rows
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.progress import Progress
from tests.retrieval.index.conftest import some_codes


class Scan(Flat):
    """An exact engine."""

    engine: ClassVar[str] = "scan"
    efforts: ClassVar[Sequence[int]] = (1,)
    effort = 1
    memory = 0

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        """See Engine.build."""

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> Self:  # noqa: ARG003 - there is nothing to open
        """See Engine.open."""
        return cls(stored.bits, stored.ids(), stored.codes(stored.ids()))


class Known(Scan):
    """Proposes of the nearest k (the query's own row among them) as many as its effort says."""

    efforts: ClassVar[Sequence[int]] = (1, 2, 3, 4, 6, 8, 11, 20)

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:
        """See Approximate.candidates."""
        return [np.append(rows[: self.effort], [-1, 10**9]) for rows in self.search(codes, k)[1]]  # ids are rows here


@pytest.mark.parametrize(
    ("wanted", "effort", "recall"),
    [(0.0, 1, 0.0), (0.05, 2, 0.1), (0.3, 4, 0.3), (0.31, 6, 0.5), (0.99, 11, 1.0), (1.1, 20, 1.0)],
)
def test_the_least_effort_with_the_recall_is_set(wanted: float, effort: int, recall: float) -> None:
    """Each query finds itself first, which counts for nothing, so `effort` rows are effort - 1 of ten hits."""
    engine = Known(256, np.arange(500), some_codes(500, 256))
    tuned = tuning.tune(engine, wanted, k=10, queries=70)
    assert (tuned.effort, engine.effort) == (effort, effort)
    assert tuned.recall == pytest.approx(recall)
    assert tuned.milliseconds > 0
    assert tuned.exact_milliseconds > 0


def test_of_ties_each_is_as_right_as_another() -> None:
    """All codes are the same: whichever are proposed, as many are right."""

    class Last(Known):
        def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:  # noqa: ARG002
            return [np.arange(500 - self.effort, 500)] * len(codes)

    engine = Last(64, np.arange(500), np.repeat(some_codes(1, 64), 500, axis=0))
    tuned = tuning.tune(engine, 0.9, k=8, queries=100)
    assert tuned.effort == 8  # six would be 6 of 8
    assert tuned.recall == pytest.approx(1, abs=0.01)  # eight of the 500 are asked with themselves among the proposed


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_codes(count: int) -> None:
    engine = Known(64, np.arange(count), some_codes(count, 64))
    tuned = tuning.tune(engine)
    assert tuned.recall == 1
    assert engine.effort == tuned.effort


def test_an_exact_engine_has_its_one_effort() -> None:
    tuned = tuning.tune(Scan(64, np.arange(300), some_codes(300, 64)), queries=40)
    assert (tuned.effort, tuned.recall) == (1, 1.0)


@pytest.mark.parametrize("bits", [8, 100, 256])
def test_what_a_scan_costs_is_some_time(bits: int) -> None:
    assert 0 < tuning.scan_milliseconds(bits, sample=5000) < 1
