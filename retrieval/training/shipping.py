"""An ONNX model as it ships: weights of float16 in the file, float32 while it runs. No torch is needed here."""

import numpy as np
import onnx
from onnx import numpy_helper

_OFF = 1e-3  # how far rounding may move an array, as a share of its length: float16 has ten bits after the first


def rounded(model: onnx.ModelProto) -> None:
    """Round the float32 weights of a model to what float16 can hold, in place. Vectors stay as they are (they are
    small, and an epsilon among them would become 0), and so do arrays that float16 is too narrow for."""
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16).astype(np.float32)
        if np.linalg.norm(half - values) <= _OFF * np.linalg.norm(values):
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))


def for_shipping(model: onnx.ModelProto) -> bytes:
    """Store weights as float16 behind a cast to float32, which ONNX Runtime folds away when it loads the model.

    What the exporter notes of where it ran is dropped: it holds paths of this machine, and a codec_id is a hash of
    these bytes.
    """
    graph = model.graph
    del graph.value_info[:]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and np.array_equal(values.astype(np.float16).astype(np.float32), values):
            as_half(graph, tensor)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def as_half(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> None:
    """Store one of a graph's tensors as float16 behind a cast to float32; its values are exact in float16."""
    name, values = tensor.name, numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
    graph.node.insert(0, onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
