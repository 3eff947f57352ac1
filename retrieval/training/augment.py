"""Views of a picture that should get the same code: drawn anew for each picture, a whole batch at once.

Everything runs on the device that holds the batch, from a generator that lives there too. A crop and a mirror image are
one warp; brightness, contrast, saturation, hue and grey are one 3 x 3 matrix and an offset: so a view costs two
operations, and a mask where it is turned or framed.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

# Luma and two chroma axes (YIQ, as in NTSC television): saturation scales the chroma plane, hue turns it.
YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
RGB = torch.linalg.inv(YIQ)

_STRETCH = 4 / 3  # the widest shape of a crop, and its inverse the tallest
_JITTERED = 0.8  # share of pictures whose colours are changed
_THICKEST = 0.25  # of a view's side: its frame
_HUE = 0.25  # the largest turn of the hue at strength 1, as a share of the circle


def random_crops(
    images: Tensor,
    size: int,
    least_area: float,
    generator: torch.Generator,
    turn: float = 0.0,
    framed: float = 0.0,
) -> Tensor:
    """Pictures (N, 3, S, S) -> a crop of each, half of them mirrored, brought to (N, 3, size, size), bilinear.

    A crop covers a share of the area drawn evenly from least_area to 1 (Szegedy et al., "Going Deeper with
    Convolutions", 2015; for views, Chen et al., "A Simple Framework for Contrastive Learning", 2020). It is turned by
    up to `turn` degrees either way about its middle, and a share `framed` of all lies within a frame of up to a quarter
    of the view on each side; frames, and what a turn brings in from outside the picture, are of one grey a view.
    """
    count = len(images)
    area = uniform(count, least_area, 1, generator)
    stretch = uniform(count, -math.log(_STRETCH), math.log(_STRETCH), generator).exp()
    width, height = (area * stretch).sqrt().clamp(max=1), (area / stretch).sqrt().clamp(max=1)
    mirrored = torch.where(uniform(count, 0, 1, generator) < 0.5, -1.0, 1.0)
    across = uniform(count, -1, 1, generator) * (1 - width)
    down = uniform(count, -1, 1, generator) * (1 - height)
    angle = uniform(count, -math.radians(turn), math.radians(turn), generator) if turn else torch.zeros_like(area)
    inner = torch.ones_like(area)  # share of the view's side that the crop takes
    if framed:
        inner -= 2 * uniform(count, 0, _THICKEST, generator) * (uniform(count, 0, 1, generator) < framed)
    warp = torch.zeros(count, 2, 3, device=images.device)
    warp[:, 0, 0], warp[:, 0, 1] = width / inner * mirrored * angle.cos(), -height / inner * angle.sin()
    warp[:, 1, 0], warp[:, 1, 1] = width / inner * mirrored * angle.sin(), height / inner * angle.cos()
    warp[:, 0, 2], warp[:, 1, 2] = across, down
    grid = functional.affine_grid(warp, [count, 3, size, size], align_corners=False)
    views = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if not turn and not framed:
        return views
    places = ((torch.arange(size, device=images.device) + 0.5) / size * 2 - 1).abs()
    within = places < inner[:, None]  # (N, size)
    seen = within[:, :, None] & within[:, None, :] & (grid.abs() <= 1).all(dim=-1)
    return torch.where(seen[:, None], views, uniform(count, 0, 1, generator)[:, None, None, None])


def random_colours(
    images: Tensor, strength: float, grey: float, generator: torch.Generator, tint: float = 0.0
) -> Tensor:
    """Pictures (N, 3, S, S) in 0..1 with four fifths of them changed in brightness, contrast, saturation and hue.

    Factors are drawn evenly from 1 - strength to 1 + strength; a share `grey` of all loses its colours. `tint` is the
    colour of the light: each channel is taken times a factor from 1 - tint to 1 + tint.
    """
    count = len(images)
    changed = (uniform(count, 0, 1, generator) < _JITTERED) * strength
    brightness, contrast, saturation = (1 + changed * uniform(count, -1, 1, generator) for _ in range(3))
    hue = changed * uniform(count, -1, 1, generator) * _HUE * 2 * math.pi
    saturation = torch.where(uniform(count, 0, 1, generator) < grey, 0.0, saturation)
    turn = torch.zeros(count, 3, 3, device=images.device)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = saturation * hue.cos()
    turn[:, 2, 1] = saturation * hue.sin()
    turn[:, 1, 2] = -turn[:, 2, 1]
    to_yiq, to_rgb = YIQ.to(images.device), RGB.to(images.device)
    matrix = to_rgb @ turn @ to_yiq * (brightness * contrast)[:, None, None]
    mean = images.mean((2, 3))
    if tint:  # before all else: it is the light that the picture was taken in
        light = 1 + tint * uniform(3 * count, -1, 1, generator).view(count, 3)
        matrix, mean = matrix * light[:, None], mean * light
    luma = mean @ to_yiq[0] * brightness  # contrast is scaled about each picture's mean luma
    offset = (1 - contrast) * luma
    coloured = torch.baddbmm(offset[:, None, None], matrix, images.flatten(2))
    return coloured.clamp(0, 1).view_as(images)


def uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """(N,) numbers drawn evenly from low to high, on the generator's device."""
    return low + (high - low) * torch.rand(count, generator=generator, device=generator.device)
