"""Fish: one large fish or a shoal over a reef or a bare bottom, light falling from above."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, curve, path, ribbon
from .paint import (
    BLACK,
    WHITE,
    across,
    chance,
    dabs,
    dim,
    evenly,
    hexed,
    hsv,
    mix,
    noise,
    palette,
    pick,
    textured,
    vary,
    vertical,
    wander,
)
from .sky import ground

WATERS = (
    "7fd0d8 1f7f9f 0a3048",
    "a0e0d0 2a9a90 0c4448",
    "5aa8e0 1a5aa0 081c48",
    "90c8b0 3a7a68 12302c",
    "8ab0d0 3a5a8a 14203c",
    "60e0e0 10a0b8 046080",
)


BODIES: tuple[Array, ...] = (  # facing +x: round, long, tall
    path("1.0,0.03 0.75,-0.28 0.3,-0.46 -0.2,-0.38 -0.62,-0.12 -0.62,0.12 -0.2,0.36 0.3,0.44 0.75,0.28"),
    path("1.0,0.02 0.7,-0.19 0.25,-0.27 -0.3,-0.2 -0.68,-0.07 -0.68,0.07 -0.3,0.2 0.25,0.27 0.7,0.19"),
    path("0.9,0.05 0.68,-0.3 0.2,-0.72 -0.2,-0.6 -0.52,-0.13 -0.52,0.13 -0.2,0.6 0.2,0.72 0.68,0.34"),
)


def fish(rng: np.random.Generator) -> Canvas:
    """One large fish or a shoal over a reef or a bare bottom, light falling from above."""
    canvas = Canvas(rng)
    water = [vary(rng, c, 0.06) for c in palette(pick(rng, WATERS))]
    canvas.wash(vertical(evenly(water), 0, canvas.height))
    _light_from_above(canvas, water[0])
    if chance(rng, 0.8):
        _reef(canvas, water)
    count = pick(rng, (1, 1, 2, 3, 5, 8))
    big = (
        float(rng.uniform(82, 128))
        if count == 1
        else float(rng.uniform(40, 66))
        if count < 4
        else float(rng.uniform(26, 38))
    )
    start, facing = float(rng.random()), pick(rng, (-1.0, 1.0))
    corners = pick(rng, BODIES)
    columns = rng.permutation(count)
    for i in range(count):
        near = (i + 1) / count if count > 1 else 1.0
        size = big * (0.65 + 0.35 * near)
        x = canvas.width * (
            float(rng.uniform(0.36, 0.64)) if count == 1 else (float(columns[i]) + float(rng.uniform(0.3, 0.7))) / count
        )
        y = canvas.height * float(rng.uniform(0.3, 0.62) if count == 1 else rng.uniform(0.15, 0.8))
        way = facing if chance(rng, 0.85) else -facing
        tone = hsv(start + float(rng.normal(0, 0.04)), float(rng.uniform(0.4, 0.95)), float(rng.uniform(0.7, 0.98)))
        _fish(canvas, Frame(x, y, size, float(rng.normal(0, 0.14)), way), tone, corners, water[1], 0.4 * (1 - near))
    bubbles = rng.random((int(rng.integers(0, 16)), 2)) * (canvas.width, canvas.height)
    for x, y in bubbles:
        r = float(rng.uniform(1.5, 5))
        canvas.ellipse(x, y, r, r, dim(water[0], 1.3), alpha=0.3)
        canvas.ellipse(x - r * 0.3, y - r * 0.35, r * 0.35, r * 0.3, WHITE, alpha=0.8)
    return canvas


def _light_from_above(canvas: Canvas, light: Colour) -> None:
    rng = canvas.rng
    x = float(rng.uniform(0.1, 0.9)) * canvas.width
    beams = []
    for slant in rng.uniform(-1.1, 1.1, 8):
        wide, foot = float(rng.uniform(8, 30)), x + slant * canvas.height * 1.1
        beams.append(
            np.array(
                [
                    (x + slant * 40 - 6, -8),
                    (x + slant * 40 + 6, -8),
                    (foot + wide, canvas.height),
                    (foot - wide, canvas.height),
                ],
                np.float32,
            )
        )
    canvas.shapes(beams, vertical([(0, dim(light, 1.3)), (1, light)], 0, canvas.height), soft=7, alpha=0.16)
    canvas.glow(x, -10, 110, light, 0.6)


def _reef(canvas: Canvas, water: list[Colour]) -> None:
    """Sand with coral and weed, bluer the farther away."""
    rng = canvas.rng
    bottom = canvas.height * float(rng.uniform(0.76, 0.92))
    sand = mix(vary(rng, pick(rng, palette("d8c898 b0a080 8a8470")), 0.05), water[1], 0.45)
    field = noise(rng, canvas.width, canvas.height, (44, 9), 4, 0.7)
    canvas.shape(
        ground(bottom + 8 * wander(rng, 60, 0.4), canvas.height, canvas.width), textured(sand, field, 0.45), soft=1
    )
    for _ in range(int(rng.integers(3, 10))):
        x, tall = float(rng.uniform(0, canvas.width)), float(rng.uniform(26, 96))
        tone = mix(
            hsv(float(pick(rng, (0.95, 0.05, 0.1, 0.8, 0.3, 0.38, 0.55))) + float(rng.normal(0, 0.03)), 0.6, 0.7),
            water[1],
            0.4,
        )
        foot = bottom + float(rng.uniform(2, canvas.height - bottom + 8))
        if chance(rng, 0.4):
            blades = []
            for k in range(5):
                t = np.linspace(0, 1, 10)
                sway = np.sin(t * 5 + k) * 6 * t
                blades.append(
                    ribbon(
                        np.stack(
                            [x + (k - 2) * 5 + sway + (k - 2) * 5 * t, foot - tall * t * (1 - 0.12 * abs(k - 2))], 1
                        ),
                        6,
                        1,
                    )
                )
            canvas.shapes(blades, tone, bulge=1.5)
        elif chance(rng, 0.5):
            _branching(canvas, x, foot, -math.pi / 2, tall * 0.42, tall * 0.12, tone, 3)
        else:
            r = tall * 0.45
            canvas.ellipse(x, foot, r * 1.3, r, tone, bulge=r * 0.3)
            knobs = rng.normal(0, 0.42, (40, 2)) * (r * 1.2, r * 0.6)
            canvas.shapes(
                dabs(rng, x + knobs[:, 0], foot - r * 0.25 + knobs[:, 1], r * 0.09, 0.9), dim(tone, 1.25), alpha=0.5
            )


def _branching(
    canvas: Canvas, x: float, y: float, angle: float, reach: float, wide: float, tone: Colour, depth: int
) -> None:
    tip = (x + reach * math.cos(angle), y + reach * math.sin(angle))
    canvas.stroke([(x, y), tip], (wide, wide * 0.7), tone, bulge=1)
    if depth:
        for turn in (-0.5, 0.45):
            lean = angle + turn + float(canvas.rng.normal(0, 0.15))
            _branching(canvas, *tip, lean, reach * 0.7, wide * 0.7, dim(tone, 1.06), depth - 1)


def _fish(canvas: Canvas, frame: Frame, tone: Colour, corners: Array, water: Colour, haze: float) -> None:
    rng = canvas.rng
    tone = mix(tone, water, haze)
    other = mix(pick(rng, (WHITE, BLACK, vary(rng, tone, 0.3), hexed("f8d030"), hexed("2050b0"))), water, haze)
    fin = mix(vary(rng, tone, 0.12), other, 0.35)
    high = max(abs(y) for _, y in corners)
    tail = path("-0.55,0 -0.8,-0.28 -1.08,-0.46 -0.98,-0.12 -0.94,0 -0.98,0.12 -1.08,0.46 -0.8,0.28")
    canvas.shape(
        frame(curve(tail)),
        across([(0, fin), (1, dim(fin, 0.6))], frame.at(-0.5, 0), frame.at(-1.1, 0)),
        alpha=0.93,
        bulge=1.5,
    )
    for way in (-1.0, 1.0):
        rise = [(0.35, high * 0.86), (0.05, high + 0.26), (-0.4, high + 0.16), (-0.5, high * 0.5), (-0.2, high * 0.6)]
        canvas.shape(frame(curve(np.asarray(rise) * (1, way))), dim(fin, 0.9), alpha=0.9, bulge=1.5)
    body = frame(curve(corners))
    canvas.shape(
        body,
        vertical(
            [(0, dim(tone, 0.85)), (0.35, dim(tone, 1.15)), (0.75, mix(tone, WHITE, 0.3)), (1, dim(tone, 0.55))],
            frame.at(0, -high)[1],
            frame.at(0, high)[1],
        ),
        bulge=max(frame.size * 0.05, 1),
        depth=0.7,
    )
    _markings(canvas, frame, corners, other)
    flap = path("0.32,0.06 0.1,-0.02 -0.12,0.16 -0.08,0.3 0.18,0.24")
    canvas.shape(frame(curve(flap)), dim(fin, 0.85), bulge=1.5)
    gill = curve([(0.5, -high * 0.5), (0.42, 0.0), (0.5, high * 0.5)], closed=False)
    canvas.stroke(frame(gill), (max(frame.size * 0.018, 0.8),) * 2, dim(tone, 0.5), alpha=0.7)
    r = frame.size * 0.075
    ex, ey = frame.at(0.7, -0.07)
    for scale, ring in ((1.25, dim(tone, 0.55)), (1.0, WHITE), (0.62, BLACK)):
        canvas.ellipse(ex, ey, r * scale, r * scale, ring)
    canvas.ellipse(ex - r * 0.2, ey - r * 0.25, r * 0.2, r * 0.2, WHITE)
    canvas.stroke(frame([(0.99, 0.08), (0.9, 0.13), (0.83, 0.11)]), (1.2, 0.8), dim(tone, 0.35))


def _markings(canvas: Canvas, frame: Frame, corners: Array, tone: Colour) -> None:
    """Stripes down, a stripe along, dots or scales, kept inside the body's height."""
    rng = canvas.rng
    sort = rng.random()
    upper = sorted([(x, y) for x, y in corners if y < 0.04])
    xs, ys = [x for x, _ in upper], [-y for _, y in upper]
    if sort < 0.45:
        for x in (-0.34, 0.06, 0.44)[: int(rng.integers(2, 4))]:
            h, g = (0.94 * float(np.interp(v, xs, ys)) for v in (x, x + 0.14))
            band = curve([(x, -h), (x + 0.14, -g), (x + 0.2, 0), (x + 0.14, g), (x, h), (x + 0.05, 0)], steps=5)
            canvas.shape(frame(band), tone, alpha=0.92, soft=0.4)
    elif sort < 0.62:
        canvas.shape(
            frame(curve(path("0.6,-0.05 0.0,-0.1 -0.6,-0.03 -0.6,0.04 0.0,0.05 0.6,0.04"))), tone, soft=1, alpha=0.85
        )
    else:
        u = rng.uniform(-0.5, 0.42, 46)
        v = rng.uniform(-0.78, 0.78, 46) * np.interp(u, xs, ys)
        at = frame(np.stack([u, v], 1))
        canvas.shapes(dabs(rng, at[:, 0], at[:, 1], frame.size * 0.03, 0.95), tone, alpha=0.65)
