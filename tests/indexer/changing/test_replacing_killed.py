"""SIGKILL while another model takes over: in the encoding, at the switch, after it. The old library or the new, whole.

`python -m tests.indexer.changing.test_replacing_killed 60` kills so often, at random moments of the command itself.
"""

import contextlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from tests.conftest import ROOT, paint

PICTURES = 60
OLD, NEW = Codec("cifar10-fast"), Codec("cifar10-ae")

# Ends at the number-th call of a function, before it or after it, as a kill does: nothing is cleaned up.
ENDS = """
import importlib, os, sys
from pathlib import Path
from semblance.indexer.run import encoding, pipeline, taking_in
from semblance.indexer.derived import snapshot
from semblance.indexer.catalog import Writer, codecs
from semblance.indexer.library import Library
taking_in._BATCH, encoding.CHUNK = 8, 4
where, name, number, after = sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5] == "after"
home = {"Writer": Writer, "codecs": codecs, "snapshot": snapshot, "Path": Path}[where]
real, calls = getattr(home, name), 0
def ends(*arguments, **named):
    global calls
    calls += 1
    if calls == number and not after:
        os.kill(os.getpid(), 9)
    done = real(*arguments, **named)
    if calls == number:
        os.kill(os.getpid(), 9)
    return done
setattr(home, name, ends)
Library.open(sys.argv[1]).index(model="cifar10-ae", threads=1)
"""

MOMENTS = [
    ("Writer", "know", 1, "after"),
    ("Writer", "add_codes", 1, "before"),
    ("Writer", "add_codes", 3, "after"),
    ("snapshot", "prepare", 1, "before"),
    ("codecs", "_set", 1, "before"),  # within the transaction: what was current is not any more
    ("codecs", "_set", 1, "after"),
    ("codecs", "make_current", 1, "after"),
    ("snapshot", "_change_places", 1, "after"),
]


def rows(library: Path, question: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db:
        return db.execute(question).fetchall()


def codes(library: Path) -> dict[object, dict[str, object]]:
    """codec_id -> file name -> code, by plain SQLite."""
    question = "SELECT codec_id, path, code FROM codes JOIN pictures ON id = picture"
    found: dict[object, dict[str, object]] = {}
    for codec_id, path, code in rows(library, question):
        found.setdefault(codec_id, {})[Path(str(path)).name] = code
    return found


def truth(pictures: Path) -> dict[str, dict[str, bytes]]:
    paths = sorted(pictures.glob("*.png"))
    return {
        codec.codec_id: {path.name: code.tobytes() for path, code in zip(paths, codec.encode(paths), strict=True)}
        for codec in (OLD, NEW)
    }


def whole(library: Path, right: dict[str, dict[str, bytes]]) -> str:
    """Which codec is current after a kill; fails unless its codes are all there, and every code there is is right."""
    found = codes(library)
    ((current,),) = rows(library, "SELECT codec_id FROM codecs WHERE purpose = 'alike' AND current")
    assert found[current] == right[str(current)], "the current codec's codes are whole"
    for codec_id, by_name in right.items():
        assert found.get(codec_id, {}).items() <= by_name.items()
    with Library.open(library) as opened:
        answer = opened.similar(1, k=PICTURES)
        assert (answer.codec_id, len(answer), answer.coverage) == (current, PICTURES, 1)
    return str(current)


def goes_on(library: Path, right: dict[str, dict[str, bytes]], had: dict[object, dict[str, object]]) -> None:
    """The next run of the same command encodes what is missing and nothing twice, and going back is at hand."""
    with Library.open(library) as opened:
        made = opened.index(model="cifar10-ae", threads=1).completed
        assert made == PICTURES - len(had.get(NEW.codec_id, {}))
        assert opened.index(model="cifar10-fast").completed == 0
        assert opened.similar(1, k=PICTURES).codec_id == OLD.codec_id
    found = codes(library)
    assert {codec_id: found[codec_id] for codec_id in right} == right


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures and a library of it, to be copied."""
    return made(tmp_path_factory.mktemp("base"))


def made(folder: Path) -> Path:
    for seed in range(PICTURES):
        paint(folder / "pictures" / f"{seed}.png", seed)
    pipeline.update([folder / "pictures"], folder / "library", OLD)
    return folder


@pytest.fixture(scope="module")
def right(base: Path) -> dict[str, dict[str, bytes]]:
    """codec_id -> file name -> code, by the codecs from the files."""
    return truth(base / "pictures")


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: " ".join(map(str, moment)))
def test_killed_at_a_moment_it_is_the_old_library_or_the_new(
    base: Path, right: dict[str, dict[str, bytes]], tmp_path: Path, moment: tuple[str, str, int, str]
) -> None:
    library = Path(shutil.copytree(base / "library", tmp_path / "library"))
    command = [sys.executable, "-c", ENDS, str(library), *map(str, moment)]
    assert subprocess.run(command, cwd=ROOT, timeout=120).returncode == -signal.SIGKILL
    switched = moment in MOMENTS[-2:]
    assert whole(library, right) == (NEW if switched else OLD).codec_id
    goes_on(library, right, codes(library))


def test_killed_at_random_moments_of_the_command(base: Path, tmp_path: Path) -> None:
    assert killed(base, tmp_path, 4, random.Random(1)) == 4


def killed(base: Path, scratch: Path, times: int, rng: random.Random) -> int:
    """How many kills out of so many left a whole library that went on."""
    right = truth(base / "pictures")
    longest = 3.0
    for number in range(times):
        library = Path(shutil.copytree(base / "library", scratch / f"{number}"))
        command = [sys.executable, "-m", "semblance", "index", "--model", "cifar10-ae", "--library", str(library)]
        started = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.3 * longest, longest))
            longest = time.monotonic() - started
        process.kill()
        process.wait()
        whole(library, right)
        goes_on(library, right, codes(library))
        shutil.rmtree(library)
    return times


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        wanted = int(sys.argv[1])
        sys.stdout.write(f"{killed(made(Path(place)), Path(place), wanted, random.Random(0))} of {wanted} whole\n")
