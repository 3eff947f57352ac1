"""The command line over addresses: a bucket from index to remove, Ctrl-C in a download, and no secret anywhere."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.buckets import S3, SECRETS, Road, variables
from tests.conftest import ROOT, paint, until

Run = Callable[..., subprocess.CompletedProcess[str]]
FAST = ("--model", "cifar10-fast")


def test_a_bucket_from_index_to_remove_without_a_secret(s3: S3, road: Road, tmp_path: Path, semblance: Run) -> None:
    library = tmp_path / "library"
    s3.put("cli", **{f"in/{seed}.png": paint(tmp_path / f"{seed}.png", seed).read_bytes() for seed in range(4)})
    environment = {**os.environ, **variables(road.url)}
    said = []

    def run(*arguments: str | Path, code: int = 0) -> str:
        done = semblance(*arguments, "--library", library, env=environment)
        said.extend([done.stdout, done.stderr])
        assert done.returncode == code, done.stderr
        return done.stdout

    assert json.loads(run("index", "s3://cli/in/", *FAST, "--json"))["added"] == 4
    road.hinder = lambda _, path: "deny" if path.endswith("/new.png") else None
    s3.client.put_object(Bucket="cli", Key="in/new.png", Body=paint(tmp_path / "5.png", 5).read_bytes())
    assert json.loads(run("index", "s3://cli/in", "--json", code=1))["unchanged"] == 4
    found = json.loads(run("search", "s3://cli/in/2.png", "--k", "1", "--json"))["results"]
    assert [each["path"] for each in found] == ["s3://cli/in/2.png"]
    assert json.loads(run("status", "--json"))["folders"] == ["s3://cli/in"]
    run("verify", "--pictures")
    run("duplicates")
    run("export", tmp_path / "codes.npz")
    moved = semblance("import", tmp_path / "codes.npz", "--library", tmp_path / "moved", env=environment)
    assert moved.returncode == 0, moved.stderr
    run("search", "s3://cli/in/none.png", code=2)
    run("search", "s3://cli", code=2)
    run("export", "s3://cli/codes.npz", code=2)
    assert "on a disk" in said[-1]
    assert not Path("s3:").exists()
    run("search", "s3://cli/in/new.png", code=2)
    run("index", f"s3://{SECRETS[0]}:{SECRETS[1]}@cli/in", code=2)
    run("remove", "s3://cli/in")
    assert "on disk" not in said[-1], "nobody asked the bucket whether it still has them"
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [secret for secret in SECRETS for text in said if secret in text]
    assert not [secret for secret in SECRETS for data in kept if secret.encode() in data]


def test_ctrl_c_ends_a_download_at_once_and_keeps_what_there_is(s3: S3, road: Road, tmp_path: Path) -> None:
    s3.put("slow", **{f"{seed}.png": paint(tmp_path / f"{seed}.png", seed).read_bytes() for seed in range(3)})
    road.hinder = lambda _, path: "hang" if path.endswith(".png") else None
    command = ["index", "s3://slow", "--library", str(tmp_path / "library"), *FAST]
    process = subprocess.Popen(
        [sys.executable, "-m", "semblance", *command],
        cwd=ROOT,
        env={**os.environ, **variables(road.url)},
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len(road.gets()) == 3, 60)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=15)
    assert (process.returncode, "Traceback" in said, "what was indexed is kept" in said) == (130, False, True), said
    assert time.monotonic() - started < 10


def test_watch_lists_addresses_again(s3: S3, road: Road, tmp_path: Path) -> None:
    s3.put("watched", **{f"{seed}.png": paint(tmp_path / f"{seed}.png", seed).read_bytes() for seed in range(2)})
    command = [
        "index",
        "s3://watched",
        "--library",
        str(tmp_path / "library"),
        *FAST,
        "--watch",
        "--poll",
        "1",
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "semblance", *command],
        cwd=ROOT,
        env={**os.environ, **variables(road.url)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["added"] == 2
        s3.client.put_object(Bucket="watched", Key="new.png", Body=paint(tmp_path / "9.png", 9).read_bytes())
        assert json.loads(process.stdout.readline())["added"] == 1
        s3.client.delete_object(Bucket="watched", Key="0.png")
        assert json.loads(process.stdout.readline())["removed"] == 1
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, "Addresses are listed every 1 s" in said) == (130, True), said
