"""House: a house with its roof, door, windows and garden; lit from inside when it is late."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, Colour, Frame, Paint, box
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
from .sky import fir, foliage, ground, hills, weather


def house(rng: np.random.Generator) -> Canvas:
    """A house with its roof, door, windows and garden; lit from inside when it is late."""
    canvas = Canvas(rng)
    horizon = float(rng.uniform(0.6, 0.74)) * canvas.height
    colours, late = weather(canvas, horizon, dusk=0.25)
    dark = 0.45 if late else 0.0
    season = pick(rng, palette("6f9a45 5f8a3a 86a04a a8904a b5a560 557a40"))
    grass = mix(vary(rng, season, 0.08), colours[0], dark)
    hills(canvas, horizon + 6, float(rng.uniform(15, 70)), mix(grass, colours[-1], 0.6), mix(grass, BLACK, 0.25), 2)
    field = noise(rng, canvas.width, canvas.height, (24, 7), 4, 0.8)
    lawn = vertical(evenly([mix(grass, colours[-1], 0.15), dim(grass, 0.72)]), horizon, canvas.height)
    canvas.shape(ground(horizon + 3 * wander(rng, 40), canvas.height, canvas.width), textured(lawn, field, 0.35))
    crown = [
        mix(vary(rng, c, 0.1), colours[0], dark)
        for c in palette(
            pick(rng, ("24401c 3f6b2a 6a9440", "5a3414 a8622a d89a48", "2a4428 4a7048 7a9a60", "602a1c a8402c d07048"))
        )
    ]
    for _ in range(int(rng.integers(1, 4))):
        _tree(
            canvas,
            float(rng.uniform(0, 1)) * canvas.width,
            horizon + 6,
            float(rng.uniform(60, 130)),
            crown,
            mix(hexed("4a3626"), BLACK, dark),
        )
    size = float(rng.uniform(62, 104))
    frame = Frame(float(rng.uniform(0.34, 0.66)) * canvas.width, horizon + float(rng.uniform(6, 34)), size)
    _cottage(canvas, frame, late, dark)
    _garden(canvas, frame, crown, dark)
    return canvas


def _tree(canvas: Canvas, x: float, foot: float, tall: float, tones: list[Colour], bark: Colour) -> None:
    if chance(canvas.rng, 0.25):
        canvas.shape(fir(x, foot, tall, canvas.rng), dim(tones[0], 0.9), bulge=3)
        return
    canvas.stroke([(x, foot + 2), (x, foot - tall * 0.6)], (tall * 0.1, tall * 0.05), bark, bulge=2)
    foliage(canvas, x, foot - tall * 0.64, tall * 0.36, tall * 0.36, tones, 3.6, 46)


def _cottage(canvas: Canvas, frame: Frame, late: bool, dark: float) -> None:
    rng = canvas.rng
    wall = mix(
        vary(rng, pick(rng, palette("f2ead8 e8d0a8 d8a890 c8d4dc b85f48 f0dc98 a8bca0 ffffff 8a6a50")), 0.04),
        BLACK,
        dark,
    )
    tiles = mix(vary(rng, pick(rng, palette("a04a34 7a3428 4a4a54 5a3c2c 8a5a3c 384858")), 0.06), BLACK, dark)
    trim = mix(WHITE, BLACK, dark)
    half, tall = float(rng.uniform(0.7, 1.15)), float(rng.uniform(0.62, 1.15))
    peak = tall + float(rng.uniform(0.45, 0.8))
    canvas.ellipse(*frame.at(0, 0.03), half * 1.35 * frame.size, 0.1 * frame.size, BLACK, soft=5, alpha=0.35)
    shade: Paint = across([(0, dim(wall, 1.05)), (1, dim(wall, 0.76))], frame.at(-half, 0), frame.at(half, 0))
    field = noise(rng, canvas.width, canvas.height, (14, 4), 3, 0.8)
    canvas.shape(frame(box(-half, -tall, half, 0.02)), textured(shade, field, 0.12))
    if chance(rng, 0.6):
        cx = half * float(rng.uniform(-0.65, 0.65))
        canvas.shape(frame(box(cx - 0.09, -peak - 0.12, cx + 0.09, -tall)), mix(hexed("8a5040"), BLACK, dark), bulge=2)
        canvas.shape(frame(box(cx - 0.12, -peak - 0.17, cx + 0.12, -peak - 0.1)), mix(hexed("6a3c30"), BLACK, dark))
    rows = noise(rng, canvas.width, canvas.height, (9, 3.2), 2, 0.9)
    roof = textured(
        vertical(evenly([dim(tiles, 1.12), dim(tiles, 0.78)]), frame.at(0, -peak)[1], frame.at(0, -tall)[1]), rows, 0.45
    )
    gable = chance(rng, 0.5)
    if gable:
        canvas.shape(frame([(-half, -tall + 0.01), (0, -peak), (half, -tall + 0.01)]), textured(shade, field, 0.12))
        for way in (-1, 1):
            canvas.shape(
                frame(
                    [
                        (0, -peak - 0.12),
                        (way * (half + 0.16), -tall + 0.08),
                        (way * (half + 0.1), -tall + 0.16),
                        (0, -peak + 0.04),
                    ]
                ),
                roof,
            )
    else:
        canvas.shape(
            frame(
                [(-half - 0.13, -tall + 0.04), (-half * 0.72, -peak), (half * 0.72, -peak), (half + 0.13, -tall + 0.04)]
            ),
            roof,
        )
    canvas.shape(frame(box(-half, -tall + 0.04, half, -tall + 0.13)), BLACK, soft=2, alpha=0.22)
    _openings(canvas, frame, half, tall, peak if gable else 0.0, trim, late, dark)


def _openings(
    canvas: Canvas, frame: Frame, half: float, tall: float, peak: float, trim: Colour, late: bool, dark: float
) -> None:
    rng = canvas.rng
    door_at = half * pick(rng, (-0.5, 0.0, 0.0, 0.5))
    paint = mix(hsv(float(rng.random()), 0.6, 0.5), BLACK, dark)
    shutters = mix(hsv(float(rng.random()), 0.5, 0.5), BLACK, dark) if chance(rng, 0.5) else None
    floors = [-0.3] if tall < 0.9 else [-0.3, -0.8]
    holes = [(x * half, y) for y in floors for x in (-0.62, 0.0, 0.62) if y < -0.5 or abs(x * half - door_at) > 0.3]
    if peak:
        holes.append((0.0, -tall - (peak - tall) * 0.33))
    glass = (
        vertical(evenly(palette("ffe9a8 ffc860")), 0, canvas.height)
        if late
        else across(evenly(palette("b8d4e4 3a4c5c")), frame.at(-half, -tall), frame.at(half, 0))
    )
    for x, y in holes:
        canvas.shape(frame(box(x - 0.16, y - 0.19, x + 0.16, y + 0.19)), trim)
        canvas.shape(frame(box(x - 0.13, y - 0.16, x + 0.13, y + 0.16)), glass)
        canvas.shapes(
            [frame(box(x - 0.13, y - 0.02, x + 0.13, y + 0.01)), frame(box(x - 0.015, y - 0.16, x + 0.015, y + 0.16))],
            trim,
        )
        if shutters:
            canvas.shapes(
                [frame(box(x + s - 0.055, y - 0.19, x + s + 0.055, y + 0.19)) for s in (-0.22, 0.22)], shutters
            )
        if late:
            canvas.glow(*frame.at(x, y), frame.size * 0.22, (1.0, 0.75, 0.35), 0.4)
    canvas.shape(frame(box(door_at - 0.17, -0.5, door_at + 0.17, 0.02)), trim)
    canvas.shape(
        frame(box(door_at - 0.13, -0.46, door_at + 0.13, 0.02)),
        vertical(evenly([dim(paint, 1.2), paint]), *(frame.at(0, v)[1] for v in (-0.46, 0))),
    )
    canvas.ellipse(*frame.at(door_at + 0.09, -0.2), 1.4, 1.4, hexed("e8c860"))
    path = [
        frame.at(door_at - 0.14, 0.02),
        frame.at(door_at + 0.14, 0.02),
        frame.at(door_at + 0.5, 2.0),
        frame.at(door_at - 0.35, 2.0),
    ]
    canvas.shape(path, mix(hexed("c8b898"), BLACK, dark), soft=1, alpha=0.9)


def _garden(canvas: Canvas, frame: Frame, crown: list[Colour], dark: float) -> None:
    rng = canvas.rng
    for _ in range(int(rng.integers(2, 6))):
        way = float(rng.choice([-1, 1]))
        x, y = frame.at(way * float(rng.uniform(0.75, 1.7)), float(rng.uniform(0.0, 0.25)))
        r = frame.size * float(rng.uniform(0.14, 0.26))
        foliage(canvas, x, y - r * 0.5, r * 1.3, r, crown, 2.8, 22)
    if chance(rng, 0.45):
        y, gap = canvas.height * float(rng.uniform(0.86, 0.95)), float(rng.uniform(9, 14))
        rail = mix(pick(rng, (WHITE, hexed("8a6a4a"))), BLACK, dark)
        posts: list[Array] = [
            np.array([(x, y + 16), (x, y - 12), (x + 3, y - 16), (x + 6, y - 12), (x + 6, y + 16)], np.float32)
            for x in np.arange(0, canvas.width, gap)
        ]
        canvas.shapes([box(0, y - 6, canvas.width, y - 3), box(0, y + 6, canvas.width, y + 9)], dim(rail, 0.8))
        canvas.shapes(posts, rail)
    if chance(rng, 0.6):
        blooms = hsv(float(rng.random()), 0.7, 0.9 - dark)
        along, down = rng.uniform(0, canvas.width, 60), canvas.height * rng.uniform(0.88, 1.0, 60)
        canvas.shapes(dabs(rng, along, down, 2.4, 0.9), blooms)
