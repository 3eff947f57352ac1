"""S3 for a benchmark: moto's server, which is a real one as far as Python goes, and a stand-in that only sends files.

Moto takes some milliseconds of a processor for each request, which a storage somewhere else does not take of this
machine. So beside it stands static.py, which speaks just as much of S3 as reading takes, and costs almost nothing.
"""

import http.client
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.stores.milvus_server import free_port

BUCKET = "bench"
_STARTING = 30.0  # seconds


@dataclass(frozen=True)
class Objects:
    """A server that holds a bucket."""

    port: int
    process: int

    @property
    def variables(self) -> dict[str, str]:
        """The environment of whoever asks it."""
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench")
        return {**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}


@contextmanager
def moto(files: Sequence[Path]) -> Iterator[Objects]:
    """Moto's server with these files in BUCKET, by their names. UsageError where it is not installed."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise UsageError("moto is not installed: pip install 'moto[s3,server]', for this benchmark.")
    port = free_port()
    with _running("-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), port=port) as served:
        _put(port, f"/{BUCKET}")
        for file in files:
            _put(port, f"/{BUCKET}/{quote(file.name)}", file.read_bytes())
        yield served


@contextmanager
def static(folder: Path) -> Iterator[Objects]:
    """The stand-in, with the files of a folder in BUCKET."""
    port = free_port()
    with _running("-P", str(Path(__file__).with_name("static.py")), str(folder), str(port), port=port) as served:
        yield served


@contextmanager
def _running(*command: str, port: int) -> Iterator[Objects]:
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ends = time.monotonic() + _STARTING
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > ends:
                raise UsageError(f"{' '.join(command)} did not start: run it by itself, and see what it says.")
            time.sleep(0.05)
        yield Objects(port, process.pid)
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            return True
    except (OSError, http.client.HTTPException):
        return False


def _put(port: int, path: str, body: bytes = b"") -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("PUT", path, body, {"Host": "s3.amazonaws.com"})  # by which moto tells whose it is
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise UsageError(f"moto answers {answer.status} to PUT {path}: {said[:200].decode(errors='replace')}.")
