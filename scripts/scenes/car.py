"""A car on a road, seen from the side: five bodies in any colour, before town, hills, desert or dusk."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, box, curve, oval, path
from .paint import BLACK, WHITE, across, chance, dim, evenly, hexed, mix, noise, palette, pick, textured, vary, vertical
from .sky import NIGHTS, hills, sky, stars, weather

# Each body: outline from the rear bumper over the roof to the front (length 2, wheels at y = 0), then its glass.
BODIES: dict[str, tuple[Array, Array, Array]] = {
    "saloon": (
        path(
            "-1.0,-0.12 -1.02,-0.34 -0.96,-0.43 -0.66,-0.46 -0.36,-0.7 0.1,-0.72 0.45,-0.46 0.85,-0.4 "
            "1.0,-0.3 1.01,-0.12"
        ),
        path("-0.55,-0.455 -0.33,-0.65 -0.1,-0.67 -0.1,-0.45"),
        path("-0.05,-0.45 -0.05,-0.67 0.09,-0.665 0.34,-0.46"),
    ),
    "hatchback": (
        path(
            "-0.86,-0.12 -0.9,-0.36 -0.84,-0.52 -0.66,-0.74 -0.2,-0.79 0.12,-0.76 0.46,-0.5 0.8,-0.42 "
            "0.93,-0.3 0.94,-0.12"
        ),
        path("-0.72,-0.5 -0.6,-0.7 -0.2,-0.74 -0.2,-0.49"),
        path("-0.15,-0.49 -0.15,-0.74 0.1,-0.71 0.36,-0.49"),
    ),
    "van": (
        path("-1.0,-0.12 -1.02,-0.5 -0.98,-0.9 -0.85,-0.94 0.5,-0.94 0.66,-0.88 0.88,-0.5 1.0,-0.42 1.02,-0.12"),
        path("-0.88,-0.55 -0.88,-0.84 -0.1,-0.84 -0.1,-0.55"),
        path("0.0,-0.55 0.0,-0.84 0.56,-0.84 0.76,-0.53"),
    ),
    "sports": (
        path(
            "-1.0,-0.12 -1.03,-0.36 -0.9,-0.42 -0.6,-0.44 -0.25,-0.59 0.05,-0.6 0.38,-0.42 0.8,-0.33 "
            "1.04,-0.2 1.04,-0.1"
        ),
        path("-0.45,-0.43 -0.22,-0.55 -0.06,-0.565 -0.06,-0.42"),
        path("-0.02,-0.42 -0.02,-0.565 0.06,-0.56 0.28,-0.42"),
    ),
    "beetle": (
        path(
            "-0.9,-0.12 -0.96,-0.3 -0.8,-0.5 -0.5,-0.76 -0.1,-0.85 0.25,-0.76 0.42,-0.54 0.72,-0.47 "
            "0.9,-0.32 0.93,-0.12"
        ),
        path("-0.52,-0.52 -0.42,-0.7 -0.12,-0.78 -0.12,-0.52"),
        path("-0.06,-0.52 -0.06,-0.78 0.2,-0.7 0.32,-0.52"),
    ),
}


def car(rng: np.random.Generator) -> Canvas:
    """One car (a second one now and then) on its road."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.42, 0.6)) * canvas.height
    night = chance(rng, 0.18)
    if night:
        colours, late = sky(canvas, pick(rng, NIGHTS), horizon), True
        stars(canvas, horizon, 80)
    else:
        colours, late = weather(canvas, horizon, dusk=0.3)
    dark = 0.6 if night else 0.25 if late else 0.0
    size = float(rng.uniform(72, 138))
    road = min(max(horizon + 44, canvas.height * float(rng.uniform(0.66, 0.88))), canvas.height - 30)
    _roadside(canvas, horizon, road - size * 0.28, colours, dark)
    _road(canvas, road - size * 0.28, road + size * 0.36, dark)
    x = float(rng.uniform(0.34, 0.66)) * canvas.width
    if size < 92 and chance(rng, 0.4):
        _vehicle(canvas, Frame(x - canvas.width * 0.42, road - size * 0.08, size * 0.85), dark, late)
        x += canvas.width * 0.12
    _vehicle(canvas, Frame(x, road, size), dark, late)
    return canvas


def _roadside(canvas: Canvas, horizon: float, verge: float, colours: list[Colour], dark: float) -> None:
    rng = canvas.rng
    soil = mix(vary(rng, pick(rng, palette("6f9048 8a9a50 c8a468 b88858 5a7a40 9a9a90")), 0.08), colours[0], dark)
    if chance(rng, 0.4):
        x = -5.0
        while x < canvas.width:
            wide, tall = float(rng.uniform(24, 70)), float(rng.uniform(30, 110))
            wall = mix(vary(rng, pick(rng, palette("b8a890 a87860 9aa0a8 d0c0a0 887868")), 0.06), colours[-1], 0.25)
            wall = mix(wall, BLACK, dark)
            canvas.shape(
                box(x, verge - tall, x + wide, verge + 2), vertical(evenly([wall, dim(wall, 0.8)]), verge - tall, verge)
            )
            grid = [
                box(u, v, u + 6, v + 8)
                for u in np.arange(x + 6, x + wide - 8, 13)
                for v in np.arange(verge - tall + 8, verge - 10, 16)
            ]
            canvas.shapes(grid, hexed("ffd890") if dark and chance(rng, 0.7) else dim(wall, 0.45))
            x += wide + float(rng.choice([0, 0, 8]))
    else:
        hills(
            canvas,
            horizon + 8,
            float(rng.uniform(20, 100)),
            mix(soil, colours[-1], 0.65),
            mix(soil, colours[0], 0.25),
            3,
        )
    field = noise(rng, canvas.width, canvas.height, (50, 8), 4, 0.7)
    canvas.shape(box(-3, verge - 12, canvas.width + 3, canvas.height + 3), textured(soil, field, 0.35), soft=1)
    canvas.blur(float(rng.uniform(0.8, 2.6)))


def _road(canvas: Canvas, top: float, bottom: float, dark: float) -> None:
    rng = canvas.rng
    tar = mix(vary(rng, pick(rng, palette("54565c 6a6660 44464e 7a746a")), 0.04), BLACK, dark * 0.8)
    field = noise(rng, canvas.width, canvas.height, (60, 3), 4, 0.85)
    canvas.shape(
        box(-3, top, canvas.width + 3, bottom),
        textured(vertical(evenly([dim(tar, 1.1), dim(tar, 0.8)]), top, bottom), field, 0.22),
    )
    paint = mix(pick(rng, (WHITE, hexed("f0d060"))), BLACK, dark)
    canvas.shape(box(-3, top + 3, canvas.width + 3, top + 5.5), paint, alpha=0.8)
    dash, start = float(rng.uniform(34, 60)), float(rng.uniform(-40, 0))
    marks = [box(x, bottom - 13, x + dash * 0.55, bottom - 8) for x in np.arange(start, canvas.width, dash)]
    canvas.shapes(marks, paint, alpha=0.85)


def _vehicle(canvas: Canvas, frame: Frame, dark: float, late: bool) -> None:
    rng = canvas.rng
    name = pick(rng, tuple(BODIES))
    corners, *glass = BODIES[name]
    paint = pick(rng, palette("c0281f 1f4fa0 e8e8e8 202226 f0b820 2a7a48 8a9098 d86a1f 6ac0c8 7a2a4a f0e0c0"))
    paint = mix(vary(rng, paint, 0.06), BLACK, dark * 0.75)
    rear, front = corners[0][0], corners[-1][0]
    canvas.ellipse(*frame.at(0, 0.03), frame.size * 1.08, frame.size * 0.085, BLACK, soft=4, alpha=0.6)
    outline = curve([*corners, (front - 0.1, -0.06), (rear + 0.1, -0.06)], steps=6)
    gloss = [
        (0.0, dim(paint, 1.45)),
        (0.25, dim(paint, 1.05)),
        (0.5, dim(paint, 1.22)),
        (0.62, paint),
        (1.0, dim(paint, 0.42)),
    ]
    canvas.shape(
        frame(outline),
        vertical(gloss, frame.at(0, min(y for _, y in corners))[1], frame.at(0, -0.05)[1]),
        bulge=2.5,
        depth=0.4,
    )
    clear = across(
        evenly(
            [mix(hexed("dcecf4"), BLACK, dark), mix(hexed("2c3844"), BLACK, dark), mix(hexed("56687a"), BLACK, dark)]
        ),
        frame.at(-0.6, -0.8),
        frame.at(0.5, -0.4),
    )
    for pane in glass:
        canvas.shape(frame(pane), clear)
    line = dim(paint, 0.45)
    for x in (-0.08, 0.42 if name in ("van", "saloon") else 0.4):
        canvas.stroke(frame([(x, -0.44), (x - 0.02, -0.28), (x, -0.13)]), (1, 1), line, alpha=0.8)
    canvas.stroke(frame([(0.02, -0.37), (0.12, -0.37)]), (1.8, 1.8), line)
    canvas.stroke(frame([(rear + 0.05, -0.16), (front - 0.05, -0.16)]), (1.4, 1.4), line, alpha=0.7)
    wheel = 0.2 if name != "van" else 0.19
    for x in (-0.58, 0.6) if name != "hatchback" and name != "beetle" else (-0.54, 0.56):
        _wheel(canvas, frame, x, wheel)
    nose, tail = frame.at(front - 0.06, -0.27), frame.at(rear + 0.04, -0.34)
    canvas.ellipse(*nose, frame.size * 0.06, frame.size * 0.045, hexed("fff4d0"))
    canvas.ellipse(*tail, frame.size * 0.035, frame.size * 0.06, hexed("d02018"))
    if late:
        canvas.glow(*nose, frame.size * 0.2, (1.0, 0.93, 0.7), 0.8)
        beam = frame([(front - 0.05, -0.3), (front + 1.6, -0.42), (front + 1.6, 0.1), (front - 0.05, -0.24)])
        canvas.shape(beam, hexed("fff0c0"), soft=5, alpha=0.25)
        canvas.glow(*tail, frame.size * 0.12, (1.0, 0.15, 0.1), 0.7)


def _wheel(canvas: Canvas, frame: Frame, x: float, radius: float) -> None:
    rng = canvas.rng
    cx, cy = frame.at(x, -radius * 0.72)
    r = radius * frame.size
    canvas.ellipse(cx, cy - 1, r * 1.16, r * 1.13, BLACK, alpha=0.85)
    canvas.ellipse(cx, cy, r, r, hexed("1c1c1e"), bulge=1.5, depth=0.5)
    canvas.ellipse(cx, cy, r * 0.64, r * 0.64, hexed("b8bcc2"), bulge=2, depth=0.6)
    spokes, start = int(rng.integers(4, 8)), float(rng.uniform(0, 1))
    gaps: list[Array] = []
    for k in range(spokes):
        a = start + k * 2 * math.pi / spokes
        gaps.append(oval(cx + r * 0.38 * math.cos(a), cy + r * 0.38 * math.sin(a), r * 0.15, r * 0.1, a))
    canvas.shapes(gaps, hexed("3a3c40"))
    canvas.ellipse(cx, cy, r * 0.12, r * 0.12, hexed("5a5c60"))
