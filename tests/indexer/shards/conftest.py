"""Pictures to make shards of, what a folder of shards holds, and processes that make them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import ROOT, paint

MODELS = ("--model", "cifar10-fast")  # and `copies`


@pytest.fixture(scope="session")
def bucket() -> Iterator[dict[str, str]]:
    """An S3 server with a bucket `bucket`: what the environment has to say for who asks it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "said to nobody",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield variables
    server.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures in two folders, one of them broken."""
    for number in range(11):
        paint(tmp_path / "pictures" / ("one" if number % 2 else "two") / f"{number:02}.png", number)
    (tmp_path / "pictures" / "one" / "03 broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return tmp_path / "pictures"


def held(folder: Path) -> dict[str, bytes]:
    """All that a folder holds."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def whole(folder: Path) -> list[Path]:
    """What says that a shard is there."""
    return sorted(folder.glob("shard-*.json"))


def below(pid: int) -> dict[int, str]:
    """The processes that a process has begun, and those that they have; with their command lines."""
    listed = subprocess.run(["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()]
    found: dict[int, str] = {}
    while more := {int(row[0]): row[2] for row in rows if int(row[1]) in {pid, *found} and int(row[0]) not in found}:
        found |= more
    return found


def encoding(source: Path | str, out: Path | str, *options: str, **variables: str) -> "subprocess.Popen[str]":
    """`semblance encode` as a process, at work."""
    command = [sys.executable, "-m", "semblance", "encode", str(source), "--out", str(out), *MODELS, "--json", *options]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **variables}
    )


def ended(process: "subprocess.Popen[str]", code: int) -> tuple[dict[str, Any], str]:
    """Its document, where there is one, and what it said, once it has ended as it should."""
    out, said = process.communicate(timeout=100)
    assert process.returncode == code, said
    assert "Traceback" not in said
    return json.loads(out or "{}"), said
