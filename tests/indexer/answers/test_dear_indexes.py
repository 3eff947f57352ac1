"""Indexes of which it is dear to ask for all that they hold, large ones and those elsewhere: no answer does."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semblance.indexer.answers import coded
from semblance.indexer.answers.asking import ByCodes, answer
from semblance.indexer.answers.hits import Answer
from semblance.indexer.answers.questions import Question
from semblance.indexer.answers.wishes import wishes
from semblance.indexer.derived import engines
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Overlay
from semblance.retrieval.index.flat import Flat
from tests.conftest import paint


@pytest.fixture
def opened(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(queries, "TELLING", 2)
    monkeypatch.setattr(coded, "_LARGE", 30)
    with Library.open(shutil.copytree(library, tmp_path / "own")) as opened:
        yield opened


def way(opened: Library) -> ByCodes:
    found = opened.ways["code"]
    assert isinstance(found, ByCodes)
    return found


def ask_for_everything(opened: Library, sample: Path) -> None:
    """Answers with all that may be wished for."""
    picture = sorted(sample.rglob("*.jpg"))[3]
    opened.search(picture, k=5)
    opened.search(picture, k=5, chance=0.5)
    opened.search(picture, k=5, fold=True)
    opened.search(picture, k=5, folder=str(sample))
    opened.similar(4, k=5)
    first = opened.search(picture, k=3, cursor="")
    assert first.next
    assert opened.next_page(first.next, 3).results
    opened.search_codes(["00" * 32], k=2)


def test_no_answer_asks_for_all_ids(opened: Library, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_for_everything(opened, sample)  # what is drawn is drawn once
    for name in ("code", "copies"):
        monkeypatch.setattr(opened.ways[name].index, "ids", lambda: pytest.fail("all ids"))  # type: ignore[attr-defined]
    opened.ways["code"]._narrowed.clear()  # type: ignore[attr-defined]
    ask_for_everything(opened, sample)


def test_what_was_drawn_of_a_large_library_stays_until_it_has_grown(
    opened: Library, tmp_path: Path, codec: Codec
) -> None:
    """48 pictures are large here; a twentieth of them is 3."""

    def grown(count: int) -> Codes:
        for seed in range(count):
            paint(tmp_path / "pictures" / f"{seed}.png", seed)
        pipeline.update([tmp_path / "pictures"], opened.folder, codec, threads=2)
        opened.follow()
        assert len(opened) == 48 + count
        return way(opened).by.sample

    drawn = way(opened).by.sample
    assert len(drawn) == 48, "all of them are fewer than are drawn"
    assert grown(2) is drawn
    assert len(grown(3)) == 51


def test_chance_is_said_of_as_many_as_there_are_by_what_was_drawn(opened: Library) -> None:
    (first,) = answer(way(opened), [Question(1, 5)])
    assert isinstance(first, Answer)
    code = way(opened).index.codes(np.array([1]))
    expected = queries.by_chance(way(opened).by.sample, 48, 256, queries.CodeQuery(code))
    assert [hit.expected_by_chance for hit in first] == [float(f"{expected[int(hit.distance)]:.3g}") for hit in first]


def test_a_page_shows_nothing_that_came_after_the_first(
    opened: Library, sample: Path, tmp_path: Path, codec: Codec
) -> None:
    """The highest id there was fixes it, though nobody asked the index for its ids."""
    (first,) = answer(way(opened), [Question(1, 40, wishes=wishes(cursor=""), asked=1)])
    assert isinstance(first, Answer)
    assert first.next
    shutil.copy(sorted(sample.rglob("*.jpg"))[0], tmp_path / "copy.jpg")
    paint(tmp_path / "pictures" / "new.png", 9)
    pipeline.update([tmp_path / "pictures"], opened.folder, codec, threads=2)
    opened.follow()
    rest = opened.next_page(first.next, 40)
    assert {hit.id for hit in [*first, *rest]} == set(range(1, 49))
    assert opened.ways["code"].last() == 49


def test_what_is_narrowed_to_most_of_a_large_library_is_not_gathered(
    library: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = shutil.copytree(library, tmp_path / "own")
    with Library.open(own) as small:
        expected = small.similar(4, k=48, folder=str(sample))
    monkeypatch.setattr(engines, "COPIED", 0)
    with Library.open(own) as large:
        of_all: Any = way(large).stored
        assert isinstance(of_all, Overlay)
        assert large.similar(4, k=48, folder=str(sample)).results == expected.results
        assert not large.similar(4, k=48, min_pixels=10**9).results
        most, few = [(each.index, each.left) for each in way(large)._narrowed.values()]
        assert (most[1], few[1]) == (len(expected.results), 0)
        assert isinstance(most[0], Overlay)
        bases: Any = most[0].base, of_all.base
        assert np.shares_memory(bases[0]._codes, bases[1]._codes)
        assert isinstance(few[0], Flat)
