"""`semblance quantise`: a model folder that the rest of Semblance uses, and a sentence for whatever is wrong."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from semblance.retrieval.codec import Codec, find_model
from semblance.scripts.main import build

Run = Callable[..., subprocess.CompletedProcess[str]]
FLOAT = "cifar10-ae"  # a shipped model that is not quantised yet


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), [*map(str, arguments)])


def test_a_quantised_model_indexes_and_searches(sample: Path, tmp_path: Path) -> None:
    model, library = tmp_path / "8bit", tmp_path / "library"
    done = call("quantise", FLOAT, sample, "--out", model)
    assert done.exit_code == 0, done.output
    made = Codec(model)
    assert f"{model}: codec {made.codec_id[:12]}; 0." in done.stderr
    assert f"% of the bits are others than {FLOAT}'s" in done.stderr
    assert made.codec_id != Codec(FLOAT).codec_id
    assert call("index", sample, "--library", library, "--model", model).exit_code == 0
    picture = sorted(sample.rglob("*.jpg"))[7]
    assert call("search", picture, "--library", library, "--k", "1").stdout.split()[:3] == ["0", "bits", str(picture)]


def test_pictures_that_cannot_be_read_are_named(pictures: Path, tmp_path: Path) -> None:
    (pictures / "text.jpg").write_text("no picture")
    done = call("quantise", FLOAT, pictures, "--out", tmp_path / "8bit")
    assert done.exit_code == 1
    assert f"left out: {pictures / 'text.jpg'}" in done.stderr
    assert Codec(tmp_path / "8bit").card["quantised"]["calibrated_on"]["pictures"] == 48


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none", "{sample}", "--out", "{tmp}/new"], "There is no model 'none'"),
        (["{tmp}/halved", "{sample}", "--out", "{tmp}/new"], "is incomplete: encoder.onnx cannot be read"),
        ([FLOAT, "{tmp}/none", "--out", "{tmp}/new"], "There is no folder"),
        ([FLOAT, "{tmp}/empty", "--out", "{tmp}/new"], "holds no pictures: name a folder"),
        (["{tmp}/whole", "{sample}", "--out", "{tmp}/empty/../whole"], "is the model's own folder: name another"),
        ([FLOAT, "{sample}", "--out", ""], "'--out'"),
        ([FLOAT, "", "--out", "{tmp}/new"], "DATA"),
        ([FLOAT, "{sample}"], "Missing option '--out'"),
    ],
)
def test_wrong_use_is_one_sentence(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    shutil.copytree(find_model(FLOAT), tmp_path / "whole")
    shutil.copytree(find_model(FLOAT), tmp_path / "halved", ignore=shutil.ignore_patterns("encoder.onnx"))
    (tmp_path / "empty").mkdir()
    refused = call("quantise", *[argument.format(sample=sample, tmp=tmp_path) for argument in arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "halved", "empty"}
    assert Codec(tmp_path / "whole").codec_id == Codec(FLOAT).codec_id


def test_without_the_extra_packages_it_says_how_to_get_them(sample: Path, tmp_path: Path, semblance: Run) -> None:
    (tmp_path / "onnx.py").write_text("raise ImportError(\"No module named 'onnx'\")")
    refused = semblance("quantise", FLOAT, sample, "--out", tmp_path / "8bit", env={"PYTHONPATH": str(tmp_path)})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No module named 'onnx'): pip install 'semblance[train]'" in refused.stderr
    assert "Traceback" not in refused.stderr
