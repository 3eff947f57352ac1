"""`semblance bench`: how fast, how large, each figure against something measured in the same run.

Machines are noisy, so a figure is a ratio wherever it can be: both sides are measured in turns, medians of several.
"""

import http.client
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from packaging.requirements import Requirement
from PIL import Image
from rich.console import Console
from rich.table import Table

from indexer import snapshot
from indexer.catalog import Catalog
from indexer.records import NewPicture
from retrieval import images
from retrieval.codec import DEFAULT_MODEL, Codec, find_model
from retrieval.errors import UsageError
from retrieval.index import FlatIndex, search_on_one_core
from scripts import console
from scripts.scenes import write_sample

MILLION = 1_000_000
Row = dict[str, Any]


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="search, index, service, install.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(parser=console.path, metavar="DIR", help="The folder that `index` is measured on.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Measure search, indexing, the service and the size of the install. Without names, all of them."""
    with console.exits():
        wanted = names or list(BENCHES)
        if unknown := [name for name in wanted if name not in BENCHES]:
            raise UsageError(f"There is no benchmark {unknown[0]!r}: there are {', '.join(BENCHES)}.")
        rows: list[Row] = []
        with tempfile.TemporaryDirectory(prefix="semblance-bench-") as scratch:
            for name in wanted:
                console.say(f"measuring: {name}")
                rows += BENCHES[name](Path(scratch), pictures)
        document = {"machine": _machine(), "versions": _versions(), "rows": rows}
        if as_json:
            console.print_json(document)
        else:
            _show(document)


def _search(_: Path, __: Path | None) -> list[Row]:
    """One query among a million codes, k = 10, one thread, against reading the same bytes once."""
    search_on_one_core()
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (MILLION, 32), np.uint8)
    index = FlatIndex(256)
    index.add(np.arange(MILLION), codes)
    query = codes[:1] ^ rng.integers(0, 256, (1, 32), np.uint8)
    found, read = _in_turns([lambda: index.search(query, 10), lambda: codes.view(np.uint64).sum()], times=51)
    return [
        _row("search, 1,000,000 codes", 1000 * found, "ms"),
        _row("codes.view(uint64).sum(), the same bytes", 1000 * read, "ms"),
        _row("search / sum", found / read, "ratio", "at most 1.4"),
    ]


def _index(scratch: Path, pictures: Path | None) -> list[Row]:
    """`semblance index` from nothing, and again with nothing to do."""
    if pictures is None:
        pictures = scratch / "drawn"
        write_sample(pictures, 1200)
    command = [
        sys.executable,
        "-m",
        "scripts.main",
        "index",
        str(pictures),
        "--library",
        str(scratch / "indexed"),
        "--json",
    ]
    first, second = (json.loads(_output(command)) for _ in range(2))
    return [
        _row("pictures indexed", first["added"], "pictures"),
        _row(
            "index", first["added"] / first["seconds"], "pictures/s", "at least 1,500 (CIFAR-10 PNG files, two cores)"
        ),
        _row("index again, nothing changed", second["seconds"], "s"),
    ]


def _service(scratch: Path, _: Path | None) -> list[Row]:
    """A service over a million codes: start to ready, memory, one search over HTTP against the same work in process."""
    codec = Codec(find_model(DEFAULT_MODEL))
    library = scratch / "million"
    _write_library(library, codec, MILLION)
    jpeg = _one_megapixel_jpeg()
    with Catalog.opened(library) as catalog:
        index, _generation = snapshot.load(catalog)
    search_on_one_core()

    def in_process() -> None:
        index.search(codec.encode(images.load(jpeg, codec.spec)[None]), 10)

    started = time.perf_counter()
    with _serving(library) as (process, port):
        while not _ready(port):
            time.sleep(0.01)
        ready = time.perf_counter() - started
        resident = _resident_mb(process.pid)
        over_http, alone = _in_turns([lambda: _post(port, jpeg), in_process], times=101)
        resident_after = _resident_mb(process.pid)
    return [
        _row("serve 1,000,000 codes, start to ready", ready, "s", "at most 3"),
        _row("resident memory when ready", resident, "MB", "at most 400"),
        _row("resident memory after 101 searches", resident_after, "MB", "at most 400"),
        _row("one search over HTTP, a 1-megapixel JPEG", 1000 * over_http, "ms"),
        _row("decode + encode + search in one process", 1000 * alone, "ms"),
        _row("HTTP / in process", over_http / alone, "ratio", "at most 1.5"),
    ]


def _install(_: Path, __: Path | None) -> list[Row]:
    """The files of every package that Semblance needs at run time, itself included."""
    pending, seen, size = ["semblance"], set(), 0
    while pending:
        name = pending.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise UsageError(
                f"{name} is not installed as a package, so its size is not known: pip install . first."
            ) from error
        places = [Path(str(package.locate_file(file))) for file in package.files or []]
        size += sum(place.stat().st_size for place in places if place.is_file())
        for requirement in map(Requirement, package.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
    return [_row("run-time install, no torch", size / 1e6, "MB", "at most 400")]


BENCHES: dict[str, Callable[[Path, Path | None], list[Row]]] = {
    "search": _search,
    "index": _index,
    "service": _service,
    "install": _install,
}


def _row(name: str, value: float, unit: str, against: str = "") -> Row:
    return {"name": name, "value": round(value, 3), "unit": unit, "against": against}


def _in_turns(tasks: list[Callable[[], object]], times: int) -> list[float]:
    """The median seconds of each task, run in turns so that a slow moment of the machine meets all of them."""
    taken: list[list[float]] = [[] for _ in tasks]
    for _ in range(times):
        for task, seconds in zip(tasks, taken, strict=True):
            started = time.perf_counter()
            task()
            seconds.append(time.perf_counter() - started)
    return [float(np.median(seconds)) for seconds in taken]


def _write_library(folder: Path, codec: Codec, count: int) -> None:
    rng = np.random.default_rng(0)
    with Catalog.writing(folder, codec) as catalog:
        for start in range(0, count, 50_000):
            codes = rng.integers(0, 256, (min(50_000, count - start), codec.bits // 8), np.uint8)
            catalog.record(
                [NewPicture(f"/{start + row}.jpg", 1, 1, bytes(32), code) for row, code in enumerate(codes)], []
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
def _serving(library: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "scripts.main", "serve", "--library", str(library), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        yield process, int(process.stderr.readline().split("http://")[1].split(":")[1].split("/")[0])
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _post(port: int, jpeg: bytes) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(
        "POST", "/search", head + jpeg + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
    connection.close()


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) if Path("/proc").is_dir() else 0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _output(command: list[str]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (console.DONE, console.LEFT_OUT):
        raise UsageError(f"{' '.join(command)} ended with {done.returncode}.")
    return done.stdout


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _versions() -> dict[str, str]:
    packages = ("numpy", "faiss-cpu", "onnxruntime", "pillow", "fastapi", "uvicorn")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in packages}}


def _show(document: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    table = Table(title=f"{document['machine']}; {versions}")
    for column in ("name", "value", "unit", "against"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for row in document["rows"]:
        table.add_row(row["name"], f"{row['value']:,}", row["unit"], row["against"])
    Console(width=140).print(table)


if __name__ == "__main__":
    typer.run(bench)
