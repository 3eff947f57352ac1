"""Flower: blossoms of one sort seen from near, the background out of focus."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, curve, path, ribbon, scaled
from .paint import BLACK, MEADOWS, across, bokeh, chance, dabs, dim, hexed, mix, palette, pick, radial, vary

PETALS = (  # colour at the heart, colour at the tip, the heart itself
    "f8d8e0 e86a98 e8c040",
    "ffffff f0f0f4 f0b820",
    "f0c020 f8d840 5a3418",
    "c02030 e83a30 20181c",
    "7a4aa8 b088d8 f0d860",
    "f08030 f8b050 6a2a18",
    "4a68c8 88a8f0 f8f0c0",
    "f8f0d0 f0b0a0 c86830",
    "a01850 e04890 f0d070",
    "d83a20 f8c030 7a2a18",
)


def flower(rng: np.random.Generator) -> Canvas:
    """One to five blossoms of one sort: any number of petals, pointed, round or notched, in one row or in three."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    meadow = palette(pick(rng, MEADOWS))
    bokeh(canvas, meadow, int(rng.integers(0, 18)))
    heart = pick(rng, PETALS)
    sort = (int(rng.integers(5, 22)), int(rng.integers(1, 4)), float(rng.uniform(0.18, 0.36)), int(rng.integers(3)))
    if chance(rng, 0.22):
        sort = (5, 1, 0.25, 3)
    count = pick(rng, (1, 1, 1, 2, 3, 5))
    size = min(canvas.width, canvas.height) * (
        float(rng.uniform(0.3, 0.56)) if count == 1 else float(rng.uniform(0.17, 0.28))
    )
    if count > 2:
        sort = (min(sort[0], 13), min(sort[1], 2), *sort[2:])
    green = vary(rng, hexed("4a7a30"), 0.1)
    spots = [((i + 0.5) / count + float(rng.normal(0, 0.05)), float(rng.uniform(0.3, 0.6))) for i in range(count)]
    for i in rng.permutation(count):
        x, y = spots[i][0] * canvas.width, spots[i][1] * canvas.height
        near = 1.0 if count < 3 else float(rng.uniform(0.75, 1.1))
        stem(canvas, x, y, size * near, green)
        tones = [vary(rng, c, 0.05) for c in palette(heart)]
        if sort[3] == 3:
            _tulip(canvas, Frame(x, y, size * near * 0.9, float(rng.normal(0, 0.15))), tones)
        else:
            blossom(canvas, x, y, size * near, tones, sort)
    return canvas


def stem(canvas: Canvas, x: float, y: float, size: float, tone: Colour) -> None:
    rng = canvas.rng
    foot = x + float(rng.normal(0, 40))
    line = curve([(x, y), (x * 0.8 + foot * 0.2, y + size), (foot, canvas.height + 30)], closed=False)
    for _ in range(int(rng.integers(1, 4))):
        t = float(rng.uniform(0.35, 0.9))
        at = line[int(t * (len(line) - 1))]
        side, reach = float(rng.choice([-1, 1])), size * float(rng.uniform(0.6, 1.2))
        leaf = Frame(float(at[0]), float(at[1]), reach, -side * float(rng.uniform(0.3, 1.0)), side)
        outline = leaf(curve(path("0,0 0.3,-0.16 0.7,-0.13 1.05,0.05 0.6,0.12 0.25,0.1")))
        canvas.shape(
            outline, across([(0, dim(tone, 0.55)), (1, dim(tone, 1.15))], leaf.at(0, 0), leaf.at(1, 0)), bulge=3
        )
        canvas.stroke(leaf([(0, 0), (0.5, -0.02), (1.0, 0.04)]), (1.5, 0.6), dim(tone, 1.3), alpha=0.6)
    canvas.stroke(line, (size * 0.07, size * 0.09), tone, bulge=2)


PETAL_TIPS = (  # along +x from the heart, 1 long and 1 to either side: round, pointed, notched
    path("0.1,-0.2 0.5,-0.8 0.85,-1 1,0 0.85,1 0.5,0.8 0.1,0.2"),
    path("0.1,-0.2 0.45,-1 0.8,-0.55 1,0 0.8,0.55 0.45,1 0.1,0.2"),
    path("0.1,-0.2 0.5,-0.9 0.92,-1 1,-0.5 0.9,0 1,0.5 0.92,1 0.5,0.9 0.1,0.2"),
)


def _petal(size: float, wide: float, tip: int) -> Array:
    return scaled(curve(PETAL_TIPS[tip], steps=5), size, size * wide)


def blossom(
    canvas: Canvas, x: float, y: float, size: float, tones: list[Colour], sort: tuple[int, int, float, int]
) -> None:
    rng = canvas.rng
    petals, rows, wide, tip = sort
    wide = max(wide, 2.3 / petals) if petals < 9 else min(wide, 3.4 / petals)
    tilt, start, roll = (float(rng.uniform(0.6, 1.0)), float(rng.uniform(0, 6.3)), float(rng.uniform(-0.5, 0.5)))
    canvas.ellipse(x, y + size * 0.06, size * 0.85, size * 0.8 * tilt, BLACK, soft=size * 0.14, alpha=0.3)
    spin = Frame(x, y, 1.0, roll)
    for row in range(rows):
        reach = size * (1 - 0.24 * row)
        for k in rng.permutation(petals):
            turn = start + (k + 0.5 * row) * 2 * math.pi / petals + float(rng.normal(0, 0.04))
            length = reach * float(rng.uniform(0.92, 1.06))
            leaf = Frame(0, 0, 1.0, turn)
            outline = spin(scaled(leaf(_petal(length, wide, tip)), 1, tilt))
            shine = 1.0 + 0.16 * (math.cos(turn + roll) * canvas.light[0] + math.sin(turn + roll) * canvas.light[1])
            inner, outer = dim(tones[0], shine * 0.85), dim(tones[1], min(shine * (0.9 + 0.08 * row), 1.2))
            canvas.shape(
                outline,
                radial([(0.1, dim(inner, 0.7)), (0.45, inner), (0.8, outer), (1, dim(outer, 1.08))], x, y, length),
                bulge=max(size * 0.03, 1.2),
                depth=0.75,
            )
            if size > 60:
                veins = [
                    spin(scaled(leaf(np.array([(0.2, 0), (0.85, v * wide)]) * length), 1, tilt)) for v in (-0.5, 0, 0.5)
                ]
                canvas.shapes([ribbon(vein, 1.1, 0.5) for vein in veins], dim(inner, 0.7), alpha=0.3)
    r = size * float(rng.uniform(0.16, 0.34 if petals > 9 else 0.24))
    canvas.ellipse(x, y, r, r * tilt, tones[2], turn=roll, bulge=r * 0.35, depth=0.9)
    far, angle = np.sqrt(rng.random(90)) * r * 0.95, rng.uniform(0, 6.3, 90)
    for part, shade in ((slice(0, 50), 0.6), (slice(50, 90), 1.35)):
        canvas.shapes(
            dabs(
                rng,
                x + far[part] * np.cos(angle[part]),
                y + far[part] * np.sin(angle[part]) * tilt,
                max(r * 0.07, 0.9),
                0.9,
            ),
            dim(tones[2], shade),
            alpha=0.8,
        )


def _tulip(canvas: Canvas, frame: Frame, tones: list[Colour]) -> None:
    cup = path(
        "0,0.62 0.42,0.5 0.6,0.05 0.5,-0.5 0.34,-0.78 0.2,-0.45 0,-0.85 -0.2,-0.45 -0.34,-0.78 "
        "-0.5,-0.5 -0.6,0.05 -0.42,0.5"
    )
    front = path("0,0.62 0.3,0.35 0.34,-0.15 0,-0.75 -0.34,-0.15 -0.3,0.35")
    tone = tones[1]
    back = across([(0, dim(tone, 0.85)), (1, dim(tone, 0.5))], frame.at(0, -0.8), frame.at(0, 0.6))
    canvas.shape(frame(curve(cup)), back, bulge=frame.size * 0.08)
    for side in (-1, 1):
        flank = np.asarray(path("0,0.62 0.36,0.55 0.6,0.05 0.46,-0.68 0.12,-0.2")) * (side, 1)
        canvas.shape(
            frame(curve(flank)),
            across([(0, dim(tone, 1.1)), (1, dim(tone, 0.6))], frame.at(0, -0.7), frame.at(0, 0.6)),
            bulge=frame.size * 0.07,
        )
    canvas.shape(
        frame(curve(front)),
        across(
            [(0, dim(tone, 1.3)), (0.5, tone), (1, mix(tone, tones[2], 0.5))], frame.at(0, -0.75), frame.at(0, 0.62)
        ),
        bulge=frame.size * 0.07,
    )
    for v in (-0.12, 0, 0.12):
        canvas.stroke(frame([(v * 0.4, 0.45), (v * 1.3, 0), (v * 0.5, -0.5)]), (1.2, 0.6), dim(tone, 0.6), alpha=0.35)
