"""The last of a training: each bit's threshold is put where it parts whole pictures in half."""

from collections.abc import Callable

import torch
from torch import Tensor

from semblance.retrieval.training.bottleneck import Bits, Real
from semblance.retrieval.training.networks import Autoencoder, as_input


@torch.no_grad()
def balance(model: Autoencoder, pictures: Tensor) -> None:
    """Put each logit's middle at zero over pictures uint8 (N, 3, S, S), whole and clean as they will be indexed, or
    over a frozen trunk's features of such.

    Rounded bits are standardised anew: training saw crops of the pictures, or corrupted ones, and what it took for the
    middle of a bit puts whole pictures off balance. Real latents are shifted by their medians, and the decoder shifts
    them back. Latents with a prior stay as they are: it has its middle at zero.
    """
    bottleneck = model.encoder.bottleneck
    model.eval()
    if isinstance(bottleneck, Bits):
        linear, normalisation = bottleneck
        assert isinstance(normalisation, torch.nn.BatchNorm1d)
        before = _each(lambda images: linear(model.encoder.features(images)), pictures)
        normalisation.running_mean, normalisation.running_var = before.mean(dim=0), before.var(dim=0)
    elif isinstance(bottleneck, Real):
        middle = _each(model.encoder, pictures).median(dim=0).values
        bottleneck.bias.sub_(middle)
        model.decoder.middle.add_(middle)
    model.train()


def _each(encode: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    return torch.cat([encode(as_input(batch)) for batch in pictures.split(500)])
