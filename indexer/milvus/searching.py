"""The nearest codes of a collection, exactly as brute force has them; but for those in lists (BIN_IVF_FLAT) that are
not probed, which is measured (tuning.py). Where a question is narrowed all lists are searched.

Milvus orders equal distances as it likes, and gives MOST rows at once. So it is asked a little deeper than k, and
deeper still, until what comes last is further away than the k-th: then all that are as near as the k-th are there, and
the lowest of their ids are taken. Where a crowd of equal ones goes on beyond MOST, or more than that is wanted, the
collection is searched in stretches of ids, each of them whole: a search for every 16,384 pictures.

What must be seen is what was there when the state was read, and not what comes at this moment: Milvus is told that
time. To ask for the latest instead (its consistency "Strong") takes it some 200 ms, in which it waits for its own tick.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from semblance.indexer.catalog import Narrowing
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.narrowing import expression
from semblance.indexer.milvus.schema import MOST, Held
from semblance.retrieval import codes as packed
from semblance.retrieval.codes import Codes
from semblance.retrieval.index import Distances, Ids, Overlay
from semblance.retrieval.index.contract import Exact
from semblance.retrieval.index.flat import blank, find

_NAMED = 8_192  # ids in one expression
_DEEPER, _SLACK = 4, 16
_HITS = 2**18  # of all queries of one call

Ranking = tuple[Distances, Ids]


class MilvusCodes:
    """The codes in one collection, `Exact`; as they were when the state was read, or as they became since.

    `where`: an expression of Milvus's that narrows all that is asked; may be set in a copy. Searches raise IndexAway.
    """

    def __init__(self, server: Server, held: Held, where: str = "") -> None:
        self.server, self.held, self.bits, self.where = server, held, held.bits, where
        self.probes = held.probes or held.lists
        self._ids: Ids | None = None

    def __len__(self) -> int:
        return self.held.pictures

    def count(self) -> int:
        """How many `where` leaves."""
        return int(self._query(["count(*)"], self.where)[0]["count(*)"])

    def narrowed(self, where: str) -> Self:
        """The same, narrowed by another expression."""
        own = copy.copy(self)
        own.where, own._ids = where, None
        return own

    def ids(self) -> Ids:
        """See Stored.ids. Dear when first asked for: they are all fetched."""
        if self._ids is None:
            found = [np.array([row["id"] for row in batch], np.int64) for batch in self.rows(["id"])]
            self._ids = np.concatenate([np.empty(0, np.int64), *found])
            self._ids.flags.writeable = False
        return self._ids

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """See Stored.has."""
        there = np.array([row["id"] for row in self.of(ids, ["id"])], np.int64)
        return np.isin(ids, there)

    def codes(self, ids: Ids) -> Codes:
        """See Stored.codes."""
        found = {int(row["id"]): row["code"][0] for row in self.of(ids, ["id", "code"])}
        stacked = b"".join(found[int(id)] for id in ids)
        return np.frombuffer(stacked, np.uint8).reshape(len(ids), packed.width(self.bits)).copy()

    def of(self, ids: Ids, fields: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of these ids that there are, in any order."""
        found: list[dict[str, Any]] = []
        for some in _parts(np.unique(ids)):
            found += self._query(fields, _all(self.where, f"id in {some.tolist()}"))
        return found

    def rows(self, fields: Sequence[str], after: int = -1) -> Iterator[list[dict[str, Any]]]:
        """All rows by id, above `after`, in batches. The stretches of ids grow where they are sparse."""
        first, span = after + 1, MOST
        while first <= self.held.last:
            stretch = f"id >= {first} and id < {first + span}"
            found = self._query([*{"id", *fields}], _all(self.where, stretch), limit=MOST)
            if len(found) == MOST and span > MOST:
                span //= 2
                continue
            if found:
                yield sorted(found, key=lambda row: int(row["id"]))
            first += span
            span = 4 * span if len(found) < MOST // 4 else span

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> Ranking:
        """See Exact.search. Raises IndexAway, LibraryError."""
        packed.check(codes, self.bits)
        if k < 1:
            raise ValueError(f"k is at least 1, not {k}")
        if not len(codes):
            return blank(0, min(k, len(self)))
        if among is None:
            return self._nearest(codes, k, self.where)
        best = blank(len(codes), 0)
        for some in _parts(np.unique(among)):
            best = _merged(best, self._nearest(codes, k, _all(self.where, f"id in {some.tolist()}")), k)
        return best

    def _nearest(self, codes: Codes, k: int, where: str) -> Ranking:
        """The nearest k of all that an expression leaves."""
        limit, known = k + max(_SLACK, k // 8), dict[int, Ranking]()
        while (asking := [place for place in range(len(codes)) if place not in known]) and limit <= MOST:
            for place, (near, ids) in zip(asking, self._found(codes[asking], limit, where), strict=True):
                if len(ids) < limit or near[-1] > near[k - 1]:
                    order = np.lexsort((ids, near))[:k]
                    known[place] = near[order], ids[order]
            limit = min(_DEEPER * limit, MOST) if limit < MOST else MOST + 1
        if asking:
            known |= zip(asking, self._in_stretches(codes[asking], k, where), strict=True)
        return _even([known[place] for place in range(len(codes))])

    def _in_stretches(self, codes: Codes, k: int, where: str) -> list[Ranking]:
        """The same, of each stretch of ids all, so that no crowd of equals is cut."""
        best, ids = blank(len(codes), 0), self.ids()
        for start in range(0, len(ids), MOST):
            part = ids[start : start + MOST]
            stretch = _all(where, f"id >= {part[0]} and id <= {part[-1]}")
            best = _merged(best, _even(self._found(codes, MOST, stretch)), k)
        return [*zip(*best, strict=True)]

    def _found(self, codes: Codes, limit: int, where: str) -> list[Ranking]:
        """What Milvus gives for each query, nearest first: of all lists where it is narrowed, and for those for which
        the few that are probed do not hold as many."""
        if where or self.probes == self.held.lists:
            return self._probed(codes, limit, where, self.held.lists)
        found = self._probed(codes, limit, where, self.probes)
        short = [place for place, (_, ids) in enumerate(found) if len(ids) < min(limit, len(self))]
        if short:
            for place, more in zip(short, self._probed(codes[short], limit, where, self.held.lists), strict=True):
                found[place] = more
        return found

    def _probed(self, codes: Codes, limit: int, where: str, probes: int) -> list[Ranking]:
        found: list[Ranking] = []
        at_once = max(1, _HITS // limit)
        for start in range(0, len(codes), at_once):
            hits = self.server.ask(
                "search",
                self.held.collection,
                [code.tobytes() for code in codes[start : start + at_once]],
                filter=where,
                limit=limit,
                search_params={"metric_type": "HAMMING", "params": {"nprobe": probes} if probes else {}},
                **self._seen,
            )
            found += [(np.array(each.distances, np.int32), np.array(each.ids, np.int64)) for each in hits]
        return found

    def _query(self, fields: Sequence[str], where: str, **named: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.ask(
            "query", self.held.collection, filter=where, output_fields=[*fields], **named, **self._seen
        )
        return found

    @property
    def _seen(self) -> dict[str, Any]:
        return {"consistency_level": "Customized", "guarantee_timestamp": self.held.at}


class MilvusIndex(Overlay):
    """A collection with what a catalog has since lying over it. While it answers, others may bring the same changes to
    the collection: what was added here counts here alone, and what is gone there is not waited for."""

    base: MilvusCodes
    _among: Ids | None = None  # what it is narrowed to

    def narrowed(self, among: Narrowing, ids: Ids) -> tuple[Self, int]:
        """What a question is narrowed to, and how many codes that leaves; `ids` are the pictures that it is by the
        catalog. Milvus narrows by itself where it can, and to ids that it is told where it cannot."""
        own, said = copy.copy(self), expression(among)
        own._added, own._ids = copy.copy(self._added), None
        own._added.remove(np.setdiff1d(self._added.ids(), ids))
        if said is None:
            own._among = np.setdiff1d(ids, self._removed)
            return own, int(self.has(ids).sum())
        own.base = self.base.narrowed(said)
        hidden = own.base.of(np.union1d(self._removed, self._added.ids()), ["id"])
        return own, own.base.count() - len(hidden) + len(own._added)

    def search(self, codes: Codes, k: int, among: Ids | None = None) -> Ranking:
        """See Exact.search."""
        return super().search(codes, k, self._among if among is None else among)

    def _left(self, base: Exact, codes: Codes, k: int, among: Ids | None) -> Ranking:
        """See Overlay._left."""
        hidden = np.union1d(self._removed, self._added.ids())
        if among is not None:
            return base.search(codes, k, among[~find(among, hidden)[1]])
        depth = k + min(k, len(hidden))
        while True:
            near, ids = base.search(codes, depth)
            gone = find(ids, hidden)[1]
            left = int((~gone).sum(axis=1).min(initial=k))
            if left >= k or ids.shape[1] < depth:
                first = np.argsort(gone, axis=1, kind="stable")[:, : min(k, left)]
                return np.take_along_axis(near, first, axis=1), np.take_along_axis(ids, first, axis=1)
            depth *= 4


def _parts(ids: Ids) -> list[Ids]:
    return [ids[start : start + _NAMED] for start in range(0, len(ids), _NAMED)]


def _all(*expressions: str) -> str:
    """An expression that is true where all of these are."""
    said = [each for each in expressions if each]
    return " and ".join(f"({each})" for each in said) if len(said) > 1 else "".join(said)


def _even(found: list[Ranking]) -> Ranking:
    """What was found for each query, as arrays: all of them can find as many, but while others change what there is."""
    columns = min(len(ids) for _, ids in found)
    return np.stack([near[:columns] for near, _ in found]), np.stack([ids[:columns] for _, ids in found])


def _merged(one: Ranking, other: Ranking, k: int) -> Ranking:
    """The nearest k of both."""
    near, ids = np.concatenate([one[0], other[0]], axis=1), np.concatenate([one[1], other[1]], axis=1)
    order = np.lexsort((ids, near))[:, :k]
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(ids, order, axis=1)
