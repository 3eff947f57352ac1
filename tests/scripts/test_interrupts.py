"""Ctrl-C at any moment of any command is exit code 130 and one line.

`python -m tests.scripts.test_interrupts 300` sends as many as one likes: it prints each that went otherwise.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, paint

# What `python -m semblance` does; until Python runs the first line of ours it is not Semblance that is interrupted.
_BEGIN = """
import os, sys
from semblance.__main__ import main
os.close(int(sys.argv.pop(1)))
main()
"""


def commands(place: Path, pictures: Path, library: Path) -> dict[str, list[str]]:
    """What is interrupted."""
    picture = str(min([*pictures.rglob("*.jpg"), *pictures.rglob("*.png")]))
    into = ["--library", str(place / "new"), "--model", "cifar10-fast"]
    return {
        "index": ["index", str(pictures), *into, "--pixels"],
        "search": ["search", picture, "--library", str(library)],
        "serve": ["serve", "--library", str(library), "--port", "0"],
        "status": ["status", "--library", str(library)],
        "backup": ["backup", "--library", str(library), str(place / "backup"), "--derived"],
        "restore": ["restore", str(library), "--library", str(place / "restored")],
        "export": ["export", "--library", str(library), str(place / "out.parquet"), "--force"],
        "evaluate": ["evaluate", str(pictures), "--json"],
        "help": ["--help"],
    }


def interrupted(arguments: list[str], after: float, times: int = 1) -> tuple[int, str, str]:
    """Exit code, output and messages of a command that gets SIGINT some seconds after it was started."""
    begun, begin = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN, str(begin), *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[begin],
    )
    os.close(begin)
    os.read(begun, 1)
    os.close(begun)
    time.sleep(after)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    return process.returncode, out, said


def wrong(arguments: list[str], after: float, times: int) -> str:
    """What was not as it should be. A command that was done already has its own code, and no traceback either."""
    code, _, said = interrupted(arguments, after, times)
    lines = [line for line in said.splitlines() if line.startswith("Interrupted")]
    fine = "Traceback" not in said and "KeyboardInterrupt" not in said and "Aborted" not in said
    if fine and ((code == 130 and len(lines) == 1) or (code in (0, 1) and not lines)):
        return ""
    return f"{arguments[0]} after {after:.3f} s, {times} times: exit code {code}, said {said!r}"


def longest(arguments: list[str]) -> float:
    """Seconds that a command takes when nobody interrupts it."""
    if arguments[0] == "serve":
        return 1.5
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "semblance", *arguments], cwd=ROOT, capture_output=True, timeout=240)
    return time.monotonic() - started


def sends(place: Path, pictures: Path, library: Path, count: int, seed: int) -> list[str]:
    """Send Ctrl-C `count` times, once or twice in a row, over all commands in turn; what went wrong."""
    chance = random.Random(seed)
    ways = [*commands(place, pictures, library).values()]
    takes = [longest(arguments) for arguments in ways]
    found = []
    for number in range(count):
        arguments, long = ways[number % len(ways)], takes[number % len(ways)]
        for leftover in ("new", "restored", "backup"):
            shutil.rmtree(place / leftover, ignore_errors=True)
        found.append(wrong(arguments, chance.uniform(0, long), 1 + number % 2))
    return [each for each in found if each]


def test_ctrl_c_at_any_moment(library: Path, sample: Path, tmp_path: Path) -> None:
    assert sends(tmp_path, sample, library, 12, seed=1) == []


@pytest.mark.parametrize("name", ["index", "serve"])
def test_ctrl_c_while_it_works_is_heard(name: str, library: Path, sample: Path, tmp_path: Path) -> None:
    """Not only at some moment when nothing is under way: of many pictures, and of a service that answers."""
    for seed in range(150 if name == "index" else 0):
        paint(tmp_path / "many" / f"{seed}.png", seed, (900, 700))
    arguments = (
        commands(tmp_path, tmp_path / "many", library) if name == "index" else commands(tmp_path, sample, library)
    )
    code, _, said = interrupted(arguments[name], 1.5)
    assert code == 130
    assert said.splitlines()[-1].startswith("Interrupted")


def test_it_is_said_once_where_two_come_at_once(library: Path, sample: Path, tmp_path: Path) -> None:
    code, _, said = interrupted(commands(tmp_path, sample, library)["serve"], 1.5, times=3)
    assert (code, said.count("Interrupted")) == (130, 1)


@pytest.mark.parametrize("seconds", [20, 0])
def test_a_module_that_passes_over_it_is_imported_first(seconds: int, tmp_path: Path) -> None:
    """And where nothing but the import was left to be done, it is heard all the same."""
    (tmp_path / "deaf.py").write_text(
        "import time\nprint('importing', flush=True)\ntry:\n    time.sleep(0.5)\nexcept BaseException:\n    pass\n"
    )
    program = (
        "import os, time\nfrom semblance.scripts import interrupts\ninterrupts.begin()\ntry:\n"
        f"    with interrupts.raised():\n        import deaf\n        print('imported', flush=True)\n"
        f"        time.sleep({seconds})\n    print('done')\nexcept KeyboardInterrupt:\n    os._exit(130)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=15)
    assert (process.returncode, said) == (130, "imported\n")


if __name__ == "__main__":
    from semblance.indexer.run import pipeline
    from semblance.retrieval.codec import Codec
    from semblance.scripts.scenes import write_sample

    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        write_sample(where / "pictures", count=48)
        pipeline.update([where / "pictures"], where / "library", Codec("cifar10-fast"), with_pixels=True)
        failed = sends(where, where / "pictures", where / "library", int(sys.argv[1]), seed=os.getpid())
    sys.stdout.write("".join(f"{each}\n" for each in failed) + f"{len(failed)} of {sys.argv[1]} went wrong\n")
    sys.exit(bool(failed))
