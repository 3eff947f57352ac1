"""Winter: snow on the ground, on the firs and in the air; a snowman sometimes."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour, box, oval
from .paint import BLACK, WHITE, chance, dim, evenly, hexed, hsv, mix, noise, pick, textured, vertical, wander
from .sky import fir, ground, hills, sky


def winter(rng: np.random.Generator) -> Canvas:
    """Snow on the ground, on the firs and in the air; sometimes a snowman."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.4, 0.62)) * canvas.height
    tints = pick(
        rng,
        (
            "9fb4c6 cfdae2 eef0f0",
            "b8bfc8 d8dbdf e8e8ea",
            "3f78b8 8fbbe0 e0ecf2",
            "7a7fb0 d8a8b8 fbe0d0",
            "1c2444 3c4a78 8a90b0",
            "d8b090 f0d8c0 fbf0e4",
        ),
    )
    colours = sky(canvas, tints, horizon)
    snow, shade = mix(WHITE, colours[-1], 0.3), mix(hexed("8fa6c8"), colours[0], 0.45)
    dark = mix(hsv(float(rng.uniform(0.38, 0.6)), 0.35, 0.24), colours[0], 0.15)
    hills(canvas, horizon + 12, float(rng.uniform(20, 70)), mix(shade, colours[-1], 0.6), mix(snow, shade, 0.5), 2)
    far = [fir(x, horizon + 14, float(rng.uniform(14, 40)), rng) for x in rng.uniform(-5, canvas.width + 5, 45)]
    canvas.shapes(far, mix(dark, colours[-1], 0.55))
    field = noise(rng, canvas.width, canvas.height, (120, 26), 4, 0.5)
    line = horizon + 12 + 7 * wander(rng, 80, 0.3, 3, 2)
    canvas.shape(
        ground(line, canvas.height, canvas.width),
        textured(vertical(evenly([snow, mix(snow, shade, 0.55)]), horizon, canvas.height), field, 0.2),
    )
    count = int(rng.integers(2, 12))
    for near in np.sort(rng.uniform(0.1, 1.0, count)):
        foot = horizon + 14 + (canvas.height - horizon) * float(near) * 0.85
        x = float(rng.uniform(0, 1)) * canvas.width
        _snowy_fir(canvas, x, foot, (40 + 130 * float(near)) * float(rng.uniform(0.75, 1.2)), dark, snow, shade)
    if chance(rng, 0.3):
        _snowman(
            canvas, float(rng.uniform(0.2, 0.8)) * canvas.width, canvas.height * 0.93, float(rng.uniform(28, 50)), snow
        )
    if chance(rng, 0.65):
        _snowfall(canvas, int(rng.integers(40, 260)))
    return canvas


def _snowy_fir(canvas: Canvas, x: float, foot: float, tall: float, dark: Colour, snow: Colour, shade: Colour) -> None:
    rng = canvas.rng
    canvas.ellipse(x - canvas.light[0] * tall * 0.18, foot, tall * 0.32, tall * 0.045, shade, soft=3, alpha=0.7)
    canvas.shape(box(x - tall * 0.03, foot - tall * 0.1, x + tall * 0.03, foot + 1), dim(hexed("4a3628"), 0.8))
    boughs = 6 + int(tall > 90) * 2
    for i in range(boughs):
        t = (i + 1) / boughs
        reach, level, lift = tall * 0.27 * (0.2 + 0.8 * t), foot - tall * (1.0 - 0.93 * t), tall * 0.2
        corners = [
            (x, level - lift),
            (x + reach, level),
            (x + reach * 0.45, level - tall * 0.03),
            (x, level + tall * 0.015),
            (x - reach * 0.5, level - tall * 0.03),
            (x - reach, level),
        ]
        jag = np.asarray(corners) + rng.normal(0, tall * 0.009, (6, 2))
        canvas.shape(jag, dim(dark, 0.75 + 0.5 * t), bulge=2)
        cap = np.asarray(corners) * (0.9, 1) + (x * 0.1 + canvas.light[0] * tall * 0.014, -tall * 0.026)
        canvas.shape(cap, vertical([(0, snow), (1, mix(snow, shade, 0.5))], level - lift, level), alpha=0.9, soft=0.6)


def _snowman(canvas: Canvas, x: float, foot: float, size: float, snow: Colour) -> None:
    rng = canvas.rng
    canvas.ellipse(x, foot, size * 1.0, size * 0.16, hexed("5a6f98"), soft=4, alpha=0.5)
    for y, r in ((0.62, 0.72), (1.62, 0.54), (2.4, 0.38)):
        canvas.ellipse(x, foot - y * size, r * size, r * size * 0.95, snow, bulge=r * size * 0.4, depth=0.6)
    top = foot - 2.4 * size
    scarf = hsv(float(rng.random()), 0.75, 0.75)
    canvas.ellipse(x, top + size * 0.36, size * 0.36, size * 0.1, scarf, bulge=2)
    canvas.stroke(
        [(x + size * 0.2, top + size * 0.36), (x + size * 0.3, top + size * 0.9)],
        (size * 0.16, size * 0.18),
        dim(scarf, 0.8),
    )
    coal = [
        oval(x + dx * size, y, size * 0.05, size * 0.05)
        for dx, y in (
            (-0.13, top - size * 0.08),
            (0.13, top - size * 0.08),
            (0, top + size * 0.7),
            (0, top + size * 0.95),
        )
    ]
    canvas.shapes(coal, BLACK)
    canvas.shape([(x, top - size * 0.02), (x, top + size * 0.1), (x + size * 0.42, top + size * 0.1)], hexed("e8802a"))
    canvas.shapes(
        [
            box(x - size * 0.42, top - size * 0.34, x + size * 0.42, top - size * 0.26),
            box(x - size * 0.26, top - size * 0.78, x + size * 0.26, top - size * 0.3),
        ],
        BLACK,
    )


def _snowfall(canvas: Canvas, flakes: int) -> None:
    rng = canvas.rng
    for size, cover in ((0.8, 0.6), (1.5, 0.75), (3.0, 0.5)):
        dots = [
            oval(x, y, size, size)
            for x, y in rng.uniform(0, 1, (int(flakes / size), 2)) * (canvas.width, canvas.height)
        ]
        canvas.shapes(dots, WHITE, alpha=cover, soft=size * 0.3)
