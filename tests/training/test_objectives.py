"""Objectives, each against its formula written out."""

import math

import pytest
import torch

from retrieval.training.objectives import agreement, nested_agreement


def test_agreement_is_the_formula_of_its_papers() -> None:
    views = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    unit = [row / row.norm() for row in views]
    total = 0.0
    for i in range(6):
        partner = (i + 3) % 6
        others = sum(math.exp(float(unit[i] @ unit[k]) / 0.2) for k in range(6) if k not in (i, partner))
        total -= math.log(math.exp(float(unit[i] @ unit[partner]) / 0.2) / others)
    assert agreement(views, 0.2).item() == pytest.approx(total / 6, rel=1e-5)


def test_agreement_falls_where_views_of_a_picture_are_alike() -> None:
    codes = torch.where(torch.rand(32, 64, generator=torch.Generator().manual_seed(0)) > 0.5, 1.0, -1.0)
    alike, unlike = torch.cat([codes, codes]), torch.cat([codes, codes.roll(1, 0)])
    assert agreement(alike, 0.2) < agreement(unlike, 0.2) - 4  # a cosine of 1 instead of about 0, over 0.2


def test_each_length_counts_once() -> None:
    codes = torch.where(torch.rand(16, 40, generator=torch.Generator().manual_seed(0)) > 0.5, 1.0, -1.0)
    expected = (agreement(codes[:, :8], 0.3) + agreement(codes, 0.3)) / 2
    assert nested_agreement(codes, (8, 40), 0.3).item() == pytest.approx(expected.item())
