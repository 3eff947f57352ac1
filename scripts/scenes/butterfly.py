"""Butterfly: open wings of any colour and marking, over a flower, over a leaf, or in the air."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Frame, curve, moved, oval, path
from .flower import PETALS, blossom, stem
from .paint import BLACK, MEADOWS, WHITE, across, bokeh, chance, dim, hexed, hsv, mix, palette, pick, radial, vary

FORE = path("0.03,-0.12 0.35,-0.62 0.75,-0.92 1.05,-0.9 1.0,-0.5 0.78,-0.12 0.4,0.02 0.04,0.04")


HIND = path("0.03,0.02 0.4,0.0 0.75,0.12 0.82,0.45 0.6,0.78 0.36,0.72 0.16,0.42 0.03,0.14")


def butterfly(rng: np.random.Generator) -> Canvas:
    """A butterfly with open wings, over a flower or a leaf."""
    canvas = Canvas(rng)
    bokeh(canvas, palette(pick(rng, MEADOWS)), int(rng.integers(2, 16)))
    size = float(rng.uniform(64, 128))
    x, y = float(rng.uniform(0.34, 0.66)) * canvas.width, float(rng.uniform(0.4, 0.6)) * canvas.height
    seat = rng.random()
    if seat < 0.5:
        tones = [vary(rng, c, 0.08) for c in palette(pick(rng, PETALS))]
        fx, fy = x + float(rng.normal(0, 16)), y + size * 0.5
        stem(canvas, fx, fy, size * 0.7, hexed("4a7a30"))
        blossom(
            canvas,
            fx,
            fy,
            size * 0.75,
            tones,
            (int(rng.integers(6, 18)), int(rng.integers(1, 3)), 0.26, int(rng.integers(3))),
        )
    elif seat < 0.85:
        green = vary(rng, hexed("4f8434"), 0.12)
        leaf = Frame(x - size * 1.5, y + size * 0.6, size * 2.9, float(rng.uniform(-0.35, 0.1)))
        canvas.shape(
            leaf(curve(path("0,0 0.3,-0.2 0.7,-0.17 1.1,0.03 0.65,0.17 0.25,0.14"))),
            across([(0, dim(green, 0.6)), (1, dim(green, 1.2))], leaf.at(0, 0), leaf.at(1, 0)),
            bulge=8,
        )
        canvas.stroke(leaf([(0, 0), (0.5, -0.01), (1.08, 0.03)]), (3, 1), dim(green, 1.3), alpha=0.7)
    _wings(canvas, Frame(x, y, size, float(rng.normal(0, 0.45))))
    return canvas


def _wings(canvas: Canvas, frame: Frame) -> None:
    rng = canvas.rng
    hue = float(pick(rng, (0.07, 0.12, 0.58, 0.62, 0.02, 0.15, 0.8, 0.45)))
    tone = hsv(hue + float(rng.normal(0, 0.02)), float(rng.uniform(0.55, 0.95)), float(rng.uniform(0.7, 0.98)))
    if chance(rng, 0.15):
        tone = hexed("f2eee0")
    edge = mix(BLACK, dim(tone, 0.25), float(rng.uniform(0, 0.7)))
    second = vary(rng, tone, 0.25) if chance(rng, 0.5) else tone
    spots, eyes, fold = int(rng.integers(3, 8)), chance(rng, 0.45), float(rng.uniform(0.72, 1.0))
    for side in (-1.0, 1.0):
        stretch = np.array((side * (fold if side > 0 else 1.0), 1.0))
        canvas.shape(
            moved(frame(curve(np.asarray(np.concatenate([FORE, HIND[::-1]])) * stretch)), -canvas.light[0] * 9, 12),
            BLACK,
            soft=6,
            alpha=0.28,
        )
        for corners, body in ((HIND, second), (FORE, tone)):
            whole = np.asarray(corners) * stretch
            middle = whole.mean(axis=0)
            canvas.shape(frame(curve(whole)), edge)
            inner = (whole - middle) * 0.8 + middle * (0.95, 0.97)
            canvas.shape(
                frame(curve(inner)),
                radial([(0, dim(body, 0.7)), (0.5, body), (1, dim(body, 1.25))], *frame.at(0, 0), frame.size * 1.2),
                soft=1,
            )
            for k in range(2, len(inner) - 1):
                canvas.stroke(frame([(0.06 * side, 0), tuple(inner[k])]), (1.8, 0.9), edge, alpha=0.75)
            rim = curve(whole, steps=6)[12:-8]
            marks = (rim[:: max(len(rim) // spots, 1)] - middle) * 0.89 + middle
            dots = [oval(*frame.at(*m), frame.size * 0.028, frame.size * 0.028) for m in marks]
            canvas.shapes(dots, WHITE, alpha=0.9)
            if eyes:
                ex, ey = frame.at(*(middle * (1.25, 1.15)))
                for r, ring in ((0.12, edge), (0.085, hsv(hue + 0.45, 0.6, 0.9)), (0.045, BLACK)):
                    canvas.ellipse(ex, ey, r * frame.size, r * frame.size, ring)
        canvas.shade(
            frame(curve(np.asarray(FORE) * stretch)),
            across([(0, (0.7,) * 3), (1, (1.12,) * 3)], frame.at(0, 0), frame.at(side, -0.5)),
        )
        canvas.stroke(
            frame(curve([(0.02 * side, -0.3), (0.12 * side, -0.6), (0.3 * side, -0.85)], closed=False)),
            (1.4, 1.4),
            edge,
        )
        canvas.ellipse(*frame.at(0.31 * side, -0.87), 2.6, 2.6, edge)
    canvas.shape(
        frame(curve(path("0,-0.38 0.055,-0.25 0.06,0.05 0.035,0.5 0,0.58 -0.035,0.5 -0.06,0.05 -0.055,-0.25"))),
        dim(edge, 1.1),
        bulge=3,
    )
