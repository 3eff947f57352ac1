"""`semblance adopt`: a network of others becomes a model that indexes and searches, or a sentence says why not."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from semblance.retrieval.codec import Codec
from semblance.scripts.main import build

Run = Callable[..., subprocess.CompletedProcess[str]]
SCALED = ("--mean", "127", "--std", "128")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), [*map(str, arguments)])


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """One convolution of 8 x 8 places into 32 channels, of pictures of 32 pixels, one at a time."""
    weights = np.random.default_rng(0).standard_normal((32, 3, 8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["picture", "weights"], ["places"], strides=[8, 8]),
        helper.make_node("Relu", ["places"], ["map"]),
        helper.make_node("GlobalAveragePool", ["map"], ["features"]),
    ]
    given = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, 32, 32])
    made = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 32, 1, 1])
    graph = helper.make_graph(nodes, "network", [given], [made], [numpy_helper.from_array(weights, "weights")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


def test_an_adopted_network_indexes_and_searches(network: Path, sample: Path, tmp_path: Path) -> None:
    model, library = tmp_path / "mine", tmp_path / "library"
    done = call("adopt", network, sample, *SCALED, "--bits", "24", "--licence", "MIT", "--out", model)
    assert done.exit_code == 0, done.output
    made = Codec(model)
    assert f"{model}: codec {made.codec_id[:12]}, 24 bits of features at 32 pixels, fitted to 48 pict" in done.stderr
    assert (made.bits, made.spec.size, made.card["licence"]["weights"]) == (24, 32, "MIT")
    assert call("index", sample, "--library", library, "--model", model).exit_code == 0
    picture = sorted(sample.rglob("*.jpg"))[7]
    first = call("search", picture, "--library", library, "--k", "1", "--json")
    assert json.loads(first.stdout)["results"][0]["path"] == str(picture)


def test_the_command_of_the_card_repeats_it(network: Path, sample: Path, tmp_path: Path, semblance: Run) -> None:
    assert call("adopt", network, sample, *SCALED, "--bits", "16", "--out", tmp_path / "mine").exit_code == 0
    made = Codec(tmp_path / "mine")
    repeated = [*made.card["command"].split()[1:-1], str(tmp_path / "again")]
    repeated[repeated.index("a.onnx")], repeated[repeated.index(sample.name)] = str(network), str(sample)
    assert semblance(*repeated).returncode == 0
    assert Codec(tmp_path / "again").codec_id == made.codec_id


def test_pictures_that_cannot_be_read_are_named(network: Path, pictures: Path, tmp_path: Path) -> None:
    (pictures / "text.jpg").write_text("no picture")
    done = call("adopt", network, pictures, *SCALED, "--bits", "8", "--out", tmp_path / "mine")
    assert done.exit_code == 1
    assert f"left out: {pictures / 'text.jpg'}" in done.stderr
    assert Codec(tmp_path / "mine").card["data"]["pictures"] == 48


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{network}", "{sample}"], "Missing option '--out'"),
        (["{network}", "{sample}", "--out", "{tmp}/new"], "say it with --mean and --std"),
        (["{network}", "{sample}", *SCALED, "--out", "{tmp}/new"], "48 pictures are too few to fit 256"),
        (["{network}", "{sample}", "--mean", "1,2", "--std", "1", "--out", "{tmp}/new"], "'1,2' is neither one number"),
        (["{network}", "{sample}", "--mean", "nan", "--std", "1", "--out", "{tmp}/new"], "'nan' is neither one number"),
        (["{network}", "{tmp}/none", *SCALED, "--out", "{tmp}/new"], "There is no folder"),
        (["{tmp}/none.onnx", "{sample}", *SCALED, "--out", "{tmp}/new"], "none.onnx cannot be read: No such file"),
        (
            ["{network}", "{sample}", *SCALED, "--output", "x", "--out", "{tmp}/new"],
            "no tensor 'x'. Likely ones are fea",
        ),
        (["{network}", "{sample}", *SCALED, "--layout", "x", "--out", "{tmp}/new"], "'x' is not one of"),
        (["{network}", "{sample}", *SCALED, "--bits", "8", "--out", "{tmp}/a.onnx"], "could not be written"),
    ],
)
def test_wrong_use_is_one_sentence(
    network: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    refused = call("adopt", *[each.format(network=network, sample=sample, tmp=tmp_path) for each in arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx"}


def test_without_onnx_it_says_how_to_get_it_and_without_torch_it_works(
    network: Path, sample: Path, tmp_path: Path, semblance: Run
) -> None:
    for name in ("torch", "torchvision", "sklearn"):
        (tmp_path / f"none/{name}.py").parent.mkdir(exist_ok=True)
        (tmp_path / f"none/{name}.py").write_text(f"raise ImportError(\"No module named '{name}'\")")
    ask = ("adopt", network, sample, *SCALED, "--bits", "8", "--out", tmp_path / "mine")
    assert semblance(*ask, env={"PYTHONPATH": str(tmp_path / "none")}).returncode == 0
    (tmp_path / "none/onnx.py").write_text("raise ImportError(\"No module named 'onnx'\")")
    refused = semblance(*ask, env={"PYTHONPATH": str(tmp_path / "none")})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No module named 'onnx'): pip install 'semblance[adopt]'" in refused.stderr
    assert "Traceback" not in refused.stderr
