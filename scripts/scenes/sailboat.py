"""Sailboat: one to four boats under sail, near or far, in any weather."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Frame, curve, path
from .paint import BLACK, WHITE, across, chance, dim, evenly, hexed, hsv, mix, palette, pick, vary, vertical
from .sky import hills, sea, sun, weather


def sailboat(rng: np.random.Generator) -> Canvas:
    """One to four boats under sail, near or far, in any weather."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.35, 0.72)) * canvas.height
    colours, late = weather(canvas, horizon, dusk=0.3)
    glitter = None
    if late or chance(rng, 0.2):
        x = float(rng.uniform(0.1, 0.9)) * canvas.width
        sun(canvas, x, horizon - float(rng.uniform(15, 90)), float(rng.uniform(5, 12)), dim(colours[-1], 1.3))
        glitter = (x, dim(colours[-1], 1.2), float(rng.uniform(12, 30)))
    if chance(rng, 0.6):
        land = hsv(float(rng.uniform(0.25, 0.65)), 0.3, 0.4)
        hills(
            canvas, horizon, float(rng.uniform(10, 50)), mix(colours[-1], land, 0.45), mix(colours[-1], land, 0.85), 2
        )
    deep = hexed(pick(rng, ("0f4a6e", "0d5f72", "1f4f5f", "2b6f8f", "0a3a5a")))
    tint = mix(deep, colours[0], 0.55 if late else 0.15)
    sea(canvas, horizon, mix(tint, colours[-1], 0.4), dim(tint, 0.75), glitter=glitter, chop=0.8)
    count = pick(rng, (1, 1, 1, 2, 3, 4))
    size = float(rng.uniform(60, 125)) if count == 1 else float(rng.uniform(40, 66))
    for i, near in enumerate(np.sort(rng.uniform(0.45, 1.0, count))):
        x = canvas.width * ((i + 0.5) / count + float(rng.uniform(-0.3, 0.3)) / (count + 0.6))
        tall = size * float(near)
        waterline = horizon + tall * 0.22 + (canvas.height - horizon) * 0.45 * float(near) * float(rng.uniform(0.3, 1))
        _boat(canvas, x, waterline, tall, 0.35 if late else 0.0)
    return canvas


def _boat(canvas: Canvas, x: float, waterline: float, size: float, dusk: float) -> None:
    rng = canvas.rng
    frame = Frame(x, waterline, size, float(rng.uniform(-0.1, 0.1)), pick(rng, (-1.0, 1.0)))
    cloth = vary(rng, pick(rng, (WHITE, WHITE, hexed("f2e6cc"), hexed("c8452c"), hexed("e0a030"), hexed("2f5f9a"))))
    cloth, hull = (
        mix(cloth, BLACK, dusk),
        mix(pick(rng, palette("f4f2ec 7a3420 1d2f52 a82a26 245a48 efe4c8")), BLACK, dusk),
    )
    canvas.shape(
        frame([(-0.5, 0.1), (0.5, 0.1), (0.35, 0.75), (-0.3, 0.75)]), dim(cloth, 0.8), soft=size * 0.06, alpha=0.22
    )
    canvas.stroke(frame([(0.02, -0.08), (0.02, -1.55)]), (size * 0.03, size * 0.018), hexed("5a4030"))
    main = curve(path("-0.02,-1.5 -0.3,-0.9 -0.52,-0.2 -0.25,-0.2 -0.02,-0.22 -0.01,-0.8"), steps=5)
    jib = curve(path("0.05,-1.35 0.3,-0.75 0.58,-0.13 0.3,-0.2 0.1,-0.18 0.12,-0.7"), steps=5)
    for sail, tone in ((main, cloth), (jib, cloth if chance(rng, 0.6) else vary(rng, hexed("d05040"), 0.2))):
        lit = across(
            [(0.0, dim(tone, 0.68)), (0.6, tone), (1.0, dim(tone, 1.15))], frame.at(-0.4, 0), frame.at(0.5, -1)
        )
        canvas.shape(frame(sail), lit, bulge=max(size * 0.05, 1.5), depth=0.35)
    body = curve(path("-0.5,-0.14 0.0,-0.09 0.66,-0.17 0.45,0.07 0.0,0.1 -0.42,0.07"), steps=5)
    canvas.shape(
        frame(body),
        vertical(evenly([dim(hull, 1.1), dim(hull, 0.55)]), waterline - 0.15 * size, waterline + 0.1 * size),
    )
    canvas.shape(frame([(-0.25, -0.11), (-0.2, -0.2), (0.18, -0.2), (0.25, -0.11)]), dim(WHITE, 0.85 - dusk))
    canvas.stroke(frame([(-0.55, 0.08), (0.0, 0.11), (0.55, 0.07)]), (1.0, size * 0.03), WHITE, alpha=0.5, soft=0.6)
