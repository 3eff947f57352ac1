"""How real activations become bits, and how a gradient finds its way back through them.

A bit is `logit > 0`. Its derivative is zero almost everywhere, so training needs a stand-in: the straight-through
estimator of Bengio, Léonard & Courville (2013) rounds on the way forward and passes the gradient as if it had not.
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


def binary_bottleneck(features: int, bits: int) -> nn.Sequential:
    """Features (N, features) -> logits (N, bits), standardised over the batch so that every bit is near balance.

    A bit that is on for half the pictures carries the most information; batch normalisation without a learned shift
    puts each logit's mean at zero, which comes close to that without a loss of its own.
    """
    return nn.Sequential(nn.Linear(features, bits, bias=False), nn.BatchNorm1d(bits, affine=False))
