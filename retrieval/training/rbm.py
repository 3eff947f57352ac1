"""Layer-wise pretraining: a deep dense autoencoder begins as a stack of restricted Boltzmann machines, unrolled.

Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006). Each machine learns what the
one below it makes of the pictures, by one step of contrastive divergence (Hinton, "Training Products of Experts by
Minimizing Contrastive Divergence", 2002; the rates are those of his "Practical Guide", 2010). Its weights then start a
layer of the encoder and, transposed, the decoder's mirror image of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from semblance.retrieval.progress import Progress
from semblance.retrieval.training.bottleneck import Bits
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe

_RATE, _RATE_OF_REAL_UNITS = 0.1, 0.001  # real units, unlike ones in 0..1, can run away
_MOMENTUM, _FIRST_MOMENTUM = 0.9, 0.5  # the second for the first fifth of the steps
_DECAY = 2e-4
_BATCH = 100


@dataclass
class Machine:
    """A restricted Boltzmann machine: `weights` (H, V), the biases of its visible (V,) and hidden (H,) units.

    Real visible units are normal with deviation 1 about their mean, real hidden ones too; all others are 0 or 1.
    """

    weights: Tensor
    visible: Tensor
    hidden: Tensor
    real_visible: bool = False
    real_hidden: bool = False

    def up(self, seen: Tensor) -> Tensor:
        """Visible (N, V) -> the hidden units' means (N, H)."""
        inputs = seen @ self.weights.T + self.hidden
        return inputs if self.real_hidden else inputs.sigmoid()

    def down(self, units: Tensor) -> Tensor:
        """Hidden (N, H) -> the visible units' means (N, V)."""
        inputs = units @ self.weights + self.visible
        return inputs if self.real_visible else inputs.sigmoid()

    def draw(self, means: Tensor, generator: torch.Generator) -> Tensor:
        """Hidden units of these means (N, H), drawn."""
        if self.real_hidden:
            return means + torch.empty_like(means).normal_(generator=generator)
        return (torch.empty_like(means).uniform_(generator=generator) < means).to(means.dtype)


def pretrain(
    model: Autoencoder,
    pictures: Tensor,
    recipe: Recipe,
    generator: torch.Generator,
    progress: Progress,
) -> None:
    """Start a dense autoencoder's layers as machines trained one after the other on pictures uint8 (N, 3, S, S).

    `progress` is told of each epoch of each layer. Rounded bits have no bias but batch normalisation, which puts each
    one's threshold at its mean: the machine's own is dropped there.
    """
    epochs = recipe.schedule.pretraining
    bottleneck = model.encoder.bottleneck
    code = bottleneck[0] if isinstance(bottleneck, Bits) else bottleneck
    layers = [layer for layer in (*model.encoder.trunk.children(), code) if isinstance(layer, nn.Linear)]
    mirrors = [layer for layer in model.decoder.layers.children() if isinstance(layer, nn.Linear)][::-1]
    with torch.no_grad():
        data = torch.cat([model.encoder.visible(part.float() / 255).flatten(1) for part in pictures.split(1000)])
        for number, (layer, mirror) in enumerate(zip(layers, mirrors, strict=True)):
            machine = _trained(
                data,
                Machine(
                    layer.weight.new_empty(layer.weight.shape).normal_(0, 0.01, generator=generator),
                    torch.zeros(layer.in_features, device=data.device),
                    torch.zeros(layer.out_features, device=data.device),
                    real_visible=number == 0 and recipe.network.pixels == "real",
                    real_hidden=layer is code and not recipe.network.binary_latents and recipe.network.code == "linear",
                ),
                epochs,
                generator,
                lambda done, _, before=number * epochs: progress(before + done, len(layers) * epochs),  # type: ignore[misc]
            )
            _unroll(machine, layer, mirror, signs=layer is code and recipe.network.binary_latents)
            data = torch.cat([machine.up(part) for part in data.split(1000)])


def _trained(data: Tensor, machine: Machine, epochs: int, generator: torch.Generator, progress: Progress) -> Machine:
    """Contrastive divergence with one step (CD-1) over data (N, V)."""
    rate = _RATE_OF_REAL_UNITS if machine.real_visible or machine.real_hidden else _RATE
    parameters = (machine.weights, machine.visible, machine.hidden)
    speeds = [torch.zeros_like(parameter) for parameter in parameters]
    for epoch in range(epochs):
        order = torch.randperm(len(data), generator=generator, device=data.device)
        momentum = _FIRST_MOMENTUM if epoch < epochs / 5 else _MOMENTUM
        for rows in order.split(_BATCH):
            seen = data[rows]
            means = machine.up(seen)
            dreamt = machine.down(machine.draw(means, generator))
            dreamt_means = machine.up(dreamt)
            gradients = (
                (means.T @ seen - dreamt_means.T @ dreamt) / len(rows) - _DECAY * machine.weights,
                (seen - dreamt).mean(dim=0),
                (means - dreamt_means).mean(dim=0),
            )
            for parameter, speed, gradient in zip(parameters, speeds, gradients, strict=True):
                speed.mul_(momentum).add_(gradient, alpha=rate)
                parameter.add_(speed)
        progress(epoch + 1, epochs)
    return machine


def _unroll(machine: Machine, layer: nn.Linear, mirror: nn.Linear, signs: bool) -> None:
    """Weights into the layer, transposed into its mirror image; `signs`: whose inputs are -1 and +1 instead of 0 and 1,
    so that half the weights and half of what they sum to give the same."""
    layer.weight.copy_(machine.weights)
    if layer.bias is not None:
        layer.bias.copy_(machine.hidden)
    mirror.weight.copy_(machine.weights.T / (2 if signs else 1))
    mirror.bias.copy_(machine.visible + (machine.weights.sum(dim=0) / 2 if signs else 0))
