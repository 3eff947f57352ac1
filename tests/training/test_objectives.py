"""Objectives, each against its formula written out."""

import math

import numpy as np
import pytest
import torch
from torch import distributions, nn

from semblance.retrieval.training import objectives
from semblance.retrieval.training.bottleneck import sign_ste
from semblance.retrieval.training.objectives import agreement, nested_agreement


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


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_imitation_is_the_cross_entropy_of_two_softmaxes() -> None:
    views, taught = numbers(6, 5), numbers(3, 7, seed=1)
    unit, teacher = [row / row.norm() for row in views], [row / row.norm() for row in taught]
    total = 0.0
    for i in range(3):
        target = np.exp([float(teacher[i] @ each) / 0.1 for each in teacher])
        for asked, found in ((unit[i], unit[3:]), (unit[3 + i], unit[:3])):
            near = np.exp([float(asked @ each) / 0.1 for each in found])
            total -= float(target / target.sum() @ np.log(near / near.sum()))
    assert objectives.imitation(views, taught, 0.1).item() == pytest.approx(total / 6, rel=1e-4)


def test_imitation_draws_together_what_the_teacher_finds_alike() -> None:
    """Four pictures, two and two alike to the teacher: who finds them so too has less to learn than who finds all
    four apart, though its two views agree no better."""
    taught = torch.tensor([[1.0, 0.1, 0, 0], [1.0, -0.1, 0, 0], [0, 0, 1.0, 0.1], [0, 0, 1.0, -0.1]])
    apart = torch.eye(4).repeat(2, 1)
    assert objectives.imitation(taught.repeat(2, 1), taught, 0.1) < objectives.imitation(apart, taught, 0.1) - 1


def test_every_prefix_imitates() -> None:
    views, taught = numbers(6, 9), numbers(3, 7, seed=1)
    each = [objectives.imitation(views[:, :length], taught, 0.1).item() for length in (2, 5, 9)]
    assert objectives.nested_imitation(views, taught, (2, 5, 9), 0.1).item() == pytest.approx(sum(each) / 3, rel=1e-5)
    assert len({round(value, 4) for value in each}) == 3


def test_the_error_of_binary_pixels_is_cross_entropy() -> None:
    rebuilt, images = torch.tensor([[0.9, 0.2]]), torch.tensor([[1.0, 0.5]])
    expected = -(math.log(0.9) + 0.5 * math.log(0.2) + 0.5 * math.log(0.8)) / 2
    assert objectives.reconstruction(rebuilt, images, "binary").item() == pytest.approx(expected)
    assert objectives.reconstruction(rebuilt, images).item() == pytest.approx((0.01 + 0.09) / 2)


def test_sparse_is_zero_at_its_activity_and_the_divergence_of_two_coins_elsewhere() -> None:
    units = torch.tensor([[0.1, 0.6], [0.3, 0.8]])  # means 0.2 and 0.7
    assert objectives.sparse(torch.full((4, 3), 0.2), 0.2).item() == pytest.approx(0, abs=1e-6)
    expected = 0.2 * math.log(0.2 / 0.7) + 0.8 * math.log(0.8 / 0.3)
    assert objectives.sparse(units, 0.2).item() == pytest.approx(expected / 2, rel=1e-4)


def test_magnitude_is_the_mean_absolute_value() -> None:
    often, seldom = torch.ones(4, 1), torch.tensor([[0.0], [0.0], [0.0], [-7.0]])
    assert objectives.magnitude(often).item() == pytest.approx(1)
    assert objectives.magnitude(seldom).item() == pytest.approx(0.5)
    assert objectives.magnitude(torch.cat([often, seldom], dim=1)).item() == pytest.approx(0.75)
    assert objectives.magnitude(100 * seldom).item() == pytest.approx(0.5), "small units are no sparser than large ones"


def test_contraction_of_one_layer_and_its_estimate_agree_with_the_jacobian() -> None:
    layer = nn.Linear(7, 5)
    layer.weight.data, layer.bias.data = numbers(5, 7, seed=1), numbers(5, seed=2)
    images = numbers(3, 7, seed=3)

    def encode(images: torch.Tensor) -> torch.Tensor:
        units: torch.Tensor = layer(images).sigmoid()
        return units

    jacobians = [torch.autograd.functional.jacobian(encode, image) for image in images]
    expected = torch.stack([jacobian.square().sum() for jacobian in jacobians]).mean().item()
    exact = objectives.contractive_of_one_layer(encode(images), layer.weight).item()
    assert exact == pytest.approx(expected, rel=1e-4)
    generator = torch.Generator().manual_seed(0)
    images.requires_grad_()
    draws = torch.stack([objectives.contractive(encode(images), images, generator).detach() for _ in range(4000)])
    assert draws.mean().item() == pytest.approx(expected, rel=4 * float(draws.std()) / math.sqrt(4000) / expected)
    assert draws.mean().item() == pytest.approx(expected, rel=0.05)


def test_contraction_has_a_gradient() -> None:
    layer = nn.Linear(7, 5)
    images = numbers(3, 7).requires_grad_()
    loss = objectives.contractive(layer(images).sigmoid(), images, torch.Generator().manual_seed(0))
    loss.backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0


def test_divergences_are_those_of_torch() -> None:
    mean, log_variance = numbers(6, 4), numbers(6, 4, seed=1)
    normal = distributions.Normal(mean, (log_variance / 2).exp())
    expected = distributions.kl_divergence(normal, distributions.Normal(0.0, 1.0)).mean().item()
    assert objectives.divergence_from_normal(mean, log_variance).item() == pytest.approx(expected, rel=1e-5)
    coin, fair = distributions.Bernoulli(logits=mean), distributions.Bernoulli(0.5)
    expected = distributions.kl_divergence(coin, fair).mean().item()
    assert objectives.divergence_from_coins(mean).item() == pytest.approx(expected, rel=1e-5)


def test_the_judge_learns_to_tell_codes_from_coins_and_codes_learn_to_be_coins() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    shift = nn.Parameter(torch.full((6,), 1.5))  # codes that are nearly always on
    judge = nn.Sequential(nn.Linear(6, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam([{"params": judge.parameters(), "lr": 1e-2}, {"params": [shift], "lr": 1e-2}])
    for _ in range(400):
        codes = sign_ste(torch.randn(128, 6, generator=generator) + shift)
        loss = objectives.adversarial(codes, judge, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert shift.abs().max() < 0.5
    fixed = torch.ones(128, 6)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-2)
    for _ in range(200):
        loss = objectives.adversarial(fixed, judge, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() > 2, "codes that cannot move are found out"
    for step in range(600):
        fair = sign_ste(torch.randn(512, 6, generator=generator))
        loss = objectives.adversarial(fair, judge, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 - step / 600)
    assert loss.item() == pytest.approx(2 * math.log(2), abs=0.05), "codes that are fair coins cannot be told from them"
