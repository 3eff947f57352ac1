"""What a question may say besides its pictures."""

from datetime import date
from typing import TypedDict

from semblance.indexer.answers.hits import Engine


class Narrowed(TypedDict, total=False):
    """Only pictures of a folder, taken on some days, by a camera, near a place (latitude and longitude in degrees, and
    kilometres), or of so many pixels."""

    folder: str
    taken_from: date | str
    taken_to: date | str
    camera: str
    near: tuple[float, float, float]
    min_pixels: int


class ByAny(Narrowed, total=False):
    """How to ask, by whatever. `within`: only results at this distance or nearer; `chance`: only those of which so many
    would be as near by chance at most; `fold`: copies of one picture count as one result."""

    engine: Engine
    within: float
    chance: float
    fold: bool


class ByPicture(ByAny, total=False):
    """The same by a picture. `region`: only this part of it asks, as x, y, width and height in fractions of it."""

    region: tuple[float, float, float, float]


class ByUpload(ByPicture, total=False):
    """The same by pictures that are sent."""

    views: int
    refine: bool
