"""The door: whom the service answers, and what a slow, endless or numerous client comes to. Over real sockets, the
clients from addresses of their own (127.0.0.2, .3)."""

import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from semblance.api.app import create_app
from semblance.api.door.foreign import ALWAYS, Names, own_name
from semblance.api.door.places import client_key
from semblance.api.door.receiving import Receiving
from semblance.api.server import Seldom, Server
from semblance.api.settings import Settings
from semblance.indexer.run import pipeline
from semblance.retrieval.codec import Codec
from semblance.scripts.commands.serve import listen
from tests.conftest import ROOT, paint, serving, until
from tests.conftest import Server as Served

Run = Callable[..., subprocess.CompletedProcess[str]]
FORM = b"Content-Type: multipart/form-data; boundary=edge\r\n"


def problem(answer: httpx.Response, status: int) -> str:
    """The sentence of a refusal, after a check that it is a problem with all the headers that no answer may lack."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.json()["status"] == status
    detail: str = answer.json()["detail"]
    return detail


# ---- names, origins, other sites -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Photos.Example.com:8443", "photos.example.com"),
        ("localhost.", "localhost"),
        ("localhost.:80", "localhost"),
        ("[0:0:0:0:0:0:0:1]:8000", "[::1]"),
        ("::1", "[::1]"),
        ("[2001:DB8::0:5]", "[2001:db8::5]"),
        ("[::1", "[::1]"),
        ("[::x]", "[::x]"),
        ("", ""),
        (":80", ""),
    ],
)
def test_names_are_compared_without_port_and_way_of_writing(said: str, name: str) -> None:
    assert own_name(said) == name


@pytest.mark.parametrize(
    ("listening", "allowed", "answered", "refused"),
    [
        ("127.0.0.1", [], ["127.0.0.1:80", "localhost", "[::1]:9"], ["127.0.0.2", "192.168.1.5", "photos.example.com"]),
        ("127.0.0.2", [], ["127.0.0.2:80", "localhost"], ["127.0.0.3"]),
        ("192.168.1.5", [], ["192.168.1.5:8000", "127.0.0.1"], ["192.168.1.6"]),
        ("fd00::5", [], ["[fd00:0::5]:80"], ["[fd00::6]"]),
        ("0.0.0.0", [], ["localhost:80"], ["0.0.0.0", "0.0.0.0:80", "192.168.1.5"]),
        ("::", [], ["[::1]"], ["[::]", "[::]:80", "::"]),
        ("0.0.0.0", ["Photos.example.com", "fd00::7"], ["photos.example.com:443", "[fd00::7]"], ["example.com"]),
    ],
)
def test_a_service_answers_to_its_names_whatever_it_listens_on(
    listening: str, allowed: list[str], answered: list[str], refused: list[str]
) -> None:
    names = Names(listening, allowed)
    no_browser = (None, None, None, "")
    assert [names.refusal((host,), None, no_browser) for host in answered] == [None] * len(answered)
    for host in refused:
        said = names.refusal((host,), None, no_browser)
        assert said is not None
        assert (said[0], "--allow-host" in said[1]) == (421, True)


@pytest.mark.parametrize(
    ("origin", "fetched", "status"),
    [
        (None, (None, None, None, ""), None),  # no browser
        (None, ("same-origin", "cors", "empty", ""), None),
        (None, ("none", "navigate", "document", "GET"), None),  # typed, or a bookmark
        ("http://localhost:8000", ("same-origin", "cors", "empty", ""), None),
        ("https://localhost:8000", (None, None, None, ""), None),  # a proxy in front speaks https
        ("http://LOCALHOST:8000", (None, None, None, ""), None),
        ("http://localhost:8001", (None, None, None, ""), 403),
        ("http://localhost", (None, None, None, ""), 403),
        ("http://evil.example", (None, None, None, ""), 403),
        ("null", (None, None, None, ""), 403),
        ("", (None, None, None, ""), 403),
        (None, ("cross-site", "no-cors", "image", ""), 403),
        (None, ("same-site", "no-cors", "image", ""), 403),  # another port of this machine
        (None, ("cross-site", "navigate", "document", "GET"), None),  # a link to the page
        (None, ("same-site", "navigate", "document", "HEAD"), None),
        (None, ("cross-site", "navigate", "document", ""), 403),  # a link to a picture
        (None, ("cross-site", "navigate", "iframe", "GET"), 403),
        (None, ("cross-site", "no-cors", "script", "GET"), 403),
        (None, ("cross-site", "navigate", "document", "POST"), 403),
    ],
)
def test_other_sites_are_refused_and_links_to_the_page_are_not(
    origin: str | None, fetched: tuple[str | None, ...], status: int | None
) -> None:
    said = Names("127.0.0.1", []).refusal(("localhost:8000",), origin, fetched)
    assert (said and said[0]) == status


def test_each_answer_bears_the_headers_that_keep_other_sites_out(server: Served) -> None:
    def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        return httpx.request(
            method, server.url + path, headers={name.replace("_", "-"): of for name, of in headers.items()}
        )

    for path in ("/", "/images/1", "/images/1/thumbnail", "/health", "/openapi.json", "/page/css/base.css"):
        answer = ask(path)
        assert answer.status_code == 200
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
        assert "server" not in answer.headers
    assert "--allow-host evil.example" in problem(ask("/images", Host="evil.example:80"), 421)
    assert "other sites" in problem(ask("/search", "POST", Origin="null"), 403)
    there, nowhere = (
        ask(f"/images/{number}", Sec_Fetch_Site="cross-site", X_Request_ID="one") for number in (1, 10**9)
    )
    assert problem(there, 403) == problem(nowhere, 403)
    assert there.content == nowhere.content
    assert (
        ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document").status_code == 200
    )
    assert ask("/health", Host="10.1.2.3", Origin="null").status_code == 200


def test_a_request_names_one_host(server: Served) -> None:
    port = httpx.URL(server.url).port or 80
    for hosts in (b"", b"Host: localhost\r\nHost: evil.example\r\n", b"Host: " + b"x" * 300 + b"\r\n"):
        assert (
            b" 400 "
            in raw(port, b"GET /images HTTP/1.1\r\nConnection: close\r\n" + hosts + b"\r\n").partition(b"\r\n")[0]
        )


@pytest.mark.parametrize(
    ("text", "names"),
    [("a.example, b.example", ["a.example", "b.example"]), ('["a.example"]', ["a.example"]), ("fd00::7", ["fd00::7"])],
)
def test_names_come_by_a_variable_too(
    text: str, names: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEMBLANCE_ALLOW_HOST", text)
    assert Settings(library=tmp_path).allow_host == names


@pytest.mark.parametrize("wrong", ["", "a,,b", "*", "https://a.example", '["a"', "[1]"])
def test_what_is_no_name_is_refused(wrong: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEMBLANCE_ALLOW_HOST", wrong)
    with pytest.raises(ValidationError):
        Settings(library=tmp_path)
    with pytest.raises(ValidationError):
        Settings(library=tmp_path, trust_proxy=["photos.example.com"])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "somewhere.example"])
def test_other_machines_are_not_let_in_without_keys(semblance: Run, library: Path, host: str) -> None:
    refused = semblance("serve", "--library", library, "--host", host, "--port", "0")
    assert refused.returncode == 2
    assert "semblance keys" in refused.stderr
    assert "--open" in refused.stderr


def test_on_every_address_foreign_names_are_refused(library: Path) -> None:
    """In Docker, 0.0.0.0 inside is published on the loopback address; a name pointed there is none of the service."""
    with serving(library, "--host", "0.0.0.0", "--open", "--allow-host", "photos.example.com") as url:
        port = httpx.URL(url).port

        def ask(address: str, host: str) -> httpx.Response:
            return httpx.get(f"http://{address}:{port}/images", headers={"Host": host})

        until(lambda: ask("127.0.0.1", "localhost").status_code == 200)
        for address in ("127.0.0.1", "127.0.0.2"):
            assert ask(address, "photos.example.com").status_code == 200
            for host in ("evil.example", "0.0.0.0", "127.0.0.2"):
                assert f"--allow-host {host}" in problem(ask(address, f"{host}:{port}"), 421)


# ---- slow, endless, many -------------------------------------------------------------------------------------------


def connected(port: int, address: str = "127.0.0.1") -> socket.socket:
    """A connection that comes from `address`."""
    client = socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(address, 0))
    client.settimeout(15)
    return client


def rest(client: socket.socket) -> bytes:
    """What comes until the service has ended the connection."""
    parts = []
    with client:
        try:
            while part := client.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)


def raw(port: int, request: bytes, address: str = "127.0.0.1") -> bytes:
    """All that is answered to a request, and nothing more said."""
    client = connected(port, address)
    client.sendall(request)
    return rest(client)


def refusal(said: bytes, status: int) -> str:
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} "), said
    fields = {name: value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return problem(httpx.Response(status, headers=fields, content=body), status)


@contextmanager
def hasty(library: Path, **variables: object) -> Iterator[tuple[int, list[str]]]:
    """A service with little patience: its port, and the lines that it has logged."""
    given = {"header_seconds": 1, "body_seconds": 1, "keep_seconds": 1, "receiving_mb": 200, **variables}
    added = {f"SEMBLANCE_{name.upper()}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(library), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **added}, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://127.0.0.1:(\d+)/", process.stderr.readline())
            assert found
            lines: list[str] = []
            stream = process.stderr
            threading.Thread(target=lambda: lines.extend(stream), daemon=True).start()
            until(lambda: httpx.get(f"http://127.0.0.1:{found[1]}/ready").status_code == 200)
            yield int(found[1]), lines
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def impatient(library: Path) -> Iterator[int]:
    with hasty(library) as (port, _):
        yield port


def test_who_is_slow_is_told_so(impatient: int) -> None:
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\n" + FORM
    asked = {
        "a header that does not end": b"GET /ready HTTP/1.1\r\nHost: local",
        "a body that does not come": head + b"Content-Length: 5000\r\n\r\n--edge",
        "a body without a length": head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--edg",
        "a second request that does not end": b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
    }
    with ThreadPoolExecutor() as pool:
        for why, said in zip(asked, pool.map(lambda each: raw(impatient, each), asked.values()), strict=True):
            assert "has not come in time" in refusal(said[said.rindex(b"HTTP/1.1 ") :], 408), why
        nothing, kept = pool.map(lambda each: raw(impatient, each), (b"", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert nothing == b"", "a browser connects ahead of need, and is told nothing"
    assert (kept.count(b"HTTP/1.1 200"), kept.count(b"HTTP/1.1")) == (1, 1), "kept for a while, and ended"


def test_a_body_that_trickles_has_an_end(library: Path) -> None:
    """Each byte in time, and all of it never."""
    with hasty(library, slowest_upload=10_000) as (port, _), connected(port) as client:
        client.sendall(b"POST /search HTTP/1.1\r\nHost: localhost\r\n" + FORM + b"Content-Length: 5000\r\n\r\n--edge")
        assert ended(client, b"x", 500, pause=0.2)


def ended(client: socket.socket, piece: bytes, times: int, pause: float = 0) -> bool:
    """Whether the service ends the connection while a piece is sent so many times."""
    try:
        for _ in range(times):
            client.sendall(piece)
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nbroken\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + 40_000 * b"x", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + 4_000 * b"X: 12345\r\n" + b"\r\n", 431),
        (b"GET /" + 40_000 * b"x" + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ],
    ids=["no field", "tls", "two lengths", "no chunk", "a long field", "many fields", "a long address"],
)
def test_what_is_no_request_is_a_problem_of_the_services_own(impatient: int, request_: bytes, status: int) -> None:
    refusal(raw(impatient, request_), status)


def test_an_offer_of_another_protocol_is_passed_over(impatient: int) -> None:
    """As Java's client makes it with its first request; with a body it cannot be told from one, and is refused."""
    offer = b"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    asked = b"GET /health HTTP/1.1\r\n" + offer + b"\r\n"
    assert raw(impatient, asked).startswith(b"HTTP/1.1 200 ")
    hidden = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
    said = raw(impatient, b"POST /search HTTP/1.1\r\n" + offer + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden)
    assert "Upgrade" in refusal(said, 400)


def test_what_was_refused_is_read_no_further_than_needed(impatient: int) -> None:
    """A refused upload is heard out up to a bound; then the connection is ended."""
    with connected(impatient, "127.0.0.2") as client:
        refused = b"POST /search HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n"
        client.sendall(refused + b"Transfer-Encoding: chunked\r\n\r\n")
        assert ended(client, b"%x\r\n%s\r\n" % (2**20, bytes(2**20)), 500)


def test_one_address_that_hangs_on_leaves_the_others_their_places(library: Path) -> None:
    with hasty(library, header_seconds=60) as (port, lines), ExitStack() as open_:
        slow = [open_.enter_context(connected(port, "127.0.0.2")) for _ in range(1100)]
        for client in slow[:64]:
            client.sendall(b"GET / HTTP/1.1\r\nHo")
        assert "Too many connections" in refusal(rest(slow[-1]), 503)
        other = open_.enter_context(httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.3")))
        assert other.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        slow[63].settimeout(0.1)
        with pytest.raises(TimeoutError):  # the first 64 are in, and wait
            slow[63].recv(1)
        for _ in range(50):
            refusal(raw(port, b"\x16\x03\x01\r\n\r\n", "127.0.0.4"), 400)
        until(lambda: any("turned away" in line for line in lines))
        assert len(lines) < 5, "a flood is no flood of lines"


def test_where_all_places_are_taken_who_idles_gives_way(library: Path) -> None:
    with hasty(library, connections=20, header_seconds=60) as (port, _), ExitStack() as open_:
        idle = [open_.enter_context(connected(port, f"127.0.0.{2 + number}")) for number in range(25)]
        assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        assert rest(idle[0]) == b""


def test_uploads_have_room_and_a_client_no_more_than_its_share(library: Path) -> None:
    """Two of 25 MB fill a client's quarter of 200 MB; what they hold is on disk, and free when they are gone."""
    head = b"POST /search HTTP/1.1\r\nHost: localhost\r\n" + FORM + b"Content-Length: 25000000\r\n\r\n"
    with hasty(library, body_seconds=60) as (port, _), ExitStack() as open_:
        held = [open_.enter_context(connected(port, "127.0.0.2")) for _ in range(2)]
        for client in held:
            client.sendall(head + b"--edge\r\n")
        until(lambda: b" 503 " in answered(port, head, "127.0.0.2"))
        assert b" 100 " in answered(port, head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"), "127.0.0.3")
        for client in held:
            client.close()
        wanted = head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
        until(lambda: b" 100 " in answered(port, wanted, "127.0.0.2"))


def answered(port: int, request: bytes, address: str) -> bytes:
    with connected(port, address) as client:
        client.sendall(request)
        return client.recv(100)


def test_room_is_shared() -> None:
    room = Receiving(most=400, largest=150)
    assert [room.take("a", 100), room.take("a", 50), room.take("a", 1)] == [True, True, False]
    assert [room.take("b", 150), room.take("c", 101), room.take("c", 100)] == [True, False, True]
    for client, size in (("a", 100), ("a", 50), ("b", 150), ("c", 100)):
        room.give(client, size)
    assert not room.held


def test_whose_connection_it_is() -> None:
    assert client_key("192.0.2.1") == "192.0.2.1"
    assert client_key("::ffff:192.0.2.1") == "192.0.2.1"
    assert client_key("2001:db8:1:2::1") == client_key("2001:db8:1:2:ffff::9") != client_key("2001:db8:1:3::1")
    assert client_key("fe80::1%eth0") == client_key("fe80::2")


def test_a_messages_flood_is_one_line_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("tests.flood")
    log.addFilter(Seldom())
    for _ in range(1000):
        log.warning("out of files")
    log.warning("something else")
    assert [record.getMessage() for record in caplog.records] == ["out of files", "something else"]


def test_an_answer_is_not_held_back_by_the_kernel(library: Path) -> None:
    """Header and body are two sends: without TCP_NODELAY the second waits for the first to be acknowledged, 40 ms."""
    settings = Settings(library=library, port=0)
    with listen(settings) as listener:
        server = Server(create_app(settings), settings, lambda: None, lambda _: None)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            until(lambda: server.started)
            with connected(listener.getsockname()[1]):
                until(lambda: len(server.door.inside) == 1)
                accepted = next(iter(server.door.inside)).transport.get_extra_info("socket")
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        finally:
            server.should_exit = True
            thread.join()


def test_the_port_is_asked_for_before_anything_long_is_done(semblance: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = semblance("demo", "--folder", tmp_path / "demo", "--port", port)
    assert refused.returncode == 2
    assert "choose another --port" in refused.stderr
    assert not (tmp_path / "demo").exists()


# ---- readers -------------------------------------------------------------------------------------------------------


def test_who_reads_slowly_gets_all_and_who_reads_nothing_is_let_go(codec: Codec, tmp_path: Path) -> None:
    large = paint(tmp_path / "pictures" / "large.bmp", 1, (2000, 1500))
    pipeline.update([large.parent], tmp_path / "library", codec, threads=1)
    with serving(tmp_path / "library", SEMBLANCE_WRITE_SECONDS="2") as url, ExitStack() as open_still:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        host, port = url.removeprefix("http://").split(":")

        def reader() -> socket.socket:
            own = open_still.enter_context(socket.socket())
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            own.connect((host, int(port)))
            own.sendall(b"GET /images/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return own

        slow, still = reader(), reader()
        parts = []
        for _ in range(60):  # 100 kB a second: a megabyte, which is read from the disk at one time, takes ten
            parts.append(slow.recv(10_000))
            time.sleep(0.1)
        while part := slow.recv(2**20):
            parts.append(part)
        assert b"".join(parts).partition(b"\r\n\r\n")[2] == large.read_bytes()
        assert len(_all_of(still)) < large.stat().st_size, "it read nothing for more than two seconds"
        assert httpx.get(f"{url}/images/1").content == large.read_bytes()


def _all_of(connection: socket.socket) -> bytes:
    said = []
    try:
        while part := connection.recv(2**20):
            said.append(part)
    except ConnectionResetError:
        pass
    return b"".join(said)
