"""The way of asking by codes where these are in Milvus alone, and nothing of them is kept here but a sample.

Others change a collection while it is asked. What was found may be gone a moment later: then the question is asked
anew, as it is where another library has come (Overtaken).
"""

from collections.abc import Generator
from functools import cached_property
from typing import Self

import numpy as np

from semblance.indexer.answers.asking import ByCodes
from semblance.indexer.answers.coded import FEW, Coded
from semblance.indexer.catalog import Narrowing
from semblance.indexer.elsewhere.pictures import expression
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.indexer.milvus.steady import Steady
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import NeedsCatalog
from semblance.retrieval.queries import SAMPLED, CodeQuery

_ROUNDS = 64  # of SAMPLED ids that are tried where they are not
_GROWN = 20


class CodedElsewhere(Coded):
    """The codes of one codec. `kept` has the samples by the names of their collections, from one state to the next."""

    index: Steady  # type: ignore[assignment]  # to which nobody here adds
    kept: dict[str, tuple[int, Codes]]

    @cached_property
    def sample(self) -> Codes:
        """See Coded.sample. Drawn with each state where the library is small, else when it has grown or shrunk by a
        twentieth."""
        name, now = self.index.held.collection, len(self.index)
        size, before = self.kept.get(name, (0, None))
        if before is None or now <= FEW or abs(now - size) * _GROWN >= size:
            before = _drawn(self.index)
            self.kept[name] = now, before
        return before


class ByMilvus(ByCodes):
    """By learned codes."""

    stored: Steady  # type: ignore[assignment]

    def gathered(self, among: Narrowing) -> tuple[Steady, int]:
        """See ByCodes.gathered. Nothing is: Milvus searches what an expression leaves."""
        narrowed = self.stored.narrowed(expression(among))
        return narrowed, narrowed.count()

    def exact(self, query: CodeQuery) -> Generator[None, None, Self]:
        """See Way.exact. NeedsCatalog where that would fetch more than FEW pictures."""
        if len(self.stored) > FEW:
            raise NeedsCatalog("an audit of so many pictures")
        return (yield from super().exact(query))


def _drawn(codes: MilvusCodes) -> Codes:
    """Codes (SAMPLED, W) at random, fewer where there are not so many. Those of ids that are tried at random, where not
    all ids can be fetched."""
    rng, found = np.random.default_rng(0), dict[int, bytes]()
    if len(codes) <= FEW:
        ids = codes.ids()
        tries = [ids[rng.choice(len(ids), min(SAMPLED, len(ids)), replace=False)]]
    else:
        tries = [rng.integers(1, codes.held.last + 1, SAMPLED) for _ in range(_ROUNDS)]
    for some in tries:
        if len(found) < SAMPLED:
            found |= {int(row["id"]): row["code"][0] for row in codes.of(some, ["id", "code"])}
    return np.frombuffer(b"".join([*found.values()][:SAMPLED]), np.uint8).reshape(-1, (codes.bits + 7) // 8)
