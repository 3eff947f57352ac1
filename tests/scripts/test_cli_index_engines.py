"""`--index` of the commands: what a library is searched by, said, built, and refused in a sentence."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from semblance.indexer.derived import built
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.retrieval.index import ENGINES
from tests.conftest import ROOT, paint
from tests.indexer.derived.rough import SLOWLY
from tests.scripts.test_cli import call

ENGINE = "ivf"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Path:
    """A folder of small pictures, and a library of it beside it."""
    place = tmp_path_factory.mktemp("place")
    for seed in range(40):
        paint(place / "pictures" / f"{seed}.png", seed)
    pipeline.update([place / "pictures"], place / "library", codec, threads=2)
    return place


def standing(library: Path, *options: str) -> dict[str, Any]:
    done = call("status", "--library", library, "--json", *options)
    assert done.exit_code == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["engine"] == said["index"]["alike"]["engine"]
    return said["index"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("command", ["status", "search", "index", "duplicates", "serve"])
def test_an_unknown_index_is_refused_with_those_there_are(place: Path, command: str) -> None:
    asks: dict[str, list[str | Path]] = {"search": [place / "pictures" / "1.png"], "serve": ["--port", "0"]}
    more = asks.get(command, [])
    done = call(command, *more, "--library", place / "library", "--index", "hnsw")
    assert done.exit_code == 2
    assert f"There is no index 'hnsw': there are auto, flat, mapped, {', '.join(ENGINES)}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Value error" not in done.stderr
    assert ".." not in done.stderr
    secret = call(command, *more, "--library", place / "library", "--index", "milvus:user:hidden@host/name")
    assert (secret.exit_code, "hidden" in secret.stderr) == (2, False)


@pytest.mark.parametrize("scheme", ["milvus", "milvuss"])
def test_a_milvus_that_is_away_is_said_by_its_address(place: Path, scheme: str) -> None:
    away = f"{scheme}://127.0.0.1:1/name"
    done = call("search", place / "pictures" / "1.png", "--library", place / "library", "--index", away)
    assert (done.exit_code, "The Milvus at 127.0.0.1:1 does not answer" in done.stderr) == (2, True), done.stderr
    said = standing(place / "library", "--index", away)["alike"]
    assert (said["asked"], said["engine"], said["recall"]) == (away, "milvus", None)
    assert "The Milvus at 127.0.0.1:1 does not answer" in said["why"]


SECRET = "s3cret"


@pytest.mark.parametrize("command", ["status", "search", "index", "duplicates", "serve"])
def test_what_is_wrong_with_an_index_is_said_without_its_password(place: Path, command: str) -> None:
    """Also where the address is written as none is, and would be repeated as an unknown name."""
    at = f"root:{SECRET}@127.0.0.1"
    more: dict[str, list[str | Path]] = {"search": [place / "pictures" / "1.png"], "serve": ["--port", "0"]}
    wrong = [f"Milvus://{at}:1/x", f" milvus://{at}:1/x", f"milvus:/{at}:1/x", f"{at}:1/x", f"milvus://{at}:99999/x"]
    wrong += [f"milvus://{at}:1/../x", f"milvuss://{at}:1/%2F", f"milvus://{at}:1/x?{SECRET}", f"milvus://[{at}:1/x"]
    for index in wrong:
        done = call(command, *more.get(command, []), "--library", place / "library", "--index", index)
        assert (done.exit_code, done.stdout) == (2, ""), index
        assert SECRET not in done.stderr
        assert "milvus://" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    done = call(command, *more.get(command, []), "--library", place / "library", "--index", "")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "'' " in done.stderr or "empty" in done.stderr


def test_an_address_where_a_path_has_to_stand_is_not_repeated(place: Path) -> None:
    away = f"Milvus://root:{SECRET}@127.0.0.1:1/x"
    for asked in (
        ["status", "--library", away],
        ["export", "--library", place / "library", away],
        ["import", "--library", place / "library", away],
        ["index", "--library", away, "--index", "flat"],
        ["serve", "--port", "0", "--library", away.lower()],
        ["import", "--library", place / "library", away.replace("//", "/")],
        ["status", "--library", away.replace("//", "/")],
    ):
        done = call(*asked)
        assert (done.exit_code, done.stdout) == (2, ""), asked
        assert SECRET not in done.stderr
        assert "address" in done.stderr or "goes into a Milvus" in done.stderr


def test_an_index_is_built_by_its_name_said_searched_and_left_alone(place: Path) -> None:
    library, picture = place / "library", place / "pictures" / "7.png"
    assert standing(library)["alike"]["asked"] == "auto"
    assert standing(library)["alike"]["wanted"] is None
    assert standing(library, "--index", ENGINE)["alike"].items() >= {"engine": "flat", "wanted": ENGINE}.items()
    exact = call("search", picture, "--library", library, "--k", "1").stdout

    done = call("index", "--library", library, "--index", ENGINE)
    assert (done.exit_code, done.stderr.count(f"{ENGINE} is built of 40 codes")) == (0, 2), done.stderr
    said = standing(library, "--index", ENGINE)
    for purpose in ("alike", "same"):
        assert said[purpose].items() >= {"asked": ENGINE, "engine": ENGINE, "wanted": None, "laid_over": 0}.items()
        assert 0.99 <= said[purpose]["recall"] <= 1
        assert said[purpose]["memory"] >= 40 * 40
    text = call("status", "--library", library, "--index", ENGINE).stdout
    assert f"searched   alike: by {ENGINE} (it was asked for), finds " in text
    assert " bytes  engines\n" in text
    assert standing(library)["alike"]["engine"] == "flat", "what was built costs auto nothing where there is little"
    assert call("search", picture, "--library", library, "--k", "1", "--index", ENGINE).stdout == exact

    folders = sorted((library / built.FOLDER).iterdir())
    again = call("index", place / "pictures", "--library", library, "--index", ENGINE, "--json")
    assert json.loads(again.stdout)["unchanged"] == 40
    assert sorted((library / built.FOLDER).iterdir()) == folders


def test_who_has_nothing_to_do_is_told(place: Path) -> None:
    done = call("index", place / "pictures", "--library", place / "library", "--watch", "--index", ENGINE)
    assert done.exit_code == 2
    assert "leave --fit, --drop and --index to a run of its own" in done.stderr


def test_ctrl_c_while_it_builds_leaves_nothing_half(place: Path, tmp_path: Path, codec: Codec) -> None:
    """The command itself, whose engine takes an hour."""
    pipeline.update([place / "pictures"], tmp_path / "library", codec, threads=2)
    program = (
        "import sys; from tests.indexer.derived.rough import Rough; from semblance.retrieval.index import ENGINES\n"
        "ENGINES['rough'] = Rough; from semblance.__main__ import main; sys.argv[0] = 'semblance'; main()"
    )
    command = [sys.executable, "-c", program, "index", "--library", str(tmp_path / "library"), "--index", "rough"]
    slowly, pipe = {**os.environ, SLOWLY: "1"}, subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=slowly, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half built\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "Interrupted: what was indexed is kept, and searched as before" in said
    assert [*(tmp_path / "library" / built.FOLDER).iterdir()] == []
