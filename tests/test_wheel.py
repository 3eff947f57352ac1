"""The wheel holds all that running needs: the demo works from it, away from the checkout."""

import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, until


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree and unpacked; the packages it depends on are this environment's."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("semblance-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_is_small_and_whole(installed: Path) -> None:
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {
        "semblance/models/cifar10-ae/encoder.onnx",
        "semblance/models/photos/model.json",
        "semblance/api/page/index.html",
        "semblance/py.typed",
    } <= names
    assert not [name for name in names if name.startswith(("tests", "docs")) or name.endswith("checkpoint.pt")]
    sizes = {path.relative_to(installed): path.stat().st_size for path in installed.rglob("*") if path.is_file()}
    assert sum(size for path, size in sizes.items() if path.parts[1] != "models") < 3_000_000
    for model in {path.parts[2] for path in sizes if path.parts[1] == "models"}:
        assert sum(size for path, size in sizes.items() if path.parts[1:3] == ("models", model)) <= 8_000_000


def test_the_demo_runs_from_it(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import semblance; print(semblance.__file__)"],
        cwd=tmp_path, env=environment(installed), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(installed))
    command = [sys.executable, "-m", "semblance", "demo", "--count", "40", "--port", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(installed), stderr=subprocess.PIPE, text=True)
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


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed)}
