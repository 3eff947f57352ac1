"""Skyline: towers with lit windows by night, often over water that carries their lights."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas, Colour, box
from .paint import BLACK, WHITE, across, chance, dim, mix, palette, pick, vary
from .sky import NIGHTS, mirror, moon, sky, stars

EVENINGS = ("101830 2c3a6a 8a5a7a e08a5a", "0c1030 3a2a6a a0507a", "0a1c30 1f4a6a 7a9aa0", "180a20 5a1f40 c0503a")


def skyline(rng: np.random.Generator) -> Canvas:
    """Towers with lit windows by night, often over water that carries their lights."""
    canvas = Canvas(rng, *pick(rng, ((384, 288), (384, 288), (384, 288), (288, 384))))
    base = float(rng.uniform(0.62, 0.98)) * canvas.height
    late = chance(rng, 0.45)
    colours = sky(canvas, pick(rng, EVENINGS if late else NIGHTS), base)
    if not late:
        stars(canvas, base * 0.7, int(rng.integers(0, 160)))
    if chance(rng, 0.35):
        moon(
            canvas,
            float(rng.uniform(0.1, 0.9)) * canvas.width,
            float(rng.uniform(0.08, 0.3)) * base,
            float(rng.uniform(7, 16)),
        )
    glow = vary(rng, pick(rng, palette("ffb060 ff8a50 8ab0ff d080ff ffd090")), 0.08)
    canvas.glow(
        float(rng.uniform(0.2, 0.8)) * canvas.width, base, canvas.width * 0.45, glow, float(rng.uniform(0.4, 0.8))
    )
    lights = [
        vary(rng, c, 0.05)
        for c in (palette("ffd890 fff0c8 ffb860") if chance(rng, 0.7) else palette("d8ecff fff4d8 90d8ff"))
    ]
    scale = float(rng.uniform(0.7, 1.5))
    for t in pick(rng, ((0.0, 0.5, 1.0), (0.3, 1.0), (1.0,))):
        wall = mix(mix(colours[-1], glow, 0.25), dim(colours[0], 0.9), 0.3 + 0.6 * t)
        x = -float(rng.uniform(0, 20))
        while x < canvas.width:
            wide = scale * float(rng.uniform(16, 44)) * (0.7 + 0.4 * t)
            tall = base * float(rng.uniform(0.18, 0.5)) * (1.5 - 0.75 * t) * (1.35 if chance(rng, 0.12) else 1)
            _tower(canvas, x, base, wide, min(tall, base * 0.92), wall, lights, t)
            x += wide + scale * float(rng.uniform(-3, 8 + 22 * t))
    if base < canvas.height * 0.9:
        mirror(canvas, base, dim(colours[0], 0.5), 0.8, float(rng.uniform(0.5, 2.0)))
        quay = [(float(x), base - 1) for x in np.arange(6, canvas.width, float(rng.uniform(14, 34)))]
        canvas.shape(box(0, base - 2, canvas.width, base + 1), dim(colours[0], 0.4))
        for lx, ly in quay:
            canvas.glow(lx, ly, 4, lights[0], 0.9)
            canvas.shape(box(lx - 1, ly + 3, lx + 1, ly + 22), lights[0], soft=1.2, alpha=0.35)
    else:
        _street(canvas, base, lights[0])
    return canvas


def _tower(
    canvas: Canvas, x: float, base: float, wide: float, tall: float, wall: Colour, lights: list[Colour], near: float
) -> None:
    rng = canvas.rng
    tone = vary(rng, wall, 0.08)
    top = base - tall
    side = across([(0, dim(tone, 1.08)), (0.5, tone), (1, dim(tone, 0.65))], (x, 0), (x + wide, 0))
    canvas.shape(box(x, top, x + wide, base), side)
    crown = rng.random()
    if crown < 0.2:
        step = wide * 0.22
        canvas.shape(box(x + step, top - wide * 0.35, x + wide - step, top + 1), side)
        _windows(canvas, x + step, top - wide * 0.35, x + wide - step, top, lights, near)
    elif crown < 0.32:
        canvas.shape([(x, top + 1), (x + wide / 2, top - wide * 0.9), (x + wide, top + 1)], side)
    elif crown < 0.45:
        canvas.shape([(x, top + 1), (x + wide, top - wide * 0.4), (x + wide, top + 1)], side)
    if chance(rng, 0.22):
        tip = top - wide * float(rng.uniform(0.8, 1.6))
        canvas.stroke([(x + wide / 2, top), (x + wide / 2, tip)], (2.2, 0.9), tone)
        canvas.glow(x + wide / 2, tip, 3.5, (1.0, 0.2, 0.15), 0.9)
    _windows(canvas, x, top, x + wide, base, lights, near)


def _windows(
    canvas: Canvas, left: float, top: float, right: float, bottom: float, lights: list[Colour], near: float
) -> None:
    """A grid of windows, some lit, written straight into the pixels."""
    rng = canvas.rng
    x0, x1 = max(round(left) + 2, 0), min(round(right) - 1, canvas.width)
    y0, y1 = max(round(top) + 3, 0), min(round(bottom) - 2, canvas.height)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    pane = (int(rng.integers(2, 5)), int(rng.integers(2, 3 + int(near * 2))))
    step = (pane[0] + int(rng.integers(1, 4)), pane[1] + int(rng.integers(2, 4)))
    rows, columns = (y1 - y0) // step[0] + 1, (x1 - x0) // step[1] + 1
    share = float(rng.uniform(0.12, 0.65))
    lit = (rng.random((rows, columns)) < share) * rng.uniform(0.45, 1.15, (rows, columns))
    y, x = np.arange(y1 - y0), np.arange(x1 - x0)
    pattern = ((y % step[0] < pane[0])[:, None] & (x % step[1] < pane[1])) * lit[(y // step[0])[:, None], x // step[1]]
    part = canvas.rgb[y0:y1, x0:x1]
    cover = (pattern * (0.45 + 0.5 * near))[..., None].astype(np.float32)
    part += (np.asarray(pick(rng, lights), np.float32) - part) * cover


def _street(canvas: Canvas, base: float, light: Colour) -> None:
    rng = canvas.rng
    canvas.shape(box(0, base - 8, canvas.width, canvas.height), BLACK, alpha=0.8)
    for x in rng.uniform(0, canvas.width, 16):
        tint = pick(rng, (light, (1.0, 0.25, 0.15), WHITE))
        canvas.glow(float(x), base - float(rng.uniform(2, 8)), float(rng.uniform(2, 5)), tint, 0.9)
