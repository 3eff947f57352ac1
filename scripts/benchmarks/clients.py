"""What benchmarks of the service have in common: a library of a million codes by both models, pictures to upload, and
clients that cost next to nothing."""

import http.client
import io
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from semblance.indexer.catalog import NewPicture, Writer
from semblance.indexer.derived import snapshot
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec
from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import SEMBLANCE

_BOUNDARY = b"-" * 24 + b"d74496d66958873e0fb1a2"  # as long as curl's: a shorter one takes longer to look for
_BATCH = 50_000
CORES = os.cpu_count() or 1


def write_library(folder: Path, count: int) -> list[Codec]:
    """A library of `count` random codes of what is alike and of what is the same; whose codes they are."""
    codecs = [Codec(DEFAULT_MODEL, threads=1), Codec(COPIES_MODEL, threads=1)]
    rng = np.random.default_rng(0)
    with Writer.writing(folder, codecs[0]) as catalog:
        catalog.know(codecs[1], "same")
        for start in range(0, count, _BATCH):
            size = min(_BATCH, count - start)
            codes = {codec.codec_id: rng.integers(0, 256, (size, codec.bits // 8), np.uint8) for codec in codecs}
            added = [
                NewPicture(f"/pictures/{at // 1000:04d}/{at}.jpg", 1, 1, at.to_bytes(32, "big"), each)
                for at, each in zip(
                    range(start, start + size),
                    (dict(zip(codes, both, strict=True)) for both in zip(*codes.values(), strict=True)),
                    strict=True,
                )
            ]
            catalog.record(added, [])
        snapshot.refresh(catalog)
        snapshot.refresh(catalog, "same")
    return codecs


def jpeg(number: int, width: int = 1920, height: int = 1440) -> bytes:
    """Soft colours and grain: some 500 kB at the usual size, 300 kB at 1152 x 864."""
    rng = np.random.default_rng(number)
    soft = np.kron(rng.integers(40, 216, (-(-height // 32), -(-width // 32), 3)), np.ones((32, 32, 1)))[:height, :width]
    grain = rng.normal(0, 8, soft.shape)
    out = io.BytesIO()
    Image.fromarray((soft + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


class Client:
    """One connection that stays open, and is opened anew where the service has closed it."""

    def __init__(self, port: int, source: str = "127.0.0.1", timeout: float = 60) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(source, 0))

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError and http.client.HTTPException where there is none."""
        try:
            self._http.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = self._http.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def upload(self, picture: bytes, path: str = "/search") -> tuple[int, bytes]:
        """The answer to a picture, sent as a form."""
        head = b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        body = b"--%s\r\n%s%s\r\n--%s--\r\n" % (_BOUNDARY, head, picture, _BOUNDARY)
        return self.ask("POST", path, body, f"multipart/form-data; boundary={_BOUNDARY.decode()}")

    def codes(self, codes: list[str], k: int = 10) -> tuple[int, bytes]:
        """The answer to a batch of codes."""
        return self.ask("POST", "/search/codes", json.dumps({"codes": codes, "k": k}).encode(), "application/json")

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


@dataclass(frozen=True)
class Crowd:
    """What clients that asked at one time saw: seconds of each answer, by status, and how long they asked."""

    seconds: dict[int, list[float]]
    lasted: float

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.seconds.get(200, [])) / self.lasted

    def percentile(self, share: float) -> float:
        """The seconds within which this share (0 to 100) of the right answers came."""
        return float(np.percentile(self.seconds.get(200) or [float("nan")], share))


def crowd(port: int, clients: int, lasting: float, ask: Callable[[Client, int], tuple[int, bytes]]) -> Crowd:
    """So many clients, each asking anew once it is answered: `ask` gets the client and a number that counts up."""
    started, seen, lock = time.perf_counter(), dict[int, list[float]](), threading.Lock()

    def one(place: int) -> None:
        own, number = list[tuple[int, float]](), place
        with closing(Client(port)) as client:
            while (begun := time.perf_counter()) - started < lasting:
                try:
                    status, _ = ask(client, number)
                except (OSError, http.client.HTTPException):
                    status = 0
                own.append((status, time.perf_counter() - begun))
                number += clients
        with lock:
            for status, taken in own:
                seen.setdefault(status, []).append(taken)

    threads = [threading.Thread(target=one, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Crowd(seen, time.perf_counter() - started)


def megabytes(pid: int) -> float:
    """The memory of a process and all it has begun, what they share counted once (PSS; Linux, else 0)."""
    return sum(_pss(each) for each in _family(pid)) / 1000


def _pss(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


@contextmanager
def serving(library: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A service over a library, and its port. Raises UsageError where it cannot begin."""
    command = [*SEMBLANCE, "serve", "--library", str(library), "--port", "0", *options]
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


def ready(port: int) -> bool:
    """Whether the service has its library."""
    try:
        with closing(Client(port)) as client:
            return client.ask("GET", "/ready")[0] == 200
    except (OSError, http.client.HTTPException):
        return False
