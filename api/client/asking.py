"""What a question may say besides its pictures, and what is answered that no library answers."""

from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from semblance.indexer.answers.asking import Engine, Hit


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


@dataclass(frozen=True)
class Code:
    """A picture's code by one codec, in hex."""

    codec_id: str
    bits: int
    code: str


@dataclass(frozen=True)
class Encoded(Code):
    """The code of what is alike, and that of copies, where the library knows copies."""

    copies: Code | None = None


@dataclass(frozen=True)
class Found:
    """What was found for one of several codes."""

    results: list[Hit]


@dataclass(frozen=True)
class FoundByCodes:
    """An answer for each code that was asked."""

    codec_id: str
    answers: list[Found]
