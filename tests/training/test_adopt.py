"""A network of others becomes a codec: whatever its making, its features are what is worked out here by hand."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import DatasetError, ModelError, SemblanceError, UsageError
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging import linear
from semblance.retrieval.training import adopt as adopting
from semblance.retrieval.training.data import Selection
from semblance.retrieval.training.preprocessing import Wanted
from tests.conftest import paint

ROOT = Path(__file__).resolve().parents[2]
CHANCE = np.random.default_rng(0)
SIZE, LENGTH, BITS = 6, 40, 16
PICTURES = CHANCE.integers(0, 256, (60, SIZE, SIZE, 3), np.uint8)
DATA = Selection("noise", ("noise",), [PICTURES])
MEAN, STD = (120.0, 110.0, 100.0), (60.0, 50.0, 40.0)
ASKED = Wanted(SIZE, MEAN, STD)
KERNEL = CHANCE.standard_normal((LENGTH, 3, 3, 3)).astype(np.float16).astype(np.float32) / 4

Array = npt.NDArray[Any]


def maps(colours: Array) -> Array:
    """What the network computes of normalised pictures (N, S, S, 3), by hand: a convolution and its positive part."""
    windows = np.lib.stride_tricks.sliding_window_view(colours, (3, 3), axis=(1, 2))  # (N, 4, 4, 3, 3, 3)
    positive: Array = np.maximum(np.einsum("nyxcij,kcij->nyxk", windows, KERNEL), 0)
    return positive


def expected(bgr: bool = False) -> Array:
    """The features (N, 40) of the pictures: the mean of their maps."""
    colours = PICTURES[..., ::-1] if bgr else PICTURES
    means: Array = maps((colours - np.array(MEAN)) / np.array(STD)).mean(axis=(1, 2))
    return means


@dataclass
class Making:
    """How a network was written down."""

    batch: int | str = "n"
    kind: int = TensorProto.FLOAT
    nhwc: bool = False
    side: int | str = SIZE
    flat: bool = True  # pooled, and given a new shape with the batch in it
    opset: int = 17
    kernel: Array = field(default_factory=lambda: KERNEL)
    extra: tuple[str, ...] = ()  # further nodes behind the features
    inputs: int = 1
    constants: bool = False  # weights in nodes


def network(path: Path, making: Making) -> Path:
    """One convolution, as somebody may have exported it; its tensors bear the names that adopting uses itself."""
    half = making.kind == TensorProto.FLOAT16
    number = np.float16 if half else np.float32
    shape = [making.batch, making.side, making.side, 3] if making.nhwc else [making.batch, 3, making.side, making.side]
    arrays = {"weights": making.kernel.astype(number)}
    nodes = [helper.make_node("Transpose", ["images"], ["first"], perm=[0, 3, 1, 2])] if making.nhwc else []
    nodes += [
        helper.make_node("Conv", ["first" if making.nhwc else "images", "weights"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["maps"]),
    ]
    if making.flat:
        batch = making.batch if isinstance(making.batch, int) else -1
        arrays["shape"] = np.array([batch, LENGTH])
        nodes += [
            helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
            helper.make_node("Reshape", ["pooled", "shape"], ["logits"]),
        ]
    last = nodes[-1].output[0]
    for kind in making.extra:
        if kind == "other":  # a second input is added to the features
            nodes.append(helper.make_node("Add", [last, "more"], ["odd"]))
        elif kind == "mixed":  # pictures are centred by the others of their batch
            nodes += [helper.make_node("ReduceMean", [last], ["middle"], axes=[0]),
                      helper.make_node("Sub", [last, "middle"], ["odd"])]  # fmt: skip
        else:
            nodes.append(helper.make_node(kind, [last], ["odd"], **({"axes": [1]} if "Reduce" in kind else {})))
        last = "odd"
    if making.constants:
        nodes = [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array, name))
                 for name, array in arrays.items()] + nodes  # fmt: skip
        arrays = {}
    given = [helper.make_tensor_value_info("images", making.kind, shape)]
    given += [helper.make_tensor_value_info("more", making.kind, [1])] * (making.inputs - 1)
    graph = helper.make_graph(nodes, "network", given, [helper.make_tensor_value_info(last, making.kind, None)],
                              [numpy_helper.from_array(array, name) for name, array in arrays.items()])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", making.opset)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def adopted(path: Path, out: Path, output: str | None = None, asked: Wanted = ASKED, bits: int = BITS) -> Codec:
    return adopting.adopt(adopting.prepare(path, out, output, asked, bits), DATA, out)[0]


@pytest.mark.parametrize(
    ("making", "asked"),
    [
        (Making(), ASKED),
        (Making(batch=1), ASKED),
        (Making(batch=4), ASKED),
        (Making(kind=TensorProto.FLOAT16), ASKED),
        (Making(nhwc=True), ASKED),
        (Making(side="any"), ASKED),
        (Making(flat=False), ASKED),
        (Making(flat=False, opset=20), ASKED),
        (Making(flat=False, nhwc=True, extra=("Identity",)), ASKED),
        (Making(constants=True), ASKED),
        (Making(), Wanted(SIZE, ASKED.mean, ASKED.std, bgr=True)),
        (Making(nhwc=True), Wanted(SIZE, ASKED.mean, ASKED.std, bgr=True)),
    ],
    ids=lambda value: "" if isinstance(value, Making) else "bgr" if value.bgr else "rgb",
)
def test_its_logits_are_the_bits_fitted_to_its_features(making: Making, asked: Wanted, tmp_path: Path) -> None:
    codec = adopted(network(tmp_path / "a.onnx", making), tmp_path / "out", asked=asked)
    vectors = expected(asked.bgr)
    arrays = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(codec.folder / "encoder.onnx").graph.initializer
    }
    assert {array.dtype for name, array in arrays.items() if name.startswith("network/weights")} == {np.dtype("e")}
    projected = vectors @ arrays["weights.half"].astype(np.float32) + arrays["offset"]
    logits = 4 * projected / np.linalg.norm(projected, axis=1, keepdims=True)
    tolerance = 0.05 if making.kind == TensorProto.FLOAT16 else 2e-3
    assert np.abs(codec.logits(PICTURES) - logits).max() < tolerance
    weights, offset = linear.nested_bits(vectors.astype(np.float32), BITS)
    same = (vectors @ weights + offset > 0) == (codec.logits(PICTURES) > 0)
    assert same.mean() > (0.9 if making.kind == TensorProto.FLOAT16 else 0.99)


def test_weights_beside_are_taken_in_and_count_for_the_hash(tmp_path: Path) -> None:
    inside = network(tmp_path / "a.onnx", Making())
    beside = tmp_path / "b.onnx"
    onnx.save(onnx.load(inside), beside, save_as_external_data=True, location="b.data", size_threshold=0)
    one, other = adopted(inside, tmp_path / "one"), adopted(beside, tmp_path / "other")
    assert one.codec_id == other.codec_id
    before = other.card["adopted"]["sha256"]
    changed = bytearray((tmp_path / "b.data").read_bytes())
    changed[1] ^= 1
    (tmp_path / "b.data").write_bytes(changed)
    assert adopted(beside, tmp_path / "third").card["adopted"]["sha256"] != before
    (tmp_path / "b.data").unlink()
    with pytest.raises(ModelError, match=r"weights of .*b\.onnx lie in files beside it that cannot be read"):
        adopted(beside, tmp_path / "fourth")


def test_any_tensor_inside_can_be_named_and_what_lies_behind_it_is_left(tmp_path: Path) -> None:
    """The map is averaged: the same codec as from the pooled output, without the nodes that pool."""
    path = network(tmp_path / "a.onnx", Making(extra=("other",), inputs=2))
    pooled, inner = adopted(path, tmp_path / "one", "logits"), adopted(path, tmp_path / "two", "maps")
    kinds = [
        {node.op_type for node in onnx.load(codec.folder / "encoder.onnx").graph.node} for codec in (pooled, inner)
    ]
    assert ["GlobalAveragePool" in kind for kind in kinds] == [True, False]
    assert np.allclose(pooled.logits(PICTURES), inner.logits(PICTURES), atol=1e-3)
    assert inner.card["adopted"]["output"] == "maps"


def test_the_file_beside_says_what_options_do_not(tmp_path: Path) -> None:
    path = network(tmp_path / "a.onnx", Making(side="any"))
    (tmp_path / "preprocessor_config.json").write_text(
        '{"size": {"shortest_edge": 9}, "crop_size": {"height": 6, "width": 6}, "do_center_crop": true, "do_normalize":'
        ' true, "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.4, 0.2], "image_std": [0.2, 0.2, 0.4]}'
    )
    beside = adopting.prepare(path, tmp_path / "out", None, Wanted(), BITS).wanted
    assert (beside.size, beside.layout) == (6, "nchw")
    assert np.allclose((*beside.mean, *beside.std), [127.5, 102, 51, 51, 51, 102])
    both = adopting.prepare(path, tmp_path / "out", None, Wanted(8, (1.0,), bgr=True), BITS).wanted
    assert (both.size, both.mean, both.bgr) == (8, (1.0,), True)
    assert np.allclose(both.std, [51, 51, 102])


def test_a_large_network_sees_pictures_cut_half_way_to_a_square(tmp_path: Path) -> None:
    path = network(tmp_path / "a.onnx", Making(side="side"))
    for size, expected in ((127, InputSpec(127)), (224, InputSpec(224, "trim-bicubic", 1.5))):
        assert adopting.prepare(path, tmp_path / "out", None, replace(ASKED, size=size), BITS).spec == expected


def test_model_json_says_what_it_was_made_of(tmp_path: Path) -> None:
    path = network(tmp_path / "a.onnx", Making())
    adoption = adopting.prepare(path, tmp_path / "mine", None, ASKED, BITS, licence="MIT")
    card = adopting.adopt(adoption, DATA, tmp_path / "mine")[0].card
    assert (card["name"], card["bits"], card["latent"], card["licence"]["weights"]) == ("mine", BITS, "bits", "MIT")
    assert card["adopted"]["network"] == "a.onnx"
    assert card["adopted"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card["adopted"]["note"] == "its trunk's training is not known to Semblance"
    assert card["adopted"]["preprocessing"] == {
        "size": SIZE, "mean": [*MEAN], "std": [*STD], "layout": "nchw", "bgr": False,
    }  # fmt: skip
    assert card["data"] == {"name": "noise", "pictures": 60, "sha256": hashlib.sha256(PICTURES.tobytes()).hexdigest()}
    assert str(tmp_path) not in (tmp_path / "mine/model.json").read_text()
    assert str(tmp_path).encode() not in (tmp_path / "mine/encoder.onnx").read_bytes()


def test_weights_ship_in_half_their_size_and_the_same_twice(tmp_path: Path) -> None:
    path = network(tmp_path / "a.onnx", Making(kernel=KERNEL / 3))
    codec, again = adopted(path, tmp_path / "one"), adopted(path, tmp_path / "one")
    assert codec.codec_id == again.codec_id
    arrays = [numpy_helper.to_array(tensor) for tensor in onnx.load(codec.folder / "encoder.onnx").graph.initializer]
    assert {array.dtype for array in arrays if array.ndim > 1 and array.size > 3} == {np.dtype(np.float16)}


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


ODD: list[tuple[str, Callable[[Path], Path], Wanted, str | None, int, type[SemblanceError], str]] = [
    ("no-onnx", lambda p: paint(p.with_suffix(".png"), 1), ASKED, None, BITS, ModelError, "is no ONNX network"),
    ("empty", empty, ASKED, None, BITS, ModelError, "is no ONNX network"),
    ("missing", lambda p: p, ASKED, None, BITS, ModelError, "cannot be read: No such file"),
    ("folder", lambda p: p.parent, ASKED, None, BITS, ModelError, "cannot be read: Is a directory"),
    ("no-tensor", lambda p: network(p, Making()), ASKED, "nope", BITS, UsageError,
     r"no tensor 'nope'. Likely ones are logits \(N, 40\), pooled \(N, 40, 1, 1\)\."),
    ("input", lambda p: network(p, Making()), ASKED, "images", BITS, UsageError, "no tensor 'images'"),
    ("two-inputs", lambda p: network(p, Making(extra=("other",), inputs=2)), ASKED, None, BITS, ModelError,
     "needs one input for odd, the pictures, and has 2: images, more"),
    ("ints", lambda p: network(p, Making(kind=TensorProto.INT64)), ASKED, None, BITS, ModelError, "neither floats nor"),
    ("nan", lambda p: network(p, Making(extra=("Log",))), ASKED, None, BITS, ModelError, "is not a number for"),
    ("constant", lambda p: network(p, Making(kernel=0 * KERNEL)), ASKED, None, BITS, ModelError, "the same for every"),
    ("one", lambda p: network(p, Making(extra=("ReduceSum",), opset=12)), ASKED, None, 1, ModelError,
     "is one number a picture"),
    ("few", lambda p: network(p, Making()), ASKED, None, 59, ModelError, "40 numbers a picture, too few for 59"),
    ("pictures", lambda p: network(p, Making()), ASKED, None, 60, DatasetError, "60 pictures are too few to fit 60"),
    ("alike", lambda p: network(p, Making(kernel=np.repeat(KERNEL[:8], 5, axis=0))), ASKED, None, BITS, DatasetError,
     r"differ in too few directions for 16 bits \(8\)"),
    ("mixed", lambda p: network(p, Making(extra=("mixed",))), ASKED, None, BITS, ModelError, "otherwise for two"),
    ("old", lambda p: network(p, Making(opset=6)), ASKED, None, BITS, ModelError, "opset before 7"),
    ("unscaled", lambda p: network(p, Making()), Wanted(), None, BITS, UsageError, "--mean and --std"),
    ("unsized", lambda p: network(p, Making(side="any")), Wanted(None, MEAN, STD), None, BITS, UsageError, "--size"),
    ("resized", lambda p: network(p, Making()), Wanted(9, (0.0,), (1.0,)), None, BITS, UsageError,
     "takes pictures of 6 pixels a side, not of 9"),
    ("layout", lambda p: network(p, Making()), Wanted(None, (0.0,), (1.0,), "nhwc"), None, BITS, ModelError,
     r"\(any, 3, 6, 6\): it has no axis for three"),
    ("zero", lambda p: network(p, Making()), Wanted(None, (0.0,), (0.0,)), None, BITS, UsageError, "--std of 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "asked", "output", "bits", "error", "sentence"), [each[1:] for each in ODD],
                         ids=[each[0] for each in ODD])  # fmt: skip
def test_what_cannot_be_adopted_is_one_sentence(
    make: Callable[[Path], Path], asked: Wanted, output: str | None, bits: int, error: type[SemblanceError],
    sentence: str, tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(error, match=sentence):
        adopted(make(tmp_path / "a.onnx"), tmp_path / "out", output, asked, bits)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_making_is_left_alone(tmp_path: Path) -> None:
    path = network(tmp_path / "a.onnx", Making())
    other = adopted(network(tmp_path / "b.onnx", Making(kernel=2 * KERNEL)), tmp_path / "other")
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained/model.json").write_text('{"name": "trained"}')
    for folder in ("other", "trained"):
        with pytest.raises(UsageError, match="holds a model that was not made of"):
            adopted(path, tmp_path / folder)
    assert Codec(tmp_path / "other").codec_id == other.codec_id


def test_no_torch_is_imported() -> None:
    """By any of what the command imports: who adopts has none."""
    command = (
        "import sys\nimport semblance.scripts.commands.adopt, semblance.retrieval.training.adopt\n"
        "print(sorted({'torch', 'torchvision', 'sklearn', 'onnxscript'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
