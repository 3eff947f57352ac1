"""`stored`: indexing the same large JPEGs from a bucket and from a folder, in turns.

The server is moto's, on this machine's own cores, so part of the time is its own: what it took is measured beside, and
taken off in a line of its own. It speaks HTTP/1.0, a connection for each object.
"""

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from semblance.retrieval import storage
from semblance.scripts.benchmarks.figures import Asked, Row, row
from semblance.scripts.benchmarks.library import indexed
from semblance.scripts.benchmarks.photographs import write

_BUCKET = "s3://photographs/all"
_TURNS = 3


def stored(asked: Asked) -> list[Row]:
    """`semblance index` from nothing, of drawn photographs or of --pictures, and of an unchanged bucket."""
    threads, model = os.cpu_count() or 1, [part for name in asked.models[:1] for part in ("--model", name)]
    folder = asked.pictures or asked.scratch / "photographs"
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if asked.pictures else write(folder, threads)
    with _server() as server:
        for path in files:
            storage.write(f"{_BUCKET}/{path.relative_to(folder)}", path.read_bytes())
        turns, shares = list[tuple[float, float]](), list[float]()
        for turn in range(_TURNS):
            library = asked.scratch / f"of-a-bucket-{turn}"
            of_files = indexed(folder, asked.scratch / f"of-a-folder-{turn}", *model)["seconds"]
            before = _cpu(server)
            of_bucket = indexed(_BUCKET, library, *model)["seconds"]
            shares.append((_cpu(server) - before) / threads)
            turns.append((of_files, of_bucket))
        again = indexed(_BUCKET, library, *model)["seconds"]
    ratio = statistics.median(files / bucket for files, bucket in turns)
    alone = statistics.median(files / (bucket - share) for (files, bucket), share in zip(turns, shares, strict=True))
    return [
        row("pictures", len(files), "pictures"),
        row("index a folder", len(files) / statistics.median(files for files, _ in turns), "pictures/s"),
        row("index a bucket", len(files) / statistics.median(bucket for _, bucket in turns), "pictures/s"),
        row("the server's own processor time, of all cores", statistics.median(shares), "s"),
        row("index a bucket / index a folder", ratio, "ratio", "at least 0.8"),
        row("the same without the server's own time (reckoned)", alone, "ratio"),
        row("index an unchanged bucket", again, "s"),
    ]


@contextmanager
def _server() -> Iterator[int]:
    """An S3 server with an empty bucket, which this process and its children ask; its process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys, AWS_ENDPOINT_URL=url)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(300):
                try:
                    httpx.put(f"{url}/photographs").raise_for_status()
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield process.pid
        finally:
            process.kill()


def _cpu(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
