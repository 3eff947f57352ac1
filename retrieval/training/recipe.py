"""What a recipe can say, and which of it goes together.

A recipe is the whole truth about a run besides its data: a checkpoint carries it, model.json repeats it, and a
checkpoint of another recipe is refused. Its fields stand in groups, each beside its bounds; no two have one name, so
that cards and the command line write them without the groups (fields.py).
"""

from typing import Literal, Self

from pydantic import model_validator

from semblance.retrieval.training.bounds import Count, Fields, Seed, Whole, refusing
from semblance.retrieval.training.groups import Damage, Network, Objectives, Schedule, Views


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
