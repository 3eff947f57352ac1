"""Becomes a Milvus of its own: `.venv/milvus/bin/python standalone.py FOLDER PORT [key=value ...]`.

The package `milvus` starts its server as a child, which outlives whoever is killed. Here it takes this process's place,
so that who starts it has its number, and on Linux is killed with it, however they end. The program is unpacked once,
beside its environment, and not for each folder.
A key is one of Milvus's own configuration, as quotaAndLimits.limitWriting.forceDeny.
"""

import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
from pathlib import Path

import milvus


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def become(folder: Path, port: int, settings: dict[str, str]) -> None:
    """Replace this process by the server, its data below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = milvus.MilvusServerConfig(data_dir=str(folder), proxy_port=port)
    if settings.pop("common.security.authorizationEnabled", "") == "true":
        config.configurable_items["authorization_enabled"][1] = True
    ports = folder / "ports.json"  # kept: parts of a server that starts again look for each other where they were
    if not ports.exists():
        inner = [key for key in config.configurable_items if key.endswith("_port") and key != "proxy_port"]
        ports.write_text(json.dumps({key: free_port() for key in [*inner, "peer"]}))
    at: dict[str, int] = json.loads(ports.read_text())
    config.update(**{key: at[key] for key in at if key != "peer"})
    for key, value in settings.items():
        config.set(key, value)
    config.try_bind_port = lambda port: socket.create_server(("127.0.0.1", port))  # one killed a moment ago had it
    config.resolve()
    unpacked = Path(sys.prefix) / "server"
    unpacked.mkdir(exist_ok=True)
    with (unpacked / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        milvus._initialize_data_files(str(unpacked))
    os.chdir(folder)
    peers, clients = (f"http://127.0.0.1:{port}" for port in (at["peer"], at["etcd_port"]))
    (folder / "etcd.yaml").write_text(
        f"name: default\nlisten-peer-urls: {peers}\ninitial-advertise-peer-urls: {peers}\n"
        f"listen-client-urls: {clients}\nadvertise-client-urls: {clients}\ninitial-cluster: default={peers}\n"
        "heartbeat-interval: 20\nelection-timeout: 200\n"
    )
    os.environ |= {
        "ETCD_CONFIG_PATH": str(folder / "etcd.yaml"),
        "DEPLOY_MODE": "STANDALONE",
        "METRICS_PORT": str(free_port()),
        "MILVUS_RUN_DIR": str(folder / "run"),
        "LD_LIBRARY_PATH": str(unpacked / "bin"),
    }
    os.execv(unpacked / "bin/milvus", ["milvus", "run", "standalone"])


if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, which exec keeps
    become(Path(sys.argv[1]).resolve(), int(sys.argv[2]), dict(each.split("=", 1) for each in sys.argv[3:]))
