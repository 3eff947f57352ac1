"""Somebody else's ONNX network, read and made ready: cut at the tensor that is wanted, for any number of pictures.

Networks come in many makings: weights in a file beside, in nodes of their own or as initializers, a batch that is
fixed, inputs in float16. What can be put right is, and what cannot is one sentence.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import ModelProto, NodeProto, TensorProto, numpy_helper

from semblance.retrieval.errors import ModelError, UsageError
from semblance.retrieval.training.shipping import rounded

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
_OLDEST = 7  # of the opsets that ONNX Runtime runs
_LIKELY = 6  # tensors that an error names


@dataclass(frozen=True)
class Network:
    """A network of one input and one tensor. `shape` is the input's, None where open; `kind` its ONNX data type."""

    path: Path
    model: ModelProto
    input: str
    shape: tuple[int | None, ...]
    kind: int
    output: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.output} of {self.path}"


def read(path: Path, output: str | None) -> Network:
    """The network of this file, its weights rounded to float16, cut at `output` (a tensor; None: its only output).

    Raises ModelError where it cannot be used, UsageError where there is no such tensor or one has to be named.
    """
    model, sha256 = _load(path)
    if output is None:
        if len(model.graph.output) != 1:
            raise UsageError(f"{path} has several outputs: name a tensor with --output. {_likely(model)}")
        output = model.graph.output[0].name
    if all(output not in node.output for node in model.graph.node):
        raise UsageError(f"{path} computes no tensor {output!r}. {_likely(model)}")
    cut(model, output)
    inputs = [*model.graph.input]
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise ModelError(f"{path} needs one input for {output}, the pictures, and has {len(inputs)}: {names}.")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in (*FLOATS, TensorProto.UINT8):
        raise ModelError(f"{path} takes no pictures: its input {inputs[0].name} holds neither floats nor bytes.")
    shape = tuple(side.dim_value if side.dim_value > 0 else None for side in tensor.shape.dim)
    if shape and shape[0]:
        _open_batch(model, shape[0])
    rounded(model)
    return Network(path, model, inputs[0].name, shape, tensor.elem_type, output, sha256)


def _load(path: Path) -> tuple[ModelProto, str]:
    """The model with all its weights, those of Constant nodes among the initializers, and the SHA-256 of its files."""
    try:
        data = path.read_bytes()
        model = onnx.load_from_string(data)
    except OSError as error:
        raise ModelError(f"The network {path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # protobuf's own
        raise ModelError(f"{path} is no ONNX network.") from error
    if not (model.graph.node and model.graph.output and model.opset_import):
        raise ModelError(f"{path} is no ONNX network.")
    if any(known.domain in ("", "ai.onnx") and known.version < _OLDEST for known in model.opset_import):
        raise ModelError(f"{path} is of an ONNX opset before {_OLDEST}: export it anew.")
    beside = {
        entry.value for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"
    }
    checksum = hashlib.sha256(data)
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        for name in sorted(beside):
            checksum.update((path.parent / name).read_bytes())
        for tensor in model.graph.initializer:
            tensor.ClearField("data_location")  # as in a file that never had any beside
    except Exception as error:  # a checker's, of the file system, of NumPy
        raise ModelError(f"The weights of {path} lie in files beside it that cannot be read: {error}") from error
    _lift(model)
    return model, checksum.hexdigest()


def _lift(model: ModelProto) -> None:
    """Make initializers of nodes that hold a tensor, and inputs only of what is given at run time."""
    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "Constant" and node.attribute[0].name == "value"]:
        tensor = graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
        graph.node.remove(node)
    known = {tensor.name for tensor in graph.initializer}
    for given in [each for each in graph.input if each.name in known]:
        graph.input.remove(given)
    model.ir_version = max(model.ir_version, 8)  # of old, every weight had to be an input too


def cut(model: ModelProto, output: str) -> None:
    """Leave what `output` is computed from, and no other output."""
    graph = model.graph
    made_by = {name: number for number, node in enumerate(graph.node) for name in node.output}
    reached, kept, waiting = set[str](), set[int](), [output]
    while waiting:
        name = waiting.pop()
        if name not in reached and name in made_by:
            kept.add(made_by[name])
            waiting.extend(_uses(graph.node[made_by[name]]))
        reached.add(name)
    for number in range(len(graph.node) - 1, -1, -1):
        if number not in kept:
            del graph.node[number]
    for part in (graph.input, graph.initializer):
        for unused in [each for each in part if each.name not in reached]:
            part.remove(unused)
    del graph.output[:], graph.value_info[:]
    graph.output.append(onnx.helper.make_tensor_value_info(output, TensorProto.FLOAT, None))


def _uses(node: NodeProto) -> Iterator[str]:
    """The tensors that a node reads, in its branches and loops as well."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _uses(inner)
        yield from (result.name for result in attribute.g.output)


def _open_batch(model: ModelProto, batch: int) -> None:
    """Leave the number of pictures open where it was fixed, in the input and wherever a tensor is given a new shape."""
    graph = model.graph
    shapes = _shapes(model)
    arrays = {tensor.name: tensor for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[1] not in arrays or node.attribute:
            continue
        shape = numpy_helper.to_array(arrays[node.input[1]]).copy()
        if shape.size and shape[0] == batch and shapes.get(node.input[0], (0, ()))[1][:1] == (batch,):
            shape[0] = 0  # as many as come
            node.input[1] = f"open_batch_{number}"
            graph.initializer.append(numpy_helper.from_array(shape, node.input[1]))
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"


def _shapes(model: ModelProto) -> dict[str, tuple[int, tuple[int | None, ...]]]:
    """Data type and shape of every tensor of which they can be told."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception:  # of operators that only their makers know; then nothing is told
        graph = model.graph
    return {
        each.name: (each.type.tensor_type.elem_type, tuple(
            side.dim_value if side.dim_value > 0 else None for side in each.type.tensor_type.shape.dim
        ))
        for each in (*graph.input, *graph.value_info, *graph.output)
    }  # fmt: skip


def _likely(model: ModelProto) -> str:
    """A sentence with tensors that may be features, the last first: rows of floats, and maps that have been pooled."""
    shapes = _shapes(model)
    names: list[str] = []
    for node in reversed(model.graph.node):
        for name in node.output:
            kind, shape = shapes.get(name, (0, ()))
            pooled = len(shape) == 4 and ("Pool" in node.op_type or "Reduce" in node.op_type) and shape[2:] == (1, 1)
            if kind in FLOATS and (len(shape) == 2 or pooled):
                names.append(f"{name} ({', '.join(str(side or 'N') for side in shape)})")
    named = ", ".join(names[:_LIKELY]) or ", ".join(each.name for each in model.graph.output)
    return f"Likely ones are {named}."
