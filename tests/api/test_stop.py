"""The stop: one signal ends the service soon whatever is going on, a second at once."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.conftest import ROOT

# A service that is stuck in every way there is: a thread in a read of a dead disk, a stream without an end, the loop's
# own threads, and a library's thread that does not end either.
STUCK = """
import asyncio, os, sys, time
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from semblance.api.server import Server
from semblance.api.settings import Settings
from semblance.scripts import interrupts
from semblance.scripts.commands.serve import listen

def hang():
    os.write(2, b"hangs\\n")
    time.sleep(600)

@asynccontextmanager
async def lifespan(app):
    yield
    if "library" in sys.argv:
        hang()

app = FastAPI(lifespan=lifespan)
app.state.stop = app.state.closing = lambda: None
app.get("/hang")(hang)

@app.get("/loop")
async def loop():
    await asyncio.get_running_loop().run_in_executor(None, hang)

@app.get("/stream")
def stream():
    async def lines():
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.05)
    return StreamingResponse(lines(), media_type="text/event-stream")

@app.post("/upload")
async def upload(request: Request):
    return len(await request.body())

interrupts.begin()
settings = Settings(library=".", port=0)
with listen(settings) as listener:
    say = lambda: print("listens at", listener.getsockname()[1], file=sys.stderr, flush=True)
    Server(app, settings, say, interrupts.by_signal).run([listener])
"""


@contextmanager
def stuck(*ways: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Such a service, and its port."""
    command = [sys.executable, "-c", STUCK, *ways]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r"listens at (\d+)", process.stderr.readline())
        assert found
        try:
            yield process, int(found[1])
        finally:
            process.kill()


def ask(open_: ExitStack, port: int, request: bytes) -> socket.socket:
    client = open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
    client.sendall(request.replace(b"HTTP", b"HTTP/1.1\r\nHost: localhost\r\n"))
    return client


def hung(process: subprocess.Popen[str], times: int) -> None:
    assert process.stderr is not None
    for _ in range(times):
        assert process.stderr.readline() == "hangs\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_one_signal_ends_it_whatever_hangs(number: signal.Signals) -> None:
    """A signal, and the process is gone: without a second one, and without a traceback."""
    with stuck("library") as (process, port), ExitStack() as open_:
        for _ in range(30):
            ask(open_, port, b"GET /hang HTTP\r\n")
        ask(open_, port, b"GET /loop HTTP\r\n")
        hung(process, 31)
        stream = ask(open_, port, b"GET /stream HTTP\r\n")
        while b"tick" not in stream.recv(4096):
            pass
        ask(open_, port, b"POST /upload HTTP" + b"Content-Length: 5000\r\n\r\nsome")
        process.send_signal(number)
        _, said = process.communicate(timeout=15)
        assert process.returncode == 128 + number
        assert "Traceback" not in said
        assert said.count("Interrupted.") == (number == signal.SIGINT)


def test_a_stream_does_not_hold_it() -> None:
    """It has an end as soon as the service stops, and so the stop is one without force."""
    with stuck() as (process, port), ExitStack() as open_:
        stream = ask(open_, port, b"GET /stream HTTP\r\n")
        while b"tick" not in stream.recv(4096):
            pass
        process.send_signal(signal.SIGTERM)
        while stream.recv(4096):
            pass
        _, said = process.communicate(timeout=15)
        assert process.returncode == -signal.SIGTERM, "it went the way of a stop without force"
        assert "Traceback" not in said


def test_the_second_signal_ends_it_at_once() -> None:
    with stuck() as (process, port), ExitStack() as open_:
        ask(open_, port, b"GET /hang HTTP\r\n")
        hung(process, 1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None, "the request under way has its time"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=2)
        assert process.returncode == 130
        assert said == "Interrupted.\n"
