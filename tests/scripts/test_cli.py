"""The command line's contracts: exit codes, one JSON document, one sentence for whatever is wrong."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import semblance as semblance_package
from semblance.indexer.catalog import Catalog
from semblance.retrieval.codec import Codec, find_model
from semblance.scripts import console
from semblance.scripts.main import COMMANDS, build
from tests.conftest import ROOT, paint

Run = Callable[..., subprocess.CompletedProcess[str]]


def call(*arguments: str | Path) -> Result:
    """The command in this process: a second faster than as a process of its own."""
    return CliRunner().invoke(build(), [*map(str, arguments)])


KEYS = {"id", "path", "distance", "similarity", "expected_by_chance", "copy", "crowd", "folded"}


def document(result: Result | subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The one JSON document that is all of standard output."""
    assert result.stdout.count("\n") == 1
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_a_library_from_first_to_last_as_processes(semblance: Run, pictures: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    (pictures / "text.jpg").write_text("no picture")
    first = semblance("index", pictures, "--library", library, "--pixels", "--json")
    assert first.returncode == 1, "some pictures were left out"
    report = document(first)
    assert {name: report[name] for name in ("added", "updated", "removed", "unchanged", "skipped")} == {
        "added": 48, "updated": 0, "removed": 0, "unchanged": 0, "skipped": 0,
    }  # fmt: skip
    assert [failure["path"] for failure in report["failed"]] == [str(pictures / "text.jpg")]  # type: ignore[attr-defined]
    assert set(report["failed"][0]) == {"path", "reason"}  # type: ignore[index]
    assert isinstance(report["seconds"], float)

    status = document(semblance("status", "--library", library, "--json"))
    assert status.items() >= {"pictures": 48, "failed": 1, "engine": "flat", "bits": 256, "pixels": True}.items()

    asked = sorted(pictures.rglob("*.jpg"))[3]
    codecs: list[dict[str, object]] = status["codecs"]  # type: ignore[assignment]
    made_by = [(codec["purpose"], codec["model"], codec["pictures"]) for codec in codecs]
    assert made_by == [("alike", "photos", 48), ("same", "copies", 48)]
    for engine, own in zip(("code", "copies", "pixel"), (*codecs, codecs[0]), strict=True):
        answer = document(semblance("search", asked, "--library", library, "--k", "3", "--engine", engine, "--json"))
        assert answer["codec_id"] == own["codec_id"]
        assert (answer["engine"], answer["library_size"]) == (engine, 48)
        assert set(answer["timings_ms"]) == {"decode", "encode", "search"}  # type: ignore[call-overload]
        results: list[dict[str, object]] = answer["results"]  # type: ignore[assignment]
        assert [set(hit) for hit in results] == [KEYS] * 3
        assert results[0]["copy"] is True
        assert results[0]["expected_by_chance"] is None, "48 pictures are too few to say"
        assert (results[0]["path"], results[0]["distance"], results[0]["similarity"]) == (str(asked), 0, 1)


def test_the_command_is_a_module_too(library: Path, sample: Path) -> None:
    command = [sys.executable, "-m", "semblance", "index", str(sample), "--library", str(library), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert document(done)["unchanged"] == 48


def test_for_a_person_results_go_to_standard_output_and_the_rest_elsewhere(library: Path, sample: Path) -> None:
    asked = sorted(sample.rglob("*.jpg"))[0]
    found = call("search", asked, "--library", library, "--k", "2")
    assert found.exit_code == 0
    assert len(found.stdout.splitlines()) == 2
    assert found.stdout.splitlines()[0].split() == ["0", "bits", str(asked), *["(the", "same", "picture)"]]
    again = call("index", sample, "--library", library)
    assert (again.exit_code, again.stdout) == (0, "")
    assert "0 added, 0 updated, 0 removed, 48 unchanged" in again.stderr
    assert call("status", "--library", library).stdout.splitlines()[0].split() == ["pictures", "48"]


def test_views_and_refine_reach_the_search(library: Path, codec: Codec, sample: Path) -> None:
    """The same as the service answers (tests/api/test_http.py holds it to the definition)."""
    asked = sorted(sample.rglob("*.jpg"))[5]
    base = ("search", asked, "--library", library, "--k", "48", "--json")
    plain, viewed, refined = (
        document(call(*base, *more))["results"] for more in (("--plain",), ("--plain", "--views", "4"), ())
    )
    near = [{hit["path"]: hit["distance"] for hit in results} for results in (plain, viewed, refined)]  # type: ignore[attr-defined]
    assert near[0] == near[2], "refining changes no distance"
    assert plain != refined
    assert [hit["distance"] for hit in plain] == sorted(hit["distance"] for hit in plain)  # type: ignore[attr-defined]
    assert refined == document(call(*base, "--refine"))["results"], "which is the default"
    assert near[1] != near[0]
    assert all(near[1][path] <= near[0][path] for path in near[0])


def test_the_version_is_said_and_the_same_everywhere() -> None:
    said = call("--version")
    assert (said.exit_code, said.stdout) == (0, f"semblance {semblance_package.__version__}\n")
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[?([\d.]+)", changes, re.M)[0] == semblance_package.__version__


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_short_and_long_ask_for_help(name: str) -> None:
    short, long = (call(*name.split(), option) for option in ("-h", "--help"))
    assert (short.exit_code, short.stdout) == (0, long.stdout)
    assert "Usage:" in short.stdout


@pytest.mark.parametrize(
    "arguments", [["--version"], ["status", "--library", "none"], ["search", "none", "--library", "none"]]
)
def test_a_command_loads_no_other(arguments: list[str]) -> None:
    told = (
        f"import sys, semblance.__main__ as program; sys.argv = ['semblance', *{arguments}]\n"
        "try: program.main()\nexcept SystemExit: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, timeout=60)
    loaded = {*done.stdout.split()}
    assert "semblance.scripts.main" in loaded
    assert not loaded & {"fastapi", "uvicorn", "semblance.scripts.scenes", "semblance.scripts.benchmarks.library"}


# What does nothing unless it is given; any other option has a default, and its help says which.
NOTHING = {
    "adopt": ["--size", "--mean", "--std", "--leave-out-classes"],
    "duplicates": ["--sheet", "--apart", "--together"],
    "edits": ["--gallery", "--unseen-classes"],
    "evaluate": ["--queries", "--prefix", "--unseen-classes", "--report"],
    "quantise": ["--leave-out-classes"],
    "search": [
        *("--like", "--unlike", "--region", "--within", "--chance", "--folder", "--from", "--to", "--camera"),
        *("--near", "--min-pixels"),
    ],
    "serve": ["--cert", "--key-file"],
    "train": ["--from", "--teacher", "--minutes", "--set", "--leave-out-classes"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_every_option_is_where_it_is_not_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    lines = call(name, "--help").stdout.splitlines()
    command = typer.main.get_command(build()).commands[name]  # type: ignore[attr-defined]
    without = []
    for parameter in command.params:
        if parameter.param_type_name != "option" or parameter.required or parameter.is_flag:
            continue
        [line] = [line for line in lines if line.split()[1:2] == parameter.opts[:1]]
        said = re.search(r"\[default: (.+?)\]", line)
        if said is None:
            without.append(parameter.opts[0])
        elif parameter.default is not None:
            assert said[1] == str(parameter.default)
    assert without == NOTHING.get(name, [])


def test_the_defaults_of_serve_are_those_of_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    for words in ("--host", "127.0.0.1"), ("--port", "8000"), ("--library", "SEMBLANCE_LIBRARY"):
        assert [line for line in call("serve", "-h").stdout.splitlines() if all(word in line for word in words)]


def test_a_tilde_is_home(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell leaves it: in `--library=~/x`."""
    monkeypatch.setenv("HOME", str(library.parent))
    assert call("status", f"--library=~/{library.name}").stdout == call("status", "--library", library).stdout
    assert console.path("~nobody.jpg") == Path("~nobody.jpg"), "a name that merely begins so"


def test_index_leaves_out_what_it_is_told_to(tmp_path: Path) -> None:
    for name in ("a.png", "raw/b.png", "c.tif"):
        paint(tmp_path / "own" / name, 1)
    told = call(
        "index", tmp_path / "own", "--library", tmp_path / "library", "--exclude", "raw", "--exclude=*.tif", "--json"
    )
    assert (told.exit_code, document(told)["added"], document(told)["skipped"]) == (0, 1, 2)
    refused = call("index", tmp_path / "own", "--library", tmp_path / "new", "--exclude", "")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--exclude '' matches nothing" in refused.stderr
    assert "is a library" in call("index", tmp_path / "library", "--library", tmp_path / "new").stderr
    assert "is the library itself" in call("index", tmp_path / "own", "--library", tmp_path / "own").stderr
    assert not (tmp_path / "new").exists()
    assert sorted(path.name for path in (tmp_path / "own").iterdir()) == ["a.png", "c.tif", "raw"]


def test_a_missing_folder_is_a_warning_and_exit_code_1(pictures: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    assert call("index", pictures, "--library", library).exit_code == 0
    shutil.rmtree(pictures)
    warned = call("index", pictures, "--library", library, "--json")
    assert warned.exit_code == 1
    assert "run again with --prune" in str(document(warned)["warnings"])
    pruned = call("index", pictures, "--library", library, "--prune", "--json")
    assert (pruned.exit_code, document(pruned)["removed"]) == (0, 48)
    empty = call("search", paint(tmp_path / "a.png", 1), "--library", library)
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "has no pictures yet" in empty.stderr


WRONG = {
    "no library": (["status", "--library", "{tmp}/none"], "There is no library at"),
    "no library to search": (["search", "{picture}", "--library", "{tmp}/none"], "There is no library at"),
    "no library to serve": (["serve", "--library", "{tmp}/none"], "There is no library at"),
    "no folder": (["index", "{tmp}/none", "--library", "{tmp}/new"], "There is no folder"),
    "no model": (["index", "{sample}", "--library", "{tmp}/new", "--model", "none"], "There is no model 'none'"),
    "no such model to search": (
        ["search", "{picture}", "--library", "{library}", "--model", "none"],
        "no model 'none'",
    ),
    "folder for a picture": (["search", "{tmp}", "--library", "{library}"], "is a folder: name a picture."),
    "file for a folder": (
        ["index", "{library}/catalog.sqlite", "--library", "{tmp}/new"],
        "name the folder that it is in",
    ),
    "no picture": (["search", "{tmp}/none.jpg", "--library", "{library}"], "There is no file"),
    "text": (["search", "{text}", "--library", "{library}"], "is not a picture that Semblance reads"),
    "k of 0": (["search", "{picture}", "--library", "{library}", "--k", "0"], "'--k'"),
    "k of 1001": (["search", "{picture}", "--library", "{library}", "--k", "1001"], "'--k'"),
    "engine x": (["search", "{picture}", "--library", "{library}", "--engine", "x"], "'--engine'"),
    "engine empty": (["search", "{picture}", "--library", "{library}", "--engine", ""], "'--engine'"),
    "views of 0": (["search", "{picture}", "--library", "{library}", "--views", "0"], "'--views'"),
    "views of 11": (["search", "{picture}", "--library", "{library}", "--views", "11"], "'--views'"),
    "views of text": (["search", "{picture}", "--library", "{library}", "--views", "all"], "'--views'"),
    "views empty": (["search", "{picture}", "--library", "{library}", "--views", ""], "'--views'"),
    "views of pixels": (
        ["search", "{picture}", "--library", "{library}", "--engine", "pixel", "--views", "2"],
        "Only codes have several views and a refined order",
    ),
    "pixels refined": (
        ["search", "{picture}", "--library", "{library}", "--engine", "pixel", "--refine"],
        "Only codes have several views and a refined order",
    ),
    "prefix of 0": (["evaluate", "{sample}", "--prefix", "0"], "'--prefix'"),
    "prefix of text": (["evaluate", "{sample}", "--prefix", "half"], "'--prefix'"),
    "prefix longer than the code": (["evaluate", "{sample}", "--prefix", "28", "--prefix", "300"], "no prefix of 300"),
    "views of 0 in evaluate": (["evaluate", "{sample}", "--views", "0"], "'--views'"),
    "views of 11 in evaluate": (["evaluate", "{sample}", "--views", "11"], "'--views'"),
    "no pixels": (["search", "{picture}", "--library", "{codes}", "--engine", "pixel"], "keeps no pixel vectors"),
    "threads of 0": (["index", "{sample}", "--library", "{tmp}/new", "--threads", "0"], "'--threads'"),
    "model empty": (["index", "{sample}", "--library", "{tmp}/new", "--model", ""], "There is no model ''"),
    "library empty": (["status", "--library", ""], "'--library'"),
    "library empty in index": (["index", "{sample}", "--library", ""], "'--library'"),
    "library empty in search": (["search", "{picture}", "--library", ""], "'--library'"),
    "library empty in serve": (["serve", "--library", ""], "'--library'"),
    "host empty": (["serve", "--library", "{library}", "--host", ""], "host: "),
    "port too high": (["serve", "--library", "{library}", "--port", "99999"], "port: "),
    "folder empty": (["index", "", "--library", "{tmp}/new"], "FOLDER"),
    "dataset empty": (["evaluate", ""], "DATASET"),
    "queries empty": (["evaluate", "{sample}", "--queries", ""], "'--queries'"),
    "report empty": (["evaluate", "{sample}", "--report", ""], "'--report'"),
    "a library that is a file": (["index", "{sample}", "--library", "{picture}"], "No library can be made"),
    "no dataset": (["evaluate", "{tmp}/none"], "There is no folder"),
    "folder that is no dataset": (["evaluate", "{tmp}"], "is no dataset"),
    "hold-out of a small dataset": (["evaluate", "{sample}", "--held-out"], "too few"),
    "no library at all": (["status"], "Missing option '--library'"),
    "unknown command": (["find"], "No such command"),
}


@pytest.fixture(scope="module")
def places(library: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the wrong commands name."""
    place = tmp_path_factory.mktemp("wrong")
    (place / "text.jpg").write_text("no picture")
    one = paint(place / "one" / "a.png", 1).parent
    assert call("index", one, "--library", place / "codes").exit_code == 0
    return {
        "library": library, "codes": place / "codes", "sample": sample,
        "picture": one / "a.png", "text": place / "text.jpg",
    }  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_sentence_with_exit_code_2(
    name: str, places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, sentence = WRONG[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")  # no line of a sentence is broken
    result = call(*[argument.format(tmp=tmp_path, **places) for argument in arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert result.stdout == ""
    assert not list(tmp_path.iterdir()), "a command that cannot run makes no library, nor anything where it was called"


def test_an_empty_variable_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for value in ("", None):
        monkeypatch.setenv("SEMBLANCE_LIBRARY", value) if value is not None else monkeypatch.delenv("SEMBLANCE_LIBRARY")
        refused = call("serve", "--wait")
        assert refused.exit_code == 2
        assert refused.stderr.startswith("error: ")
        assert "library" in refused.stderr
        assert "SEMBLANCE_" in refused.stderr


def shorter(tmp_path: Path) -> Path:
    """A model of another length: the shipped one, its output cut to 64 bits."""
    onnx = pytest.importorskip("onnx", reason="a model is cut with onnx")
    folder = tmp_path / "short"
    folder.mkdir()
    card = json.loads((find_model("cifar10-fast") / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "name": "short", "bits": 64}))
    model = onnx.load(find_model("cifar10-fast") / "encoder.onnx")
    output = model.graph.output[0]
    bounds = [onnx.numpy_helper.from_array(_int64(value), f"cut_{value}") for value in (0, 64, 1)]
    model.graph.initializer.extend(bounds)
    inputs = [output.name, "cut_0", "cut_64", "cut_1"]
    model.graph.node.append(onnx.helper.make_node("Slice", inputs, ["short_logits"]))
    del model.graph.output[:]
    model.graph.output.append(onnx.helper.make_tensor_value_info("short_logits", onnx.TensorProto.FLOAT, ["N", 64]))
    onnx.save(model, folder / "encoder.onnx")
    return folder


def _int64(value: int) -> object:
    import numpy as np

    return np.array([1 if value == 1 else value], np.int64)


def test_a_model_of_another_length_is_refused_and_a_library_keeps_its_own(
    library: Path, sample: Path, tmp_path: Path
) -> None:
    model = shorter(tmp_path)
    picture = sorted(sample.rglob("*.jpg"))[0]
    for command in (["search", picture], ["serve"]):
        refused = call(*command, "--library", library, "--model", model)
        assert refused.exit_code == 2
        assert "holds 256-bit codes" in refused.stderr
        assert "short (64 bits" in refused.stderr
    own = tmp_path / "library"
    made = call("index", sample, "--library", own, "--model", model, "--json")
    assert (made.exit_code, document(made)["added"]) == (0, 48)
    found = document(call("search", picture, "--library", own, "--json"))  # no --model: it keeps its codec
    assert found["codec_id"] == Codec(model).codec_id
    (model / "encoder.onnx").write_bytes(b"")
    kept = document(call("search", picture, "--library", own, "--json"))
    assert kept["codec_id"] == found["codec_id"], "by its own copy"
    shutil.rmtree(own / "models")
    broken = call("search", picture, "--library", own)
    assert broken.exit_code == 2
    assert "is not to be found any more" in broken.stderr
    with Catalog.opened(own) as catalog:
        assert catalog.counts() == (48, 0)


def test_evaluate_prints_the_contracts_columns(sample: Path) -> None:
    result = call("evaluate", sample, "--json")
    assert result.exit_code == 0, result.stderr
    table = document(result)
    assert (table["gallery"], table["queries"]) == (48, 48)
    rows: list[dict[str, object]] = table["rows"]  # type: ignore[assignment]
    assert len(rows) == 3, "pixels, the shipped model, random hyperplanes"
    columns = {"name", "bits", "P@1", "P@10", "P@100", "P@1000", "mAP@1000", "mAP", "search_ms", "encode_ms"}
    for row in rows:
        assert set(row) >= {*columns, "bytes_per_picture"}


def test_the_rate_of_a_run_that_goes_on_is_of_what_it_did_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 0.0, 10.0])  # a clock of its own: the sentence is what is tested, and it waits for no one
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with console.progress("Training") as update:
        update(5000, 7000)
        update(5020, 7000)
    assert "Training: 5,020 of 7,000, 2/s, 990 s left" in capsys.readouterr().err


def test_progress_says_no_rate_before_there_is_one_and_what_was_found_before_a_total_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 10.0, 20.0, 30.0, 40.0])  # as above; a cluster starts for half a minute
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with console.progress("Encoding") as update:
        for done, total in ((4000, 0), (0, 7000), (0, 7000), (100, 7000)):
            update(done, total)
    said = ["4,000 found so far", "0 of 7,000", "0 of 7,000", "100 of 7,000, 10/s, 690 s left"]
    assert capsys.readouterr().err.splitlines() == [f"Encoding: {each}" for each in said]
