"""Dense encoders and decoders: every pixel with every unit, as autoencoders were before convolution.

Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (2006); Krizhevsky & Hinton, "Using
Very Deep Autoencoders for Content-Based Image Retrieval" (2011).
"""

from itertools import pairwise

from torch import nn

from semblance.retrieval.training.bottleneck import ACTIVATIONS
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.trunk import Trunk


def encoder(recipe: Recipe) -> tuple[Trunk, int]:
    """What turns pictures (N, channels, S, S) into features (N, F), and F. Without hidden layers, the pixels."""
    network = recipe.network
    widths = (network.channels * recipe.size**2, *network.hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[network.activation]()]
    return Trunk(*layers), widths[-1]


def decoder(recipe: Recipe) -> nn.Sequential:
    """What turns latents (N, bits) into maps (N, channels, S, S): the encoder's widths backwards."""
    network = recipe.network
    widths = (recipe.bits, *reversed(network.hidden))
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[network.activation]()]
    shape = (network.channels, recipe.size, recipe.size)
    return nn.Sequential(*layers, nn.Linear(widths[-1], network.channels * recipe.size**2), nn.Unflatten(1, shape))
