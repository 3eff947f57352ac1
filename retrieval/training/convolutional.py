"""Convolutional encoders and decoders: residual stages, and two ways for a decoder to grow its maps again.

The encoder is a residual network (He et al., 2016) that halves the picture at each stage. Its features are either the
last map laid flat, which keeps where things are and so rebuilds best, or the mean over the map's places, which asks
only what is there. The decoder goes the other way: with nearest-neighbour upsampling and convolution, which leaves none
of the checkerboard that transposed convolution draws (Odena, Dumoulin & Olah, 2016), or with transposed convolution.
"""

from torch import Tensor, nn

from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.trunk import Trunk


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def unfold(bits: int, channels: int, side: int) -> nn.Sequential:
    """Latents (N, bits) -> the decoder's first maps (N, channels, side, side)."""
    return nn.Sequential(
        nn.Linear(bits, channels * side**2, bias=False),
        nn.BatchNorm1d(channels * side**2),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (channels, side, side)),
    )


class Residual(nn.Module):
    """Shortcut(x) + f(x) with f of two 3 x 3 convolutions; (N, inputs, H, W) -> (N, outputs, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(inputs, outputs, stride=stride),
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


def encoder(recipe: Recipe) -> tuple[Trunk, int]:
    """What turns pictures (N, channels, S, S) into features (N, F), and F.

    A pooled encoder takes pictures of any side that its stages can halve.
    """
    network = recipe.network
    stem, *stages = network.encoder
    stride = network.stem_stride
    kernel = 2 + stride  # 3 x 3, 4 x 4 in steps of 2, 6 x 6 in steps of 4
    layers: list[nn.Module] = [conv(network.channels, stem, kernel, stride)]
    layers += [Residual(stem, stem) for _ in range(network.blocks[0])]
    for inputs, outputs, blocks in zip(network.encoder, stages, network.blocks[1:], strict=False):
        layers.append(Residual(inputs, outputs, stride=2))
        layers += [Residual(outputs, outputs) for _ in range(blocks - 1)]
    width = network.encoder[-1]
    if network.head:
        layers.append(conv(width, network.head, kernel=1, padding=0))
        width = network.head
    if network.pooled:
        layers.append(MeanOverPlaces())
    else:
        width *= (recipe.size // network.shrinkage) ** 2
    return Trunk(*layers, nn.Flatten()), width


def decoder(recipe: Recipe) -> nn.Sequential:
    """What turns latents (N, bits) into maps (N, channels, S, S)."""
    widths = recipe.network.decoder
    layers: list[nn.Module] = [unfold(recipe.bits, widths[-1], recipe.size // 2 ** (len(widths) - 1))]
    for inputs, outputs in zip(widths[:0:-1], widths[-2::-1], strict=True):
        layers.append(Residual(inputs, inputs))
        if recipe.network.decoding == "transposed":
            growing = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
            layers.append(nn.Sequential(growing, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)))
        else:
            layers += [nn.Upsample(scale_factor=2), conv(inputs, outputs)]
    return nn.Sequential(*layers, nn.Conv2d(widths[0], recipe.network.channels, 3, padding=1))
