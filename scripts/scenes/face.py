"""A portrait: head and shoulders, any skin, hair, age of fashion, mood and background.

The head is drawn in a frame whose unit is about half its height: crown at y = -1.05, eyes at -0.05, chin at 1.05.
"""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, Colour, Frame, curve, moved, path, scaled
from .paint import (
    BLACK,
    MEADOWS,
    WHITE,
    across,
    bokeh,
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
    vary,
)
from .person import Person, beard, hair_before, hair_behind, shoulders

SKINS = palette("f4d4bc ecc0a0 e0ac88 d09870 b87c54 9a6240 7a4a30 5c3826 46291c")
HAIRS = palette("1c1614 2c201a 4a3222 6a4528 8a5c34 b88a50 dcbc80 a8482a 8a8886 d8d4ce 6a2a3a")
IRISES = palette("5a3a22 7a5230 4a78a0 5a8a5a 6a7a80 3a2618")
STUDIOS = (
    "8a96a0 4a545c",
    "c8beb0 8a7e70",
    "3a3e48 1c1e24",
    "a86050 6a3830",
    "7a9a8a 3e5a50",
    "d8c8a8 b09868",
    "e4e6e8 b8bcc2",
    "5a6a9a 2c3658",
)


def face(rng: np.random.Generator) -> Canvas:
    canvas = Canvas(rng, *pick(rng, ((288, 384), (288, 384), (288, 384), (384, 288))))
    if chance(rng, 0.5):
        bokeh(canvas, palette(pick(rng, MEADOWS)), int(rng.integers(0, 16)))
    else:
        studio = [vary(rng, c, 0.06) for c in palette(pick(rng, STUDIOS))]
        at = (float(rng.uniform(0.2, 0.8)) * canvas.width, float(rng.uniform(0.2, 0.6)) * canvas.height)
        canvas.wash(radial(evenly(studio), *at, canvas.height * 0.75))
    skin = vary(rng, pick(rng, SKINS), 0.04)
    person = Person(
        skin=skin,
        hair=vary(rng, pick(rng, HAIRS if skin[0] > 0.66 else HAIRS[:4]), 0.06),
        cut=pick(rng, ("short", "short", "long", "long", "bob", "bun", "curls", "bald", "hat")),
        cloth=hsv(float(rng.random()), float(rng.uniform(0.05, 0.8)), float(rng.uniform(0.2, 0.9))),
        narrow=float(rng.uniform(0.72, 0.84)),
        strands=noise(rng, canvas.width, canvas.height, (5, 44), 3, 0.8),
    )
    size = min(canvas.width, canvas.height) * float(rng.uniform(0.24, 0.37))
    x = float(rng.uniform(0.4, 0.6)) * canvas.width
    y = max(canvas.height * float(rng.uniform(0.38, 0.5)), size * 1.2)
    head = Frame(x, y, size, float(rng.normal(0, 0.09)), 1.0)
    hair_behind(canvas, head, person)
    shoulders(canvas, Frame(x, y, size), person)
    _head(canvas, head, person)
    _features(canvas, head, person)
    hair_before(canvas, head, person)
    if chance(rng, 0.25):
        _glasses(canvas, head)
    return canvas


def _head(canvas: Canvas, head: Frame, person: Person) -> None:
    w = person.narrow
    size = head.size
    canvas.ellipse(*head.at(0, 1.05), size * 0.5, size * 0.3, dim(person.skin, 0.35), soft=size * 0.12, alpha=0.55)
    for side in (-1, 1):
        ear = np.asarray([(w - 0.04, -0.2), (w + 0.13, -0.2), (w + 0.12, 0.1), (w - 0.02, 0.27)]) * (side, 1)
        canvas.shape(head(curve(ear)), dim(person.skin, 0.86), bulge=size * 0.05)
    jaw = float(canvas.rng.uniform(0.56, 0.78))
    half = [(0.45 * w / 0.78, -0.98), (w * 0.9, -0.6), (w, -0.1), (w * 0.95, 0.35), (w * jaw, 0.8), (0.2, 1.04)]
    outline = [(0, -1.06), *half, (0, 1.08), *[(-x, y) for x, y in half[::-1]]]
    lx, ly = head.at(0.35 * math.copysign(1, canvas.light[0]), -0.3)
    skin = radial([(0, dim(person.skin, 1.16)), (0.5, person.skin), (1, dim(person.skin, 0.6))], lx, ly, size * 1.6)
    canvas.shape(head(curve(outline)), skin, bulge=size * 0.16, depth=0.6)
    flush = mix(person.skin, hexed("c83c32"), 0.4)
    for side in (-1, 1):
        canvas.ellipse(*head.at(side * w * 0.6, 0.3), size * 0.2, size * 0.15, flush, soft=size * 0.09, alpha=0.45)
        canvas.ellipse(
            *head.at(side * 0.33, -0.06), size * 0.24, size * 0.14, dim(person.skin, 0.6), soft=size * 0.07, alpha=0.45
        )


def _features(canvas: Canvas, head: Frame, person: Person) -> None:
    rng = canvas.rng
    iris = pick(rng, IRISES if person.skin[0] > 0.7 else IRISES[:2])
    ink = dim(mix(person.hair, BLACK, 0.4), 0.7) if person.hair[0] < 0.6 else hexed("4a3a30")
    opening, gaze, arch = float(rng.uniform(0.08, 0.12)), float(rng.uniform(-0.04, 0.04)), float(rng.uniform(0, 0.1))
    if person.cut in ("short", "bald", "hat") and chance(rng, 0.4):
        beard(canvas, head, person)
    for side in (-1, 1):
        _eye(canvas, head, 0.33 * side, gaze, opening, person.skin, iris, ink)
        brow = curve(path("-0.2,-0.24 0,-0.3 0.22,-0.22"), closed=False)
        brow = moved(scaled(brow, side, 1 + 2 * arch), 0.33 * side, arch * 0.4)
        thick = (head.size * 0.085, head.size * 0.03)
        canvas.stroke(head(brow), thick, mix(ink, person.skin, 0.12), soft=head.size * 0.01, alpha=0.9)
    _nose(canvas, head, person.skin)
    _mouth(canvas, head, person.skin)


def _eye(
    canvas: Canvas, head: Frame, cx: float, gaze: float, opening: float, skin: Colour, iris: Colour, ink: Colour
) -> None:
    size = head.size
    lid = moved(scaled(path("-0.17,0.2 -0.07,-1 0.07,-1 0.17,0 0.06,0.75 -0.07,0.75"), 1, opening), cx, 0)
    canvas.shape(head(curve(lid)), (0.95, 0.93, 0.9), soft=0.3)
    x, y = head.at(cx + gaze, -0.01)
    tone = radial([(0, dim(iris, 1.3)), (1, dim(iris, 0.5))], x, y, size * 0.09)
    canvas.ellipse(x, y, size * 0.088, size * 0.088, tone)
    canvas.ellipse(x, y, size * 0.042, size * 0.042, BLACK)
    canvas.ellipse(x + size * 0.03 * canvas.light[0], y - size * 0.035, size * 0.022, size * 0.022, WHITE)
    lashes = moved(scaled(path("-0.19,0.3 -0.08,-1.1 0.08,-1.1 0.19,0.1"), 1, opening), cx, 0)
    canvas.stroke(head(curve(lashes, closed=False)), (size * 0.035,) * 2, ink)
    fold = curve([(cx - 0.17, -0.08), (cx, -opening - 0.08), (cx + 0.17, -0.08)], closed=False)
    canvas.stroke(head(fold), (size * 0.02,) * 2, dim(skin, 0.62), soft=0.6, alpha=0.7)


def _nose(canvas: Canvas, head: Frame, skin: Colour) -> None:
    size, shade = head.size, dim(skin, 0.55)
    way = -math.copysign(1, canvas.light[0])
    dark_side = curve([(way * 0.07, -0.1), (way * 0.09, 0.2), (way * 0.16, 0.38)], closed=False)
    canvas.stroke(head(dark_side), (size * 0.06, size * 0.1), shade, soft=size * 0.05, alpha=0.5)
    bridge = head([(-way * 0.01, -0.15), (0, 0.3)])
    canvas.stroke(bridge, (size * 0.06, size * 0.09), dim(skin, 1.3), soft=size * 0.035, alpha=0.5)
    canvas.ellipse(*head.at(0, 0.36), size * 0.13, size * 0.09, dim(skin, 1.05), soft=size * 0.03, alpha=0.7)
    for side in (-1, 1):
        x, y = head.at(side * 0.085, 0.425)
        canvas.ellipse(x, y, size * 0.042, size * 0.022, dim(skin, 0.35), soft=size * 0.008, alpha=0.85)
        wing = curve([(side * 0.15, 0.3), (side * 0.18, 0.38), (side * 0.12, 0.44)], closed=False)
        canvas.stroke(head(wing), (size * 0.02,) * 2, shade, soft=0.8, alpha=0.6)


def _mouth(canvas: Canvas, head: Frame, skin: Colour) -> None:
    rng = canvas.rng
    size = head.size
    lips = mix(dim(skin, 0.85), vary(rng, hexed("b83a44"), 0.08), float(rng.uniform(0.3, 0.8)))
    wide, smile = float(rng.uniform(0.22, 0.32)), float(rng.uniform(-0.01, 0.09))
    y = 0.68
    if chance(rng, 0.35):
        smile = max(smile, 0.06)
        canvas.shape(
            head(curve([(-wide, y - smile), (0, y - 0.05), (wide, y - smile), (0.14, y + 0.13), (-0.14, y + 0.13)])),
            lips,
            bulge=size * 0.02,
        )
        teeth = [
            (-wide * 0.84, y - smile * 0.7),
            (0, y - 0.01),
            (wide * 0.84, y - smile * 0.7),
            (0.11, y + 0.075),
            (-0.11, y + 0.075),
        ]
        canvas.shape(head(curve(teeth)), (0.96, 0.94, 0.9))
    else:
        upper = [
            (-wide, y - smile),
            (-0.09, y - 0.07),
            (0, y - 0.05),
            (0.09, y - 0.07),
            (wide, y - smile),
            (0, y + 0.02),
        ]
        lower = [(-wide, y - smile), (0, y + 0.01), (wide, y - smile), (0.12, y + 0.1), (-0.12, y + 0.1)]
        canvas.shape(head(curve(upper)), dim(lips, 0.82), bulge=size * 0.02)
        canvas.shape(head(curve(lower)), lips, bulge=size * 0.03)
        canvas.stroke(
            head(curve([(-wide, y - smile), (0, y + 0.01), (wide, y - smile)], closed=False)),
            (size * 0.02,) * 2,
            dim(lips, 0.4),
        )
    canvas.ellipse(*head.at(0, 0.85), size * 0.16, size * 0.03, dim(skin, 0.6), soft=size * 0.03, alpha=0.5)


def _glasses(canvas: Canvas, head: Frame) -> None:
    rng = canvas.rng
    size = head.size
    rim = pick(rng, palette("1c1c20 5a3a20 8a8a90 7a2a2a"))
    dark = chance(rng, 0.3)
    round_ = float(rng.uniform(0.19, 0.24))
    for side in (-1, 1):
        centre = head.at(side * 0.34, 0.0)
        corner = np.linspace(0, 2 * math.pi, 40)
        squared = np.stack(
            [np.sign(np.cos(corner)) * np.abs(np.cos(corner)) ** 0.7 * 0.25 + side * 0.34, np.sin(corner) * round_], 1
        )
        canvas.shape(
            head(squared),
            across(evenly(palette("0c0c10 2c2c34")), (0, centre[1] - size * 0.2), (0, centre[1] + size * 0.2))
            if dark
            else WHITE,
            alpha=0.92 if dark else 0.1,
        )
        canvas.stroke(head(squared), (size * 0.04, size * 0.04), rim)
        canvas.stroke(head([(side * 0.59, -0.04), (side * 0.8, -0.08)]), (size * 0.04,) * 2, rim)
    canvas.stroke(head(curve([(-0.1, -0.02), (0, -0.06), (0.1, -0.02)], closed=False)), (size * 0.035,) * 2, rim)
