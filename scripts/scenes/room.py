"""The place where a cat sits: a room with a window or a sofa, or a garden out of focus."""

from __future__ import annotations

from .canvas import Canvas, box, curve
from .paint import (
    MEADOWS,
    WHITE,
    across,
    bokeh,
    chance,
    dim,
    evenly,
    hexed,
    noise,
    palette,
    pick,
    textured,
    vary,
    vertical,
)

WALLS = (
    "c8b8a0 e0d4c0",
    "6a7a8a 8a9aa8",
    "a86a50 c89078",
    "4a5a4a 6a7a64",
    "d8c8d0 ece0e4",
    "3a3440 544c5c",
    "b8a048 d8c478",
)


def room(canvas: Canvas, floor: float) -> None:
    rng = canvas.rng
    if chance(rng, 0.4):
        bokeh(canvas, palette(pick(rng, MEADOWS)), int(rng.integers(0, 12)))
        grass = vary(rng, hexed(pick(rng, ("5f8a3c", "7a8a48", "8a7a58"))), 0.08)
        canvas.shape(
            box(-9, floor - 8, canvas.width + 9, canvas.height + 9),
            textured(
                vertical(evenly([grass, dim(grass, 0.6)]), floor, canvas.height),
                noise(rng, canvas.width, canvas.height, (6, 12), 3, 0.9),
                0.5,
            ),
            soft=4,
        )
        return
    wall = [vary(rng, c, 0.06) for c in palette(pick(rng, WALLS))]
    canvas.wash(across(evenly(wall), (0, canvas.height), (canvas.width, 0)))
    if chance(rng, 0.5):
        left, top = float(rng.uniform(0.0, 0.6)) * canvas.width, float(rng.uniform(0, 0.12)) * canvas.height
        wide = float(rng.uniform(90, 170))
        pane = box(left, top, left + wide, floor - 60)
        canvas.shape(pane, vertical(evenly(palette("b8d8f0 e8f0e8 a8c088")), top, floor - 60))
        canvas.shapes(
            [
                box(left - 5, top - 5, left + 3, floor - 56),
                box(left + wide - 3, top - 5, left + wide + 5, floor - 56),
                box(left + wide / 2 - 2, top, left + wide / 2 + 2, floor - 58),
                box(left - 9, floor - 62, left + wide + 9, floor - 53),
            ],
            WHITE,
        )
        canvas.blur(3)
    if chance(rng, 0.45):
        sofa = vary(rng, pick(rng, palette("7a3a34 3a5a6a 8a7a5a 5a6a4a b88a4a 6a5a7a")), 0.06)
        canvas.shape(
            curve(
                [
                    (-30, canvas.height + 40),
                    (-30, floor - 90),
                    (canvas.width / 2, floor - 108),
                    (canvas.width + 30, floor - 90),
                    (canvas.width + 30, canvas.height + 40),
                ]
            ),
            sofa,
            bulge=12,
        )
        canvas.shape(box(-9, floor - 14, canvas.width + 9, canvas.height + 9), dim(sofa, 1.15), soft=4)
        canvas.blur(2)
    else:
        boards = noise(rng, canvas.width, canvas.height, (120, 5), 3, 0.8)
        wood = vary(rng, pick(rng, palette("9a6a40 c09a70 6a4a34 b0a090")), 0.06)
        canvas.shape(
            box(-9, floor - 12, canvas.width + 9, canvas.height + 9),
            textured(vertical(evenly([dim(wood, 1.1), dim(wood, 0.7)]), floor, canvas.height), boards, 0.4),
        )
