"""A page of a question that wishes for more than the nearest: within a distance, copies folded, what comes after.

The order of all pictures is fixed with the first page (questions.Place): by distance and id, the first CANDIDATES by
their asymmetric distance where that is refined. A later page looks for the same order again and goes on behind the last
picture that was shown, so that no picture comes twice and none is missed while others are added. It is looked at as
deep as it takes to fill a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from semblance.indexer.answers import cursors, folding
from semblance.indexer.answers.questions import Place, Question, Ranking, Way
from semblance.retrieval.errors import NoCopies
from semblance.retrieval.index import Ids
from semblance.retrieval.queries import CANDIDATES, CodeQuery, asymmetric

_DEEPER, _SHALLOW = 4, 2**14  # so many times as deep where a page is not full, and all where that is deeper than this


@dataclass(frozen=True)
class Page:
    """What is shown: distances and ids, for an id those folded into it, and the cursor of the page after."""

    distances: Sequence[float]
    ids: Sequence[int]
    folded: dict[int, tuple[int, ...]] = field(default_factory=dict)
    next: str | None = None


@dataclass(frozen=True)
class _Order:
    """Pictures in the order of a question, each (n,): whether one stands behind those that were refined, what it is
    ordered by beside its id, its distance, its id."""

    behind: npt.NDArray[np.bool_]
    by: npt.NDArray[np.float64]
    distances: npt.NDArray[Any]
    ids: Ids

    def after(self, place: Place) -> npt.NDArray[np.bool_]:
        """Which of them come after the last one that was shown."""
        if place.after is None:
            return np.ones(len(self.ids), np.bool_)
        behind, by, id = place.after
        later = (self.by > by) | ((self.by == by) & (self.ids > id))
        found: npt.NDArray[np.bool_] = (self.behind > behind) | ((self.behind == behind) & later)
        return found


def unrefined(query: Any) -> Any:
    """The query in the plain order, which is the one that can be gone through."""
    return CodeQuery(query.codes) if isinstance(query, CodeQuery) else query


def depth(question: Question[Any]) -> int:
    """How many of the nearest a page begins by looking at."""
    return max(CANDIDATES, (question.place.seen if question.place else 0) + 2 * question.k + 1)


def page(way: Way[Any], question: Question[Any], query: Any, nearest: Ranking, depth: int) -> Page:
    """The page, given the `depth` nearest in the plain order. Raises LibraryError."""
    if question.wishes.fold and (way.same is None or way.same.within is None):
        raise NoCopies
    place = question.place or _first(way, question, query, nearest)
    while True:
        near, ids = nearest
        ends = len(ids) < depth or (place.most is not None and near[-1] > place.most)
        reached = place.border is None or ends or (near[-1], ids[-1]) >= place.border
        if reached:
            order = _ordered(way, query, nearest, place)
            leader = folding.leaders(way.same, order.ids) if question.wishes.fold and way.same else None
            leads = leader == np.arange(len(order.ids)) if leader is not None else np.True_
            shown = np.flatnonzero(order.after(place) & leads)
            if ends or len(shown) > question.k:
                break
        depth = _DEEPER * depth if depth < _SHALLOW else way.size + 1
        (nearest,) = way.search([unrefined(query)], depth)
    some = shown[: question.k].tolist()
    folded = folding.followers(leader, order.ids, some) if leader is not None else {}
    following = None
    if question.wishes.paged and len(shown) > question.k:
        last = some[-1]
        after = bool(order.behind[last]), float(order.by[last]), int(order.ids[last])
        following = cursors.write(way, question, query, replace(place, seen=last + 1, after=after))
    return Page(order.distances[some].tolist(), order.ids[some].tolist(), folded, following)


def _first(way: Way[Any], question: Question[Any], query: Any, nearest: Ranking) -> Place:
    """Where the first page begins, and what fixes the order of all."""
    border = None
    if isinstance(query, CodeQuery) and query.logits is not None:
        near, ids = (each[:CANDIDATES] for each in nearest)
        border = (float(near[-1]), int(ids[-1])) if len(ids) == CANDIDATES else (way.far, 2**63 - 1)
    most, chance = question.wishes.within, question.wishes.chance
    if chance is not None and way.by_chance:
        odds = np.array([float(f"{each:.3g}") for each in way.by_chance(query)])
        furthest = float((odds <= chance).sum() - 1)  # they ascend
        most = furthest if most is None else min(most, furthest)
    return Place(way.last(), border, most)


def _ordered(way: Way[Any], query: Any, nearest: Ranking, place: Place) -> _Order:
    """The nearest, of those that count, in their order."""
    near, ids = nearest
    counting = ids <= place.last if place.most is None else (ids <= place.last) & (near <= place.most)
    near, ids = near[counting], ids[counting]
    by, behind = near.astype(np.float64), np.ones(len(ids), np.bool_)
    if place.border is not None:
        far, last = place.border
        first = int(np.count_nonzero((near < far) | ((near == far) & (ids <= last))))
        by[:first] = asymmetric(query.logits, cast(Any, way).index.codes(ids[:first])).min(axis=0)
        behind[:first] = False
        order = np.concatenate([np.lexsort((ids[:first], by[:first])), np.arange(first, len(ids))])
        by, near, ids = by[order], near[order], ids[order]
    return _Order(behind, by, near, ids)
