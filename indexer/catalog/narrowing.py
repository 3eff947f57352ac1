"""Which pictures a question is narrowed to: by folder, day, camera, place and size, each by an index of its own.

A million pictures are narrowed in some tenth of a second, so rows are not read whole: what a row says is held to its
checksum where it is shown, and damage that narrows wrongly is what `semblance verify` finds.
"""

import datetime
import os
import sqlite3
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from semblance.retrieval.index import Ids

EARTH_KM = 6371.0088  # the mean radius (IUGG)
_KM_A_DEGREE = EARTH_KM * np.pi / 180
Degrees = npt.NDArray[np.float64]
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Narrowing:
    """What pictures have to be to count; None: no matter.

    `folder`: the absolute path of one that they lie in, or below. `taken_from`, `taken_to`: days, both included, by the
    cameras' own clocks. `camera`: its whole name, upper and lower case alike. `near`: latitude and longitude in
    degrees and a distance in kilometres. `min_pixels`: width times height.
    """

    folder: str | None = None
    taken_from: datetime.date | None = None
    taken_to: datetime.date | None = None
    camera: str | None = None
    near: tuple[float, float, float] | None = None
    min_pixels: int | None = None

    def __bool__(self) -> bool:
        return any(each is not None for each in astuple(self))


def among(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    """The ids (N,), ascending, of pictures that are all that is asked; all pictures' where nothing is."""
    found = [by(db, narrowing) for asked, by in _BY if asked(narrowing)]
    if not found:
        return _ids(db, "SELECT id FROM pictures")
    return reduce(lambda one, other: np.intersect1d(one, other, assume_unique=True), sorted(found, key=len))


def _ids(db: sqlite3.Connection, question: str, *values: object) -> Ids:
    """As text in one row, which is several times as quick as a row for each."""
    ((listed,),) = db.execute(f"SELECT group_concat(id) FROM ({question})", values).fetchall()
    ids = np.fromstring(listed or "", np.int64, sep=",")
    ids.sort()
    return ids


def _by_folder(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    assert narrowing.folder is not None
    folder = narrowing.folder.rstrip(os.sep)
    first, end = folder + os.sep, folder + chr(ord(os.sep) + 1)  # all paths between the two, and no others, are below
    try:
        return _ids(db, "SELECT id FROM pictures WHERE path >= ? AND path < ?", first, end)
    except UnicodeEncodeError:  # no path of a picture is such text
        return np.empty(0, np.int64)


def _by_day(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    first, last = narrowing.taken_from or datetime.date.min, narrowing.taken_to or datetime.date.max
    end = (last + _DAY).isoformat() if last < datetime.date.max else "A"  # which is after all digits
    return _ids(db, "SELECT picture AS id FROM facts WHERE taken >= ? AND taken < ?", first.isoformat(), end)


def _by_camera(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    assert narrowing.camera is not None
    wanted = narrowing.camera.casefold()
    same = [name for name in cameras(db) if name.casefold() == wanted]
    marks = ", ".join("?" * len(same))
    return _ids(db, f"SELECT picture AS id FROM facts WHERE camera IN ({marks})", *same)


def cameras(db: sqlite3.Connection) -> list[str]:
    """The name of each camera once; the index is asked for the next, whatever number of pictures lies between."""
    question = (
        "WITH RECURSIVE names (name) AS (SELECT min(camera) FROM facts WHERE camera IS NOT NULL"
        " UNION ALL SELECT (SELECT min(camera) FROM facts WHERE camera > name) FROM names WHERE name IS NOT NULL)"
        " SELECT name FROM names WHERE name IS NOT NULL"
    )
    return [str(name) for (name,) in db.execute(question)]


def _by_place(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    """A box by the index, and the distances of what is in it (Sinnott, "Virtues of the haversine", 1984)."""
    assert narrowing.near is not None
    latitude, longitude, km = narrowing.near
    up = km / _KM_A_DEGREE
    south, north = latitude - up, latitude + up
    sideways = 180.0
    if south > -90 and north < 90:  # else the box holds a pole, and with it all longitudes
        sideways = float(np.degrees(np.arcsin(min(1.0, np.sin(np.radians(up)) / np.cos(np.radians(latitude))))))
    west, east = longitude - sideways, longitude + sideways
    question = "SELECT picture, latitude, longitude FROM facts WHERE latitude BETWEEN ? AND ?"
    slack = 1e-6  # degrees, a tenth of a metre: what rounding may cost the box and not the distance
    rows = np.array(db.execute(question, (south - slack, north + slack)).fetchall(), np.float64).reshape(-1, 3)
    eastwards = (rows[:, 2] - west + slack) % 360 <= east - west + 2 * slack  # over the date line too
    rows = rows[eastwards | (sideways >= 180)]
    ids = rows[:, 0].astype(np.int64)[distances(rows[:, 1], rows[:, 2], latitude, longitude) <= km]
    ids.sort()
    return ids


def distances(latitudes: Degrees, longitudes: Degrees, latitude: float, longitude: float) -> Degrees:
    """Kilometres along the sphere from each place to one, all in degrees."""
    here, there = np.radians(latitude), np.radians(latitudes)
    across = np.sin(np.radians(longitudes - longitude) / 2) ** 2
    chord = np.sin((there - here) / 2) ** 2 + np.cos(here) * np.cos(there) * across
    km: Degrees = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return km


def _by_size(db: sqlite3.Connection, narrowing: Narrowing) -> Ids:
    assert narrowing.min_pixels is not None
    least = min(narrowing.min_pixels, 2**62)
    return _ids(db, "SELECT picture AS id FROM facts WHERE width * height >= ?", least)


_By = Callable[[sqlite3.Connection, Narrowing], Ids]
_BY: tuple[tuple[Callable[[Narrowing], bool], _By], ...] = (
    (lambda asked: asked.folder is not None, _by_folder),
    (lambda asked: asked.taken_from is not None or asked.taken_to is not None, _by_day),
    (lambda asked: asked.camera is not None, _by_camera),
    (lambda asked: asked.near is not None, _by_place),
    (lambda asked: asked.min_pixels is not None, _by_size),
)
