"""Lake: mountains over still water that mirrors them."""

from __future__ import annotations

import math

import numpy as np

from .canvas import Canvas, Colour, box
from .paint import WHITE, chance, dim, hexed, hsv, mix, noise, palette, pick, smoothstep, vary, wander
from .sky import fir, ground, mirror, weather


def lake(rng: np.random.Generator) -> Canvas:
    """Mountains over still water that mirrors them."""
    canvas = Canvas(rng)
    shore = float(rng.uniform(0.48, 0.72)) * canvas.height
    colours, late = weather(canvas, shore, dusk=0.3)
    rock = mix(vary(rng, pick(rng, palette("5d6878 6b6258 4a5a6e 7a6a62")), 0.1), colours[-2], 0.25)
    snow = mix(WHITE, colours[-1], 0.55 if late else 0.12)
    count = int(rng.integers(1, 4))
    for i in range(count):
        _mountains(canvas, shore, shore * float(rng.uniform(0.5, 0.85)) * (0.75 if i else 1.0), rock, snow)
        rock, snow = dim(rock, 0.85), mix(snow, rock, 0.25)
    wood = mix(
        hsv(float(rng.uniform(0.1, 0.42)), 0.5, float(rng.uniform(0.2, 0.38))), colours[-1], 0.25 if late else 0.1
    )
    if chance(rng, 0.75):
        bank = shore - 6 - 8 * (1 + wander(rng, 90, 0.5))
        canvas.shape(ground(bank, shore + 1, canvas.width), wood)
        tops = [fir(x, shore, float(rng.uniform(9, 30)), rng) for x in rng.uniform(0, canvas.width, 60)]
        canvas.shapes(tops[:35], dim(wood, 0.9))
        canvas.shapes(tops[35:], dim(wood, 0.65))
    mirror(
        canvas, shore, mix(hexed("1f4f60"), colours[0], 0.4), float(rng.uniform(0.6, 0.9)), float(rng.uniform(0.2, 1))
    )
    canvas.shape(box(0, shore - 1, canvas.width, shore + 1.5), dim(wood, 0.5), soft=0.8, alpha=0.7)
    if chance(rng, 0.5):
        side = float(rng.choice([-1.0, 1.0]))
        for _ in range(int(rng.integers(1, 5))):
            x = canvas.width / 2 + side * canvas.width * float(rng.uniform(0.25, 0.52))
            tall = canvas.height * float(rng.uniform(0.4, 0.8))
            canvas.shape(fir(x, canvas.height + 8, tall, rng, 0.2), dim(wood, 0.45), bulge=2)
    elif chance(rng, 0.6):
        stones = [(float(rng.uniform(0, canvas.width)), float(rng.uniform(5, 20))) for _ in range(14)]
        for x, r in stones:
            canvas.ellipse(x, canvas.height - r * 0.3, r * 1.5, r * 0.8, dim(rock, 0.8), bulge=r * 0.4)
    return canvas


def _mountains(canvas: Canvas, foot: float, height: float, rock: Colour, snow: Colour) -> None:
    """One range: peaks on a rough line, faces lit from one side, snow above its own rough line."""
    rng = canvas.rng
    n = canvas.width + 8
    along = np.linspace(0, 1, n)
    crown = np.zeros(n)
    for _ in range(int(rng.integers(2, 5))):
        at, wide, tall = rng.uniform(-0.05, 1.05), rng.uniform(0.16, 0.4), rng.uniform(0.5, 1.0)
        crown = np.maximum(crown, tall * np.clip(1 - np.abs(along - at) / wide, 0, 1))
    crown = height * np.clip(crown + 0.10 * wander(rng, n, 0.62, 7, 5), 0.03, 1.1)
    line = (foot - crown).astype(np.float32)
    top, bottom = max(int(line.min()) - 1, 0), min(int(foot) + 3, canvas.height)
    y = canvas.y[top:bottom]
    folds = noise(rng, canvas.width, bottom - top, (46.0, 90.0), 5, 0.62)
    lean = math.copysign(1, canvas.light[0])
    skew = (canvas.x + (y - foot) * 0.55 * lean).astype(np.intp) % canvas.width
    folds = folds[np.arange(bottom - top)[:, None], skew]
    bright = 0.5 + 0.55 * np.clip(0.5 + 5.0 * (folds - np.roll(folds, int(3 * lean), 1)), 0.12, 1.15)
    limit = foot - height * float(rng.uniform(0.3, 0.75))
    cover = smoothstep(-14.0, 14.0, limit - y + (folds - 0.5) * 80)
    haze = np.clip((y - foot + height * 0.5) / height, 0, 1) * 0.35
    bare, white = (1 - cover) * bright * (1 - haze) + 0.6 * haze, cover * bright * (1 - haze) + 0.4 * haze
    tone = np.stack([bare * r + white * s for r, s in zip(rock, snow, strict=True)], axis=-1)
    outline = ground(line, foot + 1, canvas.width)
    canvas.shape(outline, lambda x, y: tone[(y - top).astype(np.intp).clip(0, len(tone) - 1), x.astype(np.intp)])
