"""Who is compared with whom, and what is said of each: one gallery, the same queries, the same shuffle of ties."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import Picture
from semblance.retrieval.index import Ids
from semblance.retrieval.judging import evaluation
from semblance.retrieval.judging.datasets import Dataset
from semblance.retrieval.judging.evaluation import Score


@dataclass(frozen=True)
class Contest:
    """Gallery and queries, the gallery shuffled once; `own` (Q,) is set where queries are gallery pictures."""

    gallery: Dataset
    queries: Dataset
    own: Ids | None

    def score(self, ranking: evaluation.Ranking) -> Score:
        """How well a ranking finds pictures of the queries' classes."""
        return evaluation.score(ranking, self.queries.labels, self.gallery.labels, self.own)

    def others(self, rows: Ids, n: int, found: Ids) -> Ids:
        """The first n found (Q, n + 1) for the queries `rows` (Q,), each itself left out where the gallery has it."""
        if self.own is None:
            return found[:, :n]
        return np.stack([line[line != own][:n] for line, own in zip(found, self.own[rows], strict=True)])


@dataclass(frozen=True)
class Variant:
    """A way to search with codes: with several views, in a refined order, by the first `bits` bits alone, by `liked`
    pictures of a class together."""

    views: int = 1
    refine: bool = False
    bits: int | None = None
    liked: int = 1

    def __str__(self) -> str:
        """As it stands in a row's name; empty for the codes as they are."""
        said = [f"first {self.bits} bits"] if self.bits else []
        said += [f"{self.views} views"] if self.views > 1 else []
        said += [f"{self.liked} liked"] if self.liked > 1 else []
        return ", ".join(said + (["refined"] if self.refine else []))


@dataclass(frozen=True)
class Row:
    """A method's line in the table, and what it found: `nearest` (Q, n) are rows of the contest's gallery.

    `bits` is None where a method has no codes, `encode_ms` where it takes pixels as they are. Where codes can be
    decoded, `rebuilt` (Q, D, D, 3) are the queries as their codes remember them, and `mse` is how far that is from the
    queries themselves at the decoder's size: the mean squared error, pixels in 0..1.
    """

    method: str
    bits: int | None
    score: Score
    search_ms: float
    encode_ms: float | None
    bytes_per_picture: int
    nearest: Callable[[Ids, int], Ids]
    variant: Variant = Variant()
    mse: float | None = None
    rebuilt: Picture | None = None

    @property
    def name(self) -> str:
        """What the row is called: the method, and how it was varied."""
        return ", ".join(filter(None, (self.method, str(self.variant))))

    def as_dict(self) -> dict[str, str | float | list[float] | None]:
        """The row as `semblance evaluate --json` prints it."""
        rounded = {name: None if value is None else round(value, 4) for name, value in self.score.table.items()}
        interval = self.score.interval
        sure = {"P@10_interval": None if interval is None else [round(end, 4) for end in interval]}
        encode_ms = None if self.encode_ms is None else round(self.encode_ms, 3)
        times = {"search_ms": round(self.search_ms, 3), "encode_ms": encode_ms}
        size = {"bytes_per_picture": self.bytes_per_picture}
        mse = {"mse": None if self.mse is None else round(self.mse, 4)}
        return {"name": self.name, "bits": self.bits, **rounded, **sure, **times, **size, **mse}


def shuffled(gallery: Dataset, queries: Dataset | None) -> Contest:
    """Shuffle the gallery by the fixed seed. Without queries, each picture is asked against all the others.

    Raises DatasetError where either is empty.
    """
    if not len(gallery) or (queries is not None and not len(queries)):
        raise DatasetError("There is nothing to compare: the gallery or the queries have no pictures.")
    order = evaluation.tie_order(len(gallery))
    mixed = gallery.subset(order)
    return Contest(mixed, mixed, np.arange(len(gallery))) if queries is None else Contest(mixed, queries, None)
