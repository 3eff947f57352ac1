"""Shards made by a cluster, as this process has it: a process beside it that talks to Ray, begun, heard, ended.

Ray ends whoever talks to it where the head of its cluster is gone, writes where it likes and has signals of its own.
All of that happens in `cluster.py`, in a process of its own; here there are only lines of JSON: how far it is, what was
made, what went wrong.
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

from semblance.indexer.shards.places import Place
from semblance.indexer.shards.plan import Plan
from semblance.retrieval import errors
from semblance.retrieval.decoding import process
from semblance.retrieval.errors import ShardsError, UsageError
from semblance.retrieval.progress import Progress

RAY = "ray"
_PROGRAM = "from semblance.indexer.shards.cluster import main; main()"
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is told to anybody
_HEAD = {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}  # of this machine's own; elsewhere a minute, as Ray has it
_ANSWERS = 5.0  # seconds for a head to take a connection
_ENDS = 5.0  # seconds for a process that was asked to end


def address(on: str | None) -> str | None:
    """`--on` -> the address of a cluster, empty for one of this machine's own; None for none at all. Raises UsageError,
    and ImportError where Ray is not installed."""
    if on is None:
        return None
    if "@" in on:  # not said back
        raise UsageError(
            "--on holds a name or a password: say ray://HOST:PORT, and give Ray's token by RAY_AUTH_TOKEN."
        )
    name, _, where = on.partition("://")
    if name != RAY or (not where and on != RAY):
        raise UsageError(
            f"There is no cluster {on!r} to encode on: say ray for one of this machine's cores, ray://HOST:PORT for "
            "one that is there, or leave --on out."
        )
    if importlib.util.find_spec("ray") is None:
        raise ModuleNotFoundError("No module named 'ray'")
    if where not in ("", "auto"):
        _reach(where)
    return where


def _reach(where: str) -> None:
    """Raise UsageError unless somebody listens at HOST:PORT; Ray itself would ask for minutes."""
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"{where} is no address of a Ray cluster: say ray://HOST:PORT, as `ray start` says it.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise UsageError(f"There is no Ray cluster at {where}: begin one with `ray start --head`.") from error


def make(
    place: Place, plan: Plan, missing: Sequence[int], address: str, workers: int | None, progress: Progress
) -> tuple[set[int], float]:
    """Have a cluster make the shards of these numbers; the numbers of those made, and the seconds that took from when
    the first worker was ready. Raises ShardsError where the cluster ends, what is whole is kept, and what its workers
    raise."""
    told = {"out": place.whole, "plan": plan.id, "missing": [*missing]}
    models = [model.model for model in plan.models]
    made, begun = set[int](), 0.0
    with _process({**told, "models": models, "address": address, "workers": workers}) as lines:
        for line in lines:
            said = json.loads(line)
            if "error" in said:
                kind = getattr(errors, said["kind"], ShardsError)
                raise kind(said["error"])
            begun = begun or (time.monotonic() if said.get("begun") else 0.0)
            if "made" in said:
                made.add(said["made"])
            progress(said["done"], 0)
            if said.get("whole"):
                return made, time.monotonic() - begun
    raise ShardsError(
        f"The Ray cluster has ended before its work was done: {len(made):,} more shards are whole and kept. Look at "
        "its machines, and run the same command again to go on."
    )


@contextlib.contextmanager
def _process(told: dict[str, Any]) -> Iterator[IO[bytes]]:
    """The process that talks to Ray, by the lines that it says; it has ended, and its cluster, when this does."""
    paths = [str(process.PACKAGE.parent), *process.packages()]
    # A short path: Ray's sockets lie below it, and a socket's path has 107 bytes at most.
    own = tempfile.mkdtemp(prefix="ray-", dir=os.environ.get("RAY_TMPDIR", "/tmp"))
    env = {**os.environ, **_QUIET, "PYTHONPATH": os.pathsep.join(paths)}
    if not told["address"]:  # a cluster that nobody else may use, whatever is known of others
        env |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), **_HEAD}
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            start_new_session=True,  # Ctrl-C at a terminal is this process's, which ends it
        )
        told_to, said = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
        try:
            told_to.write(json.dumps({**told, "own": own}).encode() + b"\n")
            told_to.flush()
            yield said
        finally:
            with contextlib.suppress(OSError):
                told_to.close()  # which asks it to end
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_ENDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # with what Ray has begun in its session, and does not end itself
            child.wait()
            said.close()
    finally:
        shutil.rmtree(own, ignore_errors=True)
