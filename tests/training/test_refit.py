"""Bits fitted anew: to what the network makes of other pictures, with what the old bits know, and back to pictures."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from semblance.retrieval import files
from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.errors import DatasetError, SemblanceError, TrainingError, UsageError
from semblance.retrieval.images import InputSpec, load
from semblance.retrieval.judging import linear
from semblance.retrieval.sessions import session
from semblance.retrieval.training import refit as refitting
from semblance.retrieval.training.data import Selection
from semblance.retrieval.training.refit import refit
from tests.training.test_adopt import BITS, MEAN, PICTURES, ROOT, SIZE, STD, Making, adopted, maps, network

CHANCE = np.random.default_rng(1)
OWN = np.clip(CHANCE.integers(0, 256, (90, SIZE, SIZE, 3)) // 2 + [90, 0, 20], 0, 255).astype(np.uint8)
CHOSEN = Selection("own", ("own",), [OWN])
SIDE = 4  # of what the decoder makes

Array = npt.NDArray[Any]


def features(pictures: Array) -> npt.NDArray[np.float32]:
    means: Array = maps((pictures - np.array(MEAN)) / np.array(STD)).mean(axis=(1, 2))
    return means.astype(np.float32)


def weights_of(codec: Codec) -> Array:
    graph = onnx.load(codec.folder / "encoder.onnx").graph
    (held,) = [numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name == "weights.half"]
    weights: Array = held.astype(np.float32)
    return weights


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    place = tmp_path_factory.mktemp("start")
    return adopted(network(place / "a.onnx", Making()), place / "start")


def small(pictures: Array) -> Array:
    """Pictures as the decoder's targets; OWN is larger than SIDE, and squashed by the one road."""
    return np.stack([load(each, InputSpec(SIDE)) for each in pictures])


@pytest.fixture(scope="module")
def decoding(start: Codec, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """The same model with a decoder: the linear map from its bits to small pictures of least squared error."""
    folder = tmp_path_factory.mktemp("decoding") / "decoding"
    folder.mkdir()
    (folder / "encoder.onnx").write_bytes((start.folder / "encoder.onnx").read_bytes())
    write_card(folder, {**start.card, "near_duplicates": {"distance": 3}, "figures": {"mse": 9.0}})
    latents = np.where(start.logits(PICTURES) > 0, np.float32(1), np.float32(-1))
    weights, offset = linear.least_squares(latents, small(PICTURES).reshape(len(PICTURES), -1))
    arrays: dict[str, Array] = {"w": weights, "o": offset, "shape": np.array([-1, SIDE, SIDE, 3])}
    arrays |= {"low": np.array(0, np.float32), "high": np.array(255, np.float32)}
    nodes = [
        helper.make_node("Gemm", ["latents", "w", "o"], ["flat"]),
        helper.make_node("Clip", ["flat", "low", "high"], ["clipped"]),
        helper.make_node("Reshape", ["clipped", "shape"], ["pixels"]),
        helper.make_node("Cast", ["pixels"], ["pictures"], to=TensorProto.UINT8),
    ]
    given = helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["N", BITS])
    made = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["N", SIDE, SIDE, 3])
    graph = helper.make_graph(nodes, "decoder", [given], [made],
                              [numpy_helper.from_array(each, name) for name, each in arrays.items()])  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              folder / "decoder.onnx")  # fmt: skip
    return Codec(folder)


def test_its_logits_are_the_formula_s_of_the_old_network_s_features(start: Codec, tmp_path: Path) -> None:
    codec = refit(start, CHOSEN, tmp_path / "mine").codec
    weights, offset = linear.nested_bits(features(OWN), BITS, known=weights_of(start))
    projected = features(OWN) @ weights + offset
    logits = 4 * projected / np.linalg.norm(projected, axis=1, keepdims=True)
    assert np.abs(codec.logits(OWN) - logits).max() < 5e-3
    assert (codec.logits(OWN) > 0).mean(axis=0) == pytest.approx(0.5, abs=0.25)
    assert abs((start.logits(OWN) > 0).mean(axis=0) - 0.5).max() > 0.4, "the old bits do not suit them"


def test_nothing_but_the_map_to_bits_is_another(start: Codec, tmp_path: Path) -> None:
    codec = refit(start, CHOSEN, tmp_path / "mine").codec
    graphs = [onnx.load(each.folder / "encoder.onnx").graph for each in (start, codec)]
    before, after = ({t.name: numpy_helper.to_array(t) for t in graph.initializer} for graph in graphs)
    assert before.keys() - {"scale", "scale.half"} == after.keys() - {"scale", "scale.half"}
    others = [name for name in before if before[name].shape != after.get(name, before[name]).shape
              or not np.array_equal(before[name], after.get(name, before[name]))]  # fmt: skip
    assert sorted(others) == ["offset", "weights.half"]
    kinds = [sorted(node.op_type for node in graph.node if node.op_type != "Cast") for graph in graphs]
    assert kinds[0] == kinds[1]


def test_bits_of_unknown_making_are_not_asked_what_they_know(start: Codec, tmp_path: Path) -> None:
    """A map that no formula has fitted says nothing of variances: the pictures alone count."""
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "encoder.onnx").write_bytes((start.folder / "encoder.onnx").read_bytes())
    write_card(trained, {key: value for key, value in start.card.items() if key != "adopted"})
    made = refit(Codec(trained), CHOSEN, tmp_path / "mine").codec
    weights, offset = linear.nested_bits(features(OWN), BITS)
    assert ((features(OWN) @ weights + offset > 0) == (made.logits(OWN) > 0)).mean() > 0.99
    known = refit(start, CHOSEN, tmp_path / "other").codec
    assert ((known.logits(OWN) > 0) == (made.logits(OWN) > 0)).mean() < 0.9


def test_the_card_says_whence_and_on_what(decoding: Codec, tmp_path: Path) -> None:
    card = refit(decoding, CHOSEN, tmp_path / "mine", bits=12).codec.card
    assert (card["name"], card["bits"], card["latent"]) == ("mine", 12, "bits")
    assert card["from"]["codec_id"] == decoding.codec_id
    assert card["from"]["data"] == decoding.card["data"]
    assert card["from"]["licence"] == decoding.card["licence"]
    assert card["adopted"] == decoding.card["adopted"]
    data = {"name": "own", "pictures": 90, "sha256": hashlib.sha256(OWN.tobytes()).hexdigest()}
    assert card["data"] == data
    assert {key: card["fitted"][key] for key in data} == data
    assert card["command"] == "semblance train own --from start --set bits=12 --out models/mine"
    assert "near_duplicates" not in card
    assert card["figures"]["mse"] < 1, "the old model's figure is not carried on"
    assert str(tmp_path) not in (tmp_path / "mine/model.json").read_text()


def test_pictures_are_seen_as_the_first_model_sees_them(start: Codec, tmp_path: Path) -> None:
    shutil.copytree(start.folder, tmp_path / "trimmed")
    write_card(tmp_path / "trimmed", {**start.card, "input": {"size": SIZE, "resize": "trim-bicubic", "least": 1.5}})
    made = refit(Codec(tmp_path / "trimmed"), CHOSEN, tmp_path / "mine").codec
    assert made.spec == InputSpec(SIZE, "trim-bicubic", 1.5)


def test_a_picture_comes_back_from_the_new_bits_as_from_the_old(decoding: Codec, tmp_path: Path) -> None:
    """Measured by hand on pictures that the way back was not fitted to, like those that the decoder learned from."""
    many = np.random.default_rng(4).integers(0, 256, (800, SIZE, SIZE, 3), np.uint8)
    codec = refit(decoding, Selection("many", ("many",), [many]), tmp_path / "mine").codec
    apart = np.linspace(0, 799, 80).round().astype(int)
    wanted = small(many[apart]).astype(np.float64) / 255

    def error(rebuilt: Array) -> float:
        return float(np.square(rebuilt / 255 - wanted).mean())

    own = error(codec.rebuilt(codec.logits(many[apart])))
    assert codec.card["figures"] == {"mse": pytest.approx(own, abs=1e-4), "held_out_pictures": 80}
    wrong = error(decoding.decode(codec.latents(codec.encode(many[apart]))))
    assert own < error(decoding.rebuilt(decoding.logits(many[apart]))) < wrong
    again = refit(codec, CHOSEN, tmp_path / "again").codec  # a way back before a way back
    assert again.rebuilt(again.logits(OWN)).shape == (90, SIDE, SIDE, 3)


def test_interrupted_it_leaves_no_model(start: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(path: Path, parts: object) -> None:
        raise KeyboardInterrupt

    real = files.replace
    monkeypatch.setattr(files, "replace", lambda path, parts: (stop if path.suffix == ".json" else real)(path, parts))
    with pytest.raises(KeyboardInterrupt):
        refit(start, CHOSEN, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("kept")
    with pytest.raises(KeyboardInterrupt):
        refit(start, CHOSEN, tmp_path / "notes")
    assert [path.name for path in (tmp_path / "notes").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("pictures", "bits", "error", "sentence"),
    [
        (OWN[:16], None, DatasetError, "16 pictures are too few to fit 16 bits to"),
        (OWN[:40], 41, DatasetError, "40 pictures are too few to fit 41 bits"),
        (OWN, 41, DatasetError, "has 40 features, too few for 41 bits"),
        (np.repeat(OWN[:1], 50, axis=0), None, DatasetError, "finds nothing in which these pictures differ"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(
    start: Codec, tmp_path: Path, pictures: Array, bits: int | None, error: type[SemblanceError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        refit(start, Selection("own", ("own",), [pictures]), tmp_path / "mine", bits)
    assert not (tmp_path / "mine").exists()


def test_a_model_is_not_written_over_and_another_kind_is_refused(start: Codec, codec: Codec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds a model already"):
        refit(start, CHOSEN, start.folder)
    with pytest.raises(TrainingError, match="no linear map of features"):
        refit(codec, CHOSEN, tmp_path / "mine")
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="could not be written"):
        refit(start, CHOSEN, tmp_path / "file")


def test_the_bits_alone_are_those_of_the_whole_encoder(start: Codec) -> None:
    """To the last bit: a library encodes its pictures from features."""
    trunk = refitting.Trunk(start)
    vectors = np.concatenate([trunk.features(OWN[:1]), trunk.features(OWN[1:])])
    tail = trunk.fit(vectors, BITS)
    whole = session(trunk.ending_in(tail), start.folder, 1).run(None, {"images": OWN})[0]
    alone = session(trunk.alone(tail), start.folder, 1).run(None, {"features": vectors})[0]
    assert np.array_equal(whole, alone)


def test_no_torch_is_imported() -> None:
    command = (
        "import sys\nimport semblance.scripts.commands.train, semblance.retrieval.training.refit\n"
        "import semblance.indexer.changing.fitting\n"
        "print(sorted({'torch', 'torchvision', 'sklearn', 'onnxscript'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
