"""Beach: palms, sand and shallow water, parasols sometimes, by day and at dusk."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, moved, ribbon
from .paint import (
    BLACK,
    WHITE,
    chance,
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
from .sky import DAYS, DUSKS, clouds, ground, sea, sky


def beach(rng: np.random.Generator) -> Canvas:
    """Palms, sand and shallow water; parasols sometimes; by day and at dusk."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.3, 0.55)) * canvas.height
    late = chance(rng, 0.25)
    colours = sky(canvas, pick(rng, DUSKS if late else DAYS), horizon)
    if chance(rng, 0.7):
        clouds(
            canvas,
            horizon,
            dim(colours[-1], 1.2) if late else WHITE,
            mix(colours[0], colours[-1], 0.5),
            float(rng.uniform(0.2, 0.6)),
        )
    dark = 0.4 if late else 0.0
    water = mix(hexed(pick(rng, ("1aa5b0", "17909f", "2bb8b5", "1a78a8"))), colours[0], dark)
    sea(canvas, horizon, dim(mix(water, colours[0], 0.4), 0.8), dim(water, 1.25), chop=0.35)
    _sand(canvas, horizon, mix(pick(rng, palette("f0dcb0 e8cfa0 f2e4c8 d8b888")), colours[0], dark * 0.8))
    side = pick(rng, (-1.0, 1.0))
    for _ in range(int(rng.integers(1, 5))):
        x = canvas.width / 2 + side * canvas.width * float(rng.uniform(0.14, 0.5))
        foot = canvas.height * float(rng.uniform(0.68, 1.05))
        palm(
            canvas, x, foot, canvas.height * float(rng.uniform(0.5, 0.85)), -side * float(rng.uniform(0.05, 0.4)), dark
        )
    if chance(rng, 0.5):
        _parasol(
            canvas,
            canvas.width / 2 - side * float(rng.uniform(-20, 120)),
            canvas.height * float(rng.uniform(0.75, 0.92)),
        )
    return canvas


def _sand(canvas: Canvas, horizon: float, tone: Colour) -> None:
    rng = canvas.rng
    near, slope = float(rng.uniform(0.25, 0.6)), float(rng.uniform(-0.3, 0.3))
    along = np.linspace(-0.5, 0.5, 90)
    shore = horizon + (canvas.height - horizon) * (near + slope * along) + 7 * wander(rng, 90, 0.35, 4, 2)
    field = noise(rng, canvas.width, canvas.height, (60, 14), 5, 0.7)
    for drop, cover in ((-9, 0.35), (-3, 0.9)):
        canvas.shape(
            ground((shore + drop).astype(np.float32), canvas.height, canvas.width), WHITE, soft=1.5, alpha=cover
        )
    wet = ground(shore.astype(np.float32), canvas.height, canvas.width)
    canvas.shape(wet, dim(tone, 0.72), soft=1)
    dry = textured(vertical(evenly([dim(tone, 0.95), tone]), horizon, canvas.height), field, 0.22)
    canvas.shape(moved(wet, 0, 12), dry, soft=4)


def palm(canvas: Canvas, x: float, foot: float, tall: float, lean: float, dark: float) -> None:
    rng = canvas.rng
    t = np.linspace(0, 1, 14)
    trunk = np.stack([x + tall * lean * t**1.8, foot - tall * t], axis=1)
    bark = mix(vary(rng, hexed("8a6a48")), BLACK, dark * 1.6)
    canvas.ellipse(x + tall * 0.22, foot + 2, tall * 0.3, tall * 0.03, BLACK, soft=3, alpha=0.3)
    canvas.stroke(trunk, (tall * 0.065, tall * 0.032), bark, bulge=2.5)
    hx, hy = trunk[-1]
    green = mix(hsv(float(rng.uniform(0.22, 0.38)), 0.65, 0.42), BLACK, dark * 1.5)
    for i, angle in enumerate(np.linspace(-0.5, 3.64, int(rng.integers(8, 12))) + rng.normal(0, 0.1)):
        reach = tall * float(rng.uniform(0.36, 0.48))
        far = np.linspace(0, 1, 12)
        spine = np.stack(
            [hx + reach * math.cos(angle) * far, hy - reach * (math.sin(angle) * far * 0.75 - 0.75 * far**2.2)], axis=1
        )
        canvas.shapes(_frond(spine, tall * 0.085), dim(green, 0.7 + 0.12 * (i % 5)))
    nuts = [(hx + dx * tall, hy + tall * 0.035) for dx in (-0.03, 0.02)]
    for nx, ny in nuts:
        canvas.ellipse(nx, ny, tall * 0.025, tall * 0.028, dim(bark, 0.7), bulge=1.5)


def _frond(spine: Array, reach: float) -> list[Array]:
    leaves = [ribbon(spine, 2.4, 0.8)]
    for i in range(1, len(spine)):
        short = reach * math.sin(math.pi * (i + 2) / (len(spine) + 3))
        dx, dy = spine[i] - spine[i - 1]
        for side in (-0.75, 0.75):
            tip = spine[i] + np.array([dx * 0.5 - dy * side * 0.4, dy * 0.5 + abs(side) * short])
            leaves.append(np.array([spine[i - 1], spine[i], tip + np.array((side * short * 0.5, 0))], np.float32))
    return leaves


def _parasol(canvas: Canvas, x: float, foot: float) -> None:
    rng = canvas.rng
    frame = Frame(x, foot, float(rng.uniform(40, 70)), float(rng.uniform(-0.3, 0.3)))
    tone = hsv(float(rng.random()), 0.75, 0.85)
    canvas.ellipse(x + 18, foot + 2, frame.size * 0.55, frame.size * 0.09, BLACK, soft=3, alpha=0.3)
    canvas.stroke(frame([(0, 0), (0, -1)]), (2.2, 2.2), hexed("e8e0d0"))
    edge = np.linspace(-0.62, 0.62, 9)
    for i in range(8):
        rim = [(edge[i], -0.74), (edge[i + 1], -0.74), (edge[i + 1] * 0.72, -0.97), (edge[i] * 0.72, -0.97)]
        cap = [(edge[i] * 0.72, -0.97), (edge[i + 1] * 0.72, -0.97), (0.0, -1.12)]
        stripe = dim(tone if i % 2 else WHITE, 1.05 - 0.05 * i)
        canvas.shapes([frame(rim), frame(cap)], stripe)
