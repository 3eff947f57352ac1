"""Encoders and decoders for square pictures, as a recipe describes them.

The encoder is a residual network (He et al., 2016) that halves the picture at each stage. Its features are either the
last map laid flat, which keeps where things are and so rebuilds best, or the mean over the map's places, which asks
only what is there. The decoder goes the other way with nearest-neighbour upsampling and convolution, which leaves none
of the checkerboard that transposed convolution draws. Pictures are float (N, 3, S, S) in 0..1; scaling from bytes is
export.py's and fit.py's business.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from retrieval.training.bottleneck import binary_bottleneck, sign_ste
from retrieval.training.recipes import Recipe

_HIDDEN, _PROJECTED = 512, 128  # widths of the projection


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Shortcut(x) + f(x) with f of two 3 x 3 convolutions; (N, inputs, H, W) -> (N, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(inputs, outputs, stride=stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.shortcut.append(nn.Conv2d(inputs, outputs, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.shortcut(x) + self.body(x))
        return out


class MeanOverPlaces(nn.Module):
    """Maps (N, C, H, W) -> (N, C). Taken over a channels-last view: torch's own pooling sends a gradient back whose
    layout costs the layers before it an eighth of a training step on a processor."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)


class Encoder(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> features (N, F) -> logits (N, bits). `width` is F.

    A pooled encoder takes pictures of any side that its stages can halve.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        stem, *stages = recipe.encoder
        stride = recipe.stem_stride
        layers: list[nn.Module] = [_conv(3, stem, 2 + stride, stride)]  # 3 x 3, or 4 x 4 in steps of 2
        layers += [Residual(stem, stem) for _ in range(recipe.blocks[0])]
        for inputs, outputs, blocks in zip(recipe.encoder, stages, recipe.blocks[1:], strict=False):
            layers.append(Residual(inputs, outputs, stride=2))
            layers += [Residual(outputs, outputs) for _ in range(blocks - 1)]
        self.width = recipe.encoder[-1]
        if recipe.head:
            layers.append(_conv(self.width, recipe.head, kernel=1, padding=0))
            self.width = recipe.head
        if recipe.pooled:
            layers.append(MeanOverPlaces())
        else:
            self.width *= (recipe.size // recipe.shrinkage) ** 2
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.bottleneck = binary_bottleneck(self.width, recipe.bits)

    def features(self, images: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) -> features (N, F)."""
        features: Tensor = self.trunk(images * 2 - 1)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.bottleneck(self.features(images))
        return logits


class Decoder(nn.Module):
    """Latents (N, bits), each -1 or +1 -> pictures (N, 3, S, S), not clipped to 0..1 (a clip would stop gradients)."""

    def __init__(self, size: int, bits: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.side = size // 2 ** (len(channels) - 1)
        self.deepest = channels[-1]
        self.expand = nn.Sequential(
            nn.Linear(bits, self.deepest * self.side**2, bias=False),
            nn.BatchNorm1d(self.deepest * self.side**2),
            nn.ReLU(inplace=True),
        )
        layers: list[nn.Module] = []
        for inputs, outputs in zip(channels[:0:-1], channels[-2::-1], strict=True):
            layers += [Residual(inputs, inputs), nn.Upsample(scale_factor=2), _conv(inputs, outputs)]
        self.trunk = nn.Sequential(*layers, nn.Conv2d(channels[0], 3, 3, padding=1))

    def forward(self, latents: Tensor) -> Tensor:
        features = self.expand(latents).unflatten(1, (self.deepest, self.side, self.side))
        images: Tensor = self.trunk(features) + 0.5
        return images


class Autoencoder(nn.Module):
    """Encoder, straight-through bits, decoder: the shape of Krizhevsky & Hinton (2011), made convolutional.

    `projection`: features (N, F) -> (N, 128), where views are compared beside the bits (Chen et al., 2020). It serves
    training alone and does not ship.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.encoder = Encoder(recipe)
        self.decoder = Decoder(recipe.size, recipe.bits, recipe.decoder)
        self.projection = (
            nn.Sequential()
            if not recipe.projection
            else nn.Sequential(
                nn.Linear(self.encoder.width, _HIDDEN, bias=False),
                nn.BatchNorm1d(_HIDDEN),
                nn.ReLU(inplace=True),
                nn.Linear(_HIDDEN, _PROJECTED),
            )
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, S, S) -> logits (N, bits) and rebuilt pictures (N, 3, S, S)."""
        logits = self.encoder(images)
        return logits, self.decoder(sign_ste(logits))
