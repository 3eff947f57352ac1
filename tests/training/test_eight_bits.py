"""An encoder in 8 bits is a codec like any other: nearly the same bits, and calibrated on what it may see alone."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from semblance.retrieval import codes
from semblance.retrieval.codec import Codec, find_model, write_card
from semblance.retrieval.errors import ModelError, TrainingError
from semblance.retrieval.judging import datasets
from semblance.retrieval.training.data import TrainingData
from semblance.retrieval.training.eight_bits import quantise
from semblance.retrieval.training.refit import ends_in_bits

SIZE = 4
LENGTH = SIZE * SIZE * 3


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """A shipped model that is not quantised yet, with a threshold that was measured on its own codes."""
    folder = Path(shutil.copytree(find_model("cifar10-ae"), tmp_path_factory.mktemp("models") / "cifar10-ae"))
    card = json.loads((folder / "model.json").read_bytes())
    write_card(folder, {**card, "near_duplicates": {"distance": 20}})
    return Codec(folder, threads=2)


@pytest.fixture(scope="module")
def made(codec: Codec, drawn: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Codec, float]:
    """The shipped model in 8 bits, calibrated on drawn pictures, and the share of bits that became others."""
    return quantise(codec, drawn, tmp_path_factory.mktemp("quantised") / "mine")


def graph(codec: Codec) -> Any:
    return onnx.load(codec.folder / "encoder.onnx").graph


def arrays_of(codec: Codec) -> dict[str, npt.NDArray[Any]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph(codec).initializer}


def test_nearly_all_bits_stay_as_they_were(codec: Codec, made: tuple[Codec, float], drawn: TrainingData) -> None:
    before, after = (codes.unpack(each.encode(drawn.pictures), 256) for each in (codec, made[0]))
    assert 0 < (before != after).mean() < 0.02
    assert made[1] == pytest.approx((before != after).mean())


def test_it_takes_and_gives_what_the_original_does(made: tuple[Codec, float], drawn: TrainingData) -> None:
    for count in (1, 7):
        logits = made[0].logits(drawn.pictures[:count])
        assert (logits.dtype, logits.shape) == (np.dtype(np.float32), (count, 256))


def test_every_layer_but_the_first_holds_bytes_scaled_by_channel(codec: Codec, made: tuple[Codec, float]) -> None:
    arrays = arrays_of(made[0])
    products = [node for node in graph(codec).node if node.op_type in ("Conv", "Gemm")]
    weights = [array for array in arrays.values() if array.dtype == np.int8 and array.ndim > 1]
    assert len(weights) == len(products) - 1
    scaled = {node.input[0]: arrays[node.input[1]] for node in graph(made[0]).node if node.op_type == "DequantizeLinear"
              and node.input[0] in arrays and arrays[node.input[0]].ndim > 1}  # fmt: skip
    assert len(scaled) == len(weights)
    for name, scale in scaled.items():
        assert len(scale) in arrays[name].shape[:2]
    (first,) = [node for node in graph(made[0]).node if node.op_type == "Conv" and node.input[1] in arrays]
    assert first.name == products[0].name
    assert arrays[first.input[1]].dtype == np.float32


def test_weights_leave_room_for_sums_on_any_processor(made: tuple[Codec, float]) -> None:
    assert max(np.abs(array.astype(int)).max() for array in arrays_of(made[0]).values() if array.dtype == np.int8) <= 64


def test_logits_are_not_rounded_to_bytes(made: tuple[Codec, float], drawn: TrainingData) -> None:
    assert len(np.unique(made[0].logits(drawn.pictures))) > 1000


def test_the_folder_is_smaller_and_says_what_it_is(
    codec: Codec, made: tuple[Codec, float], drawn: TrainingData
) -> None:
    quantised, _ = made
    assert quantised.codec_id != codec.codec_id
    assert quantised.name == quantised.card["name"] == "mine"
    assert not {"figures", "near_duplicates"} & quantised.card.keys()  # of other codes than these
    assert quantised.card["quantised"]["from"] == {"codec_id": codec.codec_id, "figures": codec.card["figures"]}
    command = f"semblance quantise {codec.name} {drawn.arguments[0]} --out models/mine"
    assert quantised.card["quantised"]["command"] == command
    assert quantised.card["quantised"]["calibrated_on"] == {
        "name": drawn.name,
        "pictures": 48,
        "sha256": drawn.sha256,
    }
    assert quantised.card["recipe"] == codec.card["recipe"]
    sizes = [(each.folder / "encoder.onnx").stat().st_size for each in (quantised, codec)]
    assert sizes[0] < 0.6 * sizes[1]
    decoders = [(each.folder / "decoder.onnx").read_bytes() for each in (quantised, codec)]
    assert decoders[0] == decoders[1]
    assert (quantised.folder / "training.jsonl").read_bytes() == (codec.folder / "training.jsonl").read_bytes()


def test_the_same_pictures_give_the_same_codec(
    codec: Codec, made: tuple[Codec, float], drawn: TrainingData, tmp_path: Path
) -> None:
    assert quantise(codec, drawn, tmp_path / "again")[0].codec_id == made[0].codec_id
    assert str(tmp_path.parent).encode() not in (made[0].folder / "encoder.onnx").read_bytes()


def test_pictures_that_the_recipe_held_out_are_not_calibrated_on(
    codec: Codec, drawn: TrainingData, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(codec.folder, folder)
    card = {**codec.card, "recipe": {"held_out": 40}, "data": {"sha256": drawn.sha256}}
    (folder / "model.json").write_text(json.dumps(card))
    held_out = datasets.hold_out(40, 48)[1]

    def codec_id(name: str, pictures: npt.NDArray[np.uint8]) -> str:
        changed = dataclasses.replace(drawn, pictures=pictures)  # the hash stays: it names the model's own data
        return quantise(Codec(folder), changed, tmp_path / name)[0].codec_id

    others = drawn.pictures.copy()
    others[held_out] = 255
    assert codec_id("others", others) == codec_id("own", drawn.pictures)
    assert codec_id("inverted", 255 - drawn.pictures) != codec_id("own", drawn.pictures)


def encoder(folder: Path, nodes: list[Any], weights: dict[str, npt.NDArray[Any]], bits: int = LENGTH) -> Codec:
    """A model of these nodes between "rows", float32 (N, 48) of the pictures' bytes, and "logits"."""
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", bits])
    first = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["rows"]),
    ]
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    made = helper.make_graph([*first, *nodes], "graph", [pictures], [logits], initializers)
    folder.mkdir()
    onnx.save(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "encoder.onnx"
    )
    card = {"name": folder.name, "bits": bits, "input": {"size": SIZE, "resize": "squash-bicubic"}}
    (folder / "model.json").write_text(json.dumps(card))
    return Codec(folder)


@pytest.fixture
def noise() -> TrainingData:
    pictures = np.random.default_rng(0).integers(0, 256, (200, SIZE, SIZE, 3), np.uint8)
    return TrainingData("noise", ("noise",), pictures, "0", [], [pictures])


def test_a_sum_that_gives_the_logits_stays_exact(tmp_path: Path, noise: TrainingData) -> None:
    """A linear model of one's own, without names, recipe or decoder: its bias is added after the product."""
    rng = np.random.default_rng(1)
    nodes = [helper.make_node("MatMul", ["rows", "weights"], ["products"])]
    nodes.append(helper.make_node("Add", ["products", "bias"], ["logits"]))
    weights = {"weights": rng.standard_normal((LENGTH, 16), np.float32), "bias": rng.standard_normal(16, np.float32)}
    made, differing = quantise(encoder(tmp_path / "linear", nodes, weights, bits=16), noise, tmp_path / "out")
    assert differing < 0.05
    assert not made.can_decode
    assert len(np.unique(made.logits(noise.pictures))) > 1000
    assert any(array.dtype == np.int8 and array.ndim == 2 for array in arrays_of(made).values())


def adopted(folder: Path) -> Codec:
    """Two convolutions with ReLU6 and padding between them, weights in float16, and bits as adopting makes them."""
    rng = np.random.default_rng(2)
    half = {"first": (8, 3, 1, 1), "second": (8, 8, 3, 3), "weights": (8, 4)}
    stored = {f"{name}.half": rng.standard_normal(shape).astype(np.float16) for name, shape in half.items()}
    weights = {**stored, "shape": np.array([-1, 3, SIZE, SIZE]), "pads": np.array([0, 0, 0, 0, 0, 0, 2, 2])}
    weights |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32), "offset": np.ones(4, np.float32)}
    nodes = [helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT) for name in half]
    nodes += [
        helper.make_node("Reshape", ["rows", "shape"], ["picture"]),
        helper.make_node("Conv", ["picture", "first"], ["a"]),
        helper.make_node("Clip", ["a", "zero", "six"], ["b"]),
        helper.make_node("Pad", ["b", "pads"], ["c"]),
        helper.make_node("Conv", ["c", "second"], ["d"]),
        helper.make_node("Clip", ["d", "zero", "six"], ["e"]),
        helper.make_node("ReduceMean", ["e", "axes"], ["features"], keepdims=0),
        helper.make_node("MatMul", ["features", "weights"], ["products"]),
        helper.make_node("Add", ["products", "offset"], ["projected"]),
        helper.make_node("LpNormalization", ["projected"], ["logits"], axis=-1, p=2),
    ]
    return encoder(folder, nodes, {**weights, "axes": np.array([2, 3])}, bits=4)


def test_an_adopted_network_is_bytes_up_to_its_features_and_no_further(tmp_path: Path, noise: TrainingData) -> None:
    model = adopted(tmp_path / "model")
    made, differing = quantise(model, noise, tmp_path / "out")
    assert differing < 0.05
    nodes = list(graph(made).node)
    kinds = [node.op_type for node in nodes]
    assert "Pad" not in kinds, "it is in the convolution"
    assert kinds.count("Clip") == 1, "behind the convolution that is left alone; a byte's range is the other"
    assert [array.shape for array in arrays_of(made).values() if array.dtype == np.int8 and array.ndim > 1] == [
        (8, 8, 3, 3)
    ]
    behind = nodes[next(number for number, node in enumerate(nodes) if "features" in node.output) :]
    assert not any("QuantizeLinear" in node.op_type for node in behind)
    assert np.array_equal(arrays_of(made)["weights.half"], arrays_of(model)["weights.half"])
    assert ends_in_bits(made), "and can be fitted anew"


def identity(folder: Path) -> Codec:
    return encoder(folder, [helper.make_node("Identity", ["rows"], ["logits"])], {})


def twice(folder: Path) -> Codec:
    weights = {"weights": np.eye(LENGTH, dtype=np.float32)}
    linear = encoder(folder, [helper.make_node("MatMul", ["rows", "weights"], ["logits"])], weights)
    pictures = np.arange(2 * LENGTH, dtype=np.uint8).reshape(2, SIZE, SIZE, 3)
    return quantise(linear, TrainingData("two", ("two",), pictures, "0", [], [pictures]), folder.with_name("once"))[0]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [(identity, "has no convolution or matrix product that could be quantised"), (twice, "is quantised already")],
)
def test_a_model_that_cannot_be_quantised_is_refused(
    model: Callable[[Path], Codec], sentence: str, tmp_path: Path, noise: TrainingData
) -> None:
    with pytest.raises(ModelError, match=sentence):
        quantise(model(tmp_path / "model"), noise, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_named(codec: Codec, drawn: TrainingData, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="could not be written"):
        quantise(codec, drawn, tmp_path / "file")
