"""The layers of an autoencoder whose trunk is another model's, and frozen: features as they come, a decoder of its own.

looks.py makes the features.
"""

from torch import nn

from semblance.retrieval.training.convolutional import decoder as decoder
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.trunk import Trunk


def encoder(recipe: Recipe) -> tuple[Trunk, int]:
    """Features (N, F) as they are, and F."""
    return Trunk(nn.Flatten()), recipe.network.head
