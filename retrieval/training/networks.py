"""Encoders and decoders: square pictures of any size that is a multiple of eight.

Both halves are small residual networks (He et al., 2016). The encoder halves the picture three times; the decoder
mirrors it with nearest-neighbour upsampling and convolution, which leaves none of the checkerboard that transposed
convolution draws. Pictures are float (N, 3, S, S) in 0..1; scaling from bytes is export.py's and fit.py's business.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from retrieval.training.bottleneck import binary_bottleneck, sign_ste


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """x + f(x) with f of two 3 x 3 convolutions, the second without an activation; (N, C, H, W) -> the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(x + self.body(x))
        return out


class ConvEncoder(nn.Module):
    """Pictures (N, 3, S, S) in 0..1 -> logits (N, bits). `channels` are those at S, S/2, S/4 and S/8."""

    def __init__(self, size: int, bits: int, channels: Sequence[int]) -> None:
        super().__init__()
        stem, *stages = channels
        layers: list[nn.Module] = [_conv(3, stem)]
        for inputs, outputs in zip(channels, stages, strict=False):
            layers += [_conv(inputs, outputs, stride=2), Residual(outputs)]
        self.trunk = nn.Sequential(*layers)
        side = size // 2 ** len(stages)
        self.bottleneck = binary_bottleneck(channels[-1] * side * side, bits)

    def forward(self, images: Tensor) -> Tensor:
        features = self.trunk(images * 2 - 1)  # (N, C, S/8, S/8)
        logits: Tensor = self.bottleneck(features.flatten(1))
        return logits


class ConvDecoder(nn.Module):
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
            layers += [Residual(inputs), nn.Upsample(scale_factor=2), _conv(inputs, outputs)]
        self.trunk = nn.Sequential(*layers, nn.Conv2d(channels[0], 3, 3, padding=1))

    def forward(self, latents: Tensor) -> Tensor:
        features = self.expand(latents).unflatten(1, (self.deepest, self.side, self.side))
        images: Tensor = self.trunk(features) + 0.5
        return images


class Autoencoder(nn.Module):
    """Encoder, straight-through bits, decoder: the shape of Krizhevsky & Hinton (2011), made convolutional."""

    def __init__(self, size: int, bits: int, encoder: Sequence[int], decoder: Sequence[int]) -> None:
        super().__init__()
        self.encoder = ConvEncoder(size, bits, encoder)
        self.decoder = ConvDecoder(size, bits, decoder)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, S, S) -> logits (N, bits) and rebuilt pictures (N, 3, S, S)."""
        logits = self.encoder(images)
        return logits, self.decoder(sign_ste(logits))
