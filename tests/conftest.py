"""Real parts for every test: drawn pictures, the shipped model, a library on disk, a server process on a real port."""

import functools
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pytest
from PIL import Image

from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from semblance.scripts.scenes import write_sample

if TYPE_CHECKING:
    from tests.buckets import S3, Road

ROOT = Path(__file__).resolve().parent.parent
LONG = (  # below tests/: few tests that take long, since servers, clusters and processes begin and end in them
    *("api/test_http_milvus.py", "indexer/milvus/", "indexer/elsewhere/test_serving.py", "scripts/test_bench.py"),
    *("indexer/shards/test_cluster.py", "indexer/shards/"),
    *("scripts/scale/", "scripts/test_interrupts.py", "scripts/test_cli_train.py", "api/test_proxies.py"),
)

MILVUS = pytest.StashKey[Milvus]()


@dataclass(frozen=True)
class Server:
    """A running `semblance serve`: its address, its library, the files that it indexed."""

    url: str
    library: Path
    library_pictures: list[Path]


@pytest.fixture(scope="session")
def codec() -> Codec:
    """The smallest model that ships: what a test asks of any model is quickest by it."""
    return Codec("cifar10-fast", threads=2)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small cut of the drawn sample library, a folder a kind; not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, count=48)
    return folder


@pytest.fixture
def pictures(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample that a test may change."""
    return Path(shutil.copytree(sample, tmp_path / "pictures"))


@pytest.fixture(scope="session")
def library(sample: Path, codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample indexed with pixel vectors; not to be changed."""
    folder = tmp_path_factory.mktemp("library")
    pipeline.update([sample], folder, codec, with_pixels=True)
    return folder


@pytest.fixture(scope="module")
def milvus(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Milvus:
    """A real Milvus, the same from file to file; a test that ends or stops it starts it again."""
    if MILVUS not in pytestconfig.stash:
        server = Milvus(tmp_path_factory.mktemp("milvus"))
        server.start()
        pytestconfig.stash[MILVUS] = server
    return pytestconfig.stash[MILVUS]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End a Milvus that the next file does not need: an idle one takes a quarter of a core."""
    if MILVUS not in item.config.stash or (nextitem and nextitem.path == item.path):
        return
    coming = (each for each in item.session.items if nextitem and each.path == nextitem.path)
    if not any("milvus" in getattr(each, "fixturenames", ()) for each in coming):
        item.config.stash[MILVUS].kill()
        del item.config.stash[MILVUS]


@pytest.fixture(scope="session")
def s3() -> "S3":
    """A real S3 server."""
    from tests.buckets import S3

    return S3()


@pytest.fixture(scope="session")
def the_road(s3: "S3") -> "Road":
    """The one road of these tests."""
    from tests.buckets import Road

    return Road(s3.port)


@pytest.fixture
def road(the_road: "Road") -> Iterator["Road"]:
    """The way to it of this process, on which requests may be seen and hindered."""
    from tests.buckets import asking

    with asking(the_road.url):
        the_road.asked.clear()
        yield the_road
        the_road.hinder = lambda *_: None


@pytest.fixture(scope="session")
def semblance() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line as a process: semblance("status", "--library", folder)."""

    def run(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "semblance", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=240, **options)  # type: ignore[call-overload,no-any-return]

    return run


def paint(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> Path:
    """Save a small picture of coloured patches, another one for each seed, in the format that its suffix names."""
    patches = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(patches).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def huge_header(width: int = 20_000, height: int = 6_000) -> bytes:
    """A PNG of a few bytes whose header promises 120 megapixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    body = struct.pack(">I", 1000) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + crc + body


@contextmanager
def serving(library: Path | None, *options: str, **variables: str) -> Iterator[str]:
    """A `semblance serve` process on a free port, ended by SIGINT; its address once it answers /health."""
    command = [sys.executable, "-m", "semblance", "serve", "--port", "0", *options]
    command += ["--library", str(library)] if library else []
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **variables}, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server said: {line}{process.stderr.read()}"
        url = found.group().rstrip("/")
        until(lambda: httpx.get(f"{url}/health").status_code == 200)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until `condition` holds; what it raises while a server starts counts as no."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(library: Path, sample: Path) -> Iterator[Server]:
    """A server over the sample library, ready."""
    with serving(library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield Server(url, library, sorted(sample.rglob("*.jpg")))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of unpacked real datasets that SEMBLANCE_DATA names."""
    if not os.environ.get("SEMBLANCE_DATA"):
        pytest.skip("SEMBLANCE_DATA is not set: tests on real data need the unpacked datasets")
    return Path(os.environ["SEMBLANCE_DATA"])


def find_chromium() -> str | None:
    """A Chromium on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@functools.cache
def find_magick() -> str | None:
    """ImageMagick's `convert` on this machine; others bear that name, too."""
    path = shutil.which("convert")
    said = subprocess.run([path, "-version"], capture_output=True, check=False).stdout if path else b""
    return path if said.startswith(b"Version: ImageMagick") else None


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Chromium's path. Without one the test is skipped, and under CI it fails."""
    return _there(
        find_chromium(), "no Chromium was found: the page was not tested (on Debian: apt-get install chromium)"
    )


@pytest.fixture(scope="session")
def magick_path() -> str:
    """ImageMagick's `convert`. Without it the test is skipped, and under CI it fails."""
    return _there(
        find_magick(), "no ImageMagick was found: pictures had no judge (on Debian: apt-get install imagemagick)"
    )


def find_nginx() -> str | None:
    """nginx on this machine: not everybody's PATH has /usr/sbin."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@pytest.fixture(scope="session")
def nginx_path() -> str:
    """nginx's path. Without it the test is skipped, and under CI it fails."""
    return _there(
        find_nginx(), "no nginx was found: it was not tested as a proxy (on Debian: apt-get install nginx-light)"
    )


@pytest.fixture(scope="session")
def caddy_path() -> str:
    """Caddy's path. Without it the test is skipped, and under CI it fails."""
    return _there(
        shutil.which("caddy"), "no Caddy was found: it was not tested as a proxy (on Debian: apt-get install caddy)"
    )


def is_root() -> bool:
    """Whether a test may mount disks of its own."""
    return os.name == "posix" and os.geteuid() == 0


@pytest.fixture(scope="session")
def mounting() -> None:
    """A test mounts a real disk: full, hanging, or gone. Without root it is skipped, and under CI it fails."""
    _there(
        "/" if is_root() else None, "only root can mount a disk: what happens on a full or hanging one was not tested"
    )


@pytest.fixture(scope="session")
def fuse(mounting: None) -> str:
    """The device by which a test makes a disk of its own kind. Without it that is skipped, and under CI it fails."""
    return _there("/dev/fuse" if Path("/dev/fuse").exists() else None, "there is no FUSE: no hanging disk was tested")


def _there(path: str | None, message: str) -> str:
    if path is not None:
        return path
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several workers, who take one file after another: files that take long come first, then those of many
    tests, so that none is left alone with one at the end. (pytest-xdist itself goes by the number of tests alone.)"""
    if not hasattr(config, "workerinput"):
        return
    files = [item.path.relative_to(ROOT / "tests").as_posix() for item in items]
    ranks = {file: next((n for n, long in enumerate(LONG) if file.startswith(long)), len(LONG)) for file in set(files)}
    counts = Counter(files)
    order = sorted(range(len(items)), key=lambda n: (ranks[files[n]], -counts[files[n]], files[n], n))
    items[:] = [items[n] for n in order]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the very last lines what a green run did not cover."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return
    if find_chromium() is None:
        reporter.write_line("NOT TESTED: the web page, since no Chromium was found.", yellow=True, bold=True)
    if find_magick() is None:
        reporter.write_line(
            "NOT TESTED: pictures of every kind, since no ImageMagick was found.", yellow=True, bold=True
        )
    for name, path in (("nginx", find_nginx()), ("Caddy", shutil.which("caddy"))):
        if path is None:
            reporter.write_line(f"NOT TESTED: {name} in front, since it was not found.", yellow=True, bold=True)
    if not is_root():
        reporter.write_line("NOT TESTED: full and hanging disks, which only root can mount.", yellow=True, bold=True)
    if not os.environ.get("SEMBLANCE_DATA"):
        reporter.write_line("NOT TESTED: real data, since SEMBLANCE_DATA is not set.", yellow=True, bold=True)


@pytest.fixture(scope="session")
def several(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets: all kinds of the sample, and the first eight of them."""
    folder = tmp_path_factory.mktemp("sets")
    shutil.copytree(sample, folder / "all")
    for kind in sorted(path for path in sample.iterdir() if path.is_dir())[:8]:
        shutil.copytree(kind, folder / "few" / kind.name)
    return folder
