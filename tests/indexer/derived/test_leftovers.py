"""What a killed run was writing goes at the next run, and nothing else does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, paint

# A run of `index` that is killed just before it renames a file of this name.
KILLED = """
import os, sys
from pathlib import Path
from semblance.retrieval.codec import Codec
from semblance.indexer.run import pipeline
rename = Path.replace
def kill(self, target):
    if Path(target).name == sys.argv[3]: os._exit(9)
    return rename(self, target)
Path.replace = kill
Path.rename = lambda self, target: kill(self, target)
pipeline.update([Path(sys.argv[1])], Path(sys.argv[2]), Codec("cifar10-fast"), with_pixels=True)
"""


def hidden(library: Path) -> set[str]:
    return {str(path.relative_to(library)) for path in library.rglob(".*")}


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    for number in range(9):
        paint(tmp_path / "pictures" / f"{number}.png", number)
    return tmp_path / "pictures"


@pytest.mark.parametrize("file", ["index.faiss", "copies.faiss", "pixels.u8", "encoder.onnx", "model.json"])
def test_what_a_kill_left_is_gone_after_the_next_run(painted: Path, tmp_path: Path, codec: Codec, file: str) -> None:
    library = tmp_path / "library"
    if file == "pixels.u8":  # which is written anew only where much of it is not wanted any more
        pipeline.update([painted], library, codec, with_pixels=True)
        for number in range(6):
            (painted / f"{number}.png").unlink()
    command = [sys.executable, "-c", KILLED, str(painted), str(library), file]
    assert subprocess.run(command, cwd=ROOT, timeout=120).returncode == 9
    assert hidden(library), "the kill left something"
    pipeline.update([painted], library, codec, with_pixels=True)
    assert not hidden(library)
    assert (library / file).exists() or [*library.glob(f"models/*/{file}")]


def test_only_what_semblance_wrote_goes(painted: Path, tmp_path: Path, codec: Codec) -> None:
    library = tmp_path / "library"
    pipeline.update([painted], library, codec)
    (library / "thumbnails" / "ab").mkdir(parents=True)
    others = [".mine.tmp", ".notes.1.2.tmp", ".index.faiss.tmp", ".pixels.u8.1.x.tmp", "models/.mine.tmp"]
    under_way = "thumbnails/ab/.ab.jpg.1.2.tmp"  # a service may be writing it
    old = ["thumbnails/ab/.cd.jpg.1.2.tmp", ".pixels.u8.1.2.tmp", ".index.faiss.3.4.tmp", ".copies.faiss.5.6.tmp"]
    for name in [*others, under_way, *old]:
        (library / name).write_bytes(b"x")
    os.utime(library / old[0], (0, 0))
    for draft in (".fitted.tmp", f".{'0' * 64}.tmp"):
        (library / "models" / draft).mkdir()
        (library / "models" / draft / "encoder.onnx").write_bytes(b"x")
    pipeline.update([painted], library, codec)
    assert hidden(library) == {*others, under_way}
