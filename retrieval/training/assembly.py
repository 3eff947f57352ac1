"""The graph of an adopted network: from bytes to its features, and from them to bits.

What stands before the network and behind it is made of ONNX's own operators and becomes part of the one file, so that
whoever runs the codec needs to know nothing of how the network wants its pictures.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from semblance.retrieval.errors import ModelError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.training.foreign import Network
from semblance.retrieval.training.preprocessing import Preprocessing

_PREFIX = "network/"  # before all the network's own names, so that none is one of ours


def from_bytes(network: Network, wanted: Preprocessing) -> ModelProto:
    """The graph from uint8 (N, S, S, 3), "images", to the network's tensor as float32, "features"."""
    model = onnx.compose.add_prefix(network.model, _PREFIX)
    graph, first = model.graph, wanted.layout == "nchw"
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", wanted.size, wanted.size, 3]))
    at = "images"
    before: list[onnx.NodeProto] = []

    def then(kind: str, *constants: npt.NDArray[Any], **attributes: Any) -> None:
        nonlocal at
        made = f"before_{len(before)}"
        names = [f"{made}_{number}" for number in range(len(constants))]
        graph.initializer.extend(map(numpy_helper.from_array, constants, names))
        before.append(helper.make_node(kind, [at, *names], [made], **attributes))
        at = made

    if first:  # while they are bytes
        then("Transpose", perm=[0, 3, 1, 2])
    if wanted.bgr:
        then("Gather", np.array([2, 1, 0]), axis=1 if first else 3)
    then("Cast", to=TensorProto.FLOAT)
    shape = (1, -1, 1, 1) if first else (-1,)
    then("Sub", np.array(wanted.mean, np.float32).reshape(shape))
    then("Div", np.array(wanted.std, np.float32).reshape(shape))
    before.append(helper.make_node("Cast", [at], [_PREFIX + network.input], to=network.kind))
    for node in reversed(before):
        graph.node.insert(0, node)
    graph.node.append(helper.make_node("Cast", [_PREFIX + network.output], ["features"], to=TensorProto.FLOAT))
    graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, None))
    return model


def pool(model: ModelProto, shape: tuple[int, ...], wanted: Preprocessing) -> int:
    """Average features of `shape` over tokens (N, T, D) or over the places of a map, in place; how many are left."""
    axes = [1][: len(shape) - 2]
    if len(shape) == 4:  # places make a square; where channels might be a side of it too, the input's layout decides
        squares = [[2, 3]] * (shape[2] == shape[3]) + [[1, 2]] * (shape[1] == shape[2])
        axes = squares[0] if len(squares) == 1 else [2, 3] if wanted.layout == "nchw" else [1, 2]
    (length,) = [side for axis, side in enumerate(shape) if axis and axis not in axes]
    if not axes:
        return length
    graph = model.graph
    graph.node[-1].output[0] = "maps"
    (opset,) = [known.version for known in model.opset_import if known.domain in ("", "ai.onnx")]
    if opset < 18:
        graph.node.append(helper.make_node("ReduceMean", ["maps"], ["features"], axes=axes, keepdims=0))
    else:
        graph.initializer.append(numpy_helper.from_array(np.array(axes), "axes"))
        graph.node.append(helper.make_node("ReduceMean", ["maps", "axes"], ["features"], keepdims=0))
    return length


def with_bits(model: ModelProto, weights: Floats, offset: Floats) -> ModelProto:
    """The same graph to the logits: features to bits, each picture's brought to the length of a code of ones."""
    graph, bits = model.graph, len(offset)
    scale = np.array(np.sqrt(bits), np.float32)
    graph.initializer.extend(map(numpy_helper.from_array, (weights, offset, scale), ("weights", "offset", "scale")))
    graph.node.extend([
        helper.make_node("MatMul", ["features", "weights"], ["products"]),
        helper.make_node("Add", ["products", "offset"], ["projected"]),
        helper.make_node("LpNormalization", ["projected"], ["directions"], axis=-1, p=2),
        helper.make_node("Mul", ["directions", "scale"], ["logits"]),
    ])  # fmt: skip
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", bits]))
    return model


def session_of(model: ModelProto, network: Network) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # each core has pictures of its own: see features.py
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no public base; protobuf's of more than 2 GB
        raise ModelError(f"{network.path} is no network that ONNX Runtime can load: {error}") from error


def run(session: onnxruntime.InferenceSession, network: Network, pictures: Picture) -> Floats:
    try:
        made: Floats = session.run(None, {"images": np.ascontiguousarray(pictures)})[0]
    except Exception as error:
        size = pictures.shape[1]
        raise ModelError(
            f"{network.path} cannot be run for {len(pictures)} pictures of {size} x {size} pixels: {error}"
        ) from error
    return made
