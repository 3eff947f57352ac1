"""Colour, gradients and noise: what makes a drawn scene look like a photographed one.

Everything here is a pure function of its arguments and of the generator handed in, so that a scene is the same
whatever was drawn before it.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageFilter

from .canvas import Array, Canvas, Colour, Paint

T = TypeVar("T")
_TABLE = np.linspace(0.0, 1.0, 256)
Stops = Sequence[tuple[float, Colour]]  # positions in 0..1, ascending, each with its colour
BLACK: Colour = (0.03, 0.03, 0.04)
WHITE: Colour = (0.97, 0.97, 0.96)


def hexed(code: str) -> Colour:
    red, green, blue = bytes.fromhex(code)
    return red / 255.0, green / 255.0, blue / 255.0


def palette(codes: str) -> list[Colour]:
    """Colours written one after another, as in "ff8800 203040"."""
    return [hexed(code) for code in codes.split()]


def hsv(hue: float, saturation: float, value: float) -> Colour:
    return colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))


def mix(a: Colour, b: Colour, t: float) -> Colour:
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t


def dim(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter (and then paler) above it."""
    return mix((0.0, 0.0, 0.0), colour, factor) if factor <= 1 else mix(colour, WHITE, min(factor - 1.0, 1.0))


def vary(rng: np.random.Generator, colour: Colour, amount: float = 0.06) -> Colour:
    """The same colour to the eye, not to the byte: hue, saturation and value each moved a little."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(min(max(c, 0.0), 1.0) for c in colour))
    a, b, c = rng.uniform(-amount, amount, 3)
    return hsv(hue + a * 0.4, saturation * (1 + 1.5 * b), value * (1 + 1.5 * c))


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def evenly(colours: Sequence[Colour]) -> list[tuple[float, Colour]]:
    return [(i / max(len(colours) - 1, 1), colour) for i, colour in enumerate(colours)]


def ramp(stops: Stops, t: ArrayLike) -> Array:
    """Colours at positions t: (...) -> (..., 3), read from a table, since one gather is cheaper than three interps."""
    where = [position for position, _ in stops]
    table = np.stack([np.interp(_TABLE, where, [c[i] for _, c in stops]) for i in range(3)], axis=1)
    index = (np.asarray(t, np.float32) * (len(_TABLE) - 1)).astype(np.intp)
    return np.take(table.astype(np.float32), index, axis=0, mode="clip")


def vertical(stops: Stops, top: float, bottom: float) -> Paint:
    return lambda _x, y: ramp(stops, (y - top) / max(bottom - top, 1e-6))


def across(stops: Stops, start: tuple[float, float], end: tuple[float, float]) -> Paint:
    """A gradient along the line from start to end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    span = max(dx * dx + dy * dy, 1e-6)
    return lambda x, y: ramp(stops, ((x - start[0]) * dx + (y - start[1]) * dy) / span)


def dabs(
    rng: np.random.Generator, x: ArrayLike, y: ArrayLike, size: float, squat: float = 0.65, corners: int = 7
) -> list[Array]:
    """Many small ovals at once, turned and sized at random: leaves, petals, flakes, pebbles."""
    n = np.size(x)
    angle = np.linspace(0.0, 2.0 * math.pi, corners, endpoint=False)[None, :]
    big, turn = size * rng.uniform(0.6, 1.3, (n, 1)), rng.uniform(0.0, 3.1, (n, 1))
    u, v = big * np.cos(angle), squat * big * np.sin(angle)
    px = np.reshape(x, (n, 1)) + u * np.cos(turn) - v * np.sin(turn)
    py = np.reshape(y, (n, 1)) + u * np.sin(turn) + v * np.cos(turn)
    return list(np.stack([px, py], axis=2).astype(np.float32))


def radial(stops: Stops, cx: float, cy: float, radius: float) -> Paint:
    return lambda x, y: ramp(stops, np.hypot(x - cx, y - cy) / max(radius, 1e-6))


def textured(paint: Paint, field: Array, amount: float) -> Paint:
    """A paint made lighter and darker by a noise field (height, width) of mean about 0.5."""

    def shaded(x: Array, y: Array) -> Array:
        rows, columns = y.astype(np.intp) % field.shape[0], x.astype(np.intp) % field.shape[1]
        tone = paint(x, y) if callable(paint) else np.asarray(paint, np.float32)
        return np.asarray(tone * (1.0 + amount * (field[rows, columns] - 0.5))[..., None], np.float32)

    return shaded


def noise(
    rng: np.random.Generator, width: int, height: int, cell: tuple[float, float], octaves: int = 4, gain: float = 0.55
) -> Array:
    """Fractal noise (height, width) in 0..1. `cell` is the size in pixels of its largest features, across and down.

    Each octave is added to the one before at its own coarse grid, so that the cost is that of the finest alone.
    """
    weight, total = 1.0, 0.0
    field = np.zeros((1, 1), np.float32)
    for octave in range(octaves):
        columns = min(math.ceil(width / cell[0] * 2**octave) + 1, width)
        rows = min(math.ceil(height / cell[1] * 2**octave) + 1, height)
        field = resized(field, columns, rows) + weight * rng.random((rows, columns), np.float32)
        total += weight
        weight *= gain
    field = resized(field, width, height) / total
    low, high = np.percentile(field[::6, ::6], (1, 99))
    return np.asarray(np.clip((field - low) / max(high - low, 1e-6), 0.0, 1.0), np.float32)


def resized(field: Array, width: int, height: int) -> Array:
    picture = Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, np.float32)


def smoothstep(low: float, high: float, value: Array) -> Array:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def wander(rng: np.random.Generator, n: int, rough: float = 0.5, octaves: int = 6, first: int = 3) -> Array:
    """A fractal line of n heights in about -1..1: ridges, dunes, tree tops."""
    where = np.linspace(0.0, 1.0, n)
    line, weight = np.zeros(n), 1.0
    for octave in range(octaves):
        knots = first * 2**octave + 1
        line += weight * np.interp(where, np.linspace(0, 1, knots), rng.uniform(-1, 1, knots))
        weight *= rough
    return np.asarray(line / np.abs(line).max(), np.float32)


MEADOWS = (  # what lies out of focus behind a thing seen from near
    "3f6a2c 5f8f3c 86b050 2a4a20",
    "1c2c18 2a4424 40602c 101c10",
    "8fb8d8 b8d4e4 7fa860 e0e8d8",
    "b86a8a d8a0b0 8a4a6a e8c8c8",
    "c89a40 e0c070 8a6a2a 6a7a30",
    "2a2024 1a1418 4a2a3a 30303c",
    "c8c8b8 e8e4d8 a8b898 d8d0c0",
    "4a6a8a 2a4a6a 6a8aa8 3a5a4a",
)


def bokeh(canvas: Canvas, colours: Sequence[Colour], lights: int = 14) -> None:
    """A background far out of focus: large patches of colour and a few round lights."""
    rng = canvas.rng
    coarse = np.asarray([[vary(rng, pick(rng, colours), 0.1) for _ in range(7)] for _ in range(5)], np.float32)
    planes = [resized(np.ascontiguousarray(coarse[..., i]), canvas.width, canvas.height) for i in range(3)]
    canvas.wash(lambda _x, _y: np.stack(planes, axis=-1))
    for _ in range(lights):
        at, radius = rng.random(2) * (canvas.width, canvas.height), float(rng.uniform(5, 22))
        glow = dim(pick(rng, colours), float(rng.uniform(1.1, 1.6)))
        canvas.ellipse(at[0], at[1], radius, radius, glow, soft=2.0, alpha=float(rng.uniform(0.06, 0.3)))


def develop(canvas: Canvas) -> Image.Image:
    """From light to a photograph: exposure, cast, contrast, vignette, a lens's softness, grain, and which way round."""
    rng = canvas.rng
    warmth, exposure = float(rng.normal(0.0, 0.035)), float(rng.uniform(0.88, 1.12))
    cast = np.array([1.0 + warmth, 1.0 + float(rng.normal(0, 0.01)), 1.0 - warmth]) * exposure
    vivid, contrast = float(rng.uniform(-0.22, 0.15)), float(rng.uniform(-0.08, 0.16))
    across_, down = canvas.x / canvas.width - 0.5, canvas.y / canvas.height - 0.5
    fall = 255.0 * (1.0 - float(rng.uniform(0.1, 0.6)) * (across_**2 + down**2))  # (height, width)
    grain = (rng.random(fall.shape, np.float32) - 0.5) * (255.0 * float(rng.uniform(0.02, 0.07)))
    # light + vivid * (light - grey), then + contrast * (light - 0.5), then fall-off and grain: written as one gain a
    # channel and one field for all three, because whole-picture passes are what a scene's time goes into.
    weights = (cast * (0.3, 0.59, 0.11) * vivid * (1.0 + contrast)).astype(np.float32)
    grey = canvas.rgb[..., 0] * weights[0] + canvas.rgb[..., 1] * weights[1] + canvas.rgb[..., 2] * weights[2]
    light = canvas.rgb * (cast * (1.0 + vivid) * (1.0 + contrast)).astype(np.float32)
    light *= fall[..., None]
    light += (grain - (grey + 0.5 * contrast) * fall)[..., None]
    np.clip(light, 0.0, 255.0, out=light)
    picture = Image.fromarray(light.astype(np.uint8))
    if chance(rng, 0.3):
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 0.6))))
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if chance(rng, 0.5) else picture
