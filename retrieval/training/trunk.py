"""What turns pictures into features. Every trunk is asked alike, those that remember places and those that do not."""

from torch import Tensor, nn


class Trunk(nn.Sequential):
    """Layers one after the other: (N, channels, S, S) -> features (N, F), and no switches."""

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        features: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return features, []
