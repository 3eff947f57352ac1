"""For a phone on the same network: an address with a key, as a code on a terminal; TLS; how often one may ask."""

import os
import pty
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import segno

from semblance.api.door import certificates
from semblance.indexer.keeping import keys
from semblance.retrieval.errors import UsageError
from semblance.scripts.commands.serve import settled
from semblance.scripts.sharing import address, lines
from tests.conftest import ROOT, until

Run = Callable[..., subprocess.CompletedProcess[str]]
NAMED = re.compile(r"https?://[^/]+/\?key=\S+")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, and its key, as people make them."""
    folder = tmp_path_factory.mktemp("pem")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


@dataclass(frozen=True)
class Shared:
    """A service that is shared: the address that it said, and a client for https://localhost there."""

    said: str
    http: httpx.Client


def wait(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@pytest.fixture(scope="module")
def shared(library: Path, pem: tuple[Path, Path]) -> Iterator[Shared]:
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(library), "--port", "0", "--share"]
    command += ["--cert", str(pem[0]), "--key-file", str(pem[1])]
    limited = {**os.environ, "SEMBLANCE_RATE": "30/hour"}
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=limited)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = NAMED.search(line)
        assert found, line
        port = found[0].split("/")[2].rpartition(":")[2]
        with httpx.Client(
            base_url=f"https://localhost:{port}", verify=ssl.create_default_context(cafile=pem[0])
        ) as http:
            until(lambda: http.get("/ready").status_code == 200)
            yield Shared(found[0], http)
    finally:
        wait(process)


def test_who_has_the_address_gets_in_by_https_for_this_run_alone(shared: Shared, library: Path) -> None:
    assert shared.said.startswith(f"https://{address()}:")
    assert shared.http.get("/images?limit=1").status_code == 401
    own_name = {"Host": shared.said.split("/")[2]}
    entered = shared.http.get(f"/?{shared.said.partition('?')[2]}", headers=own_name)
    assert (entered.status_code, entered.headers["location"]) == (303, "./")
    assert "Secure" in re.split(r";\s*", entered.headers["set-cookie"])
    key = {"Authorization": f"Bearer {shared.said.partition('key=')[2]}"}
    assert shared.http.get("/images?limit=1", headers=key).status_code == 200
    assert not (library / keys.FILE).exists()


def test_who_asks_too_often_is_told_when_to_come_back(shared: Shared) -> None:
    """The limit is by key: what one uses up is another's still; without a key it is by the address."""
    shared.http.cookies.clear()
    key = {"Authorization": f"Bearer {shared.said.partition('key=')[2]}"}
    answers = [shared.http.get("/images?limit=1", headers=key) for _ in range(40)]
    counts = [answer.status_code for answer in answers]
    allowed = counts.index(429)
    assert set(counts[:allowed]) == {200}
    assert set(counts[allowed:]) == {429}
    assert allowed >= 28, "all of them but what the test before asked"
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 3000 < int(refused.headers["retry-after"]) <= 3600
    assert "try again in" in refused.json()["detail"]
    assert shared.http.get("/health").status_code == shared.http.get("/ready", headers=key).status_code == 200
    page = [shared.http.get("/").status_code for _ in range(31)]
    assert (page[:29], page[-1]) == (29 * [200], 429), "the page needs no key, and counts by the address"


def test_the_code_on_a_terminal_is_that_of_the_address(library: Path) -> None:
    """Read back from what a terminal gets: black on white whatever its colours, each half block a square."""
    command = [sys.executable, "-m", "semblance", "serve", "--library", str(library), "--port", "0", "--share"]
    theirs, ours = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200", "COLORTERM": "truecolor"}
    process = subprocess.Popen([*command, "--host", "127.0.0.1"], cwd=ROOT, stderr=ours, text=True, env=environment)
    os.close(ours)
    seen = b""
    try:
        while not (said := NAMED.search(seen.decode(errors="ignore"))) or seen.count(b"\n") <= len(lines(said[0])):
            seen += os.read(theirs, 4096)
    finally:
        wait(process)
        os.close(theirs)
    text = seen.decode()
    drawn = re.findall(r"\x1b\[38;2;0;0;0;48;2;255;255;255m([ ▀▄█]+)\x1b\[0m", text)
    squares = {" ": "00", "▀": "10", "▄": "01", "█": "11"}
    rows = ["".join(squares[each][half] for each in line) for line in drawn for half in (0, 1)]
    code = segno.make(said[0], error="l").matrix
    assert [row[2 : 2 + len(code)] for row in rows[2 : 2 + len(code)]] == ["".join(map(str, row)) for row in code]
    assert {*rows[0], *rows[1], *(row[0] for row in rows), *(row[-1] for row in rows)} == {"0"}, "a border around it"


def test_what_makes_no_certificate_is_a_sentence(
    semblance: Run, library: Path, pem: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = pem
    other, locked = tmp_path / "other.pem", tmp_path / "locked.pem"
    subprocess.run(["openssl", "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    lock = ["openssl", "pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(lock, check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    certificates.check(both, None)
    for wrong_cert, wrong_key, said in (
        (cert, None, "private key"),
        (cert, other, "private key"),
        (cert, locked, "pass phrase"),
        (key, None, "a certificate in PEM"),
        (tmp_path / "none.pem", None, "cannot be read"),
        (None, key, "name that by --cert"),
    ):
        with pytest.raises(UsageError, match=said):
            certificates.check(wrong_cert, wrong_key)
    refused = semblance("serve", "--library", library, "--port", "0", "--cert", cert)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("rate", "often"), ("rate", "0/minute"), ("otel", "collector:4318"), ("audit", 2)]
)
def test_settings_that_make_no_sense_are_said_by_name(library: Path, name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"^{name}: "):
        settled({"library": library, name: value})
