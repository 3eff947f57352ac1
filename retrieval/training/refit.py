"""A model's bits fitted anew to one's own pictures, by the formula alone: no torch, no more time than features take.

An encoder that ends as `assembly.with_bits` makes it, in a linear map of features, gets another map; what makes the
features stays as it is. The old map says what its own pictures were like (`linear.fitted_on`) and counts beside the new
ones. Where the model can decode, so can the new one (way_back.py).
"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from semblance.retrieval import files
from semblance.retrieval.codec import CARD, DECODER, ENCODER, Codec, card_bytes, from_logits
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import DatasetError, TrainingError, UsageError
from semblance.retrieval.images import Picture
from semblance.retrieval.judging import linear
from semblance.retrieval.judging.linear import Floats
from semblance.retrieval.progress import Progress, quiet
from semblance.retrieval.sessions import session
from semblance.retrieval.training import features, way_back
from semblance.retrieval.training.adopt import FORMULA, enough
from semblance.retrieval.training.assembly import with_bits
from semblance.retrieval.training.data import Selection
from semblance.retrieval.training.features import Features
from semblance.retrieval.training.foreign import cut
from semblance.retrieval.training.shipping import as_half

_TAIL = [("MatMul", ["features", "weights"]), ("Add", ["products", "offset"])]  # as assembly.with_bits names them


class Trunk:
    """A model's encoder as far as its features, and the bits that it makes of them.

    Attributes: `codec`, `weights` (D, bits) and `offset` (bits,), and `known`: these weights, where the formula has
    fitted them, else None; `model`, the graph.
    """

    def __init__(self, codec: Codec) -> None:
        """Raises TrainingError where the encoder does not end in bits of features."""
        self.codec = codec
        model = onnx.load(codec.folder / ENCODER)
        if not _ends_in_bits(model):
            raise TrainingError(
                f"The bits of {codec.name} are no linear map of features, so none can be fitted anew by the formula: "
                "name a model that `semblance adopt` has made, or train this one with --recipe."
            )
        arrays = {tensor.name: tensor for tensor in model.graph.initializer}
        held = arrays["weights.half" if "weights.half" in arrays else "weights"]
        self.weights: Floats = numpy_helper.to_array(held).astype(np.float32)
        self.offset: Floats = numpy_helper.to_array(arrays["offset"]).astype(np.float32)
        self.known = self.weights if _power(codec.card) == linear.POWER else None
        cut(model, "features")
        self.model = model
        self._session = session(model.SerializeToString(), codec.folder / ENCODER, 1)

    def features(self, pictures: Picture) -> Floats:
        """Pictures uint8 (N, S, S, 3) -> features (N, D), by one core."""
        name = self._session.get_inputs()[0].name
        made: Floats = self._session.run(None, {name: np.ascontiguousarray(pictures)})[0]
        return made

    def fit(self, vectors: Floats, bits: int) -> "Tail":
        """Bits fitted to features (N, D) of pictures. Raises DatasetError where these are too few or too much alike."""
        enough(len(vectors), bits)
        if bits > vectors.shape[1]:
            raise DatasetError(f"{self.codec.name} has {vectors.shape[1]} features, too few for {bits} bits.")
        if (np.ptp(vectors, axis=0) == 0).all():
            raise DatasetError(f"{self.codec.name} finds nothing in which these pictures differ: add others.")
        known = self.known if self.known is not None and bits <= self.known.shape[1] else None
        return Tail(*linear.nested_bits(vectors, bits, known=known))

    def check(self, pictures: int, bits: int) -> None:
        """DatasetError unless bits can be fitted to so many pictures."""
        enough(pictures, bits)

    def alone(self, tail: "Tail") -> bytes:
        """The bits as a model of their own: float32 features (N, D) -> logits (N, bits), to the last bit."""
        given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", len(tail.weights)])
        graph = helper.make_graph([], "bits", [given], [])
        opsets, version = self.model.opset_import, self.model.ir_version
        return tail.appended_to(helper.make_model(graph, opset_imports=opsets, ir_version=version))

    def card(self, name: str, bits: int, data: dict[str, Any], words: list[str]) -> dict[str, Any]:
        """See card_of."""
        return card_of(self.codec, name, bits, data, words)

    def ending_in(self, tail: "Tail") -> bytes:
        """The whole encoder with other bits, as encoder.onnx holds it."""
        whole = ModelProto()
        whole.CopyFrom(self.model)
        return tail.appended_to(whole)


@dataclass(frozen=True)
class Tail:
    """The linear map of features to bits: weights (D, bits), exact in float16, and offset (bits,)."""

    weights: Floats
    offset: Floats

    def appended_to(self, model: ModelProto) -> bytes:
        with_bits(model, self.weights, self.offset)
        (weights,) = [tensor for tensor in model.graph.initializer if tensor.name == "weights"]
        as_half(model.graph, weights)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def ends_in_bits(codec: Codec) -> bool:
    """Whether the formula can fit other bits to what this model finds in pictures."""
    return _ends_in_bits(onnx.load(codec.folder / ENCODER))


def check(out: Path) -> None:
    """Before the long work begins: UsageError where `out` holds a model."""
    if (out / CARD).exists():
        raise UsageError(f"{out} holds a model already: name another folder with --out.")


@dataclass(frozen=True)
class Refitted:
    """The codec read back from its folder, the features of the pictures, and codec_id -> their codes (N, W) by the old
    codec and the new."""

    codec: Codec
    features: Features
    codes: dict[str, Codes]


def refit(start: Codec, chosen: Selection, out: Path, bits: int | None = None, progress: Progress = quiet) -> Refitted:
    """Fit `bits` (None: as many as it has) to what `start` finds in pictures, and write the model folder `out`.

    Raises TrainingError where `start` has no such bits or `out` cannot be written, DatasetError, UsageError.
    """
    check(out)
    trunk, wanted = Trunk(start), bits or start.bits
    enough(len(chosen), wanted)
    made = features.make(trunk.features, chosen, start.spec, progress)
    tail = trunk.fit(made.vectors, wanted)
    data = {"name": chosen.name, "pictures": len(made.read), "sha256": made.sha256}
    options = ["--set", f"bits={wanted}"] if wanted != start.bits else []
    words = ["semblance", "train", *chosen.arguments, "--from", start.name, *options]
    card = card_of(start, out.resolve().name, wanted, data, words)
    parts = {ENCODER: trunk.ending_in(tail)}
    if start.can_decode:
        parts[DECODER], card["figures"] = way_back.made(
            (trunk.weights, trunk.offset), (tail.weights, tail.offset), made, start.folder / DECODER, start.decoded
        )
    write(out, {**parts, CARD: card_bytes(card)})
    codec = Codec(out)
    ends = {start.codec_id: (trunk.weights, trunk.offset), codec.codec_id: (tail.weights, tail.offset)}
    codes = {codec_id: from_logits(made.vectors @ weights + offset) for codec_id, (weights, offset) in ends.items()}
    return Refitted(codec, made, codes)


def card_of(start: Codec, name: str, bits: int, data: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """What model.json says of bits fitted to `data` by the command of these `words`. What was measured on the model
    before is true of that alone."""
    known = {key: start.card[key] for key in ("data", "licence") if key in start.card}
    licence = start.card.get("licence")
    return {
        "name": name,
        "bits": bits,
        "input": start.spec.card(),
        "summary": f"{start.name}, with {bits} bits fitted to other pictures.",
        "latent": "bits",
        "fitted": {**data, "formula": {**FORMULA, "known": linear.KNOWN, "rounds": linear.FURTHER}},
        "command": shlex.join([*words, "--out", f"models/{name}"]),
        "data": data,
        "from": {"name": start.name, "codec_id": start.codec_id, **known},
        **({"adopted": start.card["adopted"]} if "adopted" in start.card else {}),
        "licence": {
            "weights": licence.get("weights", "not stated") if isinstance(licence, dict) else "not stated",
            "data": "the pictures' own; none of them is distributed with the model",
        },
    }


def write(out: Path, parts: dict[str, bytes]) -> None:
    """Write a model folder, its card last, or nothing. Raises TrainingError."""
    fresh = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, part in parts.items():
            files.replace(out / name, [part])
    except BaseException as error:  # Ctrl-C as well: no half model may stay
        if not (out / CARD).exists() and out.is_dir():
            for name in parts:
                (out / name).unlink(missing_ok=True)
            if fresh:
                out.rmdir()
        if isinstance(error, OSError):
            raise TrainingError(f"The model folder {out} could not be written: {error}") from error
        raise


def _ends_in_bits(model: ModelProto) -> bool:
    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    ends = [(node.op_type, [*node.input]) for node in graph.node]
    held = {tensor.name for tensor in graph.initializer}
    return (
        all(node in ends for node in _TAIL)
        and "features" in made_by
        and [output.name for output in graph.output] == ["logits"]
        and bool(held & {"weights", "weights.half"})
        and "offset" in held
    )


def _power(card: dict[str, Any]) -> float | None:
    """The power by which the formula has fitted this model's bits; None where something else has."""
    for part in ("fitted", "adopted"):
        if isinstance(known := card.get(part), dict) and isinstance(formula := known.get("formula"), dict):
            return formula.get("power")
    return None
