"""Bird: a small bird, or a pair, perched on a branch."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, Colour, Frame, curve, moved, path
from .paint import (
    BLACK,
    MEADOWS,
    WHITE,
    across,
    bokeh,
    chance,
    dabs,
    dim,
    hexed,
    mix,
    noise,
    palette,
    pick,
    textured,
    vary,
)
from .sky import DAYS, DUSKS, clouds, sky

PLUMAGE = (  # back, breast, belly, cap
    "6a5a48 d8602c e8e0d0 6a5a48",
    "4a6ab0 f0d040 f0e8a0 2a5ac0",
    "b82420 d83a2c c83028 a01c1c",
    "8a6a48 c8b090 e8dcc8 5a4028",
    "202226 2a2c32 24262a 181a1e",
    "e8c020 f4dc50 f8eca0 d8a818",
    "3a8a4a 8ac850 e0e060 d83030",
    "2a6ac8 e08a50 f4ead8 2a6ac8",
    "7a8290 c8ccd0 f0eeea 2a2c34",
    "b05a90 e8a8c0 f0dce0 7a3a6a",
)


def bird(rng: np.random.Generator) -> Canvas:
    """A small bird perched on a branch."""
    canvas = Canvas(rng)
    if chance(rng, 0.7):
        bokeh(canvas, palette(pick(rng, MEADOWS)), int(rng.integers(0, 14)))
    else:
        colours = sky(canvas, pick(rng, (*DAYS, *DUSKS)), canvas.height)
        clouds(canvas, canvas.height, WHITE, colours[0], float(rng.uniform(0.2, 0.5)))
    count = pick(rng, (1, 1, 1, 1, 2))
    size = float(rng.uniform(56, 98)) if count == 1 else float(rng.uniform(48, 60))
    x, y = float(rng.uniform(0.34, 0.66)) * canvas.width, float(rng.uniform(0.55, 0.8)) * canvas.height
    slope = float(rng.normal(0, 0.12))
    _branch(canvas, x, y, slope, size)
    feathers = pick(rng, PLUMAGE)
    for i in range(count):
        at = x + (i - (count - 1) / 2) * size * 2.3
        _bird(
            canvas,
            Frame(at, y + (at - x) * slope, size, float(rng.normal(0, 0.1)), pick(rng, (-1.0, 1.0))),
            [vary(rng, c, 0.06) for c in palette(feathers)],
        )
    return canvas


def _branch(canvas: Canvas, x: float, y: float, slope: float, size: float) -> None:
    rng = canvas.rng
    bark = vary(rng, pick(rng, palette("5a4632 6a5a4c 4a3a30 7a6a58")), 0.06)
    along = np.linspace(-30, canvas.width + 30, 14)
    line = np.stack([along, y + size * 0.05 + (along - x) * slope + rng.normal(0, 1.6, 14)], 1)
    field = noise(rng, canvas.width, canvas.height, (26, 4), 3, 0.8)
    season = rng.random()
    for _ in range(int(rng.integers(2, 7))):
        at = line[int(rng.integers(14))]
        turn, reach = float(rng.uniform(-2.6, -0.5)), size * float(rng.uniform(0.4, 1.1))
        tip = at + np.array([math.cos(turn), math.sin(turn) * float(rng.choice([1, 1, -1]))]) * reach
        canvas.stroke([tuple(at), tuple(tip)], (size * 0.07, 1.2), dim(bark, 0.9), bulge=1.5)
        spread = tip + rng.normal(0, size * 0.16, (7, 2))
        if season < 0.45:
            canvas.shapes(
                dabs(rng, spread[:, 0], spread[:, 1], size * 0.14, 0.45, 9),
                vary(rng, hexed("6a9a3c" if season < 0.3 else "c8782c"), 0.1),
                bulge=2,
            )
        elif season < 0.65:
            canvas.shapes(dabs(rng, spread[:, 0], spread[:, 1], size * 0.1, 0.9, 9), hexed("f4c8d4"), bulge=2)
    canvas.stroke(line, (size * 0.2, size * 0.12), textured(bark, field, 0.6), bulge=4)


def _bird(canvas: Canvas, frame: Frame, tones: list[Colour]) -> None:
    """Seen from the side, facing +x, its feet at the origin."""
    rng = canvas.rng
    back, breast, belly, cap = tones
    for x in (0.0, 0.14):
        canvas.stroke(frame([(x - 0.02, -0.3), (x + 0.04, 0.0)]), (2.2, 2), hexed("6a5040"))
        canvas.stroke(frame([(x - 0.06, 0.02), (x + 0.16, 0.03)]), (2.6, 1.6), hexed("5a4434"))
    canvas.shape(
        frame([(-0.5, -0.5), (-1.28, 0.12), (-1.14, 0.24), (-0.3, -0.22)]),
        across([(0, back), (1, dim(back, 0.55))], frame.at(-0.4, -0.5), frame.at(-1.2, 0.2)),
        bulge=2,
    )
    body = path(
        "0.52,-1.3 0.3,-1.44 0.03,-1.34 -0.16,-1.08 -0.45,-0.78 -0.66,-0.42 -0.46,-0.2 0.0,-0.14 "
        "0.38,-0.28 0.56,-0.62 0.55,-0.92 0.62,-1.12"
    )
    coat = across(
        [(0.0, back), (0.36, back), (0.52, breast), (0.78, mix(breast, belly, 0.5)), (1.0, belly)],
        frame.at(-0.35, -1.1),
        frame.at(0.5, -0.3),
    )
    down = noise(rng, canvas.width, canvas.height, (9, 6), 2, 0.9)
    canvas.shape(frame(curve(body)), textured(coat, down, 0.22), bulge=frame.size * 0.09, depth=0.85, soft=0.5)
    canvas.shape(
        frame(curve(path("0.56,-1.26 0.3,-1.43 0.04,-1.33 -0.06,-1.14 0.16,-1.14 0.4,-1.2"))), cap, soft=1.5, alpha=0.95
    )
    if chance(rng, 0.35):
        canvas.shape(
            frame(curve([(0.2, -1.12), (0.46, -1.1), (0.5, -0.96), (0.28, -0.92)])), WHITE, soft=2.5, alpha=0.8
        )
    wing = path("0.2,-0.98 -0.1,-1.0 -0.42,-0.72 -0.82,-0.22 -0.98,-0.02 -0.5,-0.22 -0.05,-0.38 0.2,-0.62")
    canvas.shape(moved(frame(curve(wing)), 0, 2), BLACK, soft=3, alpha=0.3)
    canvas.shape(
        frame(curve(wing)),
        across([(0, dim(back, 1.1)), (1, dim(back, 0.6))], frame.at(0.1, -0.9), frame.at(-0.9, -0.1)),
        bulge=3,
    )
    for k in range(6):
        t = k / 5
        quill = [
            (0.08 - 0.3 * t, -0.72 + 0.1 * t),
            (-0.4 - 0.12 * t, -0.42 + 0.12 * t),
            (-0.9 + 0.5 * t * t, -0.08 - 0.16 * t),
        ]
        canvas.stroke(frame(curve(quill, closed=False)), (1.0, 1.6), dim(back, 0.42), alpha=0.7)
    if chance(rng, 0.5):
        canvas.stroke(
            frame([(0.05, -0.64), (-0.34, -0.44)]), (frame.size * 0.05, frame.size * 0.03), dim(belly, 1.0), alpha=0.9
        )
    beak = pick(rng, palette("e0a030 3a3430 e87830 8a7a60"))
    canvas.shape(frame([(0.58, -1.26), (0.92, -1.12), (0.59, -1.1)]), beak, bulge=1.2)
    canvas.stroke(frame([(0.6, -1.17), (0.9, -1.13)]), (1.0, 0.6), dim(beak, 0.4))
    r = frame.size * 0.062
    ex, ey = frame.at(0.4, -1.2)
    canvas.ellipse(ex, ey, r * 1.25, r * 1.25, dim(cap, 0.5))
    canvas.ellipse(ex, ey, r, r, BLACK)
    canvas.ellipse(ex - r * 0.25, ey - r * 0.35, r * 0.32, r * 0.32, WHITE)
