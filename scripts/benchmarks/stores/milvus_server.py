"""A real Milvus, for tests and benchmarks; `make milvus` starts one until Ctrl-C, as running this module does.

The tests share one for each process of pytest; whatever becomes of that, the server ends with it (standalone.py).
"""

import socket
import subprocess
import sys
import time
from pathlib import Path

from semblance.indexer.milvus import address
from semblance.indexer.milvus.connection import Limits, Server
from semblance.retrieval.errors import IndexAway

PROGRAM = Path(sys.prefix) / "milvus/bin/python"  # `make milvus` installs it beside what runs this
# Quick ticks, and looks after what was built; and one that was killed counts as alive for 6 seconds, and not 30.
_QUICK = {
    "proxy.timeTickInterval": "20",
    "queryCoord.checkInterval": "100",
    "queryCoord.checkIndexInterval": "300",
    "queryCoord.updateNextTargetInterval": "1",
    "common.session.ttl": "6",
}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Milvus:
    """A server with its data in a folder; it may be killed, stopped, and started again on the same port."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder, self.port = folder, port or free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, name: str, credentials: str = "") -> str:
        """Where a library of this name is."""
        return f"milvus://{credentials}127.0.0.1:{self.port}/{name}"

    def start(self, credentials: str = "", **settings: str) -> None:
        """Start it, and wait until it answers. A setting is one of Milvus's own, its dots written __."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = _QUICK | {name.replace("__", "."): value for name, value in settings.items()}
        with (self.folder / "log").open("ab") as log:
            command: list[str | Path] = [
                PROGRAM,
                Path(__file__).with_name("standalone.py"),
                self.folder / "data",
                str(self.port),
            ]
            command += [f"{name}={value}" for name, value in said.items()]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        ends = time.monotonic() + 60
        while True:
            try:
                Server(address.parse(self.address("any", credentials)), Limits(asking=2)).close()
                return
            except IndexAway:
                if self._process.poll() is not None or time.monotonic() > ends:
                    raise AssertionError(f"Milvus did not start: see {self.folder / 'log'}") from None

    @property
    def process(self) -> int:
        """Its number."""
        assert self._process is not None
        return self._process.pid

    def send(self, signal_number: int) -> None:
        """Send a signal: SIGSTOP, SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal_number)

    def kill(self) -> None:
        """End it at once: it is one process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=20)
            self._process = None

    def wait(self) -> None:
        """Until it ends."""
        assert self._process is not None
        self._process.wait()


def main(folder: str = ".venv/milvus-data", port: str = "19530") -> None:
    """Serve until Ctrl-C."""
    served = Milvus(Path(folder).resolve(), int(port))
    try:
        served.start()
        print(f"Milvus at {served.address('NAME')}, its data in {served.folder}. Ctrl-C ends it.", flush=True)  # noqa: T201
        served.wait()
    except KeyboardInterrupt:
        pass
    finally:
        served.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
