"""Sunset: the sun on or near the horizon, its path of light on the water."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour, box
from .paint import chance, dim, hexed, mix, pick, vertical, wander
from .sky import DUSKS, clouds, ground, gulls, hills, sea, sky, sun


def sunset(rng: np.random.Generator) -> Canvas:
    """The sun on or near the horizon, its path of light on the water."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.42, 0.74)) * canvas.height
    colours = sky(canvas, pick(rng, DUSKS), horizon)
    radius = float(rng.uniform(9, 34))
    x, y = float(rng.uniform(0.12, 0.88)) * canvas.width, horizon - float(rng.uniform(-0.35, 3.2)) * radius
    warm = mix(colours[-1], hexed("fff2c0"), float(rng.uniform(0.1, 0.6)))
    if chance(rng, 0.8):
        clouds(
            canvas, horizon, dim(colours[-2], 1.15), mix(colours[0], colours[1], 0.6), float(rng.uniform(0.2, 0.7)), 5.0
        )
    sun(canvas, x, y, radius, warm)
    if chance(rng, 0.5):
        hills(
            canvas,
            horizon,
            float(rng.uniform(6, 34)),
            mix(colours[-1], colours[0], 0.55),
            colours[0],
            int(rng.integers(1, 3)),
        )
    far = mix(colours[-1], colours[0], 0.35)
    sea(canvas, horizon, far, dim(colours[0], 0.55), glitter=(x, warm, float(rng.uniform(14, 42))), chop=0.9)
    if chance(rng, 0.35):
        gulls(canvas, horizon, int(rng.integers(2, 7)))
    foreground = rng.random()
    if foreground < 0.3:
        _rocks(canvas, dim(colours[0], 0.25))
    elif foreground < 0.45:
        _pier(canvas, horizon, dim(colours[0], 0.22))
    return canvas


def _rocks(canvas: Canvas, tone: Colour) -> None:
    rng = canvas.rng
    side = np.linspace(1.4, -1.0, 80) * (1 if chance(rng, 0.5) else -1)
    line = canvas.height - np.clip(side, -0.2, 1.2) * float(rng.uniform(25, 60)) - 12 * wander(rng, 80, 0.6)
    canvas.shape(ground(line.astype(np.float32), canvas.height, canvas.width), tone, bulge=3, depth=0.5)


def _pier(canvas: Canvas, horizon: float, tone: Colour) -> None:
    rng = canvas.rng
    x, vanish = float(rng.uniform(0.2, 0.8)) * canvas.width, float(rng.uniform(0.35, 0.65)) * canvas.width
    deck = [
        (vanish - 3, horizon + 14),
        (vanish + 3, horizon + 14),
        (x + 60, canvas.height + 5),
        (x - 60, canvas.height + 5),
    ]
    canvas.shape(deck, vertical([(0.0, tone), (1.0, dim(tone, 1.12))], horizon, canvas.height))
    for t in np.linspace(0.1, 1.0, 6) ** 1.6:
        for side in (-1, 1):
            px, py = (vanish + (x - vanish) * t + side * (3 + 57 * t), horizon + 14 + (canvas.height - horizon - 9) * t)
            canvas.shape(box(px - 1 - 3 * t, py - 6 - 24 * t, px + 1 + 3 * t, py + 4), tone)
