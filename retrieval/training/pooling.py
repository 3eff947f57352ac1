"""Max-pooling that remembers where each maximum was, and unpooling that puts it back there.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks" (2014); as an autoencoder, Zhao et al., "Stacked
What-Where Auto-encoders" (2016). The places ("switches") go around the code: with them a decoder rebuilds far better
than the code alone could, and what ships has only the code. So without switches each value goes to the first of the
four places that it may have come from.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from semblance.retrieval.training.convolutional import conv, unfold
from semblance.retrieval.training.recipe import Recipe


class PoolingEncoder(nn.Module):
    """Stages of two 3 x 3 convolutions and a 2 x 2 maximum: pictures (N, channels, S, S) -> features (N, F)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        widths = recipe.network.encoder
        self.stages = nn.ModuleList(
            nn.Sequential(conv(before, after), conv(after, after))
            for before, after in zip((recipe.network.channels, *widths[:-1]), widths, strict=True)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The features (N, F), and of each stage where its maxima were: (N, C, H, W), as max_unpool2d wants them."""
        switches = []
        for stage in self.stages:
            images, places = functional.max_pool2d(stage(images), 2, return_indices=True)
            switches.append(places)
        return images.flatten(1), switches


class UnpoolingDecoder(nn.Module):
    """The encoder's stages backwards: latents (N, bits) -> maps (N, channels, S, S)."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        widths = recipe.network.encoder
        self.expand = unfold(recipe.bits, widths[-1], recipe.size // recipe.network.shrinkage)
        self.stages = nn.ModuleList(
            nn.Sequential(conv(before, before), conv(before, after))
            for before, after in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        first, channels = widths[0], recipe.network.channels
        self.stages.append(nn.Sequential(conv(first, first), nn.Conv2d(first, channels, 3, padding=1)))

    def forward(self, latents: Tensor, switches: Sequence[Tensor] = ()) -> Tensor:
        maps = self.expand(latents)
        for number, stage in enumerate(self.stages):
            if switches:
                maps = functional.max_unpool2d(maps, switches[-1 - number], [2, 2])
            else:
                maps = _first_of_four(maps)
            maps = stage(maps)
        out: Tensor = maps
        return out


def encoder(recipe: Recipe) -> tuple[PoolingEncoder, int]:
    """What turns pictures (N, channels, S, S) into features (N, F) and switches, and F."""
    side = recipe.size // recipe.network.shrinkage
    return PoolingEncoder(recipe), recipe.network.encoder[-1] * side**2


def decoder(recipe: Recipe) -> UnpoolingDecoder:
    """What turns latents (N, bits), and switches where it is given them, into maps (N, channels, S, S)."""
    return UnpoolingDecoder(recipe)


def _first_of_four(maps: Tensor) -> Tensor:
    """Maps (N, C, H, W) -> (N, C, 2H, 2W), each value at the upper left of the four places that become of its own."""
    corner = torch.zeros(maps.shape[1], 1, 2, 2, dtype=maps.dtype, device=maps.device)
    corner[:, :, 0, 0] = 1
    return functional.conv_transpose2d(maps, corner, stride=2, groups=maps.shape[1])
