"""`semblance train` as a process: a model folder that the rest of Semblance uses, Ctrl-C, and wrong use."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, until

Run = Callable[..., subprocess.CompletedProcess[str]]

SMALL = ["--recipe", "cifar10-ae", "--device", "cpu"]
for setting in ("bits=40", "encoder=4,8,8", "decoder=4,4,8,8", "batch_size=8", "held_out=8", "precision=float32"):
    SMALL += ["--set", setting]
ONE_CORE = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_a_model_of_one_s_own_indexes_and_searches(sample: Path, tmp_path: Path, semblance: Run) -> None:
    model, library = tmp_path / "mine", tmp_path / "library"
    done = semblance("train", sample, *SMALL, "--set", "epochs=2", "--out", model, env=ONE_CORE)
    assert done.returncode == 0, done.stderr
    assert "differ in 0.0" in done.stderr
    assert f"{model / 'neighbours.png'}: neighbours before and after" in done.stderr
    assert semblance("index", sample, "--library", library, "--model", model).returncode == 0
    picture = sorted(sample.rglob("*.jpg"))[7]
    found = semblance("search", picture, "--library", library, "--k", "48")
    assert f"    0 bits  {picture}" in found.stdout
    assert "bits       40" in semblance("status", "--library", library).stdout
    went_on = semblance("train", sample, "--from", model, "--out", tmp_path / "on", env=ONE_CORE)
    assert went_on.returncode == 0, went_on.stderr
    assert Codec(tmp_path / "on").card["from"]["codec_id"] == Codec(model).codec_id


def test_a_model_by_the_clock(sample: Path, tmp_path: Path, semblance: Run) -> None:
    done = semblance("train", sample, *SMALL, "--minutes", "0.02", "--out", tmp_path / "mine", env=ONE_CORE)
    assert done.returncode == 0, done.stderr
    assert Codec(tmp_path / "mine").card["by_the_clock"].keys() == {"minutes", "steps", "epochs"}


def test_ctrl_c_leaves_a_checkpoint_that_the_same_command_goes_on_from(sample: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine"
    command = [sys.executable, "-m", "semblance", "train", str(sample), *SMALL, "--out", str(model), "--set"]
    process = subprocess.Popen([*command, "epochs=4000"], cwd=ROOT, env=ONE_CORE, stderr=subprocess.PIPE, text=True)
    until(lambda: (model / "training.jsonl").exists(), seconds=120)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.rstrip().endswith("run the same command again to go on")
    assert "Traceback" not in said
    assert (model / "checkpoint.pt").exists()
    assert not (model / "model.json").exists()
    other = subprocess.run([*command, "epochs=4001"], cwd=ROOT, env=ONE_CORE, capture_output=True, text=True)
    assert other.returncode == 2
    assert "another recipe (different: epochs)" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--recipe", "nothing"], "There is no recipe 'nothing'"),
        (["--recipe", "cifar10-ae", "--set", "depth=3"], "sets no field of a recipe"),
        (["--recipe", "cifar10-ae", "--device", "abacus"], "no device 'abacus'"),
        (["--recipe", "cifar10-ae"], "48 pictures are too few"),
        ([], "Name a --recipe, or a model to go on --from"),
        (["--from", "nothing"], "There is no model 'nothing'"),
        (
            ["--from", "cifar10-fast", "--recipe", "plain", "--set", "size=64"],
            "takes pictures of 32 pixels, plain of 64",
        ),
        (["--from", "cifar10-fast"], "has no weights.pt"),
        (["--recipe", "cifar10-fast", "--teacher", "nothing"], "There is no model 'nothing'"),
        (["--recipe", "cifar10-fast", "--teacher", "cifar10-ae"], "has no use for a teacher"),
        (["--recipe", "cifar10-fast", "--set", "imitation=1"], "name one with --teacher"),
        (["--recipe", "cifar10-ae", "--minutes", "0"], "--minutes must be a finite number above 0, not 0"),
        (["--recipe", "cifar10-ae", "--minutes", "nan"], "--minutes must be a finite number above 0, not nan"),
        (["--recipe", "pca", "--minutes", "1"], "pca is fitted by a formula, not by the clock"),
    ],
)
def test_wrong_use_is_one_sentence(
    sample: Path, tmp_path: Path, semblance: Run, arguments: list[str], sentence: str
) -> None:
    done = semblance("train", sample, "--out", tmp_path / "model", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model" / "model.json").exists()
