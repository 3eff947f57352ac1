"""Lighthouse: a banded tower on its rock above the sea, by day, at dusk, or with its beam at night."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .canvas import Canvas, Colour, Frame, Paint, box, moved
from .paint import (
    BLACK,
    WHITE,
    across,
    chance,
    dim,
    evenly,
    hexed,
    mix,
    noise,
    palette,
    pick,
    textured,
    vertical,
    wander,
)
from .sky import NIGHTS, ground, gulls, sea, sky, stars, weather


def lighthouse(rng: np.random.Generator) -> Canvas:
    """A tower on its rock above the sea, by day, at dusk, or with its beam at night."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    horizon = float(rng.uniform(0.55, 0.8)) * canvas.height
    night = chance(rng, 0.25)
    if night:
        colours, late = sky(canvas, pick(rng, NIGHTS), horizon), True
        stars(canvas, horizon, 160)
    else:
        colours, late = weather(canvas, horizon, dusk=0.35)
    dark = 0.65 if night else 0.3 if late else 0.0
    water = mix(hexed(pick(rng, ("12506e", "1b6478", "2a5a70"))), colours[0], dark)
    sea(canvas, horizon, mix(water, colours[-1], 0.3), dim(water, 0.7), chop=1.0)
    x = float(rng.uniform(0.22, 0.78)) * canvas.width
    tall = canvas.height * float(rng.uniform(0.36, 0.62))
    foot = horizon + float(rng.uniform(-0.05, 0.05)) * canvas.height
    _headland(canvas, x, foot, mix(pick(rng, palette("6b5f52 7d6a55 55604a 4f4f55 6f7a4a")), BLACK, dark))
    _tower(canvas, x, foot, tall, dark)
    if night or (late and chance(rng, 0.5)):
        y, reach = foot - tall * 0.985, float(rng.choice([-1.0, 1.0])) * 420
        slope = float(rng.uniform(-0.2, 0.2))
        for way in (1.0, -0.5):
            far = reach * way
            beam = [(x, y - 2), (x + far, y + slope * far - 38), (x + far, y + slope * far + 38), (x, y + 2)]
            fade = across([(0.0, hexed("fff3c0")), (1.0, hexed("fff3c0"))], (x, y), (x + far, y))
            canvas.shape(beam, fade, soft=4, alpha=0.3)
        canvas.glow(x, y, tall * 0.16, hexed("fff0b0"), 0.9)
    elif chance(rng, 0.5):
        gulls(canvas, horizon, int(rng.integers(2, 6)))
    return canvas


def _headland(canvas: Canvas, x: float, foot: float, tone: Colour) -> None:
    rng = canvas.rng
    along = np.linspace(0, canvas.width, 110)
    side, reach = float(rng.choice([-1.0, 1.0])), canvas.width * float(rng.uniform(0.12, 0.3))
    off = (along - x) * side
    drop = np.where(off > 0, np.clip(off - 16, 0, None) / reach, np.clip(-off - 40, 0, None) / (reach * 3.5))
    line = foot + (canvas.height - foot) * np.clip(drop, 0, 1.6) ** 1.3 + 5 * wander(rng, 110, 0.65)
    field = noise(rng, canvas.width, canvas.height, (30, 18), 4, 0.7)
    paint = textured(vertical(evenly([dim(tone, 1.15), dim(tone, 0.45)]), foot, canvas.height), field, 0.9)
    outline = ground(line.astype(np.float32), canvas.height, canvas.width)
    canvas.shape(moved(outline, 0, 5), WHITE, soft=3, alpha=0.35)
    canvas.shape(outline, paint, bulge=5, depth=0.5)


def _tower(canvas: Canvas, x: float, foot: float, tall: float, dark: float) -> None:
    rng = canvas.rng
    frame = Frame(x, foot + 4, tall)
    band = mix(pick(rng, palette("c0392b 1f3a6e 2a2a2e b5482a 246a5a")), BLACK, dark * 0.8)
    wall = mix(WHITE, BLACK, dark * 0.75)

    def lit(tone: Colour) -> Paint:
        return across(
            [(0.0, dim(tone, 1.05)), (0.4, tone), (1.0, dim(tone, 0.5))], frame.at(-0.12, 0), frame.at(0.12, 0)
        )

    def wide(level: float) -> float:
        return 0.125 - 0.05 * level

    levels = np.linspace(0.0, 0.86, int(rng.integers(3, 8)) + 1)
    spiral = chance(rng, 0.2)
    for i, (low, high) in enumerate(pairwise(levels)):
        lean = 0.06 if spiral else 0.0
        corners = [(-wide(low), -low), (wide(low), -low - lean), (wide(high), -high - lean), (-wide(high), -high)]
        canvas.shape(frame(corners), lit(wall if i % 2 else band))
    canvas.shape(frame(box(-0.105, -0.89, 0.105, -0.86)), dim(BLACK, 1.1))
    canvas.shape(frame(box(-0.055, -0.98, 0.055, -0.89)), hexed("ffe9a0"))
    for post in (-0.055, -0.02, 0.02, 0.055):
        canvas.shape(frame(box(post - 0.006, -0.98, post + 0.006, -0.89)), BLACK)
    canvas.shape(frame([(-0.075, -0.98), (0.0, -1.07), (0.075, -0.98)]), band)
    for level in (0.2, 0.5):
        canvas.shape(frame(box(-0.015, -level - 0.05, 0.015, -level)), BLACK, alpha=0.8)
    if chance(rng, 0.55):
        side = float(rng.choice([-1, 1]))
        left, right = sorted((0.1 * side, 0.42 * side))
        canvas.shape(frame(box(left, -0.15, right, 0.02)), dim(wall, 0.85))
        canvas.shape(frame([(left - 0.03, -0.15), ((left + right) / 2, -0.26), (right + 0.03, -0.15)]), band)
        canvas.shape(
            frame(box((left + right) / 2 - 0.03, -0.1, (left + right) / 2 + 0.03, -0.03)),
            hexed("ffd870") if dark else BLACK,
        )
