"""What a model wants to see: the input spec. It stands in model.json and is part of a codec's identity.

A rule that was left at what it always was is not written down, so that what was made before keeps its codec_id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

ResizeRule = Literal["squash-bicubic", "squash-boxes-bicubic", "trim-bicubic"]

LEAST = 2.0  # what every model of before left of a picture, as a multiple of its side
LARGE = 128  # the side from which new models go by the rule that measured best (docs/results.md)


@dataclass(frozen=True)
class InputSpec:
    """The side S in pixels, the rule that brings a picture to S x S, and how small it may be decoded before.

    All rules interpolate by antialiased bicubic. `squash-bicubic`: both sides are scaled to S on their own.
    `squash-boxes-bicubic`: the same, but where a side is 4 S or longer, whole boxes of pixels are averaged first, to no
    less than 2 S: a third of the work. `trim-bicubic`: the longer side is cut at both ends until the picture's
    proportion is the square root of what it was, and the rest squashed: half-way to the middle square.
    A format that can be decoded at reduced scale is, at the smallest that leaves both sides at least `least` times S.
    """

    size: int
    resize: ResizeRule = "squash-bicubic"
    least: float = LEAST

    def card(self) -> dict[str, Any]:
        """The `input` of model.json. What it says decides bits, so it goes into the codec_id too."""
        least = {} if self.least == LEAST else {"least": self.least}
        return {"size": self.size, "resize": self.resize, **least}


def from_card(said: Mapping[str, Any]) -> InputSpec:
    """The spec that the `input` of a model.json says. Raises KeyError, TypeError and ValueError where it says none, or
    anything that is not known here: bits made by half a rule would be wrong without a word."""
    spec = InputSpec(said["size"], said["resize"], said.get("least", LEAST))
    known = {"size", "resize", "least"}.issuperset(said) and spec.resize in get_args(ResizeRule)
    if not known or type(spec.size) is not int or spec.size < 1:
        raise ValueError(f"no known input: {dict(said)}")
    if type(spec.least) not in (int, float) or not 1 <= spec.least <= 1000:
        raise ValueError(f"a picture cannot be decoded to {spec.least} times its target")
    return InputSpec(spec.size, spec.resize, float(spec.least))


def spec_for(size: int) -> InputSpec:
    """What a new model of this size is given: of large pictures the rule that measured best, else that of before."""
    return InputSpec(size, "trim-bicubic", 1.5) if size >= LARGE else InputSpec(size)
