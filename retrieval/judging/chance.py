"""What `expected_by_chance` is worth: how often results at such a figure show what the query shows, and how many are
found at 1 or below where nothing of the query's kind is there. If it said the truth, and only pictures of a kind were
alike, these would be one a query.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from semblance.retrieval import codes, queries
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.index import FlatIndex
from semblance.retrieval.judging.contest import Contest
from semblance.retrieval.judging.evaluation import tie_order
from semblance.retrieval.queries import CodeQuery

BANDS = (0.001, 0.01, 0.1, 1.0)  # a result belongs to the first that is not below it, and else to those above
_ASKED = 1000  # queries at most


@dataclass(frozen=True)
class Chances:
    """Over all queries: `results` (5,) in each band and above, `precision` (5,) of these, NaN where there are none.

    `strangers` is how many results at 1 or below a query gets in the mean where its kind was taken out of the gallery.
    """

    name: str
    results: npt.NDArray[np.int64]
    precision: npt.NDArray[np.float64]
    strangers: float

    def as_dict(self) -> dict[str, str | int | float | None]:
        """The row as `semblance evaluate --chance --json` prints it."""
        out: dict[str, str | int | float | None] = {"name": self.name}
        bands = [*(f"<={band:g}" for band in BANDS), "above"]
        for band, count, precision in zip(bands, self.results, self.precision, strict=True):
            out[f"precision {band}"] = round(float(precision), 4) if count else None
            out[f"results {band}"] = int(count)
        return {**out, "kind taken out, results <=1": round(self.strangers, 3)}


def judge(contest: Contest, codec: Codec) -> Chances:
    """The figures of a model's codes. Raises DatasetError where a gallery, or one without a kind, is too small."""
    gallery = codec.encode(contest.gallery.pictures(codec.spec))
    rows = tie_order(len(contest.queries))[:_ASKED]
    asking = (
        gallery[rows] if contest.own is not None else codec.encode(contest.queries.subset(rows).pictures(codec.spec))
    )
    labels = contest.queries.labels[rows]
    results, right, strangers = np.zeros(5, np.int64), np.zeros(5, np.int64), []
    for label in np.unique(labels):
        alike = contest.gallery.labels == label
        own_kind = rows[labels == label]
        for code, row in zip(asking[labels == label], own_kind, strict=True):
            others = np.ones(len(gallery), np.bool_)
            if contest.own is not None:
                others[row] = False
            figures = _figures(code, gallery[others], codec.bits)
            bands = np.searchsorted(BANDS, figures)
            results += np.bincount(bands, minlength=5)
            right += np.bincount(bands[alike[others]], minlength=5)
            strangers.append(np.sum(_figures(code, gallery[~alike], codec.bits) <= 1))
    precision = np.where(results, right / np.maximum(results, 1), np.nan)
    return Chances(codec.name, results, precision, float(np.mean(strangers)))


def _figures(code: codes.Codes, gallery: codes.Codes, bits: int) -> npt.NDArray[np.float64]:
    """How many of a gallery (G, W) would be as near to a code (W,) as each picture is, by chance: (G,)."""
    index = FlatIndex(bits, np.arange(len(gallery)), gallery)
    expected = queries.chances(index)
    if expected is None:
        raise DatasetError(
            f"--chance needs {queries.TELLING} pictures beside those of a kind: there are {len(gallery)}."
        )
    within = np.array(expected(CodeQuery(code[None])), np.float64)
    said: npt.NDArray[np.float64] = within[codes.hamming(code[None], gallery)[0]]
    return said
