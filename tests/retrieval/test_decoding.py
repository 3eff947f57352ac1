"""Decoding in processes of their own: the same bytes on every road, and whatever a picture does costs that picture."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import bounds, decoding, images
from semblance.retrieval.bounds import Limits
from semblance.retrieval.codec import Codec
from semblance.retrieval.decoding import CREW, Crew, Decoder
from semblance.retrieval.errors import (
    DamagedPicture,
    PictureError,
    PictureTooCostly,
    PictureTooLarge,
    Stopped,
    UsageError,
)
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.pool import in_order
from semblance.scripts.benchmarks import hostile
from tests.conftest import ROOT, paint, until

SPECS = [InputSpec(64), InputSpec(48, "trim-bicubic", 1.5)]


@pytest.fixture
def limited() -> Iterator[Callable[..., None]]:
    """Sets limits for one test."""
    before = bounds.current()

    def set_(**fields: float) -> None:
        bounds.keep(Limits(**fields))
        for decoder in decoding._spare:
            decoder.close()

    yield set_
    set_()
    bounds.keep(before)


@pytest.fixture(scope="module")
def slow() -> bytes:
    """A JPEG of few bytes that takes seconds to decode, and whose header says nothing wrong."""
    return hostile.scans(85, 9_000)


@pytest.fixture(scope="module")
def deep() -> bytes:
    """A PNG in 16 bits: more memory than its pixels let expect."""
    return hostile.png(3_000, 3_000, (16, 2, 3))


def pid(decoder: Decoder) -> int:
    assert decoder._process is not None
    return decoder._process.pid


def sound(picture: Path) -> None:
    """The next picture is decoded as if nothing had been."""
    assert np.array_equal(decoding.load(picture, SPECS[0]), images.load(picture, SPECS[0]))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A painted one."""
    return paint(tmp_path / "picture.png", 1)


# ---- the same ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif", "heic", "bmp", "gif", "tif"])
def test_every_road_gives_the_bytes_that_images_gives(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = paint(tmp_path / f"a.{suffix}", 3, (700, 500))
    data = path.read_bytes()
    expected = [images.load(data, spec) for spec in SPECS]
    monkeypatch.chdir(tmp_path)
    for source in (path, str(path), path.name, data):
        made = decoding.load_each(source, SPECS)
        assert [*made] == SPECS
        for spec, picture in zip(SPECS, expected, strict=True):
            assert np.array_equal(made[spec], picture)
            assert np.array_equal(decoding.load(source, spec), picture)
    with decoding.one() as decoder:
        decoder.open(path)
        assert np.array_equal(decoder.see(SPECS)[SPECS[1]], expected[1])
    assert np.array_equal(decoding.at_full_size(path), images.at_full_size(path))
    assert decoding.thumbnail(data, 90)[0] == images.thumbnail(data, 90)


def test_arrays_and_pictures_of_pillow_are_decoded_here(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "ask", lambda *_: pytest.fail("they are the caller's own"))
    array = images.at_full_size(picture)
    assert np.array_equal(decoding.load(array, SPECS[0]), images.load(array, SPECS[0]))
    with Image.open(picture) as opened:
        assert np.array_equal(decoding.load(opened, SPECS[0]), images.load(picture, SPECS[0]))


@pytest.mark.parametrize(
    "data", [b"", b"no picture at all", hostile.png(20_000, 20_000, (8, 2, 3))], ids=["empty", "text", "large"]
)
def test_errors_come_as_they_are(data: bytes, tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(PictureError) as here:
        images.load(data, SPECS[0])
    for source in (path, data):
        with pytest.raises(PictureError) as there:
            decoding.load(source, SPECS[0])
        assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    with pytest.raises(type(here.value), match=f"{path}: "):
        codec.encode([path])


def test_what_is_no_file_is_said_by_the_system(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path / "gone", "No such file"),
        (tmp_path / "pipe", "no file that lies on a disk"),
        (tmp_path, "irectory"),
    ):
        with pytest.raises(OSError, match=said) as failure:
            decoding.load(path, SPECS[0])
        assert failure.value.errno
        assert failure.value.filename == str(path)


# ---- limits --------------------------------------------------------------------------------------------------------


def test_too_long_is_ended_and_costs_one_picture(slow: bytes, picture: Path, limited: Callable[..., None]) -> None:
    limited(seconds=0.2, seconds_per_megapixel=0.001)
    started = time.monotonic()
    with pytest.raises(PictureTooCostly, match="takes longer to decode than the limit"):
        decoding.load(slow, SPECS[0])
    assert time.monotonic() - started < 4, "all of it takes many times as long"
    sound(picture)


def test_too_much_memory_is_refused_and_costs_one_picture(
    deep: bytes, picture: Path, limited: Callable[..., None]
) -> None:
    limited(megabytes=10, bytes_per_pixel=1)
    with pytest.raises(PictureTooCostly, match="more than 19 MB to decode"):  # 10 MB, and a byte for each of 9,000,000
        decoding.load(deep, SPECS[0])
    sound(picture)
    limited(megabytes=256)
    assert decoding.load(deep, SPECS[0]).shape == (64, 64, 3)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_costs_one_picture(
    slow: bytes, picture: Path, number: signal.Signals, limited: Callable[..., None]
) -> None:
    limited(seconds=100)
    with decoding.one() as decoder:
        decoder.see(SPECS, picture)
        first = pid(decoder)
        threading.Timer(0.3, os.kill, (first, number)).start()
        with pytest.raises(DamagedPicture, match=f"crashed its decoder .{number.name}."):
            decoder.see(SPECS, slow)
        assert not Path(f"/proc/{first}").exists(), "no zombie stays"
        decoder.see(SPECS, picture)
        assert pid(decoder) != first


def test_a_process_that_died_between_two_pictures_is_replaced(picture: Path) -> None:
    with decoding.one() as decoder:
        decoder.see(SPECS, picture)
        os.kill(pid(decoder), signal.SIGKILL)
        assert decoder._process is not None
        decoder._process.wait()
        assert [*decoder.see(SPECS, picture)] == SPECS, "which is no fault of the next one"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux alone tells how nice a process is")
def test_a_dear_picture_gives_way_to_others_and_the_next_is_as_urgent_as_ever(slow: bytes, picture: Path) -> None:
    def nice(process: int) -> int:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[16])

    with decoding.one() as decoder:
        decoder.see(SPECS, picture)
        first, own = pid(decoder), os.getpriority(os.PRIO_PROCESS, 0)
        assert nice(first) == own
        seeing = threading.Thread(target=decoder.see, args=(SPECS, slow))
        seeing.start()
        until(lambda: nice(first) == min(19, own + 10))
        seeing.join()
        decoder.see(SPECS, picture)
        assert nice(pid(decoder)) == own


def test_a_process_that_says_nothing_costs_one_picture(picture: Path, limited: Callable[..., None]) -> None:
    limited(patience=0.5)
    for body in (picture, bytes(3 * 2**20)):  # more than a pipe holds: it is not even read
        with decoding.one() as decoder:
            decoder.see(SPECS, picture)
            os.kill(pid(decoder), signal.SIGSTOP)
            with pytest.raises(PictureTooCostly, match=r"not read within 0\.5 s"):
                decoder.see(SPECS, body)
    sound(picture)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (hostile.webp(16_383, 16_383), "16383 x 16383 pixels"),
        (hostile.tiff(8, 8, {322: 16_384, 323: 16_384, 324: 8, 325: 8}), "[Tt]iles? of"),
        (hostile.png(1, 20_000_000, (8, 2, 3)), "at most 500,000 in a row or column"),
        (hostile.scans(2_000, 100, at=-2), "more than 100 scans"),
    ],
    ids=["canvas", "tile", "column", "scans"],
)
def test_what_a_header_tells_is_refused_before_anything_is_decoded(data: bytes, said: str) -> None:
    """Here, in this process: by images itself."""
    started, before = time.process_time(), hostile.peak_mb()
    with pytest.raises(PictureTooLarge, match=said):
        images.load(data, SPECS[0])
    assert time.process_time() - started < 0.5
    assert hostile.peak_mb() - before < 50


def test_scans_of_what_is_beside_the_picture_do_not_count() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "JPEG", progressive=True, comment=b"\xff\xda" * 200)
    behind = out.getvalue() + hostile.scans(2_000, 40)
    assert np.array_equal(images.load(behind, SPECS[0]), images.load(out.getvalue(), SPECS[0]))


def test_scans_that_come_when_all_has_been_sent_change_nothing() -> None:
    once, often = hostile.scans(0, 640), hostile.scans(2_000, 640)
    started = time.process_time()
    assert np.array_equal(images.at_full_size(often), images.at_full_size(once))
    assert time.process_time() - started < 1, "all of them take many times as long"


def test_limits_are_set_by_the_environment() -> None:
    limits = bounds.of_environment(
        {"SEMBLANCE_DECODE_SECONDS": "2.5", "SEMBLANCE_DECODE_MEGAPIXELS": "30", "OTHER": "x"}
    )
    assert limits == Limits(seconds=2.5, megapixels=30)
    assert (limits.time(20_000_000), limits.memory(1_000_000)) == (4.5, 256 * 2**20 + 12_000_000)
    for value in ("", "much", "-1", "0", "nan", "inf"):
        with pytest.raises(UsageError, match="SEMBLANCE_DECODE_SECONDS is a number above 0"):
            bounds.of_environment({"SEMBLANCE_DECODE_SECONDS": value})


def test_hostile_files_are_named_one_by_one(picture: Path) -> None:
    """The quick ones of those that `semblance bench hostile` tries, and some of its damaged files."""
    before = hostile.peak_mb()
    made = [(name, why(data)) for name, data in hostile.bombs(all_=False)]
    assert len(made) >= 60
    assert [name for name, error in made if error is None] == [
        *(f"JPEG of {count} scans, {side}" for count, side in ((150, 300), (2_000, 2_000), (20_000, 1_000))),
        *(f"PNG, {kind} of many MB" for kind in ("iTXt", "zTXt", "iCCP", "eXIf")),
        "PNG, pixels that unpack to many MB",
    ], "whole pictures, with more beside or behind them, which is passed over"
    damaged = [why(data) for data in hostile.mutated(300, seed=1)]
    assert 50 < sum(error is None for error in damaged) < 250
    for error in (*(error for _, error in made), *damaged):
        assert error is None or (type(error) is not PictureError and str(error).endswith(".")), error
    assert hostile.peak_mb() - before < 300, "which making them takes"
    sound(picture)


def why(data: bytes) -> PictureError | None:
    """Why a file is not read."""
    try:
        decoding.load_each(data, SPECS)
    except PictureError as error:
        return error
    return None


# ---- giving up -----------------------------------------------------------------------------------------------------


def test_whoever_ends_a_crew_ends_its_pictures_and_no_others(
    slow: bytes, picture: Path, limited: Callable[..., None]
) -> None:
    limited(seconds=100)
    crew, raised = Crew(), list[Exception]()

    def work() -> None:
        CREW.set(crew)
        for source in (slow, picture):
            try:
                decoding.load(source, SPECS[0])
            except Stopped as error:
                raised.append(error)

    with decoding.one() as other:
        other.see(SPECS, picture)
        own = pid(other)
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.5)
        crew.end()
        thread.join(3)
        assert len(raised) == 2, "what was under way, and what would have followed"
        other.see(SPECS, picture)
        assert pid(other) == own


def test_a_pool_whose_results_nobody_wants_any_more_is_over_at_once(
    slow: bytes, picture: Path, limited: Callable[..., None]
) -> None:
    limited(seconds=100)
    results = in_order(partial(decoding.load, spec=SPECS[0]), [picture, slow, slow, picture], 2)
    assert next(results).shape == (64, 64, 3)
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 2
    sound(picture)


def test_a_fork_has_decoders_of_its_own(picture: Path) -> None:
    sound(picture)
    with decoding.one() as decoder:
        first = pid(decoder)
    child = os.fork()
    if child == 0:
        with decoding.one() as decoder:
            decoder.see(SPECS, picture)
            os._exit(0 if pid(decoder) != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with decoding.one() as decoder:
        decoder.see(SPECS, picture)
        assert pid(decoder) == first


# ---- other people's programs ---------------------------------------------------------------------------------------

SCRIPT = """
import sys, pathlib
sys.path.insert(1, {root!r})
from semblance.retrieval import decoding
from semblance.retrieval.inputs import InputSpec
for name in ("json", "numpy", "PIL", "semblance", "hashlib", "signal", "runpy"):
    pathlib.Path(__file__).with_name(name + ".py").write_text("raise SystemExit('the wrong ' + __name__)")
print(decoding.load({picture!r}, InputSpec(8)).sum())
"""


def test_a_script_without_a_main_guard_beside_files_of_any_name(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    for name in ("json", "numpy", "PIL", "semblance", "struct"):
        (tmp_path / "work" / f"{name}.py").write_text("raise SystemExit('the wrong ' + __name__)")
    script = tmp_path / "script" / "mine.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.format(root=str(ROOT), picture=str(picture)))
    command = f"exec {sys.executable} {script} <&-"  # and with its standard input closed
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path / "work", capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{images.load(picture, InputSpec(8)).sum()}\n", "")


def test_a_killed_parent_leaves_nothing_behind(slow: bytes, tmp_path: Path) -> None:
    (tmp_path / "slow.jpg").write_bytes(slow)
    program = (
        "import sys; from semblance.retrieval import decoding; from semblance.retrieval.inputs import InputSpec\n"
        "with decoding.one() as decoder:\n"
        " decoder.begin(); print(decoder._process.pid, flush=True)\n"
        f" decoder.see([InputSpec(64)], __import__('pathlib').Path({str(tmp_path / 'slow.jpg')!r}))\n"
    )
    variables = {**os.environ, "SEMBLANCE_DECODE_SECONDS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    own = Path(f"/proc/{int(process.stdout.readline())}/stat")
    until(lambda: int(own.read_text().split()[13]) > 30)  # hundredths of a second: it is in the middle of it
    process.kill()
    process.wait()
    until(lambda: not own.exists() or own.read_text().split()[2] == "Z", 2)  # whoever takes in orphans may be slow
