"""Many sets at once: which folders are sets, and figures that NumPy alone comes to as well."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from semblance.retrieval import decoding
from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.judging import comparison, datasets, features, sets
from semblance.retrieval.judging.contest import Row, Variant, shuffled
from semblance.retrieval.judging.sets import Judged, of_folder
from tests.conftest import paint
from tests.retrieval.judging.test_datasets import write_cifar

BITS, SIZE = 70, 16
VARIANTS = [Variant(), Variant(refine=True), Variant(bits=64), Variant(bits=28)]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """A codec whose encoder ends as adopting makes it: a random projection of pixels is "features"."""
    folder = tmp_path_factory.mktemp("models") / "adopted"
    folder.mkdir()
    chance = np.random.default_rng(0)
    constants = {"shape": np.array([-1, SIZE * SIZE * 3]), "middle": np.array(127.5, np.float32)}
    constants["trunk"] = chance.standard_normal((SIZE * SIZE * 3, 90)).astype(np.float32) / 1000
    constants["weights"] = chance.standard_normal((90, BITS)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "middle"], ["centred"]),
        helper.make_node("Reshape", ["centred", "shape"], ["rows"]),
        helper.make_node("MatMul", ["rows", "trunk"], ["projected"]),
        helper.make_node("Relu", ["projected"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
    ]
    given = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", SIZE, SIZE, 3])
    made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", BITS])
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", [given], [made], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "encoder.onnx")
    write_card(folder, {"name": "adopted", "bits": BITS, "input": {"size": SIZE, "resize": "squash-bicubic"}})
    return Codec(folder)


@pytest.fixture(scope="module")
def judged(several: Path, codec: Codec, adopted: Codec) -> list[Judged]:
    return sets.judge(of_folder(several), [codec, adopted], VARIANTS)


def test_pictures_right_below_are_kinds_and_deeper_ones_are_sets(tmp_path: Path) -> None:
    for name in ("a/cat/1.png", "a/dog/2.png", "b/cat/deep/3.png", ".hidden/4.png"):
        paint(tmp_path / name, 1)
    assert of_folder(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert of_folder(tmp_path / "a") == [tmp_path / "a"]
    write_cifar(tmp_path / "cifar")
    assert of_folder(tmp_path)[2:] == [tmp_path / "cifar"]
    assert of_folder(tmp_path / "cifar") == [tmp_path / "cifar"]
    paint(tmp_path / "loose" / "5.png", 1)
    assert of_folder(tmp_path) == [tmp_path], "a kind beside sets: as it always was"
    (tmp_path / "empty").mkdir()
    assert of_folder(tmp_path / "empty") == [tmp_path / "empty"]
    with pytest.raises(DatasetError, match="There is no folder"):
        of_folder(tmp_path / "none")


def first_ten(distances: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> float:
    """P@10 of distances (N, N), each picture asked against all others; ties as they lie."""
    means = []
    for row, line in enumerate(distances):
        others = [other for other in np.argsort(line, kind="stable") if other != row][:10]
        means.append(np.mean(labels[others] == labels[row]))
    return float(np.mean(means))


@pytest.mark.parametrize("number", [0, 1])
def test_the_figures_are_those_of_brute_force(several: Path, judged: list[Judged], adopted: Codec, number: int) -> None:
    contest = shuffled(*datasets.load(sets.of_folder(several)[number]))
    labels, here = contest.gallery.labels, judged[number]
    pixels = contest.gallery.pictures(InputSpec(32)).reshape(len(labels), -1).astype(float)
    model = onnx.load(adopted.folder / "encoder.onnx")
    model.graph.output.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 90]))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    logits, made = session.run(None, {"pictures": contest.gallery.pictures(adopted.spec)})
    made = made.astype(float) - made.mean(axis=0, dtype=float)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    bits = np.where(logits > 0, 1.0, -1.0)
    expected = {
        "pixels (Euclidean)": np.square(pixels[:, None] - pixels).sum(axis=2),
        "adopted, its features": 1 - made @ made.T,
        "adopted": -bits @ bits.T,
        "adopted, refined": -logits @ bits.T,
        "adopted, first 64 bits": -bits[:, :64] @ bits[:, :64].T,
        "adopted, first 28 bits": -bits[:, :28] @ bits[:, :28].T,
    }
    assert (here.gallery, here.queries) == (len(labels), len(labels))
    rows = {row.name: row for row in here.rows}
    for name, distances in expected.items():
        assert rows[name].score.table["P@10"] == pytest.approx(first_ten(distances, labels)), name


def test_a_set_has_the_rows_that_it_has_alone(several: Path, judged: list[Judged], codec: Codec) -> None:
    assert [each.name for each in judged] == ["all", "few"]
    contest = shuffled(*datasets.load(several / "few"))
    alone = [comparison.by_pixels(contest), comparison.by_histograms(contest)]
    alone += comparison.by_codec(contest, codec, VARIANTS)

    def figures(row: Row) -> dict[str, object]:
        return {name: value for name, value in row.as_dict().items() if not name.endswith("_ms")}

    assert [figures(row) for row in judged[1].rows[: len(alone)]] == [figures(row) for row in alone]
    assert any(row.mse for row in alone), "what is rebuilt is compared with the picture, not with what the encoder saw"


def test_pictures_are_decoded_once_for_a_size_and_encoded_once_by_a_model(
    several: Path, codec: Codec, adopted: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[tuple[Path, InputSpec]] = []
    encoded: list[int] = []
    load, logits = decoding.load, Codec.logits

    def loading(source: Path, spec: InputSpec) -> Picture:
        decoded.append((source, spec))
        return load(source, spec)

    def encoding(self: Codec, pictures: Picture) -> npt.NDArray[np.float32]:
        encoded.append(len(pictures))
        return logits(self, pictures)

    monkeypatch.setattr(decoding, "load", loading)
    monkeypatch.setattr(Codec, "logits", encoding)
    seen: list[tuple[int, int]] = []
    sets.judge([several / "few"], [codec, Codec(codec.folder), adopted], VARIANTS, lambda *each: seen.append(each))
    count = len(datasets.picture_files(several / "few"))
    specs = {InputSpec(32), InputSpec(64), codec.spec, codec.decoded, adopted.spec}
    assert len(decoded) == len({*decoded}) == count * len(specs)
    assert [each for each in encoded if each > 1] == [count, count], "the adopted one's come with its features"
    assert (seen[0], seen[-1]) == ((0, 5 * count), (5 * count, 5 * count))


def test_what_has_no_features_inside_has_no_such_row(codec: Codec, judged: list[Judged], tmp_path: Path) -> None:
    assert [row.name for row in judged[0].rows if "features" in row.name] == ["adopted, its features"]
    shutil.copytree(codec.folder, tmp_path / "named")
    model = onnx.load(tmp_path / "named" / "encoder.onnx")
    model.producer_name = "features"  # the word, and no tensor
    onnx.save(model, tmp_path / "named" / "encoder.onnx")
    assert features.encoding(Codec(tmp_path / "named")) is None


def test_a_set_of_one_kind_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        paint(tmp_path / "set" / "cat" / f"{number}.png", number)
    with pytest.raises(DatasetError, match="pictures of one kind alone"):
        sets.judge([tmp_path / "set"], [], VARIANTS)
