"""The groups that the fields of a recipe stand in: the network, the objectives, the views, the damage, the schedule.

Each field stands beside its bounds, and each group says which of its own go together; recipe.py says what goes together
across groups.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from semblance.retrieval.training.bounds import (
    Channels,
    Count,
    Counts,
    CountsOrNone,
    Fields,
    Positive,
    PositiveShare,
    Share,
    Stride,
    Weight,
    Whole,
    refusing,
)

Pixels = Literal["real", "binary"]


class Network(Fields):
    """`encoder` names the channels of each stage, each half the size of the one before, `blocks` the residual blocks of
    each; `decoder` the channels at full size, 1/2, 1/4 and so on; `hidden` the units of a dense encoder's layers, of
    which its decoder is the mirror image. A frozen trunk is another model's, and only what follows it is trained; where
    nothing is asked of its bits, these are that model's too, and the decoder alone is trained."""

    kind: Literal["residual", "pooling", "dense", "frozen"] = Field("residual", alias="network")
    channels: Channels = 3  # 1: grey, encoded and rebuilt
    pixels: Pixels = "real"  # binary: each is a probability, what is rebuilt too, and the error is its cross-entropy
    encoder: Counts = (64, 128)
    blocks: Counts = (1, 2)
    stem_stride: Stride = 2  # of the first convolution
    head: Whole = 0  # channels of a last 1 x 1 convolution, or none; how many features a frozen trunk makes
    pooled: bool = Field(False, description="true or false")  # the mean over the last map's places, not the map itself
    decoder: Counts = (24, 32, 64, 128)
    decoding: Literal["upsampling", "transposed"] = "upsampling"
    hidden: CountsOrNone = (128,)
    activation: Literal["relu", "sigmoid"] = "relu"  # of hidden units
    latent: Literal["bits", "bernoulli", "real", "gaussian"] = "bits"
    code: Literal["linear", "relu", "sigmoid"] = "linear"  # what real latents go through before they are decoded

    @property
    def shrinkage(self) -> int:
        """How many times smaller than the picture a convolutional encoder's last map is."""
        if self.kind == "residual":
            return int(self.stem_stride * 2 ** (len(self.encoder) - 1))
        return int(2 ** len(self.encoder))

    @property
    def binary_latents(self) -> bool:
        """Whether the decoder takes -1 and +1."""
        return self.latent in ("bits", "bernoulli")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        other, frozen = self.kind != "residual", self.kind == "frozen"
        return refusing(self, {
            f"blocks must name as many numbers as encoder: {self.encoder}, not {self.blocks}.":
                not other and len(self.encoder) != len(self.blocks),
            f"pooled goes with network=residual: a {self.kind} one has no mean over places.":
                other and self.pooled,
            f"decoding={self.decoding} goes with network=residual: a {self.kind} one has its own.":
                other and not frozen and self.decoding != "upsampling",
            "network=frozen goes with latent=bits and as many features as its trunk makes: give head their number.":
                frozen and not (self.latent == "bits" and self.head),
            f"code={self.code} goes with latent=real: {self.latent} latents are decoded as they are.":
                self.code != "linear" and self.latent != "real",
        })  # fmt: skip


class Objectives(Fields):
    """The weight of each objective, 0 where it is left out, and what it takes besides."""

    reconstruction: Weight = 1.0
    agreement: Weight = 0.0  # of two views in their bits
    projection: Weight = 0.0  # of two views in a projection of the features
    imitation: Weight = 0.0  # of which pictures a teacher takes for alike
    temperature: Positive = 0.2  # of the bits' agreement: the lower, the more the nearest mistakes count
    projection_temperature: Positive = 0.1
    likeness: Positive = 0.1  # the temperature of imitation: the lower, the fewer pictures are alike to a teacher
    prefixes: CountsOrNone = (28, 64, 128)  # lengths, below bits, at which a code is one too
    rebuilt: PositiveShare = 1.0  # share of each batch that the decoder is asked to rebuild
    sparse: Weight = 0.0  # of each unit being on for the share `activity` of the pictures
    activity: PositiveShare = 0.05
    magnitude: Weight = 0.0  # of latents that are mostly zero: their L1 norm by their L2 norm
    contractive: Weight = 0.0  # of a code that hardly moves when the picture does
    divergence: Weight = 0.0  # of latents distributed as their prior
    adversarial: Weight = 0.0  # of bits that nobody can tell from fair coin flips

    @property
    def compare_views(self) -> bool:
        """Whether two views of each picture are compared."""
        return self.agreement > 0 or self.projection > 0

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        nothing = "Nothing is asked of the network: give reconstruction, agreement or projection a weight."
        return refusing(self, {nothing: not self.reconstruction and not self.compare_views})


class Views(Fields):
    """What is done to a picture, or to each of two views of it, before it is encoded."""

    jitter: Share = 0.0  # strength of the changes in brightness, contrast, saturation and hue
    grey: Share = 0.0  # share of pictures that lose their colours
    tint: Share = 0.0  # strength of the light's own colour
    turn: float = Field(0.0, ge=0, le=180, description="from 0 to 180 degrees")  # a view may be turned by, either way
    frame: Share = 0.0  # share of views that lie within a frame
    crop: PositiveShare = 0.2  # the least share of the area that a view keeps
    view: Count = 24  # side of a view in pixels
    whole: Share = 0.0  # share of the second views that are the picture itself, whole and as it was
    kept: Count = 2  # views of each picture that are made once for all, where the trunk is frozen


class Damage(Fields):
    """What is done besides, of two views to the first alone."""

    noise: Weight = 0.0  # standard deviation of the Gaussian noise added, pixels in 0..1
    mask: Share = 0.0  # share of the patches greyed out
    salt: Share = 0.0  # share of the pixels made black or white
    sharpness: Share = 0.0  # strength of blurring and sharpening
    resolution: Share = 0.0  # share of pictures that were smaller once
    caption: Share = 0.0  # share of pictures with a band along one side
    jpeg: Share = 0.0  # share of pictures that show JPEG's blocks
    blur: Share = 0.0  # the largest deviation of a blur, as a share of the side; half of the pictures have none
    grain: Weight = 0.0  # the largest standard deviation of noise drawn for each picture


class Schedule(Fields):
    """How long, and how large the steps are."""

    pretraining: Whole = 0  # epochs of each layer as a restricted Boltzmann machine, before all are trained together
    epochs: Count = 30
    batch_size: int = Field(256, ge=2, description="a whole number, 2 or more: logits are standardised over the batch")
    learning_rate: Positive = 2e-3
    weight_decay: Weight = 1e-4
    warmup: Share = 0.1  # share of the run
    precision: Literal["float32", "bfloat16"] = "bfloat16"
