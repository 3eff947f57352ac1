"""Fruit: apples, oranges, lemons, pears, bananas or grapes on a table, in a row or in a bowl."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, box, curve, moved, path, scaled
from .paint import (
    BLACK,
    WHITE,
    across,
    bokeh,
    chance,
    dabs,
    dim,
    evenly,
    hexed,
    noise,
    palette,
    pick,
    radial,
    textured,
    vary,
)

FRUITS: dict[str, tuple[Array | None, str]] = {
    "apple": (
        path(
            "0,-0.74 0.4,-0.9 0.86,-0.6 0.95,0 0.7,0.65 0.3,0.92 0,0.84 -0.3,0.92 -0.7,0.65 -0.95,0 "
            "-0.86,-0.6 -0.4,-0.9"
        ),
        "c02820 7aa830 d8b840 a01c24 c83a2c",
    ),
    "orange": (path("0,-0.9 0.65,-0.63 0.92,0 0.65,0.64 0,0.9 -0.65,0.64 -0.92,0 -0.65,-0.63"), "f08a1c e87a14 f0a030"),
    "lemon": (
        path(
            "-1.2,0.02 -0.95,-0.2 -0.5,-0.62 0.1,-0.7 0.7,-0.46 1.0,-0.14 1.2,0.05 0.95,0.3 0.5,0.7 "
            "-0.1,0.8 -0.65,0.55 -0.98,0.2"
        ),
        "f0d830 e8d040 b8c830",
    ),
    "pear": (
        path(
            "0,-1.36 0.28,-1.2 0.42,-0.7 0.8,-0.1 0.9,0.4 0.55,0.85 0,0.92 -0.55,0.85 -0.9,0.4 -0.8,-0.1 "
            "-0.42,-0.7 -0.28,-1.2"
        ),
        "b8b83c c8a83c 98a83c",
    ),
    "banana": (
        path(
            "-1.4,-0.75 -1.2,-0.8 -0.85,-0.25 -0.2,0.1 0.6,0.0 1.3,-0.55 1.42,-0.4 1.1,0.3 0.3,0.8 -0.6,0.66 -1.2,0.05"
        ),
        "f0d040 e8c838 d8c848",
    ),
    "grapes": (None, "5a2a6a 7aa048 3a2450 90384a"),
}


def fruit(rng: np.random.Generator) -> Canvas:
    """Apples, oranges, lemons, pears, bananas or grapes on a table, heaped, in a row or in a bowl."""
    canvas = Canvas(rng)
    edge = float(rng.uniform(0.4, 0.62)) * canvas.height
    wall = [
        vary(rng, c, 0.1)
        for c in palette(
            pick(
                rng,
                (
                    "3a3430 5a4a40",
                    "c8c0b0 e0d8c8",
                    "2a3a3a 4a6060",
                    "8aa0a8 c0ccd0",
                    "6a3a2a 9a6040",
                    "d8c8a0 f0e8d0",
                    "1c1a1c 3a3034",
                    "7a8a60 a8b488",
                ),
            )
        )
    ]
    canvas.wash(across(evenly(wall), (0, 0), (canvas.width, edge)))
    if chance(rng, 0.4):
        bokeh(canvas, wall, 6)
        canvas.blur(6)
    _table(canvas, edge)
    size = float(rng.uniform(27, 46))
    foot = canvas.height * float(rng.uniform(0.74, 0.88))
    kinds = [pick(rng, tuple(FRUITS)) for _ in range(pick(rng, (1, 2, 3, 4)))]
    middle = float(rng.uniform(0.35, 0.65)) * canvas.width
    if chance(rng, 0.45):
        _bowl(canvas, middle, foot, size * 1.25, kinds)
        if chance(rng, 0.6):
            _one(
                canvas,
                pick(rng, kinds),
                middle + size * 3.1 * float(rng.choice([-1, 1])),
                foot + size * 0.2,
                size * 0.9,
            )
        return canvas
    count = int(rng.integers(1, 8))
    if count == 1:
        size *= 1.8
    spots = sorted(
        (float(rng.uniform(-0.6, 0.25)), (i - (count - 1) / 2) * 1.45 + float(rng.normal(0, 0.25)))
        for i in range(count)
    )
    for back, x in spots:
        _one(canvas, pick(rng, kinds), middle + x * size, foot + back * size, size)
    return canvas


def _table(canvas: Canvas, edge: float) -> None:
    rng = canvas.rng
    wood = chance(rng, 0.65)
    tone = vary(
        rng,
        pick(
            rng,
            palette("8a5a34 b08050 5a3a24 c8a070 70503a") if wood else palette("e8e4dc c04038 4a6a9a e8d8a0 708a70"),
        ),
        0.06,
    )
    grain = noise(rng, canvas.width, canvas.height, (160, 5) if wood else (60, 40), 4, 0.7)
    lit = across(
        [(0, dim(tone, 1.18)), (0.5, tone), (1, dim(tone, 0.62))],
        (canvas.width * (0.5 + 0.5 * math.copysign(1, canvas.light[0])), edge),
        (canvas.width * (0.5 - 0.5 * math.copysign(1, canvas.light[0])), canvas.height),
    )
    canvas.shape(box(-3, edge, canvas.width + 3, canvas.height + 3), textured(lit, grain, 0.4 if wood else 0.12))
    if wood:
        seams = [box(0, y, canvas.width, y + 1) for y in edge + (canvas.height - edge) * np.array([0.12, 0.32, 0.62])]
        canvas.shapes(seams, dim(tone, 0.4), alpha=0.6)
    elif chance(rng, 0.6):
        weave = float(rng.uniform(14, 26))
        canvas.shapes(
            [box(x, edge, x + weave / 2, canvas.height) for x in np.arange(0, canvas.width, weave)], WHITE, alpha=0.35
        )
        canvas.shapes(
            [box(0, y, canvas.width, y + weave / 3) for y in np.arange(edge, canvas.height, weave * 0.7)],
            WHITE,
            alpha=0.35,
        )
    canvas.shape(box(-3, edge - 1, canvas.width + 3, edge + 2), dim(tone, 0.5), soft=1.5, alpha=0.6)


def _bowl(canvas: Canvas, x: float, foot: float, size: float, kinds: list[str]) -> None:
    rng = canvas.rng
    glaze = vary(rng, pick(rng, palette("e8e4d8 3a5a8a a0502c 6a8a80 2c2c30 d8b878")), 0.08)
    wide, rim = size * 2.1, foot - size * 1.15
    canvas.ellipse(x - canvas.light[0] * size * 0.6, foot + 2, wide * 0.85, size * 0.22, BLACK, soft=6, alpha=0.5)
    canvas.ellipse(x, rim, wide, size * 0.42, dim(glaze, 0.45))
    for row, level in ((3, 0.75), (4, 0.2)):
        for i in range(row):
            _one(
                canvas,
                pick(rng, kinds),
                x + (i - (row - 1) / 2) * size * 0.98,
                rim - size * (level - 0.6),
                size * 0.78,
                False,
            )
    side = curve(
        path("-1,0 -0.86,0.45 -0.5,0.9 -0.3,1.0 0.3,1.0 0.5,0.9 0.86,0.45 1,0 0.6,0.22 0,0.3 -0.6,0.22"), steps=5
    )
    outline = moved(scaled(side, wide, size * 1.2), x, rim)
    way = math.copysign(1, canvas.light[0])
    canvas.shape(
        outline,
        across(
            [(0, dim(glaze, 1.2)), (0.5, glaze), (1, dim(glaze, 0.4))],
            (x + way * wide, rim),
            (x - way * wide, rim + size),
        ),
        bulge=3,
        depth=0.5,
    )


def _one(canvas: Canvas, kind: str, x: float, foot: float, size: float, grounded: bool = True) -> None:
    """One fruit standing at (x, foot), `size` its radius."""
    rng = canvas.rng
    if grounded:
        shadow_x = x - canvas.light[0] * size * 0.55
        canvas.ellipse(shadow_x, foot - size * 0.05, size * 1.15, size * 0.26, BLACK, soft=1 + size * 0.12, alpha=0.55)
    outline, tones = FRUITS[kind]
    tone = vary(rng, pick(rng, palette(tones)), 0.06)
    frame = Frame(x, foot - size * 0.9, size, float(rng.normal(0, 0.18)), pick(rng, (-1.0, 1.0)))
    if outline is None:
        _grapes(canvas, frame, tone)
        return
    lx, ly = x + canvas.light[0] * size * 0.5, foot - size * 1.35
    skin = radial([(0.0, dim(tone, 1.3)), (0.35, tone), (1.0, dim(tone, 0.34))], lx, ly, size * 1.9)
    canvas.shape(frame(curve(outline, steps=7)), skin, bulge=size * 0.14, depth=0.4)
    if kind in ("apple", "pear"):
        _stalk(canvas, frame, -0.72 if kind == "apple" else -1.3)
    elif kind == "orange":
        pores = rng.uniform(-0.75, 0.75, (50, 2)) * size + (frame.cx, frame.cy)
        canvas.shapes(dabs(rng, pores[:, 0], pores[:, 1], size * 0.025), dim(tone, 0.7), alpha=0.4)
        canvas.ellipse(*frame.at(0.1, -0.75), size * 0.08, size * 0.05, hexed("4a6a2c"))
    elif kind == "banana":
        canvas.stroke(frame([(-1.3, -0.7), (-1.42, -0.92)]), (size * 0.2, size * 0.16), hexed("6a5a20"))
        edge = curve([(-1.25, -0.5), (-0.6, 0.25), (0.3, 0.42), (1.2, -0.1)], closed=False)
        canvas.stroke(frame(edge), (1.0, 1.0), dim(tone, 0.6), alpha=0.7)
    gloss = 0.2 if kind == "banana" else 0.65
    canvas.ellipse(lx, ly + size * 0.12, size * 0.2, size * 0.13, WHITE, turn=-0.6, soft=size * 0.07, alpha=gloss)


def _stalk(canvas: Canvas, frame: Frame, top: float) -> None:
    """A blush on the shadowed cheek, a stalk, and now and then its leaf."""
    rng, size = canvas.rng, frame.size
    blush = vary(rng, hexed("d8402c"), 0.1)
    cheek = (frame.cx - canvas.light[0] * size * 0.2, frame.cy + size * 0.1)
    canvas.ellipse(*cheek, size * 0.4, size * 0.5, blush, soft=size * 0.22, alpha=0.35)
    stalk = frame([(0, top), (0.04, top - 0.3), (0.14, top - 0.48)])
    canvas.stroke(stalk, (size * 0.09, size * 0.06), hexed("4a3018"))
    if chance(rng, 0.4):
        leaf = curve([(0.06, top - 0.22), (0.35, top - 0.5), (0.7, top - 0.4), (0.4, top - 0.2)])
        canvas.shape(frame(leaf), hexed("4a7a2c"), bulge=1.5)


def _grapes(canvas: Canvas, frame: Frame, tone: Colour) -> None:
    rng = canvas.rng
    for row in range(5):
        for i in range(5 - row // 2 - (row > 3)):
            gx, gy = frame.at(
                (i - 2 + row * 0.3 + float(rng.normal(0, 0.08))) * 0.42, 0.75 - row * 0.36 + float(rng.normal(0, 0.05))
            )
            r = frame.size * 0.27
            canvas.ellipse(
                gx,
                gy,
                r,
                r,
                radial(
                    [(0, dim(tone, 1.35)), (0.5, tone), (1, dim(tone, 0.35))],
                    gx + canvas.light[0] * r * 0.4,
                    gy - r * 0.4,
                    r * 1.6,
                ),
            )
            canvas.ellipse(gx + canvas.light[0] * r * 0.4, gy - r * 0.45, r * 0.2, r * 0.16, WHITE, alpha=0.7, soft=0.5)
    canvas.stroke(frame([(0.2, -0.8), (0.1, -1.3)]), (2.4, 3), hexed("5a4a20"))
