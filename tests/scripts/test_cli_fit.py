"""Bits fitted to own pictures from the command line: `train --from` a model of a network of others, `index --fit`."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from semblance.indexer.changing import fitting
from semblance.retrieval.codec import Codec, write_card
from semblance.retrieval.training import refit as refitting
from tests.scripts.test_cli_adopt import SCALED, call, network

Run = Callable[..., subprocess.CompletedProcess[str]]
__all__ = ["network"]  # the fixture


@pytest.fixture
def model(network: Path, sample: Path, tmp_path: Path) -> Path:
    """16 bits of a little network."""
    done = call("adopt", network, sample, *SCALED, "--bits", "16", "--licence", "MIT", "--out", tmp_path / "model")
    assert done.exit_code == 0, done.output
    return tmp_path / "model"


def test_own_pictures_make_a_model_that_its_command_repeats(model: Path, pictures: Path, tmp_path: Path) -> None:
    for folder in sorted(path for path in pictures.iterdir() if path.is_dir())[::2]:
        shutil.rmtree(folder)
    (pictures / "text.jpg").write_text("no picture")
    done = call("train", pictures, "--from", model, "--out", tmp_path / "mine")
    made = Codec(tmp_path / "mine")
    assert done.exit_code == 1, done.output
    assert f"left out: {pictures / 'text.jpg'}" in done.stderr
    assert (
        f"mine: codec {made.codec_id[:12]}, 16 bits fitted to {made.card['data']['pictures']} pictures" in done.stderr
    )
    assert (tmp_path / "mine/neighbours.png").stat().st_size > 1000
    words = made.card["command"].split()
    assert words[:5] == ["semblance", "train", "pictures", "--from", "model"]
    again = call("train", pictures, "--from", model, "--out", tmp_path / "again")
    assert again.exit_code == 1
    assert Codec(tmp_path / "again").codec_id == made.codec_id != Codec(model).codec_id
    assert call("train", pictures, "--from", model, "--set", "bits=12", "--out", tmp_path / "short").exit_code == 1
    assert Codec(tmp_path / "short").bits == 12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--recipe", "cifar10-fast"], "has no weights.pt: training goes on from folders that"),
        (["--minutes", "1"], "does not say which recipe it was trained by: name one with --recipe"),
        (["--teacher", "photos"], "does not say which recipe it was trained by: name one with --recipe"),
        (["--set", "epochs=3"], "does not say which recipe it was trained by: name one with --recipe"),
        (["--set", "bits=none"], "bits is a whole number from 1, not 'none'"),
        (["--set", "bits=48"], "48 pictures are too few to fit 48 bits"),
    ],
)
def test_what_goes_with_no_formula_is_one_sentence(
    model: Path, sample: Path, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    refused = call("train", sample, "--from", model, *arguments, "--out", tmp_path / "mine")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr
    assert not (tmp_path / "mine").exists()


def test_a_model_with_weights_is_trained_by_its_recipe(model: Path, sample: Path, tmp_path: Path) -> None:
    """Where both are possible, what is asked for decides: this one fails later, for its recipe is none."""
    (model / "weights.pt").write_bytes(b"")
    write_card(model, {**Codec(model).card, "recipe": "none"})
    done = call("train", sample, "--from", model, "--minutes", "1", "--out", tmp_path / "mine")
    assert "does not say which recipe it was trained by" in done.stderr
    assert call("train", sample, "--from", model, "--out", tmp_path / "mine").exit_code == 0


def test_interrupted_it_says_one_line(
    model: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(refitting.Trunk, "features", stop)
    done = call("train", sample, "--from", model, "--out", tmp_path / "mine")
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "Interrupted.\n")
    assert not (tmp_path / "mine").exists()


def test_a_library_is_fitted_and_says_so(model: Path, pictures: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert call("index", pictures, "--library", library, "--model", model).exit_code == 0
    done = call("index", "--fit", "--library", library, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["added"] == document["removed"] == 0
    assert {key: document["fit"][key] for key in ("pictures", "already", "left_out")} == {
        "pictures": 48, "already": False, "left_out": [],
    }  # fmt: skip
    told = json.loads(call("status", "--library", library, "--json").stdout)
    assert (told["codec_id"], told["model"]) == (document["fit"]["codec_id"], "model-fitted")
    again = call("index", pictures, "--fit", "--library", library)
    assert again.exit_code == 0
    assert "48 unchanged" in again.stderr
    assert "The bits are fitted to these 48 pictures already." in again.stderr
    gone = next(pictures.rglob("*.jpg"))
    gone.unlink()
    shutil.copy(next(pictures.rglob("*.jpg")), pictures / "more.jpg")
    assert call("index", pictures, "--library", library).exit_code == 0
    (pictures / "more.jpg").unlink()
    left = call("index", "--fit", "--library", library)
    assert left.exit_code == 1
    assert f"left out: {pictures / 'more.jpg'}: The file cannot be read" in left.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--library", "{tmp}/new"], "There is nothing to do: name a FOLDER of pictures, or --fit"),
        (["--fit", "--library", "{tmp}/new"], "There is no library at"),
        (["--fit", "--pixels", "--library", "{tmp}/new"], "--pixels, --prune and --exclude are for indexing a FOLDER"),
    ],
)
def test_wrong_use_of_index_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    refused = call("index", *[each.format(tmp=tmp_path) for each in arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr


def test_interrupted_the_library_is_as_it_was(
    model: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    library = tmp_path / "library"
    assert call("index", sample, "--library", library, "--model", model).exit_code == 0
    monkeypatch.setattr(fitting, "_codes", stop)
    done = call("index", "--fit", "--library", library)
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "Interrupted: the library is as it was\n")


def test_without_onnx_it_says_how_to_get_it_and_without_torch_it_works(
    model: Path, sample: Path, tmp_path: Path, semblance: Run
) -> None:
    library, none = tmp_path / "library", tmp_path / "none"
    assert call("index", sample, "--library", library, "--model", model).exit_code == 0
    none.mkdir()
    for name in ("torch", "torchvision", "sklearn"):
        (none / f"{name}.py").write_text(f"raise ImportError(\"No module named '{name}'\")")
    own = {"env": {"PYTHONPATH": str(none)}}
    asked = [("train", sample, "--from", model, "--out", tmp_path / "mine"), ("index", "--fit", "--library", library)]
    assert [semblance(*each, **own).returncode for each in asked] == [0, 0]
    (none / "onnx.py").write_text("raise ImportError(\"No module named 'onnx'\")")
    for ask in asked:
        refused = semblance(*ask, **own)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "No module named 'onnx'): pip install 'semblance[adopt]'" in refused.stderr
        assert "Traceback" not in refused.stderr
