"""`service`: a server over a million codes, started as a process and asked over HTTP."""

import http.client
import io
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from semblance.indexer.catalog import Catalog, NewPicture, Writer
from semblance.indexer.derived import snapshot
from semblance.retrieval import images
from semblance.retrieval.codec import DEFAULT_MODEL, Codec
from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import MILLION, SEMBLANCE, Asked, Row, in_turns, row

_BOUNDARY = b"-" * 24 + b"d74496d66958873e0fb1a2"  # as long as curl's: a shorter one takes longer to look for


def service(asked: Asked) -> list[Row]:
    """A service over a million codes: start to ready, memory, one search over HTTP against the same work in process."""
    codec = Codec(DEFAULT_MODEL)
    library = asked.scratch / "million"
    _write_library(library, codec, MILLION)
    jpeg = _one_megapixel_jpeg()
    with Catalog.opened(library) as catalog:
        index, _generation = snapshot.load(catalog)

    def in_process() -> None:
        index.search(codec.encode(images.load(jpeg, codec.spec)[None]), 10)

    started = time.perf_counter()
    with serving(library) as (process, port):
        while not _ready(port):
            time.sleep(0.01)
        ready = time.perf_counter() - started
        resident = _resident_mb(process.pid)
        over_http, alone = in_turns([lambda: _post(port, jpeg), in_process], times=101)
        resident_after = _resident_mb(process.pid)
    return [
        row("serve 1,000,000 codes, start to ready", ready, "s", "at most 3"),
        row("resident memory when ready", resident, "MB", "at most 400"),
        row("resident memory after 101 searches", resident_after, "MB", "at most 400"),
        row("one search over HTTP, a 1-megapixel JPEG", 1000 * over_http, "ms"),
        row("decode + encode + search in one process", 1000 * alone, "ms"),
        row("HTTP / in process", over_http / alone, "ratio", "at most 1.5"),
    ]


def _write_library(folder: Path, codec: Codec, count: int) -> None:
    rng = np.random.default_rng(0)
    with Writer.writing(folder, codec) as catalog:
        for start in range(0, count, 50_000):
            codes = enumerate(rng.integers(0, 256, (min(50_000, count - start), codec.bits // 8), np.uint8), start)
            catalog.record(
                [NewPicture(f"/{at}.jpg", 1, 1, bytes(32), {codec.codec_id: code}) for at, code in codes], []
            )
        snapshot.refresh(catalog)


def _one_megapixel_jpeg() -> bytes:
    """1152 x 864 of soft colours and grain, about 300 kB."""
    rng = np.random.default_rng(0)
    soft = np.kron(rng.integers(40, 216, (27, 36, 3)), np.ones((32, 32, 1)))
    grain = rng.normal(0, 8, soft.shape)
    out = io.BytesIO()
    Image.fromarray((soft + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


@contextmanager
def serving(library: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A service over a library, and its port. Raises UsageError where it cannot begin."""
    command = [*SEMBLANCE, "serve", "--library", str(library), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        if "http://" not in said:
            raise UsageError(f"{' '.join(command)} said: {said.strip()}")
        yield process, int(said.split("http://")[1].split(":")[1].split("/")[0])
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
            return bool(answer.status == 200)
    except OSError:  # another status as well
        return False


def _post(port: int, jpeg: bytes) -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    body = b"--%s\r\n%s%s\r\n--%s--\r\n" % (_BOUNDARY, head, jpeg, _BOUNDARY)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/search", body, {"Content-Type": b"multipart/form-data; boundary=" + _BOUNDARY})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) if Path("/proc").is_dir() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
