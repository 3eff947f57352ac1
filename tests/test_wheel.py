"""The wheel holds all that running needs and one name: installed, it works among any other names."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, paint, until

NAMES = ("api", "scripts", "models", "indexer", "retrieval", "tests")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("semblance-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel installed in it by pip; its `bin`. The packages that the wheel depends
    on are borrowed from the environment of the tests, whose own Semblance cannot be seen from there."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    bin = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(bin / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    site = subprocess.run(
        [bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (Path(site.stdout.strip()) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bin


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder in which every name that the project's folders bear is another's, and one within it, for PYTHONPATH."""
    for name in NAMES:
        for path in (tmp_path / name / "__init__.py", tmp_path / "path" / f"{name}.py"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"raise ImportError('the {name} of somebody else')\n")
    return tmp_path


def test_the_wheel_is_small_and_whole(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {Path(info.filename): info.file_size for info in archive.infolist() if not info.is_dir()}
    assert {
        Path("semblance/models/cifar10-ae/encoder.onnx"),
        Path("semblance/models/photos/model.json"),
        Path("semblance/api/page/index.html"),
        Path("semblance/py.typed"),
    } <= set(sizes)
    assert {path.parts[0].partition("-")[0] for path in sizes} == {"semblance"}
    assert not [path for path in sizes if path.name == "checkpoint.pt"]
    assert sum(size for path, size in sizes.items() if path.parts[1] != "models") < 3_000_000
    for model in {path.parts[2] for path in sizes if path.parts[1] == "models"}:
        most = 24_000_000 if model == "cifar10" else 8_000_000  # it is made for an accelerator
        assert sum(size for path, size in sizes.items() if path.parts[1:3] == ("models", model)) <= most
    assert wheel.stat().st_size <= 60_000_000


def test_a_source_distribution_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path), "--target"]
    subprocess.run([*build, "sdist"], cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "xzf", archive, "-C", tmp_path], check=True)
    (unpacked,) = tmp_path.glob("semblance-*/")
    subprocess.run([*build, "wheel"], cwd=unpacked, check=True, capture_output=True)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert {info.filename: info.CRC for info in first.infolist() if "dist-info" not in info.filename} == {
            info.filename: info.CRC for info in second.infolist() if "dist-info" not in info.filename
        }


def test_it_works_among_foreign_names(environment: Path, crowded: Path, tmp_path: Path) -> None:
    surroundings = {**os.environ, "PYTHONPATH": str(crowded / "path")}

    def run(*command: str | Path) -> str:
        done = subprocess.run([*map(str, command)], cwd=crowded, env=surroundings, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    semblance, python = environment / "semblance", environment / "python"
    where = run(python, "-c", "import semblance; print(semblance.__file__)")
    assert where.startswith(str(environment.parent)), "the installed one is what is tried"
    for name in ("api", "scripts"):
        with pytest.raises(AssertionError, match="somebody else"):
            run(python, "-c", f"import {name}")
    for seed in range(3):
        paint(tmp_path / f"pictures/{seed}.png", seed)
    run(semblance, "index", "pictures", "--library", "library")
    run(python, "-m", "semblance", "status", "--library", "library")
    code = "import semblance; print(len(semblance.open('library').search('pictures/1.png')))"
    assert run(python, "-c", code) == "3\n"
    bench = json.loads(run(semblance, "bench", "install", "index", "--pictures", "pictures", "--json"))
    assert {row["name"]: row["value"] for row in bench["rows"]}["pictures indexed"] == 3


def test_the_demo_runs_from_it(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "semblance"), "demo", "--count", "40", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "http://" in line:
                break
        url = said[-1].split("http://")[1].split("/")[0]
        until(lambda: httpx.get(f"http://{url}/ready").status_code == 200)
        picture = next((tmp_path / "semblance-demo" / "pictures" / "cat").glob("*.jpg"))
        answer = httpx.post(f"http://{url}/search", files={"file": picture.read_bytes()}).json()
        assert answer["library_size"] == 40
        assert answer["results"][0]["path"] == str(picture)
        assert "Semblance" in httpx.get(f"http://{url}/").text
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
