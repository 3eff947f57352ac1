"""`encode`: how fast models make codes on two cores, how much work that is, and how large they are.

Several models are measured in turns, so that two of them (one and its 8-bit version, say) can be compared.
"""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from semblance.retrieval.codec import BATCH, Codec, shipped_models
from semblance.scripts.benchmarks.figures import MILLION, Asked, Row, in_turns, row

_CORES = 2
_NOT_SHIPPED = ("checkpoint.pt", "neighbours.png")  # what training goes on from, and a sheet of someone's pictures


def encode(asked: Asked) -> list[Row]:
    """Pictures a second in batches, milliseconds for one, multiply-adds a picture, bytes of the folder."""
    names = asked.models or shipped_models()
    codecs = [Codec(name, threads=_CORES) for name in names]
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (BATCH, codec.spec.size, codec.spec.size, 3), np.uint8) for codec in codecs]
    batches = in_turns([partial(codec.encode, many) for codec, many in zip(codecs, noise, strict=True)], times=15)
    singles = in_turns([partial(codec.encode, many[:1]) for codec, many in zip(codecs, noise, strict=True)], times=201)
    rows: list[Row] = []
    for name, codec, batch, single in zip(names, codecs, batches, singles, strict=True):
        work, size = multiply_adds(codec, asked.scratch), folder_bytes(codec.folder)
        rows += [
            row(f"{name}, batches of {BATCH}", BATCH / batch, "pictures/s", "at least 1,500 (cifar10-fast)"),
            row(f"{name}, a single picture", 1000 * single, "ms", "at most 2 (cifar10-fast)"),
            row(f"{name}, multiply-adds a picture", work / MILLION, "million", "at most 60 (cifar10-fast)"),
            row(f"{name}, its folder", size / 1e6, "MB", "at most 8 (cifar10: 24)"),
        ]
    return rows


def folder_bytes(folder: Path) -> int:
    """The bytes of a model folder as it ships."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file() and path.name not in _NOT_SHIPPED)


def multiply_adds(codec: Codec, scratch: Path) -> int:
    """Multiplications, each with its addition, in the convolutions and matrix products that encode one picture.

    ONNX Runtime's own record of a run, as the graph is written: it names the shapes of whatever it computes, so
    nothing but ONNX Runtime is needed to count. `scratch` is where it may write that record.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # fused nodes hide shapes,
    options.add_session_config_entry("session.disable_prepacking", "1")  # and so do weights laid out anew
    options.log_severity_level = 3
    options.enable_profiling = True
    options.profile_file_prefix = str(scratch / "encoder")
    session = onnxruntime.InferenceSession(codec.folder / "encoder.onnx", options, providers=["CPUExecutionProvider"])
    size = codec.spec.size
    session.run(None, {session.get_inputs()[0].name: np.zeros((1, size, size, 3), np.uint8)})
    events = json.loads(Path(session.end_profiling()).read_text())
    return sum(_products(event["args"]) for event in events if "output_type_shape" in event.get("args", {}))


def _products(node: dict[str, Any]) -> int:
    """The multiply-adds of a node: each value that comes out is a sum of so many products."""
    if node["op_name"] not in ("Conv", "Gemm", "MatMul"):
        return 0
    features, weights = (shape for each in node["input_type_shape"][:2] for shape in each.values())
    values: list[int]
    (values,) = node["output_type_shape"][0].values()
    products: int = math.prod(weights[1:]) if node["op_name"] == "Conv" else features[-1]
    return math.prod(values) * products
