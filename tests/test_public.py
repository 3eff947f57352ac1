"""The public names, as docs/python.md shows them: its blocks are run as they stand, one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import semblance
from semblance.retrieval import images
from tests.conftest import ROOT, Server, paint

ALL = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"  # of a service
BLOCKS = [block for block in ALL if ADDRESS not in block]


def test_the_document_s_code_runs_as_it_stands(
    library: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "semblance").symlink_to(library)
    first = sorted(sample.rglob("*.jpg"))[0]
    for name in ("cat.jpg", "path.jpg"):
        (tmp_path / name).write_bytes(first.read_bytes())
    with Image.open(first) as picture:
        pil_image = picture.convert("RGB")
    names: dict[str, object] = {"pil_image": pil_image, "array": np.asarray(pil_image)}
    exec(BLOCKS[0], names)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[0] == f"{first} 0"
    codes = names["codes"]
    assert isinstance(codes, np.ndarray)
    assert codes.shape == (3, 32)
    assert (codes[0] == codes[2]).all()

    (tmp_path / "semblance").unlink()
    for seed, name in enumerate(("Pictures/1.png", "Pictures/2.png", "dog.jpg", "snow.jpg", "a.jpg", "b.jpg")):
        paint(tmp_path / name, seed)
    for block in BLOCKS[1:]:
        exec(block, names | {"numpy": np, "semblance": semblance})
    assert capsys.readouterr().out.splitlines()[0] == "2 {}"


def test_so_does_what_it_shows_of_a_service(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, picture in zip(("cat.jpg", "snow.jpg"), server.library_pictures[::9], strict=False):
        (tmp_path / name).write_bytes(picture.read_bytes())
    names: dict[str, Any] = {"semblance": semblance}
    blocks = [block for block in ALL if ADDRESS in block]
    for block in blocks:
        exec(block.replace(ADDRESS, server.url), names)
    assert len(blocks) == 1
    assert names["small"].startswith(b"\xff\xd8")
    assert capsys.readouterr().out.splitlines()[-1] == str(server.library_pictures[0])


def test_the_five_lines_are_those_of_the_readme() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) == 6  # the import, and five


def test_nothing_else_is_promised() -> None:
    for name in semblance.__all__:
        assert getattr(semblance, name).__doc__, name
    named = set(re.findall(r"`(\w+)`", (ROOT / "docs/python.md").read_text().split("Nothing but these names")[1]))
    assert named == set(semblance.__all__) == set(dir(semblance))
    with pytest.raises(AttributeError, match="no attribute 'search'"):
        semblance.search  # noqa: B018


def test_importing_it_loads_nothing_yet() -> None:
    command = "import semblance, sys; "
    command += "print([m for m in ('numpy', 'faiss', 'onnxruntime', 'PIL', 'httpx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_type_checker_knows_them(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import semblance\n"
        "for hit in semblance.open('x').search('cat.jpg', k=5):\n"
        "    reveal_type(hit.path)\n"
        "reveal_type(semblance.Codec('photos').encode(['a.jpg']))\n"
        "semblance.open(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "mine.py"],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert re.search(r'3: note: Revealed type is "(builtins\.)?str"', done.stdout), done.stdout
    assert "ndarray" in done.stdout
    assert 'Argument 1 to "open" has incompatible type "int"' in done.stdout


@pytest.mark.parametrize("engine", ["code", "pixel"])
def test_a_library_answers_as_its_rows_say(library: Path, sample: Path, engine: str) -> None:
    """Against distances worked out from the pictures themselves."""
    with semblance.open(library) as opened:
        paths = [Path(hit.path) for hit in opened.search(sorted(sample.rglob("*.jpg"))[3], k=48, engine=engine)]
        answer = opened.search(paths[0], k=48, engine=engine)
        if engine == "code":
            bits = np.unpackbits(opened.codec.encode(paths), axis=1)
            expected = (bits != bits[0]).sum(axis=1).astype(float)
        else:
            vectors = np.stack([images.load(path, images.InputSpec(32)) for path in paths]) / 255
            expected = np.sqrt(((vectors - vectors[0]) ** 2).sum(axis=(1, 2, 3)))
    assert np.allclose([hit.distance for hit in answer], expected)
    assert len(answer) == answer.library_size == 48
    assert answer.engine == engine


def test_a_library_sees_what_it_is_told_and_what_others_do(tmp_path: Path) -> None:
    paint(tmp_path / "pictures/1.png", 1)
    with semblance.create(tmp_path / "library") as library, semblance.open(tmp_path / "library") as other:
        assert (len(library), len(other.search(tmp_path / "pictures/1.png"))) == (0, 0)
        assert library.index(tmp_path / "pictures").added == 1
        assert len(library) == 1
        (hit,) = other.search(tmp_path / "pictures/1.png")
        assert (hit.path, hit.distance, hit.similarity) == (str(tmp_path / "pictures/1.png"), 0, 1)
        assert other.similar(hit.id)[0] == hit


def test_numbers_and_pictures_as_notebooks_have_them(library: Path, sample: Path) -> None:
    first, second, *_ = sorted(sample.rglob("*.jpg"))
    with semblance.open(library) as opened:
        (hit,) = opened.search(first, k=np.int64(1))  # type: ignore[arg-type]
        assert opened.similar(np.int64(hit.id), k=3)[0].id == hit.id  # type: ignore[arg-type]
        assert opened.search(first, unlike=str(second)).results == opened.search(first, unlike=[second]).results
    opened.close()
    with pytest.raises(semblance.LibraryError, match="was closed: open it again"):
        opened.search(first)


def test_wrong_use_is_one_sentence(library: Path, tmp_path: Path) -> None:
    with semblance.open(library) as opened:
        for wrong, match in (
            (lambda: opened.search(), "nothing to search with"),
            (lambda: opened.search(tmp_path / "x.jpg", engine="colour"), "There is no engine 'colour'"),
            (lambda: opened.similar(1, k=0), "k is a whole number from 1"),
            (lambda: opened.similar(1, k=2.5), "k is a whole number from 1 .* not 2.5"),  # type: ignore[arg-type]
            (lambda: opened.similar(2**70), "id is a whole number"),
            (lambda: opened.search(b"no picture", tmp_path / "x.jpg"), r"pictures\[0\]: The file is not a picture"),
            (lambda: opened.search(tmp_path / "x.jpg", views=11), "views is a whole number from 1 to 10, not 11"),
            (lambda: opened.search(tmp_path / "x.jpg", engine="pixel", refine=True), "leave views and refine out"),
            (lambda: opened.search(b"no picture"), "not a picture"),
            (lambda: opened.search(np.zeros((4, 4))), "uint8"),
            (lambda: opened.similar(10**6), "no picture 1000000"),
            (lambda: semblance.create(library), "There is a library at"),
            (lambda: semblance.open(""), "empty"),
            (lambda: semblance.open(tmp_path), "There is no library at"),
        ):
            with pytest.raises(semblance.SemblanceError, match=match):
                wrong()
