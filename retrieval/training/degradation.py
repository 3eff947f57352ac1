"""What a copy of a picture differs in after it has been about: sharpness, resolution, JPEG, noise, a caption.

Batched as augment.py is, and drawn anew for each picture, where it should get the same code all the same.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from semblance.retrieval.training.augment import RGB, YIQ, uniform

_BLOCK = 8
_MIDDLE = 128 / 255  # what JPEG takes for zero
_SMALLER = (4, 3, 2)
_HALF, _SHARP = 0.5, 0.1  # share of pictures that are blurred; a deviation in pixels that blurs nothing
_FINE, _COARSE = 95, 10  # JPEG qualities between which one is drawn
_THICKEST = 0.35  # of a side: a caption
_MARGIN = 0.2  # of its thickness: above its letters, and below

_BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16

# The luminance table of ITU-T T.81, annex K.1, which encoders scale by their quality.
_QUANTA = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float32,
)
_WAVES = torch.arange(_BLOCK)[:, None] * (2 * torch.arange(_BLOCK) + 1) * math.pi / (2 * _BLOCK)
_COSINES = _WAVES.cos() * torch.tensor([math.sqrt(0.5)] + [1.0] * (_BLOCK - 1))[:, None] / 2  # (8, 8), orthonormal


def sharpness(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) in 0..1, each somewhere between blurred (a binomial of 5 x 5 pixels) and as much sharpened.

    The amount is drawn evenly from -strength to strength; blurred wholly at -1.
    """
    side = images.shape[-1]
    near = (torch.arange(side)[:, None] + torch.arange(-2, 3)).clamp(0, side - 1)  # (S, 5): beyond, the edge again
    taps = torch.zeros(side, side).scatter_add_(1, near, _BINOMIAL.expand(side, 5)).to(images.device)
    blurred = taps @ images @ taps.T
    amount = uniform(len(images), -strength, strength, generator)[:, None, None, None]
    return (images + amount * (images - blurred)).clamp(0, 1)


def resolution(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A share of the pictures (N, 3, S, S) brought down to a quarter, a third or half of their side, and back."""
    chance = uniform(len(images), 0, 1, generator) / share  # below 1 for the share
    out = images.clone()
    for number, factor in enumerate(_SMALLER):
        rows = ((chance * len(_SMALLER)).floor() == number).nonzero().flatten()
        side = max(1, round(images.shape[-1] / factor))
        if len(rows):
            small = functional.interpolate(images[rows], size=side, mode="bilinear", antialias=True)
            out[rows] = functional.interpolate(small, size=images.shape[-1], mode="bilinear")
    return out


def blur(images: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Half of the pictures (N, 3, S, S) under a Gaussian blur, its deviation drawn evenly from 0 to `most` of S."""
    side = images.shape[-1]
    rows = (uniform(len(images), 0, 1, generator) < _HALF).nonzero().flatten()
    deviation = uniform(len(images), 0, most * side, generator)[rows].clamp(min=_SHARP)
    apart = torch.arange(side, device=images.device)[:, None] - torch.arange(side, device=images.device)
    taps = torch.softmax(-apart.square() / (2 * deviation.square())[:, None, None], dim=-1)[:, None]  # (n, 1, S, S)
    out = images.clone()
    out[rows] = taps @ images[rows] @ taps.transpose(-1, -2)
    return out


def jpeg(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A share of the pictures (N, 3, S, S) in 0..1 `through_jpeg`, at qualities from 10 to 95."""
    touched = uniform(len(images), 0, 1, generator) < share
    quality = uniform(len(images), _COARSE, _FINE, generator)
    out = images.clone()
    out[touched] = through_jpeg(images[touched], quality[touched])
    return out


def through_jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) in 0..1 -> what JPEG at these qualities (N,) leaves of their blocks.

    Blocks of 8 x 8, of luma and two colours, are rounded in the cosine transform to the quanta of ITU-T T.81, annex
    K.1, scaled as libjpeg does. Rows and columns beyond the last whole block stay as they were.
    """
    side = images.shape[-1] // _BLOCK * _BLOCK
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    quanta = (_QUANTA.to(images.device) * scale[:, None, None] + 0.5).floor().clamp(1, 255)
    quanta = quanta[:, None, None, :, None, :] / 255
    cosines, to_yiq, to_rgb = (each.to(images.device) for each in (_COSINES, YIQ, RGB))
    planes = torch.einsum("pc,nchw->nphw", to_yiq, images[..., :side, :side] - _MIDDLE)
    blocks = planes.unflatten(-1, (-1, _BLOCK)).unflatten(-3, (-1, _BLOCK))  # (N, 3, rows, 8, columns, 8)
    waves = torch.einsum("ui,ncaibj,vj->ncaubv", cosines, blocks, cosines)
    waves = (waves / quanta).round() * quanta
    planes = torch.einsum("ui,ncaubv,vj->ncaibj", cosines, waves, cosines).flatten(-2).flatten(-3, -2)
    out = images.clone()
    out[..., :side, :side] = (torch.einsum("cp,nphw->nchw", to_rgb, planes) + _MIDDLE).clamp(0, 1)
    return out


def grain(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Pictures (N, 3, S, S) plus noise, its standard deviation drawn evenly from 0 to `deviation` for each."""
    each = uniform(len(images), 0, deviation, generator)[:, None, None, None]
    return images + each * torch.empty_like(images).normal_(generator=generator)


def caption(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """A share of the pictures (N, 3, S, S) with a band, as a caption's, at their top or bottom.

    Up to 0.35 of the side thick, of one grey for each picture; half of the bands bear marks of another grey along their
    middle, drawn pixel by pixel, for what letters are at this size.
    """
    count, side = len(images), images.shape[-1]
    thick = uniform(count, 0, _THICKEST, generator) * (uniform(count, 0, 1, generator) < share)
    rows = ((torch.arange(side, device=images.device) + 0.5) / side).expand(count, side)
    rows = torch.where((uniform(count, 0, 1, generator) < 0.5)[:, None], rows, 1 - rows)  # from the top, or the bottom
    margin = _MARGIN * thick + (uniform(count, 0, 1, generator) < 0.5)  # no letters: no room for any
    line = (rows > margin[:, None]) & (rows < (thick - margin)[:, None])
    strokes = torch.rand(count, side, side, generator=generator, device=images.device) < 0.5
    paper, ink = (uniform(count, 0, 1, generator)[:, None, None] for _ in range(2))
    band = torch.where(line[..., None] & strokes, ink, paper)  # (N, S, S)
    return torch.where((rows < thick[:, None])[:, None, :, None], band[:, None], images)
