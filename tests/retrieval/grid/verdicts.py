"""What came of each file of the grid."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from semblance.retrieval import images
from semblance.retrieval.errors import NotAPicture
from tests.retrieval.grid import judges, others, pngs, tiffs
from tests.retrieval.grid.exceptions import DIFFERENCES
from tests.retrieval.grid.scene import Case, Pixels

MOST = 1.0  # of 255, the mean difference
OUTCOMES = ("right", "differs", "refused", "wrong")
_WEB = [f"image/{kind}" for kind in ("png", "jpeg", "webp", "avif", "gif", "bmp")]


class Verdict(NamedTuple):
    """`outcome`: one of OUTCOMES. `off`: the mean difference to the judge or, where that is known to be wrong, to what
    the writer put in; None where there is no picture. `why`: why it is refused, or differs."""

    name: str
    judge: str
    outcome: str
    off: float | None
    why: str


def judged(chromium: str, magick: str, folder: Path) -> list[Verdict]:
    """The whole grid, by the judges' programs. `folder`: an empty one."""
    cases = [*tiffs.cases(), *pngs.cases(), *others.cases()]
    web = [case for case in cases if case.media_type in _WEB]
    rest = [case for case in cases if case.media_type not in _WEB]
    shown = [*judges.chromium(web, chromium), *judges.magick(rest, magick, folder)]
    names = ["Chromium"] * len(web) + ["ImageMagick"] * len(rest)
    return [verdict(*of) for of in zip([*web, *rest], shown, names, strict=True)]


def verdict(case: Case, shown: Pixels | None, judge: str) -> Verdict:
    """One file's."""
    on_purpose = next((one for one in DIFFERENCES if re.fullmatch(one.pattern, case.name)), None)
    try:
        read = images.at_full_size(case.data)
    except NotAPicture as refusal:
        expected = on_purpose is not None and on_purpose.instead == "refused"
        return Verdict(case.name, judge, "refused" if expected else "wrong", None, str(refusal))
    except Exception as error:
        return Verdict(case.name, judge, "wrong", None, str(error))
    if (off := difference(read, shown)) is not None and off <= MOST:
        return Verdict(case.name, judge, "right", off, "")
    true = difference(read, case.true)
    if on_purpose and on_purpose.instead == "true" and true is not None and true <= MOST:
        return Verdict(case.name, judge, "differs", true, on_purpose.reason)
    return Verdict(case.name, judge, "wrong", off, f"{true} from what was written")


def difference(one: Pixels, other: Pixels | None) -> float | None:
    """The mean over pixels and channels; None where they are not of one size."""
    if other is None or one.shape != other.shape:
        return None
    return float(np.abs(one.astype(float) - other).mean())
