"""What may be wished for beside a picture: which pictures count, how near they have to be, copies as one, pages.

Said in Python by names (`Wished`), and held to in one place: whatever is wrong is a UsageError that names it.
"""

import datetime
import math
import operator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, SupportsIndex, TypedDict

from semblance.indexer.catalog import Narrowing
from semblance.retrieval import storage
from semblance.retrieval.errors import UsageError
from semblance.retrieval.formats.regions import Region, checked

MAX_K = 1000  # results of one answer, for whoever asks from outside


class Wished(TypedDict, total=False):
    """The names of wishes, as `Library.search` and its like take them.

    `within`: only results at this distance or nearer, in bits (by pixels Euclidean). `chance`: only results with
    `expected_by_chance` of at most this; cuts nothing where that is not known. `fold`: copies of one picture are one
    result. `cursor`: "" asks for pages, and an answer's `next` for the one that follows it. The others narrow: see
    catalog.Narrowing; dates may be text (YYYY-MM-DD).
    """

    within: float | None
    chance: float | None
    fold: bool
    cursor: str | None
    folder: str | None
    taken_from: datetime.date | str | None
    taken_to: datetime.date | str | None
    camera: str | None
    near: tuple[float, float, float] | None
    min_pixels: int | None


@dataclass(frozen=True)
class Wishes:
    """As they are kept with a question. `paged`: the answer says where the next page begins. `plain`: the nearest k are
    all that is wanted, of whichever pictures."""

    within: float | None = None
    chance: float | None = None
    fold: bool = False
    among: Narrowing | None = None
    paged: bool = False
    plain: bool = True


PLAIN = Wishes()
_NARROWING = frozenset(field.name for field in fields(Narrowing))


def wishes(
    within: float | None = None,
    chance: float | None = None,
    fold: bool = False,
    cursor: str | None = None,
    **narrowing: Any,
) -> Wishes:
    """Wishes by their names (see Wished), checked. Raises UsageError, TypeError for a name that is not known."""
    if unknown := narrowing.keys() - _NARROWING:
        raise TypeError(f"there is no wish {min(unknown)!r}")
    if cursor:
        raise UsageError("cursor: a first page begins without: say an empty one, and go on by `next_page`.")
    if within is not None and not (_number(within) and within >= 0):
        raise UsageError(f"within: it is a distance from 0 on, not {within!r}.")
    if chance is not None and not (_number(chance) and chance > 0):
        raise UsageError(f"chance: it is how many pictures may be as near by chance, above 0, not {chance!r}.")
    plain = within is None and chance is None and not fold and cursor is None
    return Wishes(within, chance, bool(fold), _narrowing(**narrowing), cursor is not None, plain)


def _narrowing(
    folder: str | None = None,
    taken_from: datetime.date | str | None = None,
    taken_to: datetime.date | str | None = None,
    camera: str | None = None,
    near: tuple[float, float, float] | None = None,
    min_pixels: int | None = None,
) -> Narrowing | None:
    first, last = _day("taken_from", taken_from), _day("taken_to", taken_to)
    for name, text in (("folder", folder), ("camera", camera)):
        if text is not None and (not text or "\0" in text):
            raise UsageError(f"{name}: it is empty, or no name: leave it out, or say one.")
    if folder is not None and not Path(folder).is_absolute() and not storage.is_address(folder):
        raise UsageError(f"folder: say the whole path of a folder, not {folder!r}.")
    if first and last and last < first:
        raise UsageError(f"taken_to: {last} is before taken_from, {first}: no picture was taken then.")
    if near is not None and not _is_place(near):
        raise UsageError(
            "near: a place is latitude,longitude,kilometres: degrees from -90 to 90 and from -180 to 180, and a "
            "distance above 0, as 48.86,2.35,10."
        )
    if min_pixels is not None and (type(min_pixels) is not int or min_pixels < 1):
        raise UsageError(f"min_pixels: it is width times height, a whole number from 1 on, not {min_pixels!r}.")
    return Narrowing(folder, first, last, camera, near, min_pixels) or None


def whole(name: str, value: SupportsIndex, most: int) -> int:
    """A number as Python's own, whose else it may be. Raises UsageError."""
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if not 1 <= number <= most:
        raise UsageError(f"{name} is a whole number from 1 to {most:,}, not {value!r}.")
    return number


def region(text: str) -> Region:
    """The part of a picture that "left,top,width,height" says. Raises UsageError."""
    return checked(*_numbers(text, 4))


def place(text: str) -> tuple[float, float, float]:
    """The place that "latitude,longitude,kilometres" says; no numbers at all where it says none."""
    latitude, longitude, km = _numbers(text, 3)
    return latitude, longitude, km


def _numbers(text: str, count: int) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    return found if len(found) == count else count * [math.nan]  # which no check lets through


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_place(near: tuple[float, float, float]) -> bool:
    if len(near) != 3 or not all(map(_number, near)):
        return False
    latitude, longitude, km = near
    return abs(latitude) <= 90 and abs(longitude) <= 180 and km > 0


def _day(name: str, said: datetime.date | str | None) -> datetime.date | None:
    if said is None or isinstance(said, datetime.date):
        return said
    try:
        if len(said) == 10 and "W" not in said:  # which ISO 8601 has for weeks
            return datetime.date.fromisoformat(said)
    except ValueError:
        pass
    raise UsageError(f"{name}: a day is written YYYY-MM-DD, as 2024-02-29, not {said!r}.")
