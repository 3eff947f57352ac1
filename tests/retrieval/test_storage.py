"""Addresses: what may be one, and what a real S3 server, well or hindered, lets be listed and read."""

import contextlib
import hashlib
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from semblance.retrieval import fetching, storage
from semblance.retrieval.errors import NothingStored, PictureTooLarge, Stopped, StorageError, UsageError
from semblance.retrieval.storage import reaching
from tests.buckets import LARGE, S3, SECRETS, Road, asking
from tests.conftest import ROOT
from tests.sites import Site

ODD = ("é ü/猫.png", "100%25+?#&=.jpg", "a b/c  d.jpg", "q?versionId=3.jpg", "x::y.jpg", "a//b.jpg", "[a]*.jpg", "<>.g")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("s3://bucket/a/b.jpg", "s3://bucket/a/b.jpg"),
        ("S3A://bucket/a/", "s3://bucket/a"),
        ("gcs://bucket", "gs://bucket"),
        ("s3://bucket/a@b:c.jpg", "s3://bucket/a@b:c.jpg"),
        ("http://host:8080/x y", "http://host:8080/x y"),
        ("az://container@account/x", "az://container@account/x"),
        ("memory://a", "memory://a"),
        ("file:///tmp/x/", "file:///tmp/x"),
    ],
)
def test_an_address_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert storage.normal(written) == kept
    assert storage.is_normal(kept)
    assert storage.place(kept) == kept


@pytest.mark.parametrize(
    "address",
    [
        "s3://AKIA:geheim@bucket/x",
        "s3://AKIA:ge/he+im@bucket/x",
        "s3://AKIA@bucket/x",
        "s3://AKIA:geheim/x",
        "http://me:geheim@host/x",
        "https://host/x.jpg?X-Amz-Signature=geheim",
        "https://host/x.jpg?sig=geheim",
        "az://account:geheim@container/x",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_said_back(address: str) -> None:
    with pytest.raises(UsageError, match="holds credentials") as refused:
        storage.normal(address)
    assert "AKIA" not in str(refused.value)
    assert "geheim" not in str(refused.value)
    assert not storage.is_normal(address)


@pytest.mark.parametrize("path", ["/a/b", "a/b", "C:\\a", "s3:/bucket/x", "x://y", "", "./s3://b/k"])
def test_paths_are_no_addresses(path: str) -> None:
    assert not storage.is_address(path)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nosuch://x/y", "Nothing is known of addresses that begin with nosuch://"),
        ("gs://bucket/x", "pip install gcsfs"),
        ("az://container/x", "pip install adlfs"),
    ],
)
def test_a_package_that_is_missing_is_named(address: str, said: str) -> None:
    with pytest.raises(UsageError) as missing:
        storage.read(address)
    assert said in str(missing.value)


def test_a_start_imports_nothing_of_it() -> None:
    program = "import sys, semblance.scripts.main, semblance.indexer.library, semblance.retrieval.fetching;"
    program += "print({'fsspec', 's3fs', 'botocore', 'aiohttp'} & {*sys.modules})"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert said.stdout == "set()\n", said.stderr


def test_every_key_is_listed_and_read_as_it_is(s3: S3, road: Road) -> None:
    other = {"in/folder/": b"", "inner.jpg": b"no", "in/0.jpg": b""}
    s3.put("odd", **{f"in/{key}": key.encode() for key in ODD}, **other)
    found = {each.address: each for each in storage.listing("s3://odd/in")}
    assert found.keys() == {f"s3://odd/in/{key}" for key in (*ODD, "folder/", "0.jpg")}
    for key in ODD:
        each = found[f"s3://odd/in/{key}"]
        assert (storage.read(each.address), each.size) == (key.encode(), len(key.encode()))
        assert storage.stat(each.address) == each
        assert storage.piece(each.address, 1, 3) == (key.encode()[1:3], each)
        of = s3.client.head_object(Bucket="odd", Key=f"in/{key}")
        assert each.mtime_ns == int(of["LastModified"].timestamp()) * 10**9
        assert abs(datetime.now(UTC).timestamp() - each.mtime_ns / 10**9) < 600
        digest = hashlib.sha256(of["ETag"].strip('"').encode()).digest()
        assert each.version == int.from_bytes(digest[:8], "big") >> 1
    assert storage.read("s3://odd/in/0.jpg") == b""
    assert storage.piece("s3://odd/in/0.jpg", 0, 64) == (b"", found["s3://odd/in/0.jpg"])


def test_a_listing_comes_in_pages(s3: S3, road: Road) -> None:
    s3.put("many")
    s3.fill("many", (f"p/{number:05}" for number in range(2_003)))
    addresses = [each.address for each in storage.listing("s3://many/p")]
    assert addresses == [f"s3://many/p/{number:05}" for number in range(2_003)]
    assert len(road.asked) == 3
    first = next(storage.listing("s3://many"))
    assert first.address == "s3://many/p/00000"
    assert len(road.asked) == 4


def test_one_request_reads_a_picture_and_a_put_writes_one(s3: S3, road: Road) -> None:
    s3.put("writing")
    storage.write("s3://writing/a b/x", b"12345")
    road.asked.clear()
    assert storage.read("s3://writing/a b/x", 5) == b"12345"
    assert road.asked == ["GET /writing/a b/x"]
    with pytest.raises(PictureTooLarge):
        storage.read("s3://writing/a b/x", 4)


def test_what_is_uploaded_in_parts_has_a_version_too(s3: S3, road: Road) -> None:
    s3.put("parts")
    begun = s3.client.create_multipart_upload(Bucket="parts", Key="x.jpg")["UploadId"]
    parts = []
    for number, body in ((1, b"a" * 5 * 2**20), (2, b"b")):
        sent = s3.client.upload_part(Bucket="parts", Key="x.jpg", UploadId=begun, PartNumber=number, Body=body)
        parts.append({"ETag": sent["ETag"], "PartNumber": number})
    s3.client.complete_multipart_upload(Bucket="parts", Key="x.jpg", UploadId=begun, MultipartUpload={"Parts": parts})
    (each,) = storage.listing("s3://parts")
    assert (each.size, each.version > 0) == (5 * 2**20 + 1, True)
    assert storage.read(each.address) == b"a" * 5 * 2**20 + b"b"
    assert storage.piece(each.address, 5 * 2**20 - 1, 5 * 2**20 + 9) == (b"ab", each)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("deny", "may not be read (AccessDenied)"),
        ("slow", "asks for fewer requests (SlowDown)"),
        ("cut", "cannot be read"),
        ("reset", "cannot be read"),
    ],
)
def test_what_hinders_is_one_sentence_without_a_secret(way: str, said: str, s3: S3, road: Road) -> None:
    s3.put(f"hindered-{way}", x=b"0123456789")
    road.hinder = lambda *_: way
    address = f"s3://hindered-{way}/x"
    with pytest.raises(StorageError) as hindered:
        storage.read(address)
    assert said in str(hindered.value).replace("The storage of ", "")
    assert str(hindered.value).startswith((address, "The storage"))
    whole = "".join(traceback.format_exception(hindered.value))
    assert not [secret for secret in SECRETS if secret in whole]
    assert isinstance(hindered.value, OSError)


def test_of_all_who_create_an_object_one_is_told_that_he_did(s3: S3, road: Road) -> None:
    s3.put("created")
    address, told = "s3://created/x", list[tuple[int, bool]]()
    begun = threading.Barrier(8)

    def create(number: int) -> None:
        begun.wait()
        told.append((number, storage.create(address, str(number).encode())))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number, did in told if did] == [storage.read(address)]
    assert len(told) == 8


@pytest.mark.parametrize("there", [True, False])
def test_a_storage_that_knows_no_such_put_is_asked_first(there: bool, s3: S3, road: Road) -> None:
    s3.put(f"plain-{there}".lower(), **({"x": b"before"} if there else {}))
    address = f"s3://plain-{there}/x".lower()
    road.hinder = lambda method, _: "unknown" if method == "PUT" and len(road.asked) == 1 else None
    assert storage.create(address, b"mine") is not there
    assert storage.read(address) == (b"before" if there else b"mine")
    assert storage.create(f"memory://plain/{there}", b"one")
    assert not storage.create(f"memory://plain/{there}", b"two")


def test_who_may_not_write_is_told_so(s3: S3, road: Road) -> None:
    s3.put("guarded")
    road.hinder = lambda *_: "deny"
    for put in (storage.write, storage.create):
        with pytest.raises(StorageError, match="may not be written to"):
            put("s3://guarded/x", b"")


@pytest.mark.parametrize("way", ["slow", "cut", "reset"])
def test_what_hinders_for_a_moment_is_tried_again(way: str, s3: S3, road: Road) -> None:
    s3.put(f"passing-{way}", x=b"0123456789")
    road.hinder = lambda *_: way if len(road.asked) == 1 else None
    assert storage.read(f"s3://passing-{way}/x") == b"0123456789"
    assert len(road.asked) == 2


def test_nothing_is_told_from_no_bucket(s3: S3, road: Road) -> None:
    s3.put("empty")
    assert [*storage.listing("s3://empty/none")] == []
    for ask in (storage.read, storage.stat):
        with pytest.raises(NothingStored, match=r"There is nothing at s3://empty/x\."):
            ask("s3://empty/x")
    with pytest.raises(NothingStored, match="There is no bucket of s3://nosuchbucket"):
        [*storage.listing("s3://nosuchbucket/a")]


def test_where_nobody_listens_it_is_said(s3: S3) -> None:
    with asking("http://127.0.0.1:9"), pytest.raises(StorageError, match="cannot be reached") as away:
        storage.read("s3://bucket/x")
    assert away.value.away


def test_five_gigabytes_are_never_fetched(s3: S3, road: Road) -> None:
    s3.put("large", x=b"0123456789")
    with fetching.fetcher() as begin, pytest.raises(PictureTooLarge):
        begin([("s3://large/x", LARGE)])[0](reaching.never)
    assert road.asked == []
    road.hinder = lambda *_: "large"
    with pytest.raises(PictureTooLarge):
        storage.read("s3://large/x")
    assert len(road.asked) == 1


def test_who_gives_up_waits_no_longer(s3: S3, road: Road) -> None:
    s3.put("hanging", x=b"0123456789")
    road.hinder = lambda *_: "hang"
    given_up = threading.Event()
    threading.Timer(0.3, given_up.set).start()
    with pytest.raises(Stopped):
        storage.read("s3://hanging/x", ended=given_up.is_set)


def test_without_credentials_it_is_asked_without_a_signature(
    s3: S3, road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put("public", x=b"0123456789")
    s3.client.put_object_acl(Bucket="public", Key="x", ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setattr(reaching, "_unsigned", set())
    monkeypatch.setattr(reaching, "_known", {})
    assert [each.size for each in storage.listing("s3://public")] == [10]
    assert storage.read("s3://public/x") == b"0123456789"


@pytest.mark.parametrize("root", ["memory://shelf/of", "file://{tmp}/of"])
def test_other_storages_are_asked_by_the_same_door(root: str, tmp_path: object) -> None:
    root = root.format(tmp=tmp_path)
    (tmp_path / "of").mkdir()  # type: ignore[operator]
    storage.write(f"{root}/x y.jpg", b"12345")
    (each,) = storage.listing(root)
    assert (each.address, each.size) == (f"{root}/x y.jpg", 5)
    assert storage.stat(each.address) == each
    assert storage.read(each.address) == b"12345"
    assert storage.piece(each.address, 1, 3)[0] == b"23"
    with pytest.raises(NothingStored):
        [*storage.listing(f"{root}/none")]
    with pytest.raises(NothingStored):
        storage.stat(f"{root}/none.jpg")


def test_downloads_come_in_order_beside_each_other_and_files_as_they_are(s3: S3, road: Road) -> None:
    """Each request but the last waits until all are there: were they made one after the other, none would end."""
    s3.put("ahead", **{str(number): str(number).encode() for number in range(5)})
    together = threading.Barrier(5)

    def wait(*_: str) -> None:
        together.wait(20)

    road.hinder = wait
    wanted = [*((f"s3://ahead/{number}", 1) for number in range(5)), ("/a/file.jpg", 3)]
    with fetching.fetcher() as begin:
        got = [come(reaching.never) for come in begin(wanted)]
    assert got == [*(str(number).encode() for number in range(5)), Path("/a/file.jpg")]


class Hostile(BaseHTTPRequestHandler):
    """Listings and bodies that never end, bodies larger than was asked for, and the way to another host."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    asked: ClassVar[list[str]] = []

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = urlsplit(self.path)
        if "list-type" in path.query:
            self.listing(path.path.strip("/"))
        elif "endless" in path.path:
            self.answer(206, {"Content-Range": "bytes 0-9/10", "Transfer-Encoding": "chunked"})
            with contextlib.suppress(OSError):
                while self.command != "HEAD":
                    self.wfile.write(b"10000\r\n" + bytes(2**16) + b"\r\n")
        elif "larger" in path.path:
            self.answer(200, {"Content-Length": str(2**27)})
            with contextlib.suppress(OSError):
                for _ in range(2**7 if self.command != "HEAD" else 0):
                    self.wfile.write(bytes(2**20))
        elif "elsewhere" in path.path:
            self.answer(307, {"Location": f"{OTHER}/secret", "Content-Length": "0"})
        elif path.path.endswith("denied/"):
            self.answer(403, {"Content-Length": "0"})
        else:
            below = {
                "circle": b'<a href="a/">a</a><a href="b/">b</a>',
                "half": b'<a href="1.jpg">1</a><a href="denied/">d</a>',
            }
            body = next((said for name, said in below.items() if name in path.path), b"")
            self.answer(200, {"Content-Type": "text/html", "Content-Length": str(len(body))})
            self.wfile.write(body if self.command != "HEAD" else b"")

    do_HEAD = do_GET

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def listing(self, bucket: str) -> None:
        keys = {"empty": [], "others": [("elsewhere/1.jpg", 1)], "less": [("1.jpg", -1)], "more": [("1.jpg", 2**70)]}
        told = keys.get(bucket, [("1.jpg", 1)])
        more = bucket in ("again", "anew", "empty")
        token = f"T{len(self.asked) if bucket != 'again' else ''}"
        body = f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>{str(more).lower()}</IsTruncated>"
        body += f"<NextContinuationToken>{token}</NextContinuationToken>" if more else ""
        body += "".join(f"<Contents><Key>{key}</Key><Size>{size}</Size></Contents>" for key, size in told)
        data = f"{body}</ListBucketResult>".encode()
        self.answer(200, {"Content-Type": "application/xml", "Content-Length": str(len(data))})
        self.wfile.write(data)


OTHER = ""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of such a server; OTHER is that of one beside it."""
    servers = [Site(("127.0.0.1", 0), Hostile) for _ in range(2)]
    for each in servers:
        each.daemon_threads = True
        threading.Thread(target=each.serve_forever, daemon=True).start()
    here, other = (f"http://127.0.0.1:{each.server_port}" for each in servers)
    monkeypatch.setattr(f"{__name__}.OTHER", other)
    monkeypatch.setattr(Hostile, "asked", [])
    with asking(here):
        yield here
    for each in servers:
        each.shutdown()


@pytest.mark.parametrize("bucket", ["again", "anew", "empty"])
def test_a_listing_that_never_ends_is_a_sentence(hostile: str, bucket: str) -> None:
    with pytest.raises(StorageError, match=f"listing of s3://{bucket} never ends"):
        list(storage.listing(f"s3://{bucket}"))


def test_a_listing_of_something_else_or_of_impossible_sizes_is_a_sentence(hostile: str) -> None:
    with pytest.raises(StorageError, match="is of something else"):
        list(storage.listing("s3://others/mine"))
    for bucket in ("less", "more"):
        with pytest.raises(StorageError, match=f"how large s3://{bucket}/1.jpg is"):
            list(storage.listing(f"s3://{bucket}"))


def test_links_in_circles_and_folders_that_are_denied_are_a_sentence(hostile: str) -> None:
    with pytest.raises(StorageError, match="100 folders within each other"):
        list(storage.listing(f"{hostile}/circle"))
    with pytest.raises(StorageError):  # and not that it has 1.jpg alone: all else would be forgotten
        list(storage.listing(f"{hostile}/half"))


def test_what_is_away_on_the_web_is_not_taken_for_gone(hostile: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for look in (storage.read, storage.stat, lambda address: list(storage.listing(address))):
            with pytest.raises(StorageError) as refused:
                look(f"http://127.0.0.1:{nobody.getsockname()[1]}/a.jpg")
            assert refused.value.away


def test_no_more_is_taken_in_than_was_asked_for(hostile: str) -> None:
    for address in ("s3://b/endless", "s3://b/larger", f"{hostile}/endless", f"{hostile}/larger"):
        assert storage.piece(address, 0, 100)[0] == bytes(100)
        assert storage.piece(address, 5, 100)[0] == bytes(95)
        with pytest.raises(PictureTooLarge):
            storage.read(address, 1000)


def test_nobody_is_sent_on_to_another_host(hostile: str) -> None:
    for address in (f"{hostile}/elsewhere", "s3://b/elsewhere"):
        for look in (storage.read, storage.stat):
            with pytest.raises(StorageError) as refused:
                look(address)
            assert not isinstance(refused.value, NothingStored)  # else it would be forgotten
    assert Hostile.asked
    assert not [each for each in Hostile.asked if "secret" in each]
