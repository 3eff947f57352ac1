"""How features become a code: four kinds of latent, each with the road that a gradient takes back through it.

A bit is `logit > 0`. Its derivative is zero almost everywhere, so training needs a stand-in: the straight-through
estimator of Bengio, Léonard & Courville (2013) rounds on the way forward and passes the gradient as if it had not.

Every kind maps features (N, F) to logits (N, bits), which is what encoder.onnx gives; `latents` says what of them a
decoder is given, `drawn` what it is given in training, where chance may have a part.
"""

import torch
from torch import Tensor, nn


def sign_ste(logits: Tensor) -> Tensor:
    """Round `logits` (N, bits) to {-1, +1}; the gradient that passes is that of tanh, 1 - tanh(logit)^2.

    A zero rounds to -1, as everywhere in Semblance (a bit is logit > 0). A gradient that fades with |logit| keeps
    settled logits from growing for ever, and unlike a cut at 1 (Hubara et al., "Binarized Neural Networks", 2016) it
    lets every bit flip again.
    """
    soft = logits.tanh()
    bits = torch.where(logits > 0, 1.0, -1.0).to(logits.dtype)
    return soft + (bits - soft).detach()


class Bits(nn.Sequential):
    """Latents are bits, -1 or +1: logits standardised over the batch, so that every bit is near balance, and rounded.

    A bit that is on for half the pictures carries the most information; batch normalisation without a learned shift
    puts each logit's mean at zero, which comes close to that without a loss of its own.
    """

    def __init__(self, features: int, bits: int) -> None:
        super().__init__(nn.Linear(features, bits, bias=False), nn.BatchNorm1d(bits, affine=False))

    def latents(self, logits: Tensor) -> Tensor:
        return sign_ste(logits)

    def drawn(self, logits: Tensor, _features: Tensor, _generator: torch.Generator) -> Tensor:
        return sign_ste(logits)


class Settled(nn.Module):
    """Latents are bits that another model makes of its features: the logits are features @ weights + offset."""

    weights: Tensor
    offset: Tensor

    def __init__(self, features: int, bits: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.zeros(features, bits))
        self.register_buffer("offset", torch.zeros(bits))

    def forward(self, features: Tensor) -> Tensor:
        return features @ self.weights + self.offset

    def latents(self, logits: Tensor) -> Tensor:
        return sign_ste(logits)

    def drawn(self, logits: Tensor, _features: Tensor, _generator: torch.Generator) -> Tensor:
        return sign_ste(logits)


class Real(nn.Linear):
    """Latents are the logits themselves."""

    def latents(self, logits: Tensor) -> Tensor:
        return logits

    def drawn(self, logits: Tensor, _features: Tensor, _generator: torch.Generator) -> Tensor:
        return logits


class Gaussian(nn.Module):
    """Latents are drawn from a normal distribution with the logits as mean: a variational autoencoder's.

    Kingma & Welling, "Auto-Encoding Variational Bayes" (2014).
    """

    def __init__(self, features: int, bits: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, bits)
        self.log_variance = nn.Linear(features, bits)

    def forward(self, features: Tensor) -> Tensor:
        mean: Tensor = self.mean(features)
        return mean

    def latents(self, logits: Tensor) -> Tensor:
        return logits

    def drawn(self, logits: Tensor, features: Tensor, generator: torch.Generator) -> Tensor:
        deviation: Tensor = (self.log_variance(features) / 2).exp()
        return logits + deviation * torch.empty_like(logits).normal_(generator=generator)


class Bernoulli(nn.Linear):
    """Latents are bits, drawn in training: +1 with the probability sigmoid(logit).

    Where the logit plus a draw from the logistic distribution is above zero the bit is on, which has just that
    probability (Maddison, Mnih & Teh, "The Concrete Distribution", 2017, at temperature 0), and the gradient passes
    straight through.
    """

    def latents(self, logits: Tensor) -> Tensor:
        return sign_ste(logits)

    def drawn(self, logits: Tensor, _features: Tensor, generator: torch.Generator) -> Tensor:
        chance = torch.empty_like(logits).uniform_(1e-6, 1 - 1e-6, generator=generator)
        return sign_ste(logits + chance.logit())


Bottleneck = Bits | Settled | Real | Gaussian | Bernoulli
BOTTLENECKS: dict[str, type[Bottleneck]] = {"bits": Bits, "real": Real, "gaussian": Gaussian, "bernoulli": Bernoulli}

ACTIVATIONS = {"linear": nn.Identity, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}
