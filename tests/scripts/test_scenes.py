"""The sample library: the same pictures everywhere, spread over the kinds, and never a half-written file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import semblance.scripts.scenes.sample as sample
from semblance.scripts.scenes import KINDS, draw, write_sample

ROOT = Path(__file__).resolve().parents[2]


def pictures(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.jpg"))


def whole(path: Path) -> bool:
    with Image.open(path) as picture:
        picture.load()
        return picture.mode == "RGB" and sorted(picture.size) == [288, 384]


def test_kinds_are_many_and_named_like_folders() -> None:
    assert len(KINDS) >= 14
    assert len(set(KINDS)) == len(KINDS)
    assert all(kind.isidentifier() and kind.islower() for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_is_a_function_of_kind_and_seed(kind: str) -> None:
    first, other = draw(kind, 3), draw(kind, 4)
    again = draw(kind, 3)  # after another scene, so nothing may be left over from it
    assert first.mode == "RGB"
    assert sorted(first.size) == [288, 384]
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert np.asarray(first).std() > 8, "a scene is not an even colour"


def test_another_process_draws_the_same() -> None:
    code = "import sys, zlib; from scripts.scenes import draw; print(zlib.crc32(draw('cat', 7).tobytes()))"
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    sums = [subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=env) for env in environments]
    assert sums[0] == sums[1]


def test_wrong_use_says_so() -> None:
    with pytest.raises(ValueError, match="choose one of aurora"):
        draw("unicorn", 0)
    with pytest.raises(ValueError, match="zero or more"):
        draw("cat", -1)


def test_any_count_spreads_over_the_kinds(tmp_path: Path) -> None:
    assert write_sample(tmp_path, count=24) == 24
    spread = Counter(path.parent.name for path in pictures(tmp_path))
    assert set(spread) == set(KINDS)
    assert max(spread.values()) - min(spread.values()) <= 1
    assert (tmp_path / KINDS[0] / f"{KINDS[0]}-0001.jpg").is_file()
    assert all(whole(path) for path in pictures(tmp_path))


def test_another_seed_is_another_library(tmp_path: Path) -> None:
    write_sample(tmp_path / "a", count=2, seed=0)
    write_sample(tmp_path / "b", count=2, seed=1)
    pairs = zip(pictures(tmp_path / "a"), pictures(tmp_path / "b"), strict=True)
    assert all(a.name == b.name and a.read_bytes() != b.read_bytes() for a, b in pairs)


def test_second_run_keeps_what_is_there_and_mends_what_is_not(tmp_path: Path) -> None:
    write_sample(tmp_path, count=10)
    before = {path: path.stat().st_mtime_ns for path in pictures(tmp_path)}
    calls: list[tuple[int, int]] = []
    assert write_sample(tmp_path, count=10, progress=lambda done, total: calls.append((done, total))) == 0
    assert {path: path.stat().st_mtime_ns for path in pictures(tmp_path)} == before
    assert calls == [(10, 10)]
    empty, gone = pictures(tmp_path)[:2]
    content = empty.read_bytes()
    empty.write_bytes(b"")
    gone.rename(gone.with_name(f".{gone.name}.1.partial"))  # a killed run's leftover is no picture
    assert write_sample(tmp_path, count=10) == 2
    assert empty.read_bytes() == content
    assert len(pictures(tmp_path)) == 10


def test_interrupted_run_leaves_whole_files_and_the_next_goes_on(tmp_path: Path) -> None:
    def stop_after_four(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, count=12, progress=stop_after_four)
    assert len(pictures(tmp_path)) == 4
    assert all(whole(path) for path in pictures(tmp_path))
    assert write_sample(tmp_path, count=12) == 8
    assert not list(tmp_path.rglob("*.partial"))


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: memoryview) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_sample(tmp_path, count=1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_pool_draws_what_one_process_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path / "one", count=12)
    monkeypatch.setattr(sample, "POOL_FROM", 1)
    calls: list[int] = []
    assert write_sample(tmp_path / "pool", count=12, progress=lambda done, _: calls.append(done)) == 12
    assert calls[0] == 0
    assert calls[-1] == 12
    assert calls == sorted(calls)
    pairs = zip(pictures(tmp_path / "one"), pictures(tmp_path / "pool"), strict=True)
    assert all(a.read_bytes() == b.read_bytes() for a, b in pairs)


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal to a process group")
@pytest.mark.parametrize("wait_for", [0, 6])
def test_ctrl_c_stops_the_pool_at_once_and_quietly(tmp_path: Path, wait_for: int) -> None:
    """Interrupted as a terminal does it, the whole group at once: while workers start, and while they draw."""
    code = (
        "import signal, sys; from pathlib import Path; from scripts.scenes import write_sample\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background begins without
        "def show(done, total): print(done, flush=True)\n"
        "try: write_sample(Path(sys.argv[1]), 4000, progress=show)\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None
    while int(run.stdout.readline()) < wait_for:
        pass
    time.sleep(0.15)
    start = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert errors == ""
    assert time.monotonic() - start < 15
    assert not list(tmp_path.rglob("*.partial"))
    assert all(whole(path) for path in pictures(tmp_path))
