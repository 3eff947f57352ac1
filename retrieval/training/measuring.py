"""What a model is worth without any label: how far its rebuilt pictures are off, and how good its bits are as bits."""

from collections import defaultdict

import torch
from torch import Tensor

from semblance.retrieval.codec import from_logits
from semblance.retrieval.judging.evaluation import bit_statistics
from semblance.retrieval.training import objectives
from semblance.retrieval.training.closed_form import FittedCoder
from semblance.retrieval.training.networks import Autoencoder, as_input


@torch.no_grad()
def measure(
    model: Autoencoder | FittedCoder, pictures: Tensor, bits: int, kept: Tensor | None = None
) -> dict[str, float]:
    """Figures on pictures uint8 (N, 3, S, S): `mse` of clipped rebuilt pictures in 0..1, imbalance and correlation.

    `kept` (N, F) are their features, where a frozen trunk makes them.
    Where pooling remembers places there is `mse_with_switches` beside it: what ships rebuilds without them.
    """
    if not len(pictures):
        return {}
    model.eval()
    logits, squared = [], defaultdict[str, float](float)
    for batch, inputs in zip(pictures.split(500), (pictures if kept is None else kept).split(500), strict=True):
        images = as_input(batch)
        out, rebuilt = model(as_input(inputs))
        logits.append(out.cpu())
        for name, each in zip(("mse", "mse_with_switches"), rebuilt, strict=False):
            squared[name] += objectives.reconstruction(each.clamp(0, 1), images).item() * len(batch)
    model.train()
    errors = {name: total / len(pictures) for name, total in squared.items()}
    return {**errors, **bit_statistics(from_logits(torch.cat(logits).numpy()), bits)}
