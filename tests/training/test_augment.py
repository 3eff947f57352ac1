"""Views: what a crop and a change of colour do to a picture, and that chance comes from the generator alone."""

import torch
from torch import Tensor

from semblance.retrieval.training.augment import random_colours, random_crops


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(count: int) -> Tensor:
    """Pictures (N, 3, 32, 32) whose red grows from left to right and whose green grows from top to bottom."""
    across = ((torch.arange(32) + 0.5) / 32).expand(32, 32)
    return torch.stack([across, across.T, torch.zeros(32, 32)]).expand(count, 3, 32, 32)


def test_a_crop_is_a_part_of_the_picture_and_half_are_mirrored() -> None:
    crops = random_crops(ramps(2000), 24, 0.2, chance())
    assert crops.shape == (2000, 3, 24, 24)
    assert crops.min() >= 0
    assert crops.max() <= 1
    across = crops[:, 0, 12, -1] - crops[:, 0, 12, 0]
    down = crops[:, 1, -1, 12] - crops[:, 1, 0, 12]
    assert 0.45 < (across < 0).float().mean() < 0.55  # mirrored left to right
    assert (down > 0).all()  # never upside down
    area = across.abs() * down * (24 / 23) ** 2  # of the picture, from how far its ramps go
    assert 0.17 < area.min() < 0.25
    assert 0.5 < area.mean() < 0.65
    assert area.max() > 0.9
    assert torch.allclose(crops[:, 0, 0], crops[:, 0, -1], atol=1e-5)  # upright: a column has one place


def test_colours_change_in_four_of_five_and_never_leave_the_range() -> None:
    pictures = torch.rand(2000, 3, 8, 8, generator=chance())
    views = random_colours(pictures, 0.4, 0.0, chance())
    moved = (views - pictures).abs().amax((1, 2, 3)) > 1e-3
    assert 0.77 < moved.float().mean() < 0.83
    assert torch.allclose(views[~moved], pictures[~moved], atol=1e-4)
    assert views.min() >= 0
    assert views.max() <= 1


def test_grey_pictures_are_grey_and_as_bright_as_they_were() -> None:
    pictures = torch.rand(500, 3, 8, 8, generator=chance())
    views = random_colours(pictures, 0.0, 0.5, chance())
    grey = (views.amax(1) - views.amin(1)).amax((1, 2)) < 1e-3
    assert 0.42 < grey.float().mean() < 0.58
    luma = torch.tensor([0.299, 0.587, 0.114])
    assert torch.allclose(views[grey][:, 0], torch.einsum("c,nchw->nhw", luma, pictures[grey]), atol=1e-3)


def test_brightness_and_contrast_act_on_a_flat_picture_as_they_should() -> None:
    """A flat grey picture has no contrast, saturation or hue: only its brightness moves, by the strength at most."""
    flat = torch.full((2000, 3, 4, 4), 0.5)
    views = random_colours(flat, 0.4, 0.1, chance())
    assert torch.allclose(views.amax((1, 2, 3)), views.amin((1, 2, 3)), atol=1e-3)
    assert 0.29 < views.min() < 0.33
    assert 0.67 < views.max() < 0.71


def test_the_generator_decides() -> None:
    pictures = torch.rand(8, 3, 32, 32, generator=chance())
    torch.manual_seed(1)
    first = random_colours(random_crops(pictures, 24, 0.2, chance(5)), 0.4, 0.1, chance(6))
    torch.manual_seed(2)
    assert torch.equal(first, random_colours(random_crops(pictures, 24, 0.2, chance(5)), 0.4, 0.1, chance(6)))
    assert not torch.equal(first, random_colours(random_crops(pictures, 24, 0.2, chance(7)), 0.4, 0.1, chance(6)))


def test_a_turned_crop_leans_by_no_more_than_it_may() -> None:
    """Of ramps: what grows from left to right grows a little downwards too, by the tangent of the angle."""
    crops = random_crops(ramps(2000), 24, 0.9, chance(), turn=10)
    across, down = (crops[:, 0, 12, 14] - crops[:, 0, 12, 9]), (crops[:, 0, 14, 12] - crops[:, 0, 9, 12])
    lean = torch.rad2deg(torch.atan2(down, across.abs()))
    red = torch.stack([across, down])  # how red grows over five pixels, to the right and downwards
    green = torch.stack([crops[:, 1, 12, 14] - crops[:, 1, 12, 9], crops[:, 1, 14, 12] - crops[:, 1, 9, 12]])
    straight = (red * green).sum(dim=0) / red.norm(dim=0) / green.norm(dim=0)
    assert straight.abs().max() < 0.15  # turned, not sheared; crops are stretched a little
    assert (crops[:, 2] > 0).any()  # what lies outside is grey
    assert 8 < lean.max() < 12.5  # crops are stretched by up to 4 / 3
    assert -12.5 < lean.min() < -8
    assert lean.abs().mean() > 3


def test_a_share_of_views_lies_within_a_plain_frame_that_hides_nothing_of_the_crop() -> None:
    """Of ramps: blue is zero wherever there is picture, and a framed ramp is as long as one that is not."""
    crops = random_crops(ramps(2000), 24, 0.999, chance(), framed=0.5)
    corner = crops[:, 2, 0, 0]
    framed = corner > 0
    assert 0.35 < framed.float().mean() < 0.5  # the thinnest are no pixel wide
    picture = (crops[:, 2] == 0) & framed[:, None, None]
    sides = picture.any(dim=1).sum(dim=1)[framed]
    assert 11 < sides.min() < 15  # a quarter on each side leaves half of 24 pixels
    assert (crops[:, 2].flatten(1).max(dim=1).values[framed] == corner[framed]).all()  # one grey
    for view, where in zip(crops[framed][:50], picture[framed][:50], strict=True):
        ramp = view[0][where]
        assert ramp.max() - ramp.min() > 0.75  # from end to end: crops are stretched by up to 4 / 3


def test_tinted_light_colours_what_was_grey_and_leaves_grey_pictures_grey() -> None:
    flat = torch.full((2000, 3, 4, 4), 0.5)
    grey = random_colours(flat, 0.4, 0.999, chance(), tint=0.2)
    assert (grey.amax(1) - grey.amin(1)).amax((1, 2)).gt(1e-3).float().mean() < 0.01
    views = random_colours(flat, 0.0, 0.0, chance(), tint=0.2)
    assert 0.39 < views.min() < 0.41
    assert 0.59 < views.max() < 0.61
    channels = views.mean((2, 3)).T
    assert abs(torch.corrcoef(channels)[0, 1].item()) < 0.1
