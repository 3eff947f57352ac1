"""`semblance duplicates`, as a process: what people, programs and xargs get of it."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from semblance.indexer.duplicates.remembering import remember
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def doubled(sample: Path, semblance: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Six drawn pictures, one of them three times, in a folder with a line's end in its name, and a library of them."""
    folder = tmp_path_factory.mktemp("doubled") / "pic\ntures <b>"
    folder.mkdir()
    drawn = [sorted(kind.iterdir())[0] for kind in sorted(sample.iterdir()) if kind.is_dir()][:6]
    for number, path in enumerate(drawn):
        shutil.copy(path, folder / f"{number}.jpg")
    shutil.copy(drawn[0], folder / "0 copy.jpg")
    Image.open(drawn[0]).resize((60, 45)).save(folder / "0 small.jpg")
    assert semblance("index", folder, "--library", folder.parent / "library").returncode == 0
    return folder, folder.parent / "library"


def test_for_people(doubled: tuple[Path, Path], semblance: Run) -> None:
    done = semblance("duplicates", "--library", doubled[1])
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert re.match(r"1\. 3 copies, .* beside the best$", lines[0])
    assert [match[1] for line in lines if (match := re.match(r"   (best|exact|near, \d+ bits) ", line))][:2] == [
        "best",
        "exact",
    ]
    assert re.match(r"1 group among 8 pictures: 2 pictures beside the best of each, \d+ kB$", lines[-1])


def test_for_programs(doubled: tuple[Path, Path], semblance: Run) -> None:
    folder, library = doubled
    found = json.loads(semblance("duplicates", "--library", library, "--json").stdout)
    assert (found["pictures"], found["within"], found["crowds"], found["gone"], found["apart"]) == (8, 25, [], [], 0)
    (group,) = found["groups"]
    assert {copy["path"] for copy in (group["best"], *group["copies"])} == {
        str(folder / f"{name}.jpg") for name in ("0", "0 copy", "0 small")
    }
    assert group["bytes"] == found["bytes"] == sum(Path(copy["path"]).stat().st_size for copy in group["copies"])
    assert {*group["best"]} == {
        "id", "path", "bytes", "width", "height", "format", "date", "distance", "why"
    }  # fmt: skip


def test_for_xargs(doubled: tuple[Path, Path], semblance: Run) -> None:
    library = doubled[1]
    group = json.loads(semblance("duplicates", "--library", library, "--json").stdout)["groups"][0]
    rest = [copy["path"] for copy in group["copies"]]
    assert semblance("duplicates", "--library", library, "-0").stdout == "".join(f"{path}\0" for path in rest)
    assert semblance("duplicates", "--library", library, "--list").stdout == "".join(f"{path}\n" for path in rest)


def test_a_sheet_is_complete_in_itself(doubled: tuple[Path, Path], semblance: Run, tmp_path: Path) -> None:
    done = semblance("duplicates", "--library", doubled[1], "--sheet", tmp_path / "sheet.html")
    page = (tmp_path / "sheet.html").read_text()
    assert (done.returncode, done.stderr) == (0, f"{tmp_path / 'sheet.html'} shows 1 group.\n")
    assert page.count('src="data:image/jpeg;base64,') == page.count("<img") == 3
    assert not re.findall(r"(?:src|href)=\"(?!data:)|url\(|https?:", page)
    assert "pic\ntures &lt;b&gt;/0 small.jpg" in page
    assert "prefers-color-scheme: dark" in page


def test_told_apart_and_together(doubled: tuple[Path, Path], semblance: Run, tmp_path: Path) -> None:
    folder, library = doubled[0], Path(shutil.copytree(doubled[1], tmp_path / "library"))
    first, copy, small = (folder / f"0{rest}.jpg" for rest in ("", " copy", " small"))
    done = semblance("duplicates", "--library", library, "--apart", first, copy)
    assert (done.returncode, done.stdout) == (0, "")
    assert "are not the same" in done.stderr
    remember(library, str(first), str(small), apart=True)
    remember(library, str(copy), str(small), apart=True)
    assert semblance("duplicates", "--library", library).stdout == "No duplicates among 8 pictures\n"
    done = semblance("duplicates", "--library", library, "--together", copy, first, "--json")
    assert json.loads(done.stdout)["remembered"][0]["new"] is True
    assert semblance("duplicates", "--library", library).stdout.startswith("1. 2 copies")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--list", "--json"), "three ways to print the same"),
        (("--apart", "1", "2", "--turned"), "only remember"),
        (("--apart", "1", "900"), "There is no picture 900"),
    ],
)
def test_wrong_use(wrong: tuple[str, ...], said: str, doubled: tuple[Path, Path], semblance: Run) -> None:
    done = semblance("duplicates", "--library", doubled[1], *wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_an_empty_library_has_none(semblance: Run, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    pipeline.update([tmp_path / "pictures"], tmp_path / "library", Codec("cifar10-fast"))
    done = semblance("duplicates", "--library", tmp_path / "library", "--turned", "--crops")
    assert (done.returncode, done.stdout) == (0, "No duplicates among 0 pictures\n")
