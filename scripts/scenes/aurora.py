"""Aurora: curtains of northern light over a dark shore or over snow."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour
from .paint import WHITE, chance, dim, evenly, hsv, mix, noise, pick, textured, vertical, wander
from .sky import NIGHTS, fir, ground, hills, mirror, moon, sky, stars


def aurora(rng: np.random.Generator) -> Canvas:
    """Curtains of northern light over a dark shore or snow."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    horizon = float(rng.uniform(0.62, 0.85)) * canvas.height
    colours = sky(canvas, pick(rng, NIGHTS), horizon)
    stars(canvas, horizon, int(rng.integers(120, 420)))
    hue = float(pick(rng, (0.36, 0.4, 0.44, 0.33, 0.5, 0.85, 0.3)))
    for _ in range(int(rng.integers(2, 5))):
        _curtain(
            canvas,
            horizon,
            hsv(hue + float(rng.normal(0, 0.03)), 0.75, 0.95),
            hsv(hue + float(rng.uniform(0.2, 0.45)), 0.7, 0.7),
        )
    if chance(rng, 0.25):
        moon(
            canvas,
            float(rng.uniform(0.1, 0.9)) * canvas.width,
            float(rng.uniform(0.1, 0.4)) * horizon,
            float(rng.uniform(6, 11)),
        )
    night = dim(colours[0], 0.7)
    if chance(rng, 0.7):
        hills(canvas, horizon, float(rng.uniform(14, 70)), mix(colours[1], hsv(hue, 0.5, 0.4), 0.2), night, 2)
    if chance(rng, 0.45):
        mirror(canvas, horizon, colours[0], 0.75, float(rng.uniform(0.2, 0.9)))
    else:
        snow = mix(mix(colours[-1], WHITE, 0.2), hsv(hue, 0.6, 0.8), 0.3)
        field = noise(rng, canvas.width, canvas.height, (70, 12), 4, 0.5)
        canvas.shape(
            ground(horizon + 4 * wander(rng, 60, 0.4), canvas.height, canvas.width),
            textured(vertical(evenly([dim(snow, 0.8), dim(snow, 0.35)]), horizon, canvas.height), field, 0.4),
        )
    trees = [
        fir(x, horizon + float(rng.uniform(2, 14)), float(rng.uniform(18, 74)), rng)
        for x in rng.uniform(0, canvas.width, int(rng.integers(6, 30)))
    ]
    canvas.shapes(trees, dim(night, 0.6))
    return canvas


def _curtain(canvas: Canvas, horizon: float, low: Colour, high: Colour) -> None:
    """Light that hangs from a wandering line: sharp below, fading upward, in fine vertical folds."""
    rng = canvas.rng
    hem = horizon * float(rng.uniform(0.4, 0.85)) + horizon * 0.2 * wander(rng, canvas.width, 0.4, 4, 2)
    hem += (canvas.x[0] - canvas.width / 2) * float(rng.uniform(-0.5, 0.5))
    tall = horizon * float(rng.uniform(0.35, 0.75))
    up = (hem[None, :] - canvas.y) / tall
    folds = noise(rng, canvas.width, 4, (26, 4), 5, 0.75)[1][None, :]
    presence = noise(rng, canvas.width, 4, (150, 4), 2)[1][None, :]
    body = np.where(up > 0, np.exp(-2.6 * np.clip(up, 0, 9)), np.exp(28 * np.clip(up, -9, 0)))
    strength = body * (0.35 + 0.75 * folds) * (0.2 + presence) * float(rng.uniform(0.6, 1.0))
    t = np.clip(up, 0, 1)[..., None]
    tone = np.asarray(low, np.float32) * (1 - t) + np.asarray(high, np.float32) * t
    canvas.rgb += (tone * strength[..., None] * np.maximum(1.05 - canvas.rgb, 0)).astype(np.float32)
