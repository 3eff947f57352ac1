"""Shards made by a real Ray cluster of several worker processes, some of which are killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from semblance.indexer.keeping import importing
from semblance.indexer.run import pipeline
from semblance.indexer.shards.running import encode
from semblance.retrieval import storage
from semblance.retrieval.codec import find_model
from tests.conftest import ROOT, paint, until
from tests.indexer.conftest import CountingCodec
from tests.indexer.shards.conftest import below, encoding, ended, held, whole

PICTURES, SHARD = 241, 12
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": 16 * "test"}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures for twenty shards, and one that is broken."""
    place = tmp_path_factory.mktemp("many")
    for number in range(PICTURES - 1):
        paint(place / f"{number:03}.png", number)
    (place / "100 broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return place


@pytest.fixture(scope="module")
def alone(many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What this machine makes of them without a cluster."""
    out = tmp_path_factory.mktemp("alone")
    encode(str(many), str(out), model="cifar10-fast", shard=SHARD)
    return held(out)


@pytest.fixture(scope="module")
def cluster(bucket: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A cluster of three cores, its address, and the process that holds it."""
    own = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    command += [f"--port={port}", "--num-cpus=3", f"--temp-dir={own}", "--node-ip-address=127.0.0.1"]
    command += ["--include-dashboard=false", f"--object-store-memory={200 * 2**20}"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **TOKEN, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("Ray runtime started" in line for line in process.stdout)
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.communicate(timeout=30)
        shutil.rmtree(own)


def workers(pid: int) -> list[int]:
    """The processes of actors that are at work, below a process."""
    return [each for each, line in below(pid).items() if "ray::Worker" in line]


def test_a_worker_and_a_decoder_are_killed_and_the_bytes_are_the_same(
    many: Path, alone: dict[str, bytes], cluster: tuple[str, int], tmp_path: Path
) -> None:
    address, holding = cluster
    process = encoding(many, tmp_path / "out", "--shard", str(SHARD), "--on", f"ray://{address}", **TOKEN)
    until(lambda: len(whole(tmp_path / "out")) > 1, 60)
    killed = workers(holding)[0]
    os.kill(killed, signal.SIGKILL)
    decoding = [pid for pid, line in below(holding).items() if "decoding/child.py" in line]
    os.kill(decoding[-1], signal.SIGKILL)
    assert len(whole(tmp_path / "out")) < 15, "too late to say anything"
    done, said = ended(process, 1)
    assert (done["shards"], done["encoded"], done["kept"]) == (21, PICTURES - 1, 0)
    assert [Path(each["path"]).name for each in done["failed"]] == ["100 broken.jpg"]
    assert {line.partition(":")[0] for line in said.splitlines()} <= {"Encoding", "left out"}, "nothing of Ray's own"
    assert held(tmp_path / "out") == alone
    until(lambda: not workers(holding))


def test_a_bucket_is_encoded_into_a_bucket_while_a_worker_is_killed(
    many: Path, cluster: tuple[str, int], tmp_path: Path
) -> None:
    address, holding = cluster
    for path in sorted(many.iterdir())[:121]:
        storage.write(f"s3://bucket/pictures/{path.name}", path.read_bytes())
    out = "s3://bucket/by-a-cluster"
    process = encoding("s3://bucket/pictures", out, "--shard", "6", "--on", f"ray://{address}", **TOKEN)
    until(lambda: len([*storage.listing(out)]) > 4, 60)  # the plan, its list, and two for each shard
    os.kill(workers(holding)[0], signal.SIGKILL)
    assert len([*storage.listing(out)]) < 40, "too late to say anything"
    done, said = ended(process, 1)
    assert (done["shards"], done["encoded"], len(done["failed"])) == (21, 120, 1)
    assert "said to nobody" not in said + "".join(map(str, listed(out).values()))
    encode("s3://bucket/pictures", "s3://bucket/alone", model="cifar10-fast", shard=6)
    assert listed(out) == listed("s3://bucket/alone")
    assert importing.take(out, tmp_path / "library").added == 120
    counting = CountingCodec(find_model("cifar10-fast"))
    summary = pipeline.update(["s3://bucket/pictures"], tmp_path / "library", counting)
    assert (summary.unchanged, summary.added, counting.encoded) == (120, 0, 0)


def listed(address: str) -> dict[str, bytes]:
    """All that lies below an address."""
    return {storage.last(each.address): storage.read(each.address) for each in storage.listing(address)}


def test_two_runs_of_a_cluster_into_one_place(
    many: Path, alone: dict[str, bytes], cluster: tuple[str, int], tmp_path: Path
) -> None:
    options = ("--shard", str(SHARD), "--on", f"ray://{cluster[0]}", "--workers", "1")
    both = [encoding(many, tmp_path / "out", *options, **TOKEN) for _ in range(2)]
    documents = [ended(process, 1)[0] for process in both]
    assert [each["encoded"] + each["kept"] for each in documents] == [PICTURES - 1] * 2
    assert held(tmp_path / "out") == alone


def test_ctrl_c_ends_the_workers_and_keeps_what_is_whole(
    many: Path, alone: dict[str, bytes], cluster: tuple[str, int], tmp_path: Path
) -> None:
    address, holding = cluster
    process = encoding(many, tmp_path / "out", "--shard", str(SHARD), "--on", f"ray://{address}", **TOKEN)
    until(lambda: len(whole(tmp_path / "out")) > 0, 60)
    process.send_signal(signal.SIGINT)
    _, said = ended(process, 130)
    assert said.endswith("Interrupted: the shards that are whole are kept; run the same command again to go on\n")
    until(lambda: not workers(holding))
    assert {path.name: path.read_bytes() for path in whole(tmp_path / "out")}.items() <= alone.items()


def marked(mark: str) -> set[int]:
    """The processes that have this in their environment."""
    found = set[int]()
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (path / "environ").read_bytes():
                found.add(int(path.name))
    return found


def test_nothing_is_left_of_a_run_that_is_killed_while_it_begins(many: Path, tmp_path: Path) -> None:
    """While Ray waits for what is begun it lets no thread of its own process do anything."""
    mark, before = f"tests-{os.getpid()}", {*Path("/tmp").glob("ray-*")}
    process = encoding(many, tmp_path / "out", "--on", "ray", "--workers", "1", MARK=mark)
    until(lambda: any("gcs_server" in line.split()[0] for line in below(process.pid).values()), 60)
    talking = [pid for pid, line in below(process.pid).items() if "cluster import main" in line]
    os.kill(talking[0], signal.SIGSTOP)  # as Ray does for minutes, now and then
    process.kill()
    process.communicate()
    until(lambda: not marked(mark), 30)
    assert {*Path("/tmp").glob("ray-*")} <= before


def test_the_head_is_killed_and_the_next_run_goes_on(many: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = {*Path("/tmp").glob("ray-*")}
    process = encoding(many, out, "--shard", str(SHARD), "--on", "ray", "--workers", "2")
    until(lambda: len(whole(out)) > 0, 60)
    own = below(process.pid)
    head = next(pid for pid, line in own.items() if "gcs_server" in line.split()[0])
    stopped = workers(process.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)  # so that they are not done before anybody notices
    os.kill(head, signal.SIGKILL)
    _, said = ended(process, 2)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    assert said.splitlines()[-1].startswith("error: The Ray cluster has ended before its work was done: ")
    there = len(whole(out))
    assert there < 21
    until(lambda: not {pid for pid in own if Path(f"/proc/{pid}/stat").exists()})
    assert {*Path("/tmp").glob("ray-*")} <= before
    done, _ = ended(encoding(many, out), 1)
    assert (done["written"], done["kept"] + done["encoded"]) == (21 - there, PICTURES - 1)
    assert {name: data for name, data in held(out).items() if not name.endswith(".tmp")} == alone
