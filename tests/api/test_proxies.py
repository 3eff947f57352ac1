"""The service behind nginx and Caddy, by the very files that docs/operations.md shows, ports and certificates replaced:
under a name of its own and below a path, over TLS, with uploads, refusals, and streams that are not held back."""

import os
import re
import socket
import ssl
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.api.test_docs import use
from tests.conftest import ROOT, Server, paint, serving, until

FILES = ROOT / "docs" / "proxies"
NAMES = ("photos.example.com", "www.example.com")


@dataclass(frozen=True)
class Proxied:
    """A service behind a proxy: the proxy's port, the service's own address, and a client that trusts the proxy."""

    kind: str
    port: int
    own: str
    http: httpx.Client

    def ask(self, name: str, path: str, method: str = "GET", **options: object) -> httpx.Response:
        """A request for a name, which the proxy is asked for."""
        headers = {"Host": f"{name}:{self.port}", **options.pop("headers", {})}  # type: ignore[dict-item]
        url = f"https://127.0.0.1:{self.port}{path}"
        extensions = {"sni_hostname": name}
        return self.http.request(method, url, headers=headers, extensions=extensions, **options)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def certificate(folder: Path) -> None:
    """A certificate for both names, as DIR/name.pem and .key."""
    for name in NAMES:
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        whose = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        subprocess.run(["openssl", "req", *kind, *whose, *files], check=True, capture_output=True)


def nginx(path: str, folder: Path, port: int, service: int) -> list[str]:
    """Write what /etc/nginx/nginx.conf has around docs/proxies/nginx.conf; the command that runs it."""
    site = (FILES / "nginx.conf").read_text()
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl").replace("/etc/ssl", str(folder))
    (folder / "site.conf").write_text(site.replace("127.0.0.1:8000", f"127.0.0.1:{service}"))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""  # its workers write into the test's folder
    (folder / "nginx.conf").write_text(
        f"{user} pid {folder}/pid; error_log stderr; daemon off; worker_processes 1; events {{}} "
        f"http {{ access_log off; {temporary} include {folder}/site.conf; }}"
    )
    return [path, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(path: str, folder: Path, port: int, service: int) -> list[str]:
    """Write docs/proxies/Caddyfile with certificates at hand in place of those it would get; the command."""
    site = (FILES / "Caddyfile").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{service}")
    for name in NAMES:
        own = f"https://{name}:{port} {{\n\ttls {folder}/{name}.pem {folder}/{name}.key\n\tbind 127.0.0.1"
        site, found = re.subn(rf"(?m)^{re.escape(name)} {{$", own, site)
        assert found == 1
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    return [path, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES = {"nginx": nginx, "caddy": caddy}


@contextmanager
def running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """The proxy, once it takes connections."""
    with (folder / "log").open("w") as log:
        environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log, stdout=log)
    try:

        def listens() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(listens)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxied(
    request: pytest.FixtureRequest, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    path: str = request.getfixturevalue(f"{request.param}_path")
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    certificate(folder)
    trusting = ssl.create_default_context()
    for name in NAMES:
        trusting.load_verify_locations(folder / f"{name}.pem")
    trusting.check_hostname = False  # the proxy is asked by its address; the certificate is checked
    allowed = [option for name in NAMES for option in ("--allow-host", name)]
    with serving(library, "--trust-proxy", "127.0.0.1", *allowed) as own:
        service = httpx.URL(own).port or 0
        command = PROXIES[request.param](path, folder, port, service)
        until(lambda: httpx.get(f"{own}/ready").status_code == 200)
        with running(command, folder, port), httpx.Client(verify=trusting, timeout=30) as http:
            yield Proxied(request.param, port, own, http)


@pytest.mark.parametrize(("name", "below"), [("photos.example.com", ""), ("www.example.com", "/semblance")])
def test_all_that_the_page_needs_comes_through(
    proxied: Proxied, server: Server, name: str, below: str, tmp_path: Path
) -> None:
    """The page and what it loads, /docs with the description that it names, an upload of 20 MB, a refusal."""
    page = proxied.ask(name, f"{below}/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for address in re.findall(r'(?:href|src)="(page/[^"]+)"', page.text):
        assert proxied.ask(name, f"{below}/{address}").status_code == 200

    viewer = proxied.ask(name, f"{below}/docs")
    for address in re.findall(r'(?:href|src)="([^"]+)"', viewer.text):
        assert proxied.ask(name, f"{below}/{address}").status_code == 200
    document = proxied.ask(name, f"{below}/openapi.json").json()
    assert "/search" in document["paths"]
    assert [each["url"] for each in document.get("servers", [])] == [below][: len(below)]

    large = paint(tmp_path / "large.bmp", 1, (2700, 2400))
    assert 19e6 < large.stat().st_size < 25 * 2**20
    origin = {"Origin": f"https://{name}:{proxied.port}"}
    found = proxied.ask(name, f"{below}/search", "POST", files={"file": large.read_bytes()}, headers=origin)
    assert found.status_code == 200
    id_ = found.json()["results"][0]["id"]
    assert proxied.ask(name, f"{below}/images/{id_}").status_code == 200

    refused = proxied.ask(name, f"{below}/search", "POST", headers={"Origin": "https://evil.example"})
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")


def test_the_chapter_shows_the_files_that_are_run() -> None:
    chapter = (ROOT / "docs" / "operations.md").read_text()
    for file in FILES.iterdir():
        assert textwrap.indent(file.read_text(), "    ") in chapter


def test_a_path_without_its_slash_finds_the_page(proxied: Proxied) -> None:
    moved = proxied.ask("www.example.com", "/semblance")
    assert moved.status_code == 308
    assert httpx.URL(moved.headers["location"]).path == "/semblance/"


def test_who_comes_by_the_proxy_cannot_say_where_it_stands(proxied: Proxied) -> None:
    """The headers of a proxy are the proxy's own: a client's are not passed on, or overwritten."""
    lies = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp"}
    for name, below in (("photos.example.com", ""), ("www.example.com", "/semblance")):
        document = proxied.ask(name, f"{below}/openapi.json", headers=lies)
        assert document.status_code == 200
        assert "evil" not in document.text


def test_who_is_not_trusted_is_not_believed(proxied: Proxied, server: Server) -> None:
    """The service with a trusted proxy believes 127.0.0.1, the other nobody."""
    said = {"X-Forwarded-Prefix": "/semblance", "X-Forwarded-Host": "evil.example"}
    assert httpx.get(f"{proxied.own}/images", headers=said).status_code == 421
    assert httpx.get(f"{server.url}/images", headers=said).status_code == 200
    assert "servers" not in httpx.get(f"{server.url}/openapi.json", headers=said).json()
    elsewhere = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.9"))
    with elsewhere:
        assert elsewhere.get(f"{proxied.own}/images", headers=said).status_code == 200


def test_a_stream_is_not_held_back(proxied: Proxied, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The second event is sent only when the first has come through: who holds one back waits for ever."""
    path: str = request.getfixturevalue(f"{proxied.kind}_path")
    certificate(tmp_path)
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as service:
        command = PROXIES[proxied.kind](path, tmp_path, port, service.getsockname()[1])
        came = threading.Event()
        sending = threading.Thread(target=events, args=(service, came))
        sending.start()
        with running(command, tmp_path, port), httpx.Client(verify=False, timeout=10) as http:
            options = {"headers": {"Host": NAMES[1]}, "extensions": {"sni_hostname": NAMES[1]}}
            with http.stream("GET", f"https://127.0.0.1:{port}/semblance/jobs/1/events", **options) as stream:  # type: ignore[arg-type]
                lines = (line for line in stream.iter_lines() if line)
                assert next(lines) == "data: first"
                came.set()
                assert next(lines) == "data: second"
        sending.join()


def events(service: socket.socket, came: threading.Event) -> None:
    """Answer one request with the header that `/jobs/{id}/events` has, and two events."""
    while True:
        client, _ = service.accept()
        with client:
            if not client.recv(65536):  # the one who looked whether the port is open
                continue
            client.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n"
                b"Connection: close\r\n\r\ndata: first\n\n"
            )
            came.wait(10)
            client.sendall(b"data: second\n\n")
            return


def test_the_viewer_works_below_a_path(proxied: Proxied, server: Server, chromium_path: str) -> None:
    mapped = "--host-resolver-rules=MAP www.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    base = f"https://www.example.com:{proxied.port}/semblance"
    assert use(chromium_path, base, server.library_pictures[3], mapped) == []


def test_limits_go_by_who_comes_by_the_proxy(library: Path) -> None:
    """Its connections are as many as it wants; one client behind it has few requests at one time."""

    def ask(client: str) -> int:
        return httpx.get(f"{url}/ready", headers={"X-Forwarded-For": f"198.51.100.1, {client}"}).status_code

    variables = {"SEMBLANCE_CONNECTIONS_EACH": "3", "SEMBLANCE_TRUST_PROXY": "127.0.0.0/8"}
    with serving(library, **variables) as url, ExitStack() as open_:
        until(lambda: ask("192.0.2.2") == 200)
        for _ in range(3):
            client = open_.enter_context(socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)))
            client.sendall(
                b"POST /search HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 5\r\n"
                b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
            )
        until(lambda: ask("192.0.2.1") == 503)
        assert ask("192.0.2.2") == 200
