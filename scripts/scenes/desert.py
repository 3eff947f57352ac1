"""Desert: dunes behind dunes, each with its lit and its shadowed side; a caravan sometimes."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, box, oval, ribbon
from .paint import across, chance, dim, mix, noise, palette, pick, textured, vary, vertical, wander
from .sky import DAYS, DUSKS, clouds, ground, sky, sun


def desert(rng: np.random.Generator) -> Canvas:
    """Dunes behind dunes, each with its lit and its shadowed side."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.25, 0.55)) * canvas.height
    late = chance(rng, 0.35)
    colours = sky(canvas, pick(rng, DUSKS if late else DAYS), horizon)
    if chance(rng, 0.4):
        clouds(canvas, horizon, dim(colours[-1], 1.2), colours[0], float(rng.uniform(0.15, 0.4)), 5.0)
    if late or chance(rng, 0.3):
        sun(
            canvas,
            float(rng.uniform(0.1, 0.9)) * canvas.width,
            horizon * float(rng.uniform(0.4, 0.95)),
            float(rng.uniform(6, 15)),
            dim(colours[-1], 1.2),
        )
    sand = vary(rng, pick(rng, palette("d9a05c c97f42 e4bf88 b9653a dcb070 e8cfa4")), 0.06)
    sand = mix(sand, colours[0], 0.3 if late else 0.05)
    shadow = mix(dim(sand, 0.38), colours[0], 0.3)
    count = int(rng.integers(3, 7))
    edges = np.linspace(horizon, canvas.height * float(rng.uniform(0.7, 0.95)), count)
    for i, level in enumerate(edges):
        t = i / (count - 1)
        haze = 0.5 * (1 - t) ** 2
        lit, dark = mix(sand, colours[-1], haze), mix(shadow, colours[-1], haze)
        line = _dunes(canvas, float(level), (16 + 52 * t) * float(rng.uniform(0.7, 1.3)), lit, dark, t)
        if i == count // 2 and chance(rng, 0.45):
            _caravan(canvas, line, 7 + 16 * t, mix(dim(shadow, 0.35), colours[-1], haze * 0.5))
    return canvas


def _dunes(canvas: Canvas, level: float, height: float, lit: Colour, dark: Colour, near: float) -> Array:
    """One row of dunes; gives back its skyline. Each peak sends a winding crest toward the viewer, and beyond
    the crest, away from the light, lies the shadow."""
    rng = canvas.rng
    n = 130
    x = np.linspace(-4, canvas.width + 4, n)
    peaks = [
        (float(rng.uniform(-0.1, 1.1)) * canvas.width, float(rng.uniform(0.45, 1.0)) * height)
        for _ in range(int(rng.integers(1, 4)))
    ]
    rise = 0.12 * height * wander(rng, n, 0.3, 3, 2)
    for at, tall in peaks:
        rise = np.maximum(rise, tall * np.clip(1 - np.abs(x - at) / (tall * 4.2), 0, 1) ** 1.45)
    line = (level - rise).astype(np.float32)
    field = noise(rng, canvas.width, canvas.height, (70, 4 + 7 * near), 3, 0.6)
    body = vertical([(0, dim(lit, 1.12)), (1, dim(lit, 0.78))], level - height, level + 120)
    canvas.shape(ground(line, canvas.height, canvas.width), textured(body, field, 0.08 + 0.12 * near))
    side = -math.copysign(1.0, canvas.light[0])
    for at, tall in peaks:
        top = float(np.interp(at, x, line))
        down = np.linspace(0, 1, 24)
        drop, drift = tall * float(rng.uniform(1.1, 1.9)), tall * float(rng.uniform(-0.4, 1.3))
        winding = np.sin(down * float(rng.uniform(3.0, 5.0))) * tall * 0.45
        crest = np.stack([at + side * (winding + drift * down), top + drop * down], axis=1)
        flank = np.linspace(at + side * tall * 3.4, at, 24)
        face = np.concatenate([crest, np.stack([flank, np.interp(flank, x, line) + 0.5], axis=1)])
        far = (at + side * tall * 1.9, top + drop * 0.75)
        shade = across([(0.0, dim(dark, 0.9)), (0.35, dark), (0.95, mix(dark, lit, 0.9))], (at, top), far)
        canvas.shape(face, textured(shade, field, 0.08), soft=0.5)
    return line


def _caravan(canvas: Canvas, ridge: Array, size: float, tone: Colour) -> None:
    rng = canvas.rng
    start, gap = float(rng.uniform(0.1, 0.6)) * canvas.width, size * 2.1
    for i in range(int(rng.integers(2, 6))):
        x = start + i * gap
        y = float(np.interp(x, np.linspace(-4, canvas.width + 4, len(ridge)), ridge)) + 1
        body = [
            oval(x, y - size * 0.75, size * 0.5, size * 0.24),
            oval(x - size * 0.08, y - size * 0.98, size * 0.2, size * 0.2),
        ]
        neck = ribbon(
            [(x + size * 0.4, y - size * 0.8), (x + size * 0.66, y - size * 0.75), (x + size * 0.74, y - size * 1.15)],
            size * 0.2,
            size * 0.1,
        )
        head = oval(x + size * 0.85, y - size * 1.16, size * 0.16, size * 0.08)
        legs = [box(x + dx * size, y - size * 0.7, x + (dx + 0.09) * size, y) for dx in (-0.42, -0.26, 0.2, 0.36)]
        canvas.shapes([*body, neck, head, *legs], tone)
