"""What a recipe can say, and which of it goes together.

A recipe is the whole truth about a run besides its data: a checkpoint carries it, model.json repeats it, and a
checkpoint of another recipe is refused. Its fields stand in groups, each beside its bounds; no two have one name, so
that cards and the command line write them without the groups (fields.py).
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
    Seed,
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


class _Method(Fields):
    """What any way of making a model says."""

    name: str
    summary: str
    size: Count = 32  # of a picture, in pixels a side; of a rebuilt one, where a frozen trunk wants its own size
    bits: Count = 256
    held_out: Whole = 5000  # pictures
    seed: Seed = 0


class Recipe(_Method):
    """One way of training a model: the network, what it is asked for, what it is shown, and how long."""

    network: Network = Network()
    objectives: Objectives = Objectives()
    views: Views = Views()
    damage: Damage = Damage()
    schedule: Schedule = Schedule()

    @property
    def decoder_alone(self) -> bool:
        """Whether nothing is asked of the bits of a frozen network."""
        return self.network.kind == "frozen" and not self.objectives.compare_views

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length at which the bits are trained as a code of their own; the last is all of them."""
        return (*(length for length in self.objectives.prefixes if length < self.bits), self.bits)

    @model_validator(mode="after")
    def _shapes_go_together(self) -> Self:
        network, kind = self.network, self.network.kind
        halved = {"encoder": network.shrinkage, "decoder": 2 ** (len(network.decoder) - 1)}
        read = {"residual": ("encoder", "decoder"), "pooling": ("encoder",), "dense": (), "frozen": ("decoder",)}[kind]
        sigmoid = kind == "dense" and network.activation == "sigmoid" and network.code != "relu"
        return refusing(self, {
            **{f"size must be a multiple of {halved[name]} for this {name}, not {self.size}.":
                self.size % halved[name] for name in read},
            "pretraining makes layers of sigmoid units: it goes with network=dense and activation=sigmoid, not with "
            "code=relu, and not with latent=gaussian, whose variances it has no start for.":
                self.schedule.pretraining and (not sigmoid or network.latent == "gaussian"),
        })  # fmt: skip

    @model_validator(mode="after")
    def _views_go_together(self) -> Self:
        two, frozen = self.objectives.compare_views, self.network.kind == "frozen"
        return refusing(self, {
            f"view must be {self.size} as size is, unless pooled: features depend on the side.":
                two and not (self.network.pooled or frozen) and self.views.view != self.size,
            "turn and frame are of views: they go with agreement or projection, not with one picture.":
                (self.views.turn or self.views.frame) and not two,
            "whole is of second views: it goes with agreement or projection, not with one picture.":
                self.views.whole and not two,
            "Views cannot be compared by network=pooling: one's switches would rebuild the other.":
                two and self.network.kind == "pooling",
            "imitation is of a teacher's neighbours by the bits of two views: it goes with latent=bits, and with "
            "agreement or projection.":
                self.objectives.imitation and not (two and self.network.latent == "bits"),
        })  # fmt: skip

    @model_validator(mode="after")
    def _objectives_go_with_latents(self) -> Self:
        asked, network, latent = self.objectives, self.network, self.network.latent
        return refusing(self, {
            f"agreement compares the bits of two views: it goes with latent=bits, not {latent}.":
                asked.agreement and latent != "bits",
            f"sparse and magnitude keep units off: they go with latent=real, not with {latent}, which is on half the "
            "time or has a prior of its own.":
                (asked.sparse or asked.magnitude) and latent != "real",
            "sparse asks for a share of units that are on, from 0 to 1: it goes with code=sigmoid.":
                asked.sparse and network.code != "sigmoid",
            f"divergence is from a prior: it goes with latent=gaussian or bernoulli, not {latent}.":
                asked.divergence and latent not in ("gaussian", "bernoulli"),
            "contractive needs units whose scale nothing undoes: it goes with latent=bits, whose logits are "
            "standardised, or with network=dense and code=sigmoid.":
                asked.contractive and latent != "bits" and (network.kind, network.code) != ("dense", "sigmoid"),
            f"adversarial compares bits with coins: it goes with latent=bits or bernoulli, not {latent}.":
                asked.adversarial and not network.binary_latents,
        })  # fmt: skip


class Fitted(_Method):
    """One way of making a model without a network to train: a closed form, or a few rounds of one.

    `centroids` and `patch` (side in pixels) are of the method patches-itq alone.
    """

    method: Literal["hyperplanes", "pca", "pca-itq", "patches-itq"] = "pca-itq"
    centroids: Count = 400
    patch: Count = 6

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        patches = self.method == "patches-itq"
        most = 4 * self.centroids if patches else 3 * self.size**2
        return refusing(self, {
            f"patch must be smaller than a picture of {self.size} pixels, not {self.patch}.":
                patches and self.patch >= self.size,
            f"bits must be at most {most}, the features that {self.method} chooses from.":
                self.method != "hyperplanes" and self.bits > most,
        })  # fmt: skip


AnyRecipe = Recipe | Fitted
