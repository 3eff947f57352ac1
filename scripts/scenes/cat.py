"""A cat, looking at the viewer: its face from near, or sitting; plain, tabby, tuxedo or patched."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, curve, path
from .paint import BLACK, WHITE, chance, dim, hexed, mix, noise, palette, pick, radial, textured, vary
from .room import room

COATS = palette("d88a40 e0a058 8a8480 6a6866 28262a 302c2c f0ece4 e8dcc8 a08468 b09880 c8b8a8 5a4a40")
EYES = palette("a8c040 e0b030 58a8c8 70b868 d08a28 88b8d8")


@dataclass(frozen=True)
class Coat:
    tone: Colour
    mark: Colour
    pattern: str  # "plain", "tabby", "tuxedo" or "patched"
    eyes: Colour
    fur: Array


def cat(rng: np.random.Generator) -> Canvas:
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (288, 384))))
    tone = vary(rng, pick(rng, COATS), 0.06)
    pattern = pick(rng, ("plain", "tabby", "tabby", "tuxedo", "patched"))
    mark = {"tabby": dim(tone, 0.5), "patched": vary(rng, hexed("c8762c"), 0.1)}.get(pattern, WHITE)
    fur = noise(rng, canvas.width, canvas.height, (7, 16), 3, 0.9)
    coat = Coat(tone, mark, pattern, vary(rng, pick(rng, EYES), 0.06), fur)
    floor = canvas.height * float(rng.uniform(0.72, 0.9))
    room(canvas, floor)
    short = min(canvas.width, canvas.height)
    x = float(rng.uniform(0.38, 0.62)) * canvas.width
    if chance(rng, 0.5):
        size = short * float(rng.uniform(0.27, 0.4))
        head = Frame(x, canvas.height * float(rng.uniform(0.48, 0.58)), size, float(rng.normal(0, 0.12)))
        _chest(canvas, head, coat)
    else:
        size = short * float(rng.uniform(0.135, 0.2))
        foot = min(floor + size * float(rng.uniform(0.2, 0.6)), canvas.height - 4)
        head = _sitting(canvas, x, foot, size, coat)
    _head(canvas, head, coat)
    return canvas


def _furry(canvas: Canvas, outline: Array, tone: Colour, coat: Coat, bulge: float) -> None:
    """A shape with a ragged edge and hair."""
    ragged = outline + canvas.rng.normal(0, max(bulge * 0.09, 0.3), outline.shape).astype(np.float32)
    canvas.shape(ragged, textured(tone, coat.fur, 0.32), bulge=bulge, soft=0.7, depth=0.8)


def _chest(canvas: Canvas, head: Frame, coat: Coat) -> None:
    chest = curve(path("-0.6,0.3 -1.25,1.3 -1.5,3.0 1.5,3.0 1.25,1.3 0.6,0.3"))
    _furry(canvas, head(chest), dim(coat.tone, 0.9), coat, head.size * 0.16)
    if coat.pattern == "tuxedo":
        _furry(canvas, head(curve(path("-0.4,0.6 -0.55,1.5 0,2.6 0.55,1.5 0.4,0.6"))), coat.mark, coat, head.size * 0.1)


def _sitting(canvas: Canvas, x: float, foot: float, size: float, coat: Coat) -> Frame:
    """The body of a sitting cat; gives back where its head goes."""
    rng = canvas.rng
    frame = Frame(x, foot, size, 0.0, pick(rng, (-1.0, 1.0)))
    canvas.ellipse(x - canvas.light[0] * size * 0.5, foot, size * 1.9, size * 0.3, BLACK, soft=5, alpha=0.5)
    tail = curve(path("1.0,-0.3 1.7,-0.25 2.1,-0.6 2.2,-1.2 2.0,-1.6"), closed=False)
    canvas.stroke(
        frame(tail), (size * 0.42, size * 0.26), textured(dim(coat.tone, 0.85), coat.fur, 0.3), bulge=size * 0.1
    )
    body = path("-0.5,-2.3 -0.85,-1.7 -1.2,-0.9 -1.35,-0.3 -1.0,-0.02 1.0,-0.02 1.35,-0.3 1.2,-0.9 0.85,-1.7 0.5,-2.3")
    _furry(canvas, frame(curve(body)), coat.tone, coat, size * 0.24)
    if coat.pattern == "tabby":
        for side in (-1, 1):
            for y in (-0.55, -0.9, -1.25, -1.6):
                canvas.stroke(
                    frame(
                        curve(
                            [(side * (1.25 + y * 0.22), y), (side * 0.8, y + 0.1), (side * 0.5, y + 0.02)], closed=False
                        )
                    ),
                    (size * 0.12, size * 0.04),
                    coat.mark,
                    soft=1.2,
                    alpha=0.7,
                )
    if coat.pattern == "patched":
        canvas.ellipse(*frame.at(0.75, -1.0), size * 0.4, size * 0.6, coat.mark, soft=2, alpha=0.85)
    for side in (-1, 1):
        haunch = curve(
            [(side * 0.75, -1.0), (side * 1.3, -0.6), (side * 1.35, -0.15), (side * 0.8, 0.0), (side * 0.5, -0.3)]
        )
        _furry(canvas, frame(haunch), dim(coat.tone, 0.95), coat, size * 0.14)
    bib = coat.mark if coat.pattern == "tuxedo" else dim(coat.tone, 1.08)
    _furry(
        canvas,
        frame(curve(path("-0.45,-2.1 -0.55,-1.5 -0.32,-0.9 0.32,-0.9 0.55,-1.5 0.45,-2.1"))),
        bib,
        coat,
        size * 0.12,
    )
    for side in (-1, 1):
        leg = curve(
            [
                (side * 0.08, -1.3),
                (side * 0.5, -1.25),
                (side * 0.44, -0.4),
                (side * 0.5, -0.02),
                (side * 0.1, 0.02),
                (side * 0.08, -0.4),
            ]
        )
        _furry(canvas, frame(leg), coat.tone, coat, size * 0.1)
        paw = coat.mark if coat.pattern == "tuxedo" else dim(coat.tone, 1.1)
        canvas.ellipse(*frame.at(side * 0.3, -0.08), size * 0.28, size * 0.17, paw, bulge=size * 0.07)
    return Frame(x + float(rng.normal(0, 0.08)) * size, foot - size * 2.75, size, float(rng.normal(0, 0.1)))


def _head(canvas: Canvas, frame: Frame, coat: Coat) -> None:
    """The head, of radius about 1."""
    size = frame.size
    for side in (-1, 1):
        ear = np.asarray(path("0.22,-0.72 0.5,-1.12 0.8,-1.42 0.9,-1.0 0.93,-0.35 0.6,-0.4")) * (side, 1)
        _furry(canvas, frame(curve(ear, steps=5)), coat.tone, coat, size * 0.07)
        inner = np.asarray([(0.45, -0.72), (0.74, -1.2), (0.82, -0.55)]) * (side, 1)
        canvas.shape(frame(inner), hexed("d89a90"), soft=size * 0.03 + 0.4, alpha=0.8)
    face = path(
        "0,-0.84 0.45,-0.8 0.86,-0.42 1.02,0.08 0.98,0.42 0.62,0.74 0.22,0.9 -0.22,0.9 -0.62,0.74 "
        "-0.98,0.42 -1.02,0.08 -0.86,-0.42 -0.45,-0.8"
    )
    _furry(canvas, frame(curve(face)), coat.tone, coat, size * 0.2)
    _face_marks(canvas, frame, coat)
    pale = WHITE if coat.pattern == "tuxedo" else mix(coat.tone, WHITE, 0.42)
    for side in (-1, 1):
        canvas.ellipse(
            *frame.at(side * 0.24, 0.46),
            size * 0.33,
            size * 0.26,
            textured(pale, coat.fur, 0.2),
            soft=size * 0.05,
            alpha=0.92,
        )
    canvas.ellipse(*frame.at(0, 0.68), size * 0.2, size * 0.15, pale, soft=size * 0.04, alpha=0.9)
    _eyes(canvas, frame, coat)
    nose = pick(canvas.rng, palette("d87a78 b85a5a 4a3434 e09a90"))
    canvas.shape(
        frame(curve(path("-0.14,0.2 0,0.17 0.14,0.2 0.05,0.32 0,0.35 -0.05,0.32"), steps=4)),
        nose,
        bulge=max(size * 0.03, 0.8),
    )
    ink = mix(BLACK, coat.tone, 0.25)
    fine = max(size * 0.03, 0.9)
    for side in (-1, 1):
        canvas.stroke(
            frame(curve([(0, 0.34), (0.02 * side, 0.46), (0.16 * side, 0.55), (0.32 * side, 0.5)], closed=False)),
            (fine, fine * 0.7),
            ink,
            alpha=0.8,
        )
        for k in range(4):
            lift = -0.12 + 0.13 * k
            hair = curve(
                [(side * 0.34, 0.42 + 0.05 * k), (side * 0.95, 0.34 + lift), (side * 1.6, 0.4 + lift * 2.1)],
                closed=False,
            )
            canvas.stroke(frame(hair), (max(size * 0.014, 0.7), 0.4), WHITE if coat.tone[0] < 0.85 else ink, alpha=0.75)


def _face_marks(canvas: Canvas, frame: Frame, coat: Coat) -> None:
    size = frame.size
    if coat.pattern == "tabby":
        for x in (-0.3, 0.0, 0.3):
            canvas.stroke(
                frame([(x, -0.8), (x * 0.75, -0.55), (x * 0.55, -0.34)]),
                (size * 0.1, size * 0.03),
                coat.mark,
                soft=size * 0.015 + 0.3,
                alpha=0.8,
            )
        for side in (-1, 1):
            for y in (0.0, 0.24, 0.46):
                canvas.stroke(
                    frame([(side * 1.0, y - 0.06), (side * 0.62, y + 0.06)]),
                    (size * 0.09, size * 0.02),
                    coat.mark,
                    soft=size * 0.015 + 0.3,
                    alpha=0.75,
                )
    elif coat.pattern == "tuxedo":
        blaze = path("0,-0.6 0.16,-0.1 0.42,0.35 0.4,0.8 0,0.92 -0.4,0.8 -0.42,0.35 -0.16,-0.1")
        canvas.shape(frame(curve(blaze)), textured(WHITE, coat.fur, 0.2), soft=size * 0.03)
    elif coat.pattern == "patched":
        canvas.shape(
            frame(curve(path("0.1,-0.8 0.6,-0.7 0.95,-0.1 0.6,0.25 0.2,0.0"))),
            textured(coat.mark, coat.fur, 0.3),
            soft=size * 0.04,
            alpha=0.9,
        )


def _eyes(canvas: Canvas, frame: Frame, coat: Coat) -> None:
    size = frame.size
    slit = float(canvas.rng.uniform(0.03, 0.12))
    for side in (-1, 1):
        lid = np.asarray(path("0.16,0.02 0.28,-0.17 0.48,-0.22 0.66,-0.12 0.6,0.06 0.4,0.13")) * (side, 1)
        centre = frame.at(side * 0.42, -0.04)
        canvas.shape(
            frame(curve((lid - (side * 0.42, -0.04)) * 1.2 + (side * 0.42, -0.04))),
            mix(BLACK, coat.tone, 0.15),
            soft=size * 0.015,
        )
        iris = radial([(0, dim(coat.eyes, 1.3)), (0.6, coat.eyes), (1, dim(coat.eyes, 0.45))], *centre, size * 0.26)
        canvas.shape(frame(curve(lid)), iris)
        canvas.ellipse(*centre, size * slit, size * 0.16, BLACK, turn=frame.turn)
        canvas.ellipse(
            centre[0] + size * 0.07 * math.copysign(1, canvas.light[0]),
            centre[1] - size * 0.08,
            size * 0.045,
            size * 0.045,
            WHITE,
        )
