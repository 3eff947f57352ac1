"""A model folder -> the same model with an encoder that computes in 8 bits: smaller and faster, and other bits.

Static quantisation as ONNX Runtime does it: pictures are encoded once to see what range each activation takes, and
QuantizeLinear and DequantizeLinear nodes around each layer say how a byte stands for it. What comes out is another
codec (its codec_id follows from its bytes), to be judged like any other: `semblance evaluate` and `semblance bench
encode` take both folders.

Measured on CIFAR-10 codes: the first convolution stays as it is, since a picture's three channels are little work and
every later layer sees its rounding; so do the logits, of which a bit keeps the sign and a byte would lose the smallest.
Weights take 7 of their 8 bits: a processor without VNNI cuts off sums that do not fit, and a codec should give the same
bits everywhere.

An adopted network is brought to the same form first, by ONNX Runtime's own basic rewriting: constants that its exporter
left to be worked out, weights stored as float16 and padding before a convolution all become part of the convolutions.
Its bits stay as they were fitted: whatever follows the tensor "features" (assembly.py) is float32.
"""

import shlex
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from semblance.retrieval import codes
from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.errors import ModelError, TrainingError
from semblance.retrieval.files import replace
from semblance.retrieval.images import Picture
from semblance.retrieval.judging import datasets
from semblance.retrieval.training.checkpoint import LOG, WEIGHTS
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.refit import Tail, Trunk, ends_in_bits

CALIBRATED_ON = 1000  # pictures
_BATCH = 100
_PRODUCTS = ["Conv", "Gemm", "MatMul"]
_KINDS = [*_PRODUCTS, "Relu", "Clip", "Add"]  # what lies between them stays in bytes as well

Rows = npt.NDArray[np.int64]


class _Batches:
    """Pictures (N, S, S, 3), as ONNX Runtime asks for them."""

    def __init__(self, name: str, pictures: Picture) -> None:
        self._left = iter([{name: pictures[at : at + _BATCH]} for at in range(0, len(pictures), _BATCH)])

    def get_next(self) -> dict[str, Picture] | None:
        return next(self._left, None)


def quantise(codec: Codec, data: TrainingData, out: Path) -> tuple[Codec, float]:
    """Write `codec` with an 8-bit encoder into the folder `out`, calibrated on some of `data`.

    What training goes on from comes along as it is. Of the data that the model was trained on, the pictures that its
    recipe held out are not calibrated on. Returns the codec read back, and the share of bits in which its codes of
    these pictures (of all, for other data) differ from the original's.
    Raises ModelError where the encoder cannot be quantised, TrainingError where `out` cannot be written.
    """
    seen, unseen = _split(codec, data)
    path, pictures = codec.folder / "encoder.onnx", data.pictures[seen]
    if ends_in_bits(codec):  # those of adopted features stay as they were fitted, and can be fitted anew
        trunk = Trunk(codec)
        encoder = Tail(trunk.weights, trunk.offset).appended_to(_quantised(trunk.model, path, pictures))
    else:
        encoder = bytes(_quantised(onnx.load(path), path, pictures).SerializeToString())
    calibrated_on = {"name": data.name, "pictures": len(seen), "sha256": data.sha256}
    own = ("figures", "near_duplicates")  # measured on the original, and true of it alone
    card = {key: value for key, value in codec.card.items() if key not in own}
    name = card["name"] = out.resolve().name
    card["quantised"] = {
        "command": shlex.join(["semblance", "quantise", codec.name, *data.arguments, "--out", f"models/{name}"]),
        "calibrated_on": calibrated_on,
        "from": {"codec_id": codec.codec_id, "figures": codec.card.get("figures", {})},
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        replace(out / "encoder.onnx", [encoder])
        for kept in ("decoder.onnx", WEIGHTS, LOG):
            if (codec.folder / kept).exists():
                replace(out / kept, [(codec.folder / kept).read_bytes()])
        write_card(out, card)
    except OSError as error:
        raise TrainingError(f"The model folder {out} could not be written: {error}") from error
    made = Codec(out)
    return made, _differing_bits(codec, made, data.pictures[unseen])


def _split(codec: Codec, data: TrainingData) -> tuple[Rows, Rows]:
    """Rows to calibrate on, spread over all that may be seen, and rows to compare codes on."""
    everything = np.arange(len(data.pictures))
    recipe, trained_on = codec.card.get("recipe"), codec.card.get("data")
    if isinstance(recipe, dict) and isinstance(trained_on, dict) and trained_on.get("sha256") == data.sha256:
        seen, unseen = datasets.hold_out(recipe["held_out"], len(everything))
    else:
        seen, unseen = everything, everything
    return seen[:: max(1, len(seen) // CALIBRATED_ON)][:CALIBRATED_ON], unseen


def _differing_bits(one: Codec, other: Codec, pictures: Picture) -> float:
    first, second = (codes.unpack(codec.encode(pictures), codec.bits) for codec in (one, other))
    return float((first != second).mean())


def _quantised(model: onnx.ModelProto, path: Path, pictures: Picture) -> onnx.ModelProto:
    if any("Quantize" in node.op_type or "QLinear" in node.op_type for node in model.graph.node):
        raise ModelError(f"{path} is quantised already: name the model that it was made of.")
    with tempfile.TemporaryDirectory(prefix="semblance-quantise-") as scratch:
        try:
            model = _simplified(model, Path(scratch) / "simplified.onnx")
            quantize_static(
                model,
                Path(scratch) / "encoder.onnx",
                _Batches(model.graph.input[0].name, pictures),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_KINDS,
                nodes_to_exclude=_left_alone(model.graph),
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
            )
        except Exception as error:  # it raises nearly anything for a graph that it does not know
            raise ModelError(f"{path} cannot be quantised: {error}") from error
        made = onnx.load(Path(scratch) / "encoder.onnx")
    if not any(node.op_type == "QuantizeLinear" for node in made.graph.node):
        raise ModelError(f"{path} has no convolution or matrix product that could be quantised.")
    del made.metadata_props[:]  # a codec_id is a hash of these bytes: they hold the model and nothing else
    del made.graph.value_info[:]
    return made


def _simplified(model: onnx.ModelProto, scratch: Path) -> onnx.ModelProto:
    """The same graph of fewer nodes, all in float32: see above. Written to `scratch` on the way."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC  # others know the processor
    options.optimized_model_filepath = str(scratch)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    model = onnx.load(scratch)
    for unused in [opset for opset in model.opset_import if opset.domain]:
        model.opset_import.remove(unused)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{number}"  # nodes are left out by their names
    model.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")  # else it asks for just that
    return model


def _left_alone(graph: Any) -> list[str]:
    """The first convolution, and a sum, cut or mean that gives the logits or features: see above."""
    nodes = list(graph.node)
    first = [node.name for node in nodes if node.op_type == "Conv"][:1]
    last = [node.name for node in nodes if graph.output[0].name in node.output and node.op_type not in _PRODUCTS]
    return first + last
