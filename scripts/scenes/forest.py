"""Forest: trunks behind trunks into the mist, under the leaves of one season."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour, box, oval, ribbon
from .paint import chance, dim, evenly, mix, noise, palette, pick, smoothstep, textured, vary, vertical, wander
from .sky import foliage, ground


def forest(rng: np.random.Generator) -> Canvas:
    """Trunks behind trunks into the mist, under leaves of one season."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    tints = pick(
        rng,
        (
            "dfe8b0 7fa050 2f4a20",
            "f4d890 c88a38 5a3414",
            "d0dcd8 8aa09a 2c403c",
            "eef0c0 9ab868 34561f",
            "f0b878 b05a28 47200f",
            "b8ccd8 6a8898 20323c",
            "f8e8b0 8a9a48 39401a",
        ),
    )
    light, leaf, dark = (vary(rng, c, 0.06) for c in palette(tints))
    floor = canvas.height * float(rng.uniform(0.58, 0.8))
    canvas.wash(vertical([(0, mix(light, leaf, 0.5)), (0.75, light), (1, leaf)], 0, floor))
    canvas.glow(float(rng.uniform(0.1, 0.9)) * canvas.width, floor * float(rng.uniform(0.2, 0.8)), 90, light, 0.8)
    bark = vary(rng, pick(rng, palette("3a2c22 4a3a30 2a2420 5a4a3c d8d4c8")), 0.05)
    haze = noise(rng, canvas.width, canvas.height, (40, 34), 4, 0.65)
    canvas.wash(leaf, smoothstep(0.5, 0.9, haze) * np.clip(1.15 - canvas.y / floor, 0, 1) * 0.55)
    litter = noise(rng, canvas.width, canvas.height, (16, 5), 4, 0.8)
    layers = int(rng.integers(4, 6))
    for i in range(layers):
        t = i / (layers - 1)
        level = floor + (canvas.height - floor) * t * 0.55
        rise = level - 4 * wander(rng, 60, 0.5)
        soil = vertical(
            evenly([mix(light, mix(leaf, dark, t), 0.35 + 0.6 * t), mix(leaf, dark, 0.3 + 0.6 * t)]),
            level,
            canvas.height,
        )
        canvas.shape(ground(rise, canvas.height, canvas.width), textured(soil, litter, 0.25 + 0.6 * t))
        _trunks(canvas, level, t, mix(light, bark, 0.25 + 0.75 * t), mix(light, leaf, 0.4 + 0.6 * t))
        if t < 1:
            canvas.shape(box(-20, level - 35, canvas.width + 20, level + 30), light, soft=12, alpha=0.26)
    for _ in range(int(rng.integers(3, 8))):
        x, y = float(rng.uniform(0, canvas.width)), float(rng.uniform(-20, canvas.height * 0.22))
        foliage(
            canvas,
            x,
            y,
            float(rng.uniform(40, 90)),
            float(rng.uniform(20, 48)),
            [dim(dark, 1.0), mix(dark, leaf, 0.6), mix(leaf, light, 0.25)],
            4.2,
            34,
        )
    if chance(rng, 0.45):
        _rays(canvas, light)
    return canvas


def _trunks(canvas: Canvas, level: float, t: float, bark: Colour, leaf: Colour) -> None:
    rng = canvas.rng
    grain = noise(rng, canvas.width, canvas.height, (5, 50), 3, 0.7) if t > 0.6 else None
    for x in rng.uniform(-0.02, 1.02, int(13 - 9 * t)) * canvas.width:
        wide = (3.0 + 26 * t**1.6) * float(rng.uniform(0.7, 1.3))
        lean = float(rng.normal(0, 7))
        spine = np.stack(
            [x + lean * np.linspace(0, 1, 7) + rng.normal(0, wide * 0.05, 7), np.linspace(level + 3, -20, 7)], axis=1
        )
        outline = ribbon(spine, wide * 1.25, wide * 0.8)
        canvas.shape(
            outline,
            textured(bark, grain, 0.7) if grain is not None else bark,
            bulge=wide * 0.22 if t > 0.5 else 0,
            depth=0.9,
        )
        if t > 0.3 and chance(rng, 0.6):
            y, way = float(rng.uniform(0.1, 0.5)) * level, float(rng.choice([-1, 1]))
            canvas.stroke([(x, y), (x + way * 30 * t, y - 18), (x + way * 75 * t, y - 50)], (wide * 0.3, 1), bark)
    if 0.2 < t < 1:
        tuft = [
            oval(float(u), level + float(rng.normal(0, 3)), 9 * t + 3, 4 * t + 2)
            for u in rng.uniform(0, canvas.width, 26)
        ]
        canvas.shapes(tuft, dim(leaf, 0.8), soft=1, alpha=0.6)


def _rays(canvas: Canvas, light: Colour) -> None:
    rng = canvas.rng
    x = float(rng.uniform(-0.2, 1.2)) * canvas.width
    beams = []
    for slant in rng.uniform(-1.2, 1.2, 7):
        wide = float(rng.uniform(8, 26))
        foot = x + slant * canvas.height
        beams.append(
            np.array(
                [(x - 4, -20), (x + 4, -20), (foot + wide, canvas.height), (foot - wide, canvas.height)], np.float32
            )
        )
    canvas.shapes(beams, dim(light, 1.3), soft=6, alpha=0.24)
