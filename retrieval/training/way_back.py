"""From bits fitted anew back to a picture, by the decoder that the model has already.

That decoder wants the old bits. The new ones say what these were, up to a linear map of least squared error, which is
put before it. Ridge regression (Hoerl & Kennard 1970), since pictures may be few: a bit is off by some 0.5 squared, and
as many weights as there are bits share a bit's variance of 1.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec
from semblance.retrieval.judging import datasets
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.sessions import session
from semblance.retrieval.training.features import Features, spread
from semblance.retrieval.training.shipping import as_half

_MEASURED = 200  # pictures that it is measured on and not fitted to, of ten times as many


def made(
    old: tuple[Floats, Floats], new: tuple[Floats, Floats], known: Features, decoder: Path, spec: InputSpec
) -> tuple[bytes, dict[str, float]]:
    """The decoder for `new` bits, and the squared error of what they remember, pixels in 0..1, on pictures that the way
    back was not fitted to. `old` and `new` are weights and offset of logits of features; `spec` is the decoder's.

    Raises DatasetError where a picture cannot be read any more.
    """
    apart = spread(len(known.read), min(_MEASURED, max(1, len(known.read) // 10)))
    kept = np.setdiff1d(np.arange(len(known.read)), apart)
    before, after = (_signs(known.vectors, *bits) for bits in (old, new))
    whole = _before(decoder, *_ridge(after[kept], before[kept]))
    run = session(whole, decoder, 1)
    name = run.get_inputs()[0].name
    pairs = zip(apart, datasets.readable([known.read[row] for row in apart], spec), strict=True)
    errors = []
    for row, picture in pairs:
        if isinstance(picture, Exception):
            raise DatasetError(f"{known.read[row]}: {picture}")
        rebuilt = run.run(None, {name: after[row : row + 1]})[0][0]
        errors.append(np.square((rebuilt.astype(np.float32) - picture) / 255).mean())
    return whole, {"mse": round(float(np.mean(errors)), 4), "held_out_pictures": float(len(apart))}


def _signs(vectors: Floats, weights: Floats, offset: Floats) -> Floats:
    return np.where(vectors @ weights + offset > 0, np.float32(1), np.float32(-1))


def _ridge(inputs: Floats, outputs: Floats) -> tuple[Floats, Floats]:
    """Weights (K, L), exact in float16, and offset (L,) that make outputs (N, L) of inputs (N, K)."""
    middle, mean = inputs.mean(axis=0, dtype=np.float64), outputs.mean(axis=0, dtype=np.float64)
    centred = inputs - middle
    products = centred.T @ centred + np.eye(inputs.shape[1]) * inputs.shape[1] / 2
    weights = np.linalg.solve(products, centred.T @ (outputs - mean)).astype(np.float16).astype(np.float32)
    return weights, (mean - middle @ weights).astype(np.float32)


def _before(decoder: Path, weights: Floats, offset: Floats) -> bytes:
    """The decoder with a linear map before it."""
    model = onnx.load(decoder)
    graph = model.graph
    own = f"way_back_{len(graph.node)}"  # another name where one stands there already
    (given,) = graph.input
    wanted = given.name
    names = [f"{own}.bits", f"{own}.weights", f"{own}.offset"]
    given.CopyFrom(helper.make_tensor_value_info(names[0], onnx.TensorProto.FLOAT, ["N", len(weights)]))
    graph.initializer.extend(map(numpy_helper.from_array, (weights, offset), names[1:]))
    graph.node.insert(0, helper.make_node("Gemm", names, [wanted]))
    as_half(graph, graph.initializer[-2])
    del graph.value_info[:]
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
