"""The audit of answers: right ones have recall 1, and a wrong engine is found out, by how much it is wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from semblance.indexer.answers.asking import Answer, ByCodes, Question, Way, answer
from semblance.indexer.answers.auditing import recall
from semblance.indexer.answers.wishes import wishes
from semblance.indexer.catalog import Catalog
from semblance.indexer.library import Library
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SemblanceError
from semblance.retrieval.index import CodeIndex, Distances, Ids
from semblance.retrieval.queries import CodeQuery

K = 8


@pytest.fixture(scope="module")
def opened(library: Path) -> Iterator[Library]:
    with Library.open(library) as own:
        yield own


@pytest.fixture(scope="module")
def picture(sample: Path) -> Path:
    return sorted(sample.rglob("*.jpg"))[7]


def audited(way: Way[Any], question: Question[Any]) -> float:
    """What the audit says of the way's own answer, all its steps done."""
    (given,) = answer(way, [question])
    assert not isinstance(given, SemblanceError)
    return of(way, question, given)


def of(way: Way[Any], question: Question[Any], given: Answer) -> float:
    steps = recall(way, question, given)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return float(done.value)


class Wrong:
    """An engine that is asked like the one it wraps, and does to what that finds whatever `how` says."""

    def __init__(self, right: CodeIndex, how: Callable[[Distances, Ids], tuple[Distances, Ids]]) -> None:
        self.bits, self.ids, self.has, self.codes = right.bits, right.ids, right.has, right.codes
        self._right, self._how = right, how

    def __len__(self) -> int:
        return len(self._right)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> tuple[Distances, Ids]:
        return self._how(*self._right.search(codes, k, among))


def wrong(way: Way[Any], how: Callable[[Distances, Ids], tuple[Distances, Ids]]) -> ByCodes:
    """The way of codes over such an engine."""
    from semblance.indexer.answers.coded import Coded

    catalog = cast(Catalog, way.catalog)
    by = Coded.load(catalog, way.codec, "alike")
    by.index = Wrong(by.index, how)  # type: ignore[assignment]
    return ByCodes("code", way.catalog, by, None)


@pytest.mark.parametrize("engine", ["code", "copies", "pixel"])
@pytest.mark.parametrize("plainly", [True, False])
def test_answers_of_the_engines_there_are_are_exact(opened: Library, picture: Path, engine: str, plainly: bool) -> None:
    way = opened.ways[engine]
    assert audited(way, way.of_pictures([picture], [], K, 1, False if plainly else None)) == 1
    assert audited(way, Question(5, K)) == 1
    assert audited(way, Question(5, 1000)) == 1, "fewer than k pictures are a whole answer"


def test_several_views_and_several_pictures_are_audited(opened: Library, sample: Path, picture: Path) -> None:
    way = opened.ways["code"]
    liked: Sequence[Path] = sorted(sample.rglob("*.jpg"))[:3]
    assert audited(way, way.of_pictures([picture], [], K, 4)) == 1
    assert audited(way, way.of_pictures(liked, [picture], K)) == 1


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param(lambda near, ids: (near[:, 2:], ids[:, 2:]), 1 - 2 / K, id="misses the two nearest"),
        pytest.param(lambda near, ids: (near[:, ::2], ids[:, ::2]), 0.5, id="misses each second"),
        pytest.param(lambda near, ids: (near[:, :0], ids[:, :0]), 0.0, id="finds nothing"),
        pytest.param(lambda near, ids: (near + 1, ids), 0.0, id="says other distances"),
        pytest.param(lambda near, ids: (near[:, :1].repeat(K, 1), ids[:, :1].repeat(K, 1)), 1 / K, id="repeats"),
    ],
)
def test_a_wrong_engine_is_found_out(
    opened: Library, how: Callable[[Distances, Ids], tuple[Distances, Ids]], expected: float
) -> None:
    """Asked for a picture whose K nearest and the two after have distances that differ, so that no tie mends it."""
    right = opened.ways["code"]
    for id in right.index.ids().tolist():  # type: ignore[attr-defined]
        near = [hit.distance for hit in answer(right, [Question(id, K + 2)])[0]]  # type: ignore[union-attr]
        if len(set(near)) == K + 2:
            break
    else:
        pytest.fail("the sample has no picture whose neighbours are all at distances of their own")
    assert audited(wrong(right, how), Question(id, K)) == pytest.approx(expected)


def test_of_pictures_that_are_as_near_each_is_right(opened: Library) -> None:
    """An engine that takes the last of those at the same distance, where the contract takes the first ids."""
    right = opened.ways["code"]

    def last(near: Distances, ids: Ids) -> tuple[Distances, Ids]:
        order = np.lexsort((-ids, near), axis=1)
        return np.take_along_axis(near, order, 1)[:, :k], np.take_along_axis(ids, order, 1)[:, :k]

    all_of_them = len(right.index)  # type: ignore[attr-defined]
    for id in right.index.ids().tolist():  # type: ignore[attr-defined]
        (whole,) = answer(right, [Question(id, all_of_them)])
        assert not isinstance(whole, SemblanceError)
        near = [hit.distance for hit in whole]
        ids_of = [hit.id for hit in whole]
        tied = next((k for k in range(2, all_of_them) if near[k - 1] == near[k]), 0)
        if tied:
            break
    k, first = tied, set(ids_of[:tied])
    other = wrong(right, lambda near, ids: (near, ids))
    whole_search = other.index.search

    def ranked(wanted: Sequence[CodeQuery], _: int) -> list[tuple[Distances, Ids]]:
        found = [last(*whole_search(query.codes, all_of_them)) for query in wanted]
        return [(near[0], ids[0]) for near, ids in found]

    other.search = ranked  # type: ignore[assignment]
    (given,) = answer(other, [Question(id, k)])
    assert not isinstance(given, SemblanceError)
    assert {hit.id for hit in given} != first, "it did take another"
    assert audited(other, Question(id, k)) == 1


def test_what_a_question_wishes_is_wished_of_the_exact_answer_too(opened: Library, picture: Path) -> None:
    """Narrowed, cut, folded and by pages, of which the audit sees whichever page it is given."""
    folder = str(Path(opened.search(picture, k=1)[0].path).parent)
    for engine in ("code", "copies", "pixel"):
        way = opened.ways[engine]
        far = 20.0 if engine == "pixel" else 90.0
        for wished in (wishes(folder=folder), wishes(within=far), wishes(fold=True), wishes(cursor="")):
            question = replace(way.of_pictures([picture], [], 3), wishes=wished)
            assert audited(way, question) == 1, (engine, wished)
    lossy = wrong(opened.ways["code"], lambda near, ids: (near[:, 1:], ids[:, 1:]))
    question = replace(lossy.of_pictures([picture], [], 3), wishes=wishes(within=90))
    assert audited(lossy, question) < 1
