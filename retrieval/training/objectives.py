"""What a network is asked to be good at: each objective a small function of tensors, that any network can be given."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from semblance.retrieval.training.groups import Pixels


def reconstruction(rebuilt: Tensor, images: Tensor, pixels: Pixels = "real") -> Tensor:
    """The error of rebuilt against clean pictures, both (N, 3, S, S) in 0..1 -> a scalar, a mean over pixels.

    Real pixels: squared. Binary ones: the cross-entropy in nats, of what is rebuilt as a probability.
    """
    if pixels == "binary":
        return functional.binary_cross_entropy(rebuilt, images)
    return functional.mse_loss(rebuilt, images)


def agreement(views: Tensor, temperature: float) -> Tensor:
    """Two views of N pictures (2N, D), all first ones before all second: each is drawn to its other, away from all
    2N - 2 that show other pictures -> a scalar.

    The contrastive loss of Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (2020),
    over cosines, without the positive in the denominator: Yeh et al., "Decoupled Contrastive Learning" (2022), who show
    that this is what lets small batches do. Of codes in {-1, +1} the cosine is 1 - 2 * Hamming distance / D.
    """
    views = functional.normalize(views, dim=1)
    cosines = views @ views.T / temperature  # (2N, 2N)
    half = len(views) // 2
    itself = torch.eye(half, dtype=torch.bool, device=views.device).repeat(2, 2)
    away = cosines.masked_fill(itself, -torch.inf).logsumexp(dim=1)
    return (away - cosines.diagonal(half).repeat(2)).mean()


def nested_agreement(bits: Tensor, lengths: Sequence[int], temperature: float) -> Tensor:
    """The mean `agreement` of the first 28, 64, ... bits (2N, bits): each prefix is a code of its own -> a scalar.

    Kusupati et al., "Matryoshka Representation Learning" (2022).
    """
    return torch.stack([agreement(bits[:, :length], temperature) for length in lengths]).mean()


def imitation(views: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """Two views of N pictures (2N, D), all first ones before all second: each finds the second or first views of all N
    as near as a teacher's logits (N, T) find the pictures -> a scalar, the cross-entropy in nats.

    Over cosines; what is near is a softmax at this temperature. Fang et al., "SEED: Self-supervised Distillation for
    Visual Representation" (2021), with the batch in place of their queue.
    """
    views, taught = functional.normalize(views, dim=1), functional.normalize(taught, dim=1)
    half = len(taught)
    nearness = (taught @ taught.T / temperature).softmax(dim=1)  # (N, N): the picture itself first, then its like
    cosines = views[:half] @ views[half:].T / temperature
    return (functional.cross_entropy(cosines, nearness) + functional.cross_entropy(cosines.T, nearness)) / 2


def nested_imitation(views: Tensor, taught: Tensor, lengths: Sequence[int], temperature: float) -> Tensor:
    """The mean `imitation` by the first 28, 64, ... bits of the views (2N, bits), as `nested_agreement` -> a scalar."""
    return torch.stack([imitation(views[:, :length], taught, temperature) for length in lengths]).mean()


def sparse(units: Tensor, activity: float) -> Tensor:
    """Units (N, bits) in 0..1 -> the divergence in nats of each one's mean from being on for the share `activity`.

    The mean over units of KL(activity || mean) of two coins: Ng, "Sparse autoencoder" (CS294A lecture notes, 2011).
    """
    mean = units.mean(dim=0).clamp(1e-6, 1 - 1e-6)
    on, off = torch.tensor(activity), torch.tensor(1 - activity)
    apart: Tensor = on * (on.log() - mean.log()) + torch.special.xlogy(off, off) - off * (1 - mean).log()
    return apart.mean()


def magnitude(units: Tensor) -> Tensor:
    """Units (N, bits) -> the L1 norm of each over the pictures by its L2 norm, a mean in 0..1 (1: never zero).

    Hoyer, "Non-negative Matrix Factorization with Sparseness Constraints" (2004). The L1 norm alone is met by units
    that are small, and a decoder with batch normalisation makes them large again.
    """
    return (units.abs().mean(dim=0) / units.square().mean(dim=0).add(1e-12).sqrt()).mean()


def contractive_of_one_layer(units: Tensor, weights: Tensor) -> Tensor:
    """The squared Frobenius norm of the Jacobian of sigmoid units (N, bits) of one layer (bits, D), its mean over N.

    Rifai et al., "Contractive Auto-Encoders" (2011): the derivative of unit j by input i is u_j (1 - u_j) w_ji.
    """
    return ((units * (1 - units)).square() @ weights.square().sum(dim=1)).mean()


def contractive(units: Tensor, images: Tensor, generator: torch.Generator) -> Tensor:
    """The squared Frobenius norm of the Jacobian of units (N, bits) by the images (N, ...) they were computed from, its
    mean over N.

    An estimate by one draw: for v normal, the square of v^T J has that norm as its mean (Hutchinson, 1990). Where batch
    normalisation lets one image touch another's units, that is counted too: about 1/N of the whole.
    """
    chance = torch.empty_like(units).normal_(generator=generator)
    (along,) = torch.autograd.grad(units, images, chance, create_graph=True)
    return along.flatten(1).square().sum(dim=1).mean()


def divergence_from_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, both (N, bits), a mean over units and pictures.

    Kingma & Welling, "Auto-Encoding Variational Bayes" (2014), appendix B.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2


def divergence_from_coins(logits: Tensor) -> Tensor:
    """KL(coin of probability sigmoid(logit) || fair coin) in nats, logits (N, bits), a mean over units and pictures."""
    on = logits.sigmoid()
    entropy = functional.softplus(-logits) * on + functional.softplus(logits) * (1 - on)
    return (torch.tensor(2.0).log() - entropy).mean()


def adversarial(codes: Tensor, judge: nn.Module, generator: torch.Generator) -> Tensor:
    """A judge (N, bits) -> (N,) learns to tell codes from fair coin flips, and they to be taken for coins -> a scalar.

    Makhzani et al., "Adversarial Autoencoders" (2016), both in one step: the judge descends from what it gets wrong,
    the codes from the judge as it is, by how far it is from taking them for coins (Goodfellow et al., "Generative
    Adversarial Nets", 2014: of the two games the one whose gradient does not vanish when the judge is sure).
    """
    coins = torch.empty_like(codes).uniform_(-1, 1, generator=generator).sign()
    found_out, real = judge(codes.detach()), judge(coins)
    fixed = {name: weight.detach() for name, weight in judge.named_parameters()}
    taken = torch.func.functional_call(judge, fixed, (codes,))
    loss = functional.binary_cross_entropy_with_logits
    judged = (loss(found_out, torch.zeros_like(found_out)) + loss(real, torch.ones_like(real))) / 2
    return judged + loss(taken, torch.ones_like(taken))
