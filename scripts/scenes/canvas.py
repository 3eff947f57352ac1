"""The canvas that every scene is drawn on: light, not pixels.

A scene is a float32 picture in 0..1 at its final size, because gradients, glows and haze need no supersampling and
floats do not band. Only outlines need it: each shape's mask is drawn by Pillow at three times the size inside the
shape's own bounding box, reduced, and blended. A shape so costs its area, and a whole scene some 20 ms.

Coordinates are pixels of the finished picture, x to the right and y down; `Frame` carries a thing drawn in its own
unit coordinates (a cat, a car) to any place, size, tilt and facing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float32]
Colour = tuple[float, float, float]
Paint = (
    Colour | Callable[[Array, Array], Array]
)  # a colour, or (x (1, w), y (h, 1)) -> rgb that broadcasts to (h, w, 3)

OVERSAMPLE = 3


def _circle(corners: int) -> Array:
    angle = np.linspace(0.0, 2.0 * math.pi, corners, endpoint=False, dtype=np.float32)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


_COARSE, _FINE = _circle(14), _circle(44)


@dataclass(frozen=True)
class Frame:
    """Where a thing stands: unit coordinates -> pixels. `turn` is clockwise in radians, `facing` -1 mirrors."""

    cx: float
    cy: float
    size: float
    turn: float = 0.0
    facing: float = 1.0

    def __call__(self, points: ArrayLike) -> Array:
        local = np.asarray(points, np.float32).reshape(-1, 2)
        cos, sin = self.size * math.cos(self.turn), self.size * math.sin(self.turn)
        x, y = local[:, 0] * self.facing, local[:, 1]
        return np.stack([self.cx + cos * x - sin * y, self.cy + sin * x + cos * y], axis=1)

    def at(self, x: float, y: float) -> tuple[float, float]:
        px, py = self([(x, y)])[0]
        return float(px), float(py)


class Canvas:
    """A picture in progress: `rgb` float32 (height, width, 3) in 0..1; `light` points from things to their light."""

    def __init__(self, rng: np.random.Generator, width: int = 384, height: int = 288) -> None:
        self.rng = rng
        self.width, self.height = width, height
        self.rgb: Array = np.zeros((height, width, 3), np.float32)
        self.x: Array = (np.arange(width, dtype=np.float32) + 0.5)[None, :]
        self.y: Array = (np.arange(height, dtype=np.float32) + 0.5)[:, None]
        self.light = (float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.45, 0.8)), -0.7)

    def wash(self, paint: Paint, mask: Array | float = 1.0) -> None:
        """Paint the whole canvas through a mask (height, width), or through an even transparency."""
        tone = _tone(paint, self.x, self.y)
        if isinstance(mask, float) and mask >= 1.0:
            self.rgb[:] = tone
        else:
            cover = mask[..., None] if isinstance(mask, np.ndarray) else mask
            self.rgb += (tone - self.rgb) * cover

    def shape(
        self,
        outline: ArrayLike,
        paint: Paint,
        *,
        soft: float = 0.0,
        alpha: float = 1.0,
        bulge: float = 0.0,
        depth: float = 0.8,
    ) -> None:
        """Fill one outline (n, 2); see `shapes`."""
        self.shapes([np.asarray(outline, np.float32)], paint, soft=soft, alpha=alpha, bulge=bulge, depth=depth)

    def shapes(
        self,
        outlines: Sequence[Array],
        paint: Paint,
        *,
        soft: float = 0.0,
        alpha: float = 1.0,
        bulge: float = 0.0,
        depth: float = 0.8,
    ) -> None:
        """Fill outlines with one paint. `soft` blurs the edge by so many pixels; `bulge` rounds the surface, that many
        pixels deep, lit from `light`, with shadows as strong as `depth`."""
        cut = self._cut(outlines, soft, bulge)
        if cut is None:
            return
        rows, columns, mask, relief = cut
        tone = _tone(paint, self.x[:, columns], self.y[rows])
        if relief is not None:
            r = relief * depth
            tone = tone * (1.0 + np.minimum(r, 0.0)) + (1.0 - tone) * np.maximum(r, 0.0) * 0.45
        part = self.rgb[rows, columns]
        part += (tone - part) * (mask * alpha)

    def shade(self, outline: ArrayLike, factor: Paint, *, soft: float = 0.0) -> None:
        """Multiply what is drawn inside an outline: one light over a thing of many colours."""
        cut = self._cut([np.asarray(outline, np.float32)], soft, 0.0)
        if cut is not None:
            rows, columns, mask, _ = cut
            part = self.rgb[rows, columns]
            part *= 1.0 + (_tone(factor, self.x[:, columns], self.y[rows]) - 1.0) * mask

    def _cut(
        self, outlines: Sequence[Array], soft: float, bulge: float
    ) -> tuple[slice, slice, Array, Array | None] | None:
        """Where outlines lie on the canvas: rows, columns, mask (h, w, 1) in 0..1, and relief (h, w, 1) if rounded."""
        if not outlines:
            return None
        every = np.concatenate(outlines)
        margin = math.ceil(2.5 * soft + 2.0 * bulge) + 1
        left, top = (max(math.floor(v) - margin, -margin) for v in every.min(axis=0))
        right = min(math.ceil(every[:, 0].max()) + margin, self.width + margin)
        bottom = min(math.ceil(every[:, 1].max()) + margin, self.height + margin)
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, self.width), min(bottom, self.height)
        if x1 <= x0 or y1 <= y0:
            return None
        sheet = _sheet(outlines, left, top, right - left, bottom - top)
        if soft > 0:
            sheet = sheet.filter(ImageFilter.GaussianBlur(soft))
        crop = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        mask = np.asarray(sheet, np.float32)[crop][..., None] / np.float32(255.0)
        relief = _relief(sheet, bulge, self.light)[crop][..., None] if bulge > 0 else None
        return slice(y0, y1), slice(x0, x1), mask, relief

    def ellipse(
        self,
        cx: float,
        cy: float,
        rx: float,
        ry: float,
        paint: Paint,
        *,
        turn: float = 0.0,
        soft: float = 0.0,
        alpha: float = 1.0,
        bulge: float = 0.0,
        depth: float = 0.8,
    ) -> None:
        self.shape(oval(cx, cy, rx, ry, turn), paint, soft=soft, alpha=alpha, bulge=bulge, depth=depth)

    def stroke(
        self,
        points: ArrayLike,
        widths: tuple[float, float],
        paint: Paint,
        *,
        soft: float = 0.0,
        alpha: float = 1.0,
        bulge: float = 0.0,
    ) -> None:
        """A line that goes from one width to the other, in pixels."""
        self.shape(ribbon(points, *widths), paint, soft=soft, alpha=alpha, bulge=bulge)

    def glow(self, cx: float, cy: float, radius: float, colour: Colour, strength: float = 1.0) -> None:
        """Add light that falls off around a point, as a lamp or the sun does in haze."""
        reach = 2.6 * radius
        x0, x1 = max(int(cx - reach), 0), min(int(cx + reach) + 1, self.width)
        y0, y1 = max(int(cy - reach), 0), min(int(cy + reach) + 1, self.height)
        if x1 <= x0 or y1 <= y0:
            return
        along = np.exp(-(((self.x[:, x0:x1] - cx) / radius) ** 2) * 1.2)
        down = np.exp(-(((self.y[y0:y1] - cy) / radius) ** 2) * 1.2)
        part = self.rgb[y0:y1, x0:x1]
        part += (along * down * strength)[..., None] * np.asarray(colour, np.float32) * np.maximum(1.15 - part, 0.0)

    def blur(self, radius: float) -> None:
        """Put all that is drawn so far out of focus."""
        picture = Image.fromarray((np.clip(self.rgb, 0.0, 1.0) * 255.0).astype(np.uint8))
        self.rgb = np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / np.float32(255.0)


def oval(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0) -> Array:
    return Frame(cx, cy, 1.0, turn)(scaled(_COARSE if max(rx, ry) < 6 else _FINE, rx, ry))


def box(left: float, top: float, right: float, bottom: float) -> Array:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def curve(points: ArrayLike, closed: bool = True, steps: int = 8) -> Array:
    """A Catmull-Rom curve through the points: from a few corners to a living outline."""
    p = np.asarray(points, np.float32).reshape(-1, 2)
    ring = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False, dtype=np.float32)[None, :, None]
    a, b, c, d = (ring[i : len(ring) - 3 + i, np.newaxis] for i in range(4))
    smooth = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    line = smooth.reshape(-1, 2)
    return line if closed else np.concatenate([line, p[-1:]])


def path(corners: str) -> Array:
    """Corners written as in an SVG polygon, "x,y x,y ...": (n, 2)."""
    return np.array([corner.split(",") for corner in corners.split()], np.float32)


def ribbon(points: ArrayLike, start: float, end: float) -> Array:
    """The outline of a line (n, 2) that tapers from one width to another."""
    p = np.asarray(points, np.float32).reshape(-1, 2)
    along = np.asarray(np.gradient(p, axis=0), np.float32)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    half = np.linspace(start / 2, end / 2, len(p), dtype=np.float32)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * half
    return np.concatenate([p + across, (p - across)[::-1]])


def moved(outline: Array, dx: float, dy: float) -> Array:
    return outline + np.array((dx, dy), np.float32)


def scaled(outline: Array, x: float, y: float) -> Array:
    return outline * np.array((x, y), np.float32)


def _tone(paint: Paint, x: Array, y: Array) -> Array:
    return paint(x, y) if callable(paint) else np.asarray(paint, np.float32)


def _sheet(outlines: Sequence[Array], left: int, top: int, width: int, height: int) -> Image.Image:
    sheet = Image.new("L", (width * OVERSAMPLE, height * OVERSAMPLE))
    pen = ImageDraw.Draw(sheet)
    for outline in outlines:
        corners = ((outline - (left, top)) * OVERSAMPLE).ravel().tolist()
        pen.polygon(corners, fill=255)
    return sheet.reduce(OVERSAMPLE)


def _relief(sheet: Image.Image, bulge: float, light: tuple[float, float]) -> Array:
    """Light minus shadow on a rounded surface, about -1..1: the slope of the blurred mask against the light. A deep
    bulge is smooth, so half the resolution serves it."""
    if bulge >= 6.0 and min(sheet.size) >= 8:
        half = _relief(sheet.reduce(2), bulge / 2.0, light)
        return np.asarray(Image.fromarray(half).resize(sheet.size, Image.Resampling.BILINEAR), np.float32)
    height = np.asarray(sheet.filter(ImageFilter.GaussianBlur(bulge)), np.float32) / np.float32(255.0)
    dx, dy = (round(v * bulge) or int(math.copysign(1, v)) for v in light)
    away, toward = np.roll(height, (dy, dx), (0, 1)), np.roll(height, (-dy, -dx), (0, 1))
    return np.asarray(away - toward, np.float32)
