"""What a recipe can say, and which of it goes together.

A recipe is the whole truth about a run besides its data: a checkpoint carries it, model.json repeats it, and a
checkpoint of another recipe is refused.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from semblance.retrieval.errors import RecipeError

Network = Literal["residual", "pooling", "dense"]
Decoding = Literal["upsampling", "transposed"]
Activation = Literal["relu", "sigmoid"]
Latent = Literal["bits", "bernoulli", "real", "gaussian"]
CodeActivation = Literal["linear", "relu", "sigmoid"]
Pixels = Literal["real", "binary"]
Precision = Literal["float32", "bfloat16"]
Method = Literal["hyperplanes", "pca", "pca-itq", "patches-itq"]

_SHARES = (
    *("warmup", "joining", "averaging"),
    *("mask", "salt", "jitter", "grey", "tint", "sharpness", "resolution", "jpeg", "frame", "caption"),
)
_POSITIVE_SHARES = ("crop", "rebuilt", "activity")
_WEIGHTS = (
    *("reconstruction", "agreement", "projection", "imitation"),
    *("decorrelation", "sparse", "magnitude", "contractive", "divergence", "adversarial"),
)


@dataclass(frozen=True)
class Recipe:
    """One way of making a model: the network, what it is asked for, and how long.

    A weight of 0 leaves an objective out. `encoder` names the channels of each stage, each half the size of the one
    before, `blocks` the residual blocks of each; `decoder` the channels at full size, 1/2, 1/4 and so on; `hidden` the
    units of a dense encoder's layers, of which its decoder is the mirror image.
    """

    name: str
    summary: str
    size: int = 32
    bits: int = 256
    channels: int = 3  # 1: the picture's grey, encoded and rebuilt
    pixels: Pixels = "real"  # binary: each is a probability, what is rebuilt too, and the error is its cross-entropy
    # the network
    network: Network = "residual"
    encoder: tuple[int, ...] = (64, 128)
    blocks: tuple[int, ...] = (1, 2)
    stem_stride: int = 2  # what the first convolution shrinks the picture by: 1, 2 or 4
    head: int = 0  # channels of a last 1 x 1 convolution, or none
    pooled: bool = False  # the mean over the last map's places, instead of the map itself
    decoder: tuple[int, ...] = (24, 32, 64, 128)
    decoding: Decoding = "upsampling"
    hidden: tuple[int, ...] = (128,)
    activation: Activation = "relu"  # of hidden units
    latent: Latent = "bits"
    code: CodeActivation = "linear"  # what real latents go through before they are decoded
    # objectives
    reconstruction: float = 1.0
    agreement: float = 0.0  # of two views in their bits
    projection: float = 0.0  # of two views in a projection of the features
    imitation: float = 0.0  # of which pictures a teacher takes for alike
    temperature: float = 0.2  # of the bits' agreement: the lower, the more the nearest mistakes count
    projection_temperature: float = 0.1
    prefixes: tuple[int, ...] = (28, 64, 128)  # lengths, below bits, at which a code is one too
    rebuilt: float = 1.0  # share of each batch that the decoder is asked to rebuild
    detached: bool = False  # the decoder learns from bits that it cannot change
    joining: float = 0.0  # share of all steps before the bits' agreement joins
    decorrelation: float = 0.0  # of units that say different things
    sparse: float = 0.0  # of each unit being on for the share `activity` of the pictures
    activity: float = 0.05
    magnitude: float = 0.0  # of latents that are mostly zero: their L1 norm by their L2 norm
    contractive: float = 0.0  # of a code that hardly moves when the picture does
    divergence: float = 0.0  # of latents distributed as their prior
    adversarial: float = 0.0  # of bits that nobody can tell from fair coin flips
    # what is done to a picture, or to two views of it, before it is encoded
    jitter: float = 0.0  # strength of the changes in brightness, contrast, saturation and hue
    grey: float = 0.0  # share of pictures that lose their colours
    tint: float = 0.0  # strength of the light's own colour
    turn: float = 0.0  # degrees that a view may be turned by, either way
    frame: float = 0.0  # share of views that lie within a frame
    crop: float = 0.2  # the least share of the area that a view keeps
    view: int = 24  # side of a view in pixels
    # what is done besides, of two views to the first alone
    noise: float = 0.0  # standard deviation of the Gaussian noise added, pixels in 0..1
    mask: float = 0.0  # share of the patches greyed out
    salt: float = 0.0  # share of the pixels made black or white
    sharpness: float = 0.0  # strength of blurring and sharpening
    resolution: float = 0.0  # share of pictures that were smaller once
    caption: float = 0.0  # share of pictures with a band along one side
    jpeg: float = 0.0  # share of pictures that show JPEG's blocks
    grain: float = 0.0  # the largest standard deviation of noise drawn for each picture
    # the schedule
    pretraining: int = 0  # epochs of each layer as a restricted Boltzmann machine, before all are trained together
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup: float = 0.1  # share of all steps
    averaging: float = 0.0  # what the average of the weights that ships keeps of itself at each step; 0: no average
    held_out: int = 5000
    seed: int = 0
    precision: Precision = "bfloat16"

    @property
    def shrinkage(self) -> int:
        """How many times smaller than the picture a convolutional encoder's last map is."""
        halvings = len(self.encoder) - (self.network == "residual")
        return int((self.stem_stride if self.network == "residual" else 1) * 2**halvings)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every length at which the bits are trained as a code of their own; the last is all of them."""
        return (*(length for length in self.prefixes if length < self.bits), self.bits)

    @property
    def views(self) -> bool:
        """Whether two views of each picture are compared."""
        return self.agreement > 0 or self.projection > 0

    @property
    def binary_latents(self) -> bool:
        """Whether the decoder takes -1 and +1."""
        return self.latent in ("bits", "bernoulli")

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_shapes()
        self._check_objectives()

    def _check_numbers(self) -> None:
        for field in ("size", "bits", "epochs", "batch_size", "view"):
            if getattr(self, field) < 1:
                raise RecipeError(f"{field} must be at least 1, not {getattr(self, field)}.")
        for field in ("encoder", "blocks", "decoder"):
            numbers = getattr(self, field)
            if not numbers or min(numbers) < 1:
                raise RecipeError(f"{field} must name one or more numbers of 1 or more, not {numbers}.")
        if any(units < 1 for units in self.hidden):
            raise RecipeError(f"hidden must name numbers of 1 or more, or none, not {self.hidden}.")
        if any(length < 1 for length in self.prefixes):
            raise RecipeError(f"prefixes must be lengths of 1 bit or more, not {self.prefixes}.")
        for field, allowed in {"stem_stride": (1, 2, 4), "channels": (1, 3)}.items():
            if getattr(self, field) not in allowed:
                *others, last = allowed
                raise RecipeError(
                    f"{field} must be {', '.join(map(str, others))} or {last}, not {getattr(self, field)}."
                )
        _check_seed(self.seed)
        if self.batch_size < 2:
            raise RecipeError("batch_size must be at least 2: logits are standardised over the batch.")
        for field in ("learning_rate", "temperature", "projection_temperature"):
            if not getattr(self, field) > 0:
                raise RecipeError(f"{field} must be above 0, not {getattr(self, field)}.")
        for field in _POSITIVE_SHARES:
            if not 0 < getattr(self, field) <= 1:
                raise RecipeError(f"{field} must be a share from above 0 to 1, not {getattr(self, field)}.")
        for field in _SHARES:
            if not 0 <= getattr(self, field) < 1:
                raise RecipeError(f"{field} must be a share from 0 to below 1, not {getattr(self, field)}.")
        for field in ("noise", "grain", "weight_decay", "held_out", "head", "pretraining", *_WEIGHTS):
            if not 0 <= getattr(self, field) < math.inf:
                raise RecipeError(f"{field} must not be negative, as {getattr(self, field)} is.")
        if not self.reconstruction and not self.views:
            raise RecipeError("Nothing is asked of the network: give reconstruction, agreement or projection a weight.")
        if self.detached and not self.views:
            raise RecipeError("detached leaves an encoder nothing to learn: give agreement or projection a weight.")
        if self.joining and not self.projection:
            raise RecipeError("joining leaves no views to compare until the bits join: give projection a weight.")

    def _check_shapes(self) -> None:
        if self.network == "residual" and len(self.encoder) != len(self.blocks):
            raise RecipeError(f"blocks must name as many numbers as encoder: {self.encoder}, not {self.blocks}.")
        factors = {"encoder": self.shrinkage, "decoder": 2 ** (len(self.decoder) - 1)}
        for name, factor in factors.items():
            read = self.network == "residual" or (self.network == "pooling" and name == "encoder")
            if read and self.size % factor:
                raise RecipeError(f"size must be a multiple of {factor} for this {name}, not {self.size}.")
        if self.pooled and self.network != "residual":
            raise RecipeError(f"pooled goes with network=residual: a {self.network} one has no mean over places.")
        if self.decoding != "upsampling" and self.network != "residual":
            raise RecipeError(f"decoding={self.decoding} goes with network=residual: a {self.network} one has its own.")
        sigmoid = self.network == "dense" and self.activation == "sigmoid" and self.code != "relu"
        if self.pretraining and (not sigmoid or self.latent == "gaussian"):
            raise RecipeError(
                "pretraining makes layers of sigmoid units: it goes with network=dense and activation=sigmoid, not "
                "with code=relu, and not with latent=gaussian, whose variances it has no start for."
            )

    def _check_objectives(self) -> None:
        if self.views and not self.pooled and self.view != self.size:
            raise RecipeError(f"view must be {self.size} as size is, unless pooled: features depend on the side.")
        if self.agreement and self.latent != "bits":
            raise RecipeError(f"agreement compares the bits of two views: it goes with latent=bits, not {self.latent}.")
        if not 0 <= self.turn <= 180:
            raise RecipeError(f"turn must be from 0 to 180 degrees, not {self.turn}.")
        if (self.turn or self.frame) and not self.views:
            raise RecipeError(
                "turn and frame are of views: they go with agreement or projection, not with one picture."
            )
        if self.views and self.network == "pooling":
            raise RecipeError("Views cannot be compared by network=pooling: one's switches would rebuild the other.")
        if self.imitation and not (self.views and self.latent == "bits"):
            raise RecipeError(
                "imitation is of a teacher's neighbours by the bits of two views: it goes with latent=bits, and with "
                "agreement or projection."
            )
        if self.code != "linear" and self.latent != "real":
            raise RecipeError(f"code={self.code} goes with latent=real: {self.latent} latents are decoded as they are.")
        if (self.sparse or self.magnitude) and self.latent != "real":
            raise RecipeError(
                f"sparse and magnitude keep units off: they go with latent=real, not with {self.latent}, which is on "
                "half the time or has a prior of its own."
            )
        if self.sparse and self.code != "sigmoid":
            raise RecipeError("sparse asks for a share of units that are on, from 0 to 1: it goes with code=sigmoid.")
        if self.divergence and self.latent not in ("gaussian", "bernoulli"):
            raise RecipeError(
                f"divergence is from a prior: it goes with latent=gaussian or bernoulli, not {self.latent}."
            )
        if self.contractive and self.latent != "bits" and not (self.network == "dense" and self.code == "sigmoid"):
            raise RecipeError(
                "contractive needs units whose scale nothing undoes: it goes with latent=bits, whose logits are "
                "standardised, or with network=dense and code=sigmoid."
            )
        if self.adversarial and not self.binary_latents:
            raise RecipeError(
                f"adversarial compares bits with coins: it goes with latent=bits or bernoulli, not {self.latent}."
            )


@dataclass(frozen=True)
class Fitted:
    """One way of making a model without a network to train: a closed form, or a few rounds of one.

    `centroids` and `patch` (side in pixels) are of the method patches-itq alone.
    """

    name: str
    summary: str
    method: Method = "pca-itq"
    size: int = 32
    bits: int = 256
    centroids: int = 400
    patch: int = 6
    held_out: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        for field in ("size", "bits", "centroids", "patch"):
            if getattr(self, field) < 1:
                raise RecipeError(f"{field} must be at least 1, not {getattr(self, field)}.")
        if self.held_out < 0:
            raise RecipeError(f"held_out must not be negative, as {self.held_out} is.")
        _check_seed(self.seed)
        if self.method == "patches-itq" and self.patch >= self.size:
            raise RecipeError(f"patch must be smaller than a picture of {self.size} pixels, not {self.patch}.")
        most = 4 * self.centroids if self.method == "patches-itq" else 3 * self.size**2
        if self.method != "hyperplanes" and self.bits > most:
            raise RecipeError(f"bits must be at most {most}, the features that {self.method} chooses from.")


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:  # what every generator of random numbers here can begin with
        raise RecipeError(f"seed must be from 0 to {2**32 - 1}, not {seed}.")


AnyRecipe = Recipe | Fitted


def from_card(fields: dict[str, Any]) -> AnyRecipe:
    """A recipe as model.json and checkpoints hold it, tuples as lists.

    What it does not name is younger than it and has its default, which changes nothing. Raises RecipeError.
    """
    kind = Fitted if "method" in fields else Recipe
    known = {field.name for field in dataclasses.fields(kind)}
    if strange := sorted(fields.keys() - known):
        raise RecipeError(f"A recipe has no field {', '.join(strange)}.")
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in fields.items()}
    try:
        return kind(**values)
    except TypeError as error:  # a field is missing, or is no number where it should be one
        raise RecipeError(f"A recipe cannot be read: {error}.") from error
