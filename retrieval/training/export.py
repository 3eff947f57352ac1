"""A trained network -> a model folder that ONNX Runtime runs without torch.

Weights are shipped as float16, which halves the folder, and computed with as float32. They are rounded here, before the
export, in a network whose batch normalisation is folded into its neighbours: so torch still computes the very function
that the folder holds, and the two can be compared bit by bit.
"""

import copy
import io
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.errors import TrainingError
from semblance.retrieval.files import replace
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.training.closed_form import FittedCoder
from semblance.retrieval.training.networks import Autoencoder
from semblance.retrieval.training.shipping import for_shipping

_OPSET = 20

Coder = TypeVar("Coder", Autoencoder, FittedCoder)


class _FromBytes(nn.Module):
    """uint8 (N, S, S, 3) -> logits (N, bits): scaling to floats happens inside the model."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.encoder(images.permute(0, 3, 1, 2).float() / 255)
        return logits


class _ToBytes(nn.Module):
    """Latents (N, bits) -> uint8 (N, S, S, 3)."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.decoder(latents).clamp(0, 1)
        return (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def deployable(model: Coder) -> Coder:
    """A copy as it ships: on the CPU, batch normalisation folded in, every weight a float16 held as float32."""
    model = copy.deepcopy(model).cpu().float().eval()
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            _fold(module)
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    return model


def export(
    model: Autoencoder | FittedCoder,
    folder: Path,
    card: dict[str, Any],
    spec: InputSpec,
    bits: int,
    decodes: bool = True,
    encoder: bytes | None = None,
) -> Codec:
    """Write encoder.onnx, decoder.onnx and model.json of a `deployable` model into `folder`; the codec read back.

    `card` is model.json less bits and input. A model that never learned to rebuild has no decoder to ship. Where its
    trunk is another's, `encoder` is the whole as encoder.onnx holds it. Raises TrainingError where the folder cannot be
    written.
    """
    pictures = torch.zeros(2, spec.size, spec.size, 3, dtype=torch.uint8)
    latents = torch.ones(2, bits)
    card = {"name": card["name"], "bits": bits, "input": spec.card(), **card}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        encoder = encoder or _onnx(_FromBytes(model.encoder), pictures, "images", "logits")
        replace(folder / "encoder.onnx", [encoder])
        if decodes:
            replace(folder / "decoder.onnx", [_onnx(_ToBytes(model.decoder), latents, "latents", "images")])
        else:
            (folder / "decoder.onnx").unlink(missing_ok=True)
        write_card(folder, card)
    except OSError as error:
        raise TrainingError(f"The model folder {folder} could not be written: {error}") from error
    return Codec(folder)


def _fold(layers: nn.Sequential) -> None:
    for position in range(len(layers) - 1):
        layer, norm = layers[position], layers[position + 1]
        if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[position], layers[position + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
        elif isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d):
            if not norm.affine:  # torch's own folding wants the scale and shift spelt out
                norm.weight = nn.Parameter(torch.ones(norm.num_features))
                norm.bias = nn.Parameter(torch.zeros(norm.num_features))
            layers[position], layers[position + 1] = fuse_linear_bn_eval(layer, norm), nn.Identity()


@torch.no_grad()
def disagreement(
    model: Autoencoder | FittedCoder, codec: Codec, pictures: Picture, seen: Tensor | None = None
) -> tuple[float, float]:
    """Torch against ONNX Runtime on pictures (N, S, S, 3): the share of bits that differ, and the largest |logit|
    among those, in standard deviations of its bit. `seen` (N, F) are what a frozen trunk makes of them."""
    encoder = _FromBytes(model.encoder) if seen is None else model.encoder
    inputs = torch.from_numpy(pictures) if seen is None else seen
    expected = torch.cat([encoder(batch) for batch in inputs.split(500)]).numpy()
    differ = (expected > 0) != (codec.logits(pictures) > 0)
    relative = np.abs(expected) / np.maximum(expected.std(axis=0), 1e-12)
    return float(differ.mean()), float(relative[differ].max(initial=0))


def _onnx(module: nn.Module, example: Tensor, input_name: str, output_name: str) -> bytes:
    program = torch.onnx.export(
        module.eval(),
        (example,),
        dynamo=True,
        verbose=False,
        opset_version=_OPSET,
        input_names=[input_name],
        output_names=[output_name],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    assert program is not None
    buffer = io.BytesIO()
    program.save(buffer)  # type: ignore[arg-type]  # it hands the buffer on to onnx.save, which takes one
    return for_shipping(onnx.load_from_string(buffer.getvalue()))
