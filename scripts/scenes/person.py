"""What surrounds a face in a portrait: hair behind it and before it, beard, hat, neck and clothes.

Coordinates are those of the head, as in face.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, Paint, curve, moved, path, scaled
from .paint import WHITE, chance, dim, hsv, mix, noise, radial, textured, vertical


@dataclass(frozen=True)
class Person:
    skin: Colour
    hair: Colour
    cut: str  # "short", "long", "bob", "bun", "curls", "bald" or "hat"
    cloth: Colour
    narrow: float  # width of the face against its height
    strands: Array


def hair_behind(canvas: Canvas, head: Frame, person: Person) -> None:
    dark = textured(dim(person.hair, 0.7), person.strands, 0.6)
    wide = person.narrow
    if person.cut == "long":
        fall = float(canvas.rng.uniform(1.5, 2.3))
        half = np.concatenate([path("0.62,-1.08 0.95,-0.5 1.02,0.4"), [(1.1, fall), (0.5, fall + 0.12)]])
        mane = np.concatenate([path("0,-1.2"), half, half[::-1] * (-1, 1)])
        canvas.shape(head(curve(mane)), dark, bulge=head.size * 0.12)
    elif person.cut == "bob":
        mane = path("0,-1.2 0.62,-1.08 1.0,-0.4 1.08,0.5 0.85,0.95 -0.85,0.95 -1.08,0.5 -1.0,-0.4 -0.62,-1.08")
        canvas.shape(head(curve(mane)), dark, bulge=head.size * 0.12)
    elif person.cut == "bun":
        canvas.ellipse(*head.at(0.1, -1.3), head.size * 0.4, head.size * 0.36, dark, bulge=head.size * 0.1)
    elif person.cut == "curls":
        for angle in np.linspace(-0.9, 4.05, 22):
            cx, cy = (wide + 0.2) * math.cos(angle), -0.35 - 0.82 * math.sin(angle)
            r = head.size * float(canvas.rng.uniform(0.26, 0.36))
            canvas.ellipse(*head.at(cx, cy), r, r, dark, bulge=r * 0.3)


def hair_before(canvas: Canvas, head: Frame, person: Person) -> None:
    rng, size = canvas.rng, head.size
    x, y = head.at(0, -1.2)
    sheen = [(0, dim(person.hair, 1.25)), (0.5, person.hair), (1, dim(person.hair, 0.6))]
    shine = radial(sheen, x + size * 0.4 * canvas.light[0], y + size * 0.2, size * 1.3)
    hair = textured(shine, person.strands, 0.55)
    if person.cut == "bald":
        gloss = head.at(0.25 * math.copysign(1, canvas.light[0]), -0.75)
        canvas.ellipse(*gloss, size * 0.24, size * 0.13, WHITE, soft=size * 0.1, alpha=0.35)
    elif person.cut == "hat":
        _hat(canvas, head, person)
    elif person.cut == "curls":
        for angle in np.linspace(0.0, math.pi, 15):
            r = size * float(rng.uniform(0.2, 0.28))
            at = head.at(person.narrow * 0.88 * math.cos(angle), -0.5 - 0.5 * math.sin(angle))
            canvas.ellipse(*at, r, r, hair, bulge=r * 0.35)
    else:
        _combed(canvas, head, person, hair)


def _hat(canvas: Canvas, head: Frame, person: Person) -> None:
    w, size = person.narrow, head.size
    tone = hsv(float(canvas.rng.random()), 0.6, float(canvas.rng.uniform(0.3, 0.8)))
    crown = scaled(path("-1.1,-0.42 -1,-0.95 -0.5,-1.35 0.5,-1.35 1,-0.95 1.1,-0.42 0,-0.55"), w, 1)
    canvas.shape(head(curve(crown)), textured(tone, person.strands, 0.3), bulge=size * 0.15)
    band = scaled(path("-1.12,-0.4 -1.1,-0.66 0,-0.78 1.1,-0.66 1.12,-0.4 0,-0.52"), w, 1)
    canvas.shape(head(curve(band)), textured(dim(tone, 0.75), person.strands, 0.5), bulge=size * 0.06)


def _combed(canvas: Canvas, head: Frame, person: Person, hair: Paint) -> None:
    """Hair over the crown down to a hairline with a parting or a fringe; long hair falls in front of the ears too."""
    rng, w, size = canvas.rng, person.narrow, head.size
    long = person.cut in ("long", "bob")
    part = float(rng.choice([-1, 1])) * float(rng.uniform(0.0, 0.4))
    brow = [(part + 0.32, -0.6), (part, -0.78), (part - 0.35, -0.6)]
    if person.cut == "bob" and chance(rng, 0.6):
        brow = [(0.4, -0.36), (0, -0.33), (-0.4, -0.36)]
    side = 0.25 if long else -0.15
    dome = [
        (-w - 0.1, side),
        (-w - 0.12, -0.5),
        *path("-0.62,-1.08 0,-1.24 0.62,-1.08"),
        (w + 0.12, -0.5),
        (w + 0.1, side),
    ]
    hairline = [(w, side), (w * 0.9, -0.38), *brow, (-w * 0.9, -0.38), (-w, side)]
    canvas.shape(head(curve([*dome, *hairline])), hair, bulge=size * 0.1, depth=0.7, soft=0.5)
    for way in (-1, 1) if long else ():
        lock = moved(path("-0.06,-0.4 0.16,-0.3 0.26,0.5 0.16,1 -0.02,0.9 0.02,0.3"), w, 0)
        canvas.shape(head(curve(scaled(lock, way, 1))), hair, bulge=size * 0.06, soft=0.5)


def beard(canvas: Canvas, head: Frame, person: Person) -> None:
    w = person.narrow
    full = [
        (w * 0.98, 0.12),
        (w * 0.95, 0.5),
        (w * 0.7, 0.95),
        (0.25, 1.16),
        (-0.25, 1.16),
        (-w * 0.7, 0.95),
        (-w * 0.95, 0.5),
        (-w * 0.98, 0.12),
        (-w * 0.72, 0.42),
        (-0.3, 0.5),
        (0, 0.47),
        (0.3, 0.5),
        (w * 0.72, 0.42),
    ]
    cover = float(canvas.rng.uniform(0.35, 0.95))
    canvas.shape(
        head(curve(full)), textured(dim(person.hair, 0.9), person.strands, 0.7), soft=head.size * 0.04, alpha=cover
    )


def shoulders(canvas: Canvas, frame: Frame, person: Person) -> None:
    rng = canvas.rng
    broad = float(rng.uniform(1.55, 2.0))
    neck = path("-0.36,0.5 -0.38,1.2 -0.7,1.5 0,2.1 0.7,1.5 0.38,1.2 0.36,0.5")
    canvas.shape(frame(curve(neck)), dim(person.skin, 0.82), bulge=frame.size * 0.14)
    slope = path("0.75,1.55 1,2 1.1,4.5")
    left, right = scaled(slope, -broad, 1), scaled(slope, broad, 1)[::-1]
    torso = np.concatenate([path("-0.42,1.3"), left, right, path("0.42,1.3 0.25,1.62 0,1.75 -0.25,1.62")])
    weave = noise(rng, canvas.width, canvas.height, (30, 40), 4, 0.6)
    cloth = vertical([(0, dim(person.cloth, 1.1)), (1, dim(person.cloth, 0.6))], frame.at(0, 1.3)[1], canvas.height)
    style = rng.random()
    if style < 0.3:
        torso = np.concatenate([torso[:-3], path("0.3,1.7 0,2.5 -0.3,1.7")])
        canvas.shape(frame([(-0.5, 1.3), (0.5, 1.3), (0.4, 3), (-0.4, 3)]), WHITE if chance(rng, 0.6) else person.skin)
    outline = frame(curve(torso, steps=6))
    canvas.shape(outline, textured(cloth, weave, 0.25), bulge=frame.size * 0.12)
    if style < 0.3:
        for side in (-1, 1):
            lapel = [
                (side * 0.4, 1.32),
                (side * 0.72, 1.75),
                (side * 0.5, 1.95),
                (side * 0.02, 2.7),
                (side * 0.22, 1.8),
            ]
            canvas.shape(frame(lapel), dim(person.cloth, 0.7), bulge=2)
        if chance(rng, 0.5):
            canvas.shape(
                frame([(-0.1, 1.75), (0.1, 1.75), (0.16, 3.0), (-0.16, 3.0)]),
                hsv(float(rng.random()), 0.7, 0.5),
                bulge=2,
            )
    elif style < 0.55:
        for y in np.arange(1.9, 4.0, float(rng.uniform(0.25, 0.45))):
            stripe = curve([(-broad - 0.1, y + 0.15), (0, y + 0.22), (broad + 0.1, y + 0.15)], closed=False)
            canvas.stroke(frame(stripe), (frame.size * 0.1,) * 2, mix(person.cloth, WHITE, 0.7), alpha=0.8)
    elif style < 0.75:
        collar = curve(path("-0.5,1.3 -0.4,1.0 0.4,1.0 0.5,1.3 0.3,1.62 -0.3,1.62"))
        canvas.shape(frame(collar), dim(person.cloth, 1.08), bulge=frame.size * 0.07)
