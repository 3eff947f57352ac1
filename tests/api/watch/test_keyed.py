"""A service that asks for keys: who gets in, what strangers learn, what the access log says of it all."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from semblance.indexer.keeping import keys
from tests.conftest import serving, until

WITHIN = 3.0  # seconds: one or two are promised


@dataclass(frozen=True)
class Keyed:
    """A running service whose library has keys."""

    url: str
    library: Path
    log: Path
    reader: str


@pytest.fixture(scope="module")
def keyed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    own = Path(shutil.copytree(library, tmp_path_factory.mktemp("keyed") / "library"))
    log = own.parent / "access.log"
    reader = keys.add(own, "reader")
    with serving(own, SEMBLANCE_ACCESS_LOG=str(log), SEMBLANCE_RATE="3000/minute") as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        yield Keyed(url, own, log, reader)


def asked(keyed: Keyed, key: str | None, path: str = "/images?limit=1") -> httpx.Response:
    return httpx.get(f"{keyed.url}{path}", headers={"Authorization": f"Bearer {key}"} if key is not None else {})


def lines(keyed: Keyed) -> list[dict[str, object]]:
    return [json.loads(line) for line in keyed.log.read_text().splitlines()]


@pytest.mark.parametrize("path", ["/images?limit=1", "/images/1", "/images/1/thumbnail", "/metrics", "/openapi.json"])
def test_a_stranger_is_asked_for_a_key(keyed: Keyed, path: str) -> None:
    for key in (None, "-", "smb_wrong", keyed.reader[:-1], keys.read(keyed.library)[0].sha256):
        answer = asked(keyed, key, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].split()[0] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Authorization: Bearer KEY" in answer.json()["detail"]
    assert asked(keyed, keyed.reader, path).status_code == 200


def test_strangers_learn_no_more_than_that_it_lives(keyed: Keyed) -> None:
    for path in ("/health", "/ready"):
        answer = asked(keyed, None, path)
        assert answer.status_code == 200
        assert set(answer.json()) == {"status"}
    assert asked(keyed, None, "/").status_code == 200, "the page, which is the same for all"
    assert asked(keyed, keyed.reader, "/ready").json()["pictures"] == 48
    assert httpx.post(f"{keyed.url}/").status_code == 401


def test_the_address_with_a_key_makes_a_cookie_and_goes_on_without_it(keyed: Keyed) -> None:
    with httpx.Client(base_url=keyed.url) as http:
        assert http.get("/?key=smb_wrong").status_code == 401
        entered = http.get(f"/?key={keyed.reader}&id=5&k=%C3%A4")
        assert (entered.status_code, entered.headers["location"]) == (303, "./?id=5&k=%C3%A4")
        cookie = entered.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(re.split(r";\s*", cookie))
        assert "Secure" not in cookie, "browsers would not send it by plain http"
        assert http.get("/images?limit=1").status_code == 200, "the cookie is sent along"
        wrong = {"Authorization": "Bearer smb_wrong"}
        assert http.get("/images?limit=1", headers=wrong).status_code == 401, "what is said outright counts"


def test_keys_that_come_and_go_are_followed(keyed: Keyed) -> None:
    new = keys.add(keyed.library, "guest", write=True)
    until(lambda: asked(keyed, new).status_code == 200, WITHIN)
    for key, status in ((keyed.reader, 403), (new, 404), ("smb_wrong", 401)):
        answer = httpx.delete(f"{keyed.url}/images/999999", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status, "only who may write hears that there is no such picture"
    keys.remove(keyed.library, "guest")
    until(lambda: asked(keyed, new).status_code == 401, WITHIN)
    assert asked(keyed, keyed.reader).status_code == 200

    path = keyed.library / keys.FILE
    whole = path.read_bytes()
    for damaged in (b"{", None):
        path.write_bytes(damaged) if damaged else path.unlink()
        until(lambda: asked(keyed, keyed.reader).status_code == 401, WITHIN)
        assert asked(keyed, None).status_code == 401, "without its file it does not stand open"
        path.write_bytes(whole)
        until(lambda: asked(keyed, keyed.reader).status_code == 200, WITHIN)


def test_the_first_key_closes_a_service_that_stood_open(library: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(library, tmp_path / "library"))
    with serving(own) as url:
        until(lambda: httpx.get(f"{url}/images").status_code == 200)
        key = keys.add(own, "first")
        until(lambda: httpx.get(f"{url}/images").status_code == 401, WITHIN)
        assert httpx.get(f"{url}/images", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_public_address_without_keys_is_refused_and_with_one_served(library: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(library, tmp_path / "library"))
    key = keys.add(own, "first")
    with serving(own, "--host", "0.0.0.0") as url:
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/images").status_code == 401
        assert httpx.get(f"{url}/images", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_the_log_says_of_each_request_who_what_and_how_long(keyed: Keyed) -> None:
    given = "trace-4.2_b"
    headers = {"Authorization": f"Bearer {keyed.reader}", "X-Request-ID": given}
    answer = httpx.get(f"{keyed.url}/images/1/thumbnail?{keyed.reader}", headers=headers)
    assert answer.headers["x-request-id"] == given
    until(lambda: any(line["id"] == given for line in lines(keyed)))
    (line,) = (line for line in lines(keyed) if line["id"] == given)
    assert {name: line[name] for name in ("client", "key", "method", "path", "route", "status", "bytes")} == {
        "client": "127.0.0.1",
        "key": "reader",
        "method": "GET",
        "path": "/images/1/thumbnail",
        "route": "/images/{id}/thumbnail",
        "status": 200,
        "bytes": len(answer.content),
    }
    assert 0 < float(str(line["seconds"])) < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(line["time"]))


@pytest.mark.parametrize("given", ["a b", 'a"b', "x" * 65, "<b>", "é"])
def test_ids_that_would_not_be_safe_are_replaced_and_problems_tell_theirs(keyed: Keyed, given: str) -> None:
    answer = httpx.get(f"{keyed.url}/nowhere", headers={b"X-Request-ID": given.encode()})
    own = answer.headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", own)
    assert answer.json()["request_id"] == own


def test_no_request_writes_a_line_of_its_own_into_the_log_nor_a_key(keyed: Keyed) -> None:
    port = int(keyed.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        forged = "/%0a%7b%22status%22%3a200%7d%1b%5b31m%e2%80%ae" + keyed.reader
        raw.sendall(f"GET {forged} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: last\r\n\r\n".encode())
        raw.recv(4096)
    httpx.get(f"{keyed.url}/?key={keyed.reader}", headers={"X-Request-ID": keyed.reader})
    httpx.get(f"{keyed.url}/ready", headers={"X-Request-ID": "after"})
    until(lambda: any(line["id"] == "after" for line in lines(keyed)))
    (line,) = (line for line in lines(keyed) if line["id"] == "last")
    assert line["path"] == '/\n{"status":200}\x1b[31m\u202esmb_...'
    text = keyed.log.read_text()
    assert text.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert keyed.reader not in text


def test_the_log_follows_when_it_is_moved_away(keyed: Keyed) -> None:
    keyed.log.rename(keyed.log.with_suffix(".1"))
    httpx.get(f"{keyed.url}/ready", headers={"X-Request-ID": "moved"})
    until(lambda: keyed.log.exists() and any(line["id"] == "moved" for line in lines(keyed)))
