"""Balloon: hot-air balloons, one near or many far, over land seen from above."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, Colour, Frame
from .paint import (
    WHITE,
    chance,
    dim,
    evenly,
    hexed,
    hsv,
    mix,
    noise,
    palette,
    pick,
    radial,
    textured,
    vary,
    vertical,
    wander,
)
from .sky import ground, hills, weather


def balloon(rng: np.random.Generator) -> Canvas:
    """Hot-air balloons, one near or many far, over land seen from above."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    horizon = float(rng.uniform(0.68, 1.0)) * canvas.height
    colours, late = weather(canvas, horizon, dusk=0.35)
    if horizon < canvas.height * 0.95:
        land = mix(
            vary(rng, pick(rng, palette("5f7f48 b88a58 8a7a50 4a6a58 c0a070")), 0.08),
            colours[0],
            0.35 if late else 0.05,
        )
        hills(
            canvas,
            horizon + 4,
            float(rng.uniform(10, 60)),
            mix(land, colours[-1], 0.65),
            mix(land, colours[-1], 0.2),
            3,
        )
        field = noise(rng, canvas.width, canvas.height, (46, 12), 4, 0.7)
        canvas.shape(
            ground(horizon + 2 * wander(rng, 40), canvas.height, canvas.width),
            textured(
                vertical(evenly([mix(land, colours[-1], 0.3), dim(land, 0.7)]), horizon, canvas.height), field, 0.5
            ),
        )
    count = pick(rng, (1, 1, 2, 3, 5, 8))
    big = canvas.height * (float(rng.uniform(0.3, 0.5)) if count == 1 else float(rng.uniform(0.2, 0.3)))
    for i in range(count):
        near = 1.0 if i == count - 1 else float(rng.uniform(0.3, 0.8)) * (i + 2) / (count + 1)
        r = big * near * 0.72
        x = float(rng.uniform(0.15, 0.85)) * canvas.width
        y = float(rng.uniform(0.2, 0.55 if count == 1 else 0.62)) * min(horizon, canvas.height * 0.9)
        _balloon(
            canvas,
            Frame(x, max(y, r * 0.9), r, float(rng.normal(0, 0.04))),
            mix(colours[-1], colours[0], 0.3),
            0.35 * (1 - near),
            late,
        )
    return canvas


def _balloon(canvas: Canvas, frame: Frame, air: Colour, haze: float, late: bool) -> None:
    """The envelope is gores side by side, each as wide as its turn away from the viewer leaves it."""
    rng = canvas.rng
    start = float(rng.random())
    tones = [
        mix(
            hsv(
                start + float(rng.choice([0.0, 0.08, 0.33, 0.5, 0.6])),
                float(rng.uniform(0.6, 0.95)),
                float(rng.uniform(0.6, 0.95)),
            ),
            air,
            haze,
        )
        for _ in range(int(rng.integers(2, 5)))
    ]
    if chance(rng, 0.5):
        tones[1] = mix(WHITE, air, haze)
    t = np.linspace(0, 1, 26)
    level = -1.0 + 2.25 * t
    half = np.where(
        t < 0.45, np.sin(np.arccos(np.clip(1 - t / 0.45, -1, 1))), 1 - 0.84 * np.clip((t - 0.45) / 0.55, 0, 1) ** 1.75
    )
    gores = 2 * int(rng.integers(3, 7))
    edges = np.sin(np.linspace(-math.pi / 2, math.pi / 2, gores + 1))
    band = chance(rng, 0.4)
    for i in range(gores):
        left, right = edges[i] * half, edges[i + 1] * half
        outline = np.concatenate([np.stack([left, level], 1), np.stack([right, level], 1)[::-1]])
        canvas.shape(frame(outline), tones[i % len(tones)])
    if band:
        rows = slice(9, 13)
        belt = np.concatenate([np.stack([-half[rows], level[rows]], 1), np.stack([half[rows], level[rows]], 1)[::-1]])
        canvas.shape(frame(belt), tones[-1] if len(tones) > 2 else mix(WHITE, air, haze))
    hull = frame(np.concatenate([np.stack([-half, level], 1), np.stack([half, level], 1)[::-1]]))
    side = math.copysign(1, canvas.light[0])
    lit = frame.at(0.4 * side, -0.45)
    canvas.shade(hull, radial([(0.0, (1.25,) * 3), (0.45, (1.0,) * 3), (1.0, (0.5,) * 3)], *lit, frame.size * 1.7))
    rope = mix(hexed("4a3a30"), air, haze)
    for x in (-0.14, 0.14):
        canvas.stroke(frame([(x * 1.1, 1.24), (x, 1.56)]), (1.0, 1.0), rope)
    canvas.shape(
        frame([(-0.15, 1.54), (0.15, 1.54), (0.12, 1.78), (-0.12, 1.78)]), mix(hexed("8a5a30"), air, haze), bulge=1.5
    )
    if late or chance(rng, 0.3):
        canvas.glow(*frame.at(0, 1.2), frame.size * 0.3, (1.0, 0.7, 0.3), 0.7)
