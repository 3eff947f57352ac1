"""An autoencoder as a recipe describes it: an encoder, a bottleneck, a decoder, and what else its objectives need.

Pictures are float (N, 3, S, S) in 0..1; scaling from bytes is export.py's and loop.py's business.
"""

import torch
from torch import Tensor, nn

from semblance.retrieval.training import convolutional, dense, frozen, pooling
from semblance.retrieval.training.bottleneck import ACTIVATIONS, BOTTLENECKS, Bottleneck, Settled
from semblance.retrieval.training.recipe import Recipe

_LAYERS = {"residual": convolutional, "pooling": pooling, "dense": dense, "frozen": frozen}
_HIDDEN, _PROJECTED = 512, 128  # widths of the projection
_JUDGING = 256  # hidden units of the discriminator


def as_input(batch: Tensor) -> Tensor:
    """What an encoder takes: pictures uint8 as floats in 0..1; a frozen trunk's features as float32."""
    return batch.float() / 255 if batch.dtype == torch.uint8 else batch.float()


class Encoder(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> features (N, F) -> logits (N, bits). `width` is F.

    `trunk` gives the features and, for each of its stages that remembers places, where they were ("switches").
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.visible = Visible(recipe)
        self.trunk: nn.Module
        self.trunk, self.width = _LAYERS[recipe.network.kind].encoder(recipe)
        kind = Settled if recipe.decoder_alone else BOTTLENECKS[recipe.network.latent]
        self.bottleneck: Bottleneck = kind(self.width, recipe.bits)

    def features(self, images: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) -> features (N, F)."""
        features: Tensor = self.trunk(self.visible(images))[0]
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.bottleneck(self.features(images))
        return logits


class Visible(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> what the first layer sees of them, (N, channels, S, S); `back` undoes it."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.grey, self.binary = recipe.network.channels == 1, recipe.network.pixels == "binary"
        self.pictures = recipe.network.kind != "frozen"  # or features, as they are
        # Pixels of photographs deviate by about a quarter: what Gaussian visible units take is of deviation 1.
        self.scale = 4.0 if recipe.network.kind == "dense" else 2.0

    def forward(self, images: Tensor) -> Tensor:
        if not self.pictures:
            return images
        if self.grey:
            images = images.mean(dim=1, keepdim=True)
        return images if self.binary else (images - 0.5) * self.scale

    def back(self, maps: Tensor) -> Tensor:
        """Maps (N, channels, S, S), before any limit -> pictures (N, 3, S, S); real ones are not clipped to 0..1."""
        images = maps.sigmoid() if self.binary else maps / self.scale + 0.5
        return images.expand(-1, 3, -1, -1) if self.grey else images


class Decoder(nn.Module):
    """Latents (N, bits) -> pictures (N, 3, S, S). A clip to 0..1 would stop gradients: there is none.

    `middle` (bits,) is what real latents were shifted by after training, so that each is above zero for half of the
    pictures: the decoder shifts them back.
    """

    middle: Tensor

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(recipe.bits))
        self.activation = ACTIVATIONS[recipe.network.code]()
        self.layers: nn.Module = _LAYERS[recipe.network.kind].decoder(recipe)
        self.visible = Visible(recipe)

    def code(self, latents: Tensor) -> Tensor:
        """Latents (N, bits) -> the units of the code (N, bits), as sparse codes count them."""
        units: Tensor = self.activation(latents + self.middle)
        return units

    def forward(self, latents: Tensor, switches: list[Tensor] | None = None) -> Tensor:
        maps = self.layers(self.code(latents), switches) if switches else self.layers(self.code(latents))
        return self.visible.back(maps)


class Autoencoder(nn.Module):
    """Encoder, latents, decoder: the shape of Krizhevsky & Hinton (2011), of any layers.

    Two parts serve training alone and do not ship. `projection`: features (N, F) -> (N, 128), where views are compared
    beside the bits (Chen et al., 2020). `discriminator`: codes (N, bits) -> (N,), above 0 for what it takes for coins.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = Encoder(recipe)
        self.decoder = Decoder(recipe)
        self.projection = nn.Sequential()
        if recipe.objectives.projection:
            self.projection = nn.Sequential(
                nn.Linear(self.encoder.width, _HIDDEN, bias=False),
                nn.BatchNorm1d(_HIDDEN),
                nn.ReLU(inplace=True),
                nn.Linear(_HIDDEN, _PROJECTED),
            )
        self.discriminator = nn.Sequential()
        if recipe.objectives.adversarial:
            self.discriminator = nn.Sequential(
                nn.Linear(recipe.bits, _JUDGING),
                nn.LeakyReLU(0.2),
                nn.Linear(_JUDGING, _JUDGING),
                nn.LeakyReLU(0.2),
                nn.Linear(_JUDGING, 1),
                nn.Flatten(0),
            )

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures (N, 3, S, S) -> logits (N, bits) and pictures rebuilt, each (N, 3, S, S): from the code alone and,
        where the trunk has switches, with those too."""
        features, switches = self.encoder.trunk(self.encoder.visible(images))
        logits = self.encoder.bottleneck(features)
        latents = self.encoder.bottleneck.latents(logits)
        rebuilt = [self.decoder(latents)]
        if switches:
            rebuilt.append(self.decoder(latents, switches))
        return logits, rebuilt
