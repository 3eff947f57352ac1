"""A trunk that is another model's and stays as it is: what follows it is trained on the features that it has made once.

A frozen trunk gives a picture the same features at every step. So each picture and some views of it go through it
before the first step, and what it made of them is kept on disk: training is then a matter of minutes without an
accelerator. It begins at the bits of the formula (`linear.nested_bits`), and ships as the trunk and a linear map.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnxruntime import InferenceSession
from torch import Tensor, nn

from semblance.retrieval.codec import ENCODER, Codec
from semblance.retrieval.errors import ModelError, TrainingError
from semblance.retrieval.files import sync_folder
from semblance.retrieval.images import Picture
from semblance.retrieval.judging import linear
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.sessions import session
from semblance.retrieval.training import assembly, convolutional, losses
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.fields import as_card
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.recipe import Recipe
from semblance.retrieval.training.shipping import for_shipping
from semblance.retrieval.training.trunk import Trunk

Looks = npt.NDArray[np.float16]  # (1 + views, N, F): of each picture as it is, and of views of it

_AT_ONCE = 16  # pictures whose views are in memory at one time
_VIEWS = 4  # what a generator is for, beside those of loop.py
_DECIDING = ("seed", "jitter", "grey", "tint", "turn", "frame", "crop", "kept", "noise", "mask", "salt")
_DAMAGING = ("sharpness", "resolution", "caption", "jpeg", "blur", "grain")

decoder = convolutional.decoder


def encoder(recipe: Recipe) -> tuple[Trunk, int]:
    """Features as they are, and how many there are."""
    return Trunk(nn.Flatten()), recipe.network.head


def trunk(model: Codec) -> onnx.ModelProto:
    """The graph of a model as far as its features. Raises ModelError where it has none."""
    graph = onnx.load(model.folder / ENCODER)
    inner = {name for node in graph.graph.node for name in node.output}
    if "features" not in inner:
        raise ModelError(
            f"{model.name} has no features of its own to begin with: `semblance adopt` makes models that have."
        )
    cut = onnx.utils.Extractor(graph).extract_model([graph.graph.input[0].name], ["features"])
    return cut
