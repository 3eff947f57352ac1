"""Skies, water, hills and trees: the settings that many kinds of scene share.

They are shared on purpose. A balloon, a gull-white sail and a lighthouse may hang before the very same dusk, so that
colour alone cannot tell the kinds apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .canvas import Array, Canvas, Colour
from .paint import (
    BLACK,
    WHITE,
    chance,
    dabs,
    dim,
    evenly,
    mix,
    noise,
    palette,
    pick,
    ramp,
    smoothstep,
    vary,
    vertical,
    wander,
)

DAYS = (  # from the top of the sky to the horizon
    "2f6fb5 6fa8d8 c9e2ee",
    "3a86c8 86bde4 e6f1f0",
    "5b8fb9 a9c6d6 ece4d2",
    "1f5fae 4d94d6 a8d4ea",
    "7d9db5 b4c4cc dcdcd4",
)
DULL = ("7f8b94 a8b0b4 c8cac8", "5d6873 8b959c b9bdbb", "9aa5ad c3c8ca dedcd6")
DUSKS = (
    "2a3a6e 8a5a8c e88a5a ffc868",
    "1d2b53 6b3f7c d8567a ffa872",
    "3b4f7d a97f92 f0a878 ffe0a0",
    "402050 8a2f5c e0503c ffb040",
    "23466e 6f8fa4 f0c890 fff0b8",
    "5a1f2e b0402c f07828 ffd060",
    "2b2250 5a3d8f b06ab8 f4b8c8",
    "12303e 2f6a70 d89a60 ffd890",
)
NIGHTS = ("04060f 0a1228 1c2a4a", "070512 1a1236 3c2a5a", "03080c 0a1c28 1d3c46", "0a0a14 1c1c30 4a3448")


def sky(canvas: Canvas, tints: str, horizon: float) -> list[Colour]:
    """A clear sky down to the horizon; gives back its colours, top first, varied from the palette's."""
    colours = [vary(canvas.rng, colour, 0.05) for colour in palette(tints)]
    canvas.wash(vertical(evenly(colours), 0.0, horizon))
    return colours


def weather(canvas: Canvas, horizon: float, *, dusk: float = 0.25) -> tuple[list[Colour], bool]:
    """A sky by day, or with that chance at dusk, with clouds; gives back its colours and whether it is dusk."""
    rng = canvas.rng
    late = chance(rng, dusk)
    colours = sky(canvas, pick(rng, DUSKS if late else DAYS if chance(rng, 0.8) else DULL), horizon)
    if chance(rng, 0.75):
        lit = dim(colours[-1], 1.15) if late else WHITE
        clouds(canvas, horizon, lit, mix(colours[0], colours[-1], 0.5), float(rng.uniform(0.25, 0.75)))
    return colours, late


def clouds(canvas: Canvas, horizon: float, lit: Colour, shade: Colour, cover: float, flat: float = 2.5) -> None:
    """Clouds from noise, thinner and flatter toward the horizon, bright where they face up."""
    rng = canvas.rng
    rows = max(int(horizon), 8)
    cell = float(rng.uniform(50, 130))
    field = noise(rng, canvas.width, rows, (cell, cell / flat), 5, 0.55)
    density = smoothstep(1.0 - cover, 1.35 - cover * 0.6, field) * 0.92
    slope = np.clip(0.5 + 2.2 * (np.roll(field, -4, 0) - field), 0.0, 1.0)
    tone = ramp([(0.0, shade), (0.75, lit)], slope)
    canvas.rgb[:rows] += (tone - canvas.rgb[:rows]) * density[..., None]


def sun(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    canvas.glow(x, y, radius * 7, colour, 0.35)
    canvas.glow(x, y, radius * 2.4, colour, 0.6)
    canvas.ellipse(x, y, radius, radius, mix(colour, (1.2, 1.15, 1.05), 0.7), soft=0.8)


def stars(canvas: Canvas, horizon: float, count: int) -> None:
    rng = canvas.rng
    x = rng.integers(0, canvas.width, count)
    y = (rng.random(count) ** 1.2 * horizon).astype(np.intp)
    canvas.rgb[y, x] += (rng.random(count) ** 3)[:, None].astype(np.float32) * np.asarray((0.9, 0.93, 1.0), np.float32)


def moon(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.glow(x, y, radius * 5, (0.5, 0.6, 0.8), 0.3)
    canvas.ellipse(x, y, radius, radius, (0.95, 0.94, 0.86), bulge=radius * 0.4, depth=0.25)


def ground(line: Array, bottom: float, width: int) -> Array:
    """The outline below a line of heights that runs over the whole width."""
    x = np.linspace(-4, width + 4, len(line), dtype=np.float32)
    ends = np.array([(width + 4, bottom + 4), (-4, bottom + 4)], np.float32)
    return np.concatenate([np.stack([x, line], axis=1), ends]).astype(np.float32)


def hills(canvas: Canvas, base: float, height: float, far: Colour, near: Colour, layers: int) -> None:
    """Rows of hills, each nearer one lower, darker and rougher than the last."""
    rng = canvas.rng
    for i in range(layers):
        t = (i + 1) / layers
        line = base - height * (1 - 0.75 * t) * (0.6 + 0.4 * wander(rng, 90, 0.45, 5, int(rng.integers(2, 5))))
        tone = mix(far, near, t)
        paint = vertical([(0.0, tone), (1.0, mix(tone, far, 0.35))], base - height, base)
        canvas.shape(ground(line, base + 3, canvas.width), paint)


def sea(
    canvas: Canvas,
    horizon: float,
    far: Colour,
    near: Colour,
    *,
    glitter: tuple[float, Colour, float] | None = None,
    chop: float = 0.5,
) -> None:
    """Water from the horizon to the bottom edge, with waves in perspective; `glitter` is the light on it: x of its
    source, colour and how wide."""
    rng = canvas.rng
    top = int(horizon)
    rows = canvas.height - top
    if rows < 2:
        return
    t = (np.arange(rows, dtype=np.float32)[:, None] + 0.5) / rows
    field = noise(rng, canvas.width, 300, (70.0, 16.0), 4, 0.7)
    depth = (np.log(t + 0.04) - math.log(0.04)) / (math.log(1.04) - math.log(0.04))
    columns = ((canvas.x - canvas.width / 2) / (0.35 + 0.65 * t) + canvas.width / 2).astype(np.intp)
    columns = np.abs(columns)  # beyond an edge the waves turn back, so that no seam shows
    columns = canvas.width - 1 - np.abs(canvas.width - 1 - columns)
    waves: Array = field[(depth * 299).astype(np.intp), columns]
    body = ramp([(0.0, far), (1.0, near)], t**0.7)
    water = body * (1.0 + chop * (waves - 0.5) * (0.35 + t))[..., None]
    if glitter is not None:
        at, colour, wide = glitter
        reach = np.exp(-(((canvas.x - at) / (wide * (0.5 + 1.4 * t))) ** 2)).astype(np.float32)
        spark = smoothstep(0.45, 0.75, waves * 0.75 + 0.35 * reach) * reach * (1.0 - 0.35 * t)
        water += (np.asarray(colour, np.float32) - water) * np.clip(spark + 0.22 * reach, 0.0, 1.0)[..., None]
    canvas.rgb[top:] = water
    canvas.rgb[top : top + 1] += (canvas.rgb[max(top - 1, 0)] - canvas.rgb[top : top + 1]) * 0.5


def mirror(canvas: Canvas, shore: float, tint: Colour, strength: float, ripple: float) -> None:
    """Still water below the shore: what stands above it, upside down, rippled and tinted."""
    rng = canvas.rng
    top = int(shore)
    rows = canvas.height - top
    t = np.arange(rows, dtype=np.float32)[:, None] / max(rows, 1)
    field = noise(rng, canvas.width, rows, (60.0, 7.0), 3, 0.6) - 0.5
    y = (top - 1 - np.arange(rows)[:, None] * (top / max(rows, top)) + field * ripple * (4 + 26 * t)).astype(np.intp)
    seen = canvas.rgb[np.clip(y, 0, top - 1), np.arange(canvas.width)[None, :]]
    blend = (strength * (1.0 - 0.45 * t))[..., None]
    canvas.rgb[top:] = (np.asarray(tint, np.float32) * (1 - blend) + seen * blend) * (1 + 0.25 * field)[..., None]


def fir(x: float, foot: float, height: float, rng: np.random.Generator, slim: float = 0.24) -> Array:
    """The outline of a spruce: boughs that widen and droop toward the foot."""
    tiers = 5 + int(height > 40) * 3
    t = np.repeat(np.linspace(0.08, 1.0, tiers), 2)
    reach = t * height * slim * rng.uniform(0.8, 1.2, len(t))
    reach[1::2] *= 0.55
    level = foot - height * (1 - t)
    level[1::2] -= height * 0.02
    right = np.stack([x + reach, level], axis=1)
    left = np.stack([x - reach * rng.uniform(0.85, 1.15, len(t)), level], axis=1)[::-1]
    return np.concatenate([[(x, foot - height)], right, left]).astype(np.float32)


def foliage(
    canvas: Canvas, cx: float, cy: float, rx: float, ry: float, tones: Sequence[Colour], leaf: float, count: int
) -> None:
    """A crown of leaves: dabs in a few tones, dark below and light where the light falls."""
    rng = canvas.rng
    canvas.ellipse(cx, cy, rx * 0.85, ry * 0.85, tones[0], soft=leaf * 0.6, alpha=0.9)
    for i, tone in enumerate(tones):
        shift = (i / max(len(tones) - 1, 1) - 0.35) * 0.5
        angle, far = (rng.uniform(0, 2 * math.pi, count), np.sqrt(rng.random(count)) * (1.0 - 0.22 * i / len(tones)))
        x = cx + rx * (far * np.cos(angle) + shift * canvas.light[0] * 0.7)
        y = cy + ry * (far * np.sin(angle) + shift * canvas.light[1])
        canvas.shapes(dabs(rng, x, y, leaf), tone, alpha=0.92)


def gulls(canvas: Canvas, horizon: float, count: int) -> None:
    """Far birds, two strokes each."""
    rng = canvas.rng
    for _ in range(count):
        x, y, span = rng.uniform(20, canvas.width - 20), rng.uniform(10, horizon * 0.7), rng.uniform(4, 10)
        wings = [
            (x - span, y - span * 0.3),
            (x - span * 0.4, y - span * 0.45),
            (x, y),
            (x + span * 0.4, y - span * 0.45),
        ]
        canvas.stroke([*wings, (x + span, y - span * 0.3)], (1.0, 1.3), BLACK, alpha=0.7)
