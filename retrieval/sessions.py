"""Sessions of ONNX Runtime, as a codec wants them: on a given number of cores, and of a known shape."""

from pathlib import Path

import onnxruntime

from semblance.retrieval.errors import ModelError


def session(model: bytes, path: Path, threads: int) -> onnxruntime.InferenceSession:
    """The model that was read from `path`, run on so many cores. Raises ModelError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning worker burns the core that the decoding threads need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no public base
        raise ModelError(f"{path} is no ONNX model that ONNX Runtime can load: {error}") from error


def check(
    session: onnxruntime.InferenceSession, path: Path, takes: tuple[str, list[int]], gives: tuple[str, list[int]]
) -> None:
    """ModelError unless the model has one input and one output of these types and shapes, for any number N of rows."""
    for role, nodes, (kind, shape) in (
        ("take one input", session.get_inputs(), takes),
        ("give one output", session.get_outputs(), gives),
    ):
        fits = [node.type == f"tensor({kind})" and list(node.shape[1:]) == shape for node in nodes]
        if fits != [True] or isinstance(nodes[0].shape[0], int):
            rows = ", ".join(map(str, ["N", *shape]))
            raise ModelError(f"{path} must {role}, {kind} ({rows}), with N left open: export it so.")
