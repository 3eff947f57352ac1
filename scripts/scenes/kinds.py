"""The kinds of scene, and drawing one.

A picture is a function of its kind and seed alone: the generator is seeded from both, by a checksum that is the same in
every process, so that order and machine make no difference.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from .aurora import aurora
from .balloon import balloon
from .beach import beach
from .bird import bird
from .butterfly import butterfly
from .canvas import Canvas
from .car import car
from .cat import cat
from .desert import desert
from .face import face
from .fish import fish
from .flower import flower
from .forest import forest
from .fruit import fruit
from .house import house
from .lake import lake
from .lighthouse import lighthouse
from .paint import develop
from .sailboat import sailboat
from .skyline import skyline
from .sunset import sunset
from .winter import winter

_SCENES: dict[str, Callable[[np.random.Generator], Canvas]] = {
    "aurora": aurora,
    "balloon": balloon,
    "beach": beach,
    "bird": bird,
    "butterfly": butterfly,
    "car": car,
    "cat": cat,
    "desert": desert,
    "face": face,
    "fish": fish,
    "flower": flower,
    "forest": forest,
    "fruit": fruit,
    "house": house,
    "lake": lake,
    "lighthouse": lighthouse,
    "sailboat": sailboat,
    "skyline": skyline,
    "sunset": sunset,
    "winter": winter,
}
KINDS: tuple[str, ...] = tuple(_SCENES)  # the names of their folders


def draw(kind: str, seed: int) -> Image.Image:
    """One scene: RGB, 384 x 288 or 288 x 384, the same for the same kind and seed whatever was drawn before.

    Raises ValueError for a kind that is not in KINDS or a negative seed.
    """
    if kind not in _SCENES:
        raise ValueError(f"no kind of scene is called {kind!r}; choose one of {', '.join(KINDS)}")
    if seed < 0:
        raise ValueError(f"a seed is zero or more, not {seed}")
    rng = np.random.default_rng([zlib.crc32(kind.encode()), seed])
    return develop(_SCENES[kind](rng))
