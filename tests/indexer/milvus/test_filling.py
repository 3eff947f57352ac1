"""A Milvus is brought to a catalog's state, whatever happens to it or to whoever fills it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, CurrentCodec, Writer
from semblance.indexer.keeping import collections
from semblance.indexer.milvus import address, loading, schema, steady
from semblance.indexer.milvus.connection import Limits, Server
from semblance.indexer.milvus.filling import fill
from semblance.indexer.milvus.leasing import Lease
from semblance.indexer.milvus.searching import MilvusCodes, MilvusIndex
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import (
    CodecMismatch,
    DiskFull,
    IndexAway,
    LibraryError,
    LibraryLocked,
    SemblanceError,
)
from semblance.retrieval.index import Distances, Ids
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from tests.conftest import ROOT, until
from tests.indexer.milvus.conftest import Drawn

FIELDS = ("id", "code", "path", "sha256", "size", "mtime", "taken", "facts")
DIES = """
import os, signal, sys
from pathlib import Path
from semblance.indexer.catalog import coded_pictures
from semblance.indexer.milvus.filling import fill
coded_pictures._BATCH = 50
def progress(done, total):
    if done >= 150:
        os.kill(os.getpid(), signal.SIGKILL)
fill(Path(sys.argv[1]), sys.argv[2], progress)
"""


def load(library: Path, where: str) -> MilvusIndex:
    with Catalog.opened(library) as catalog:
        codec = catalog.current("alike")
        assert codec is not None
        return loading.load(catalog, "alike", codec, where)[0]


def holds_all(library: Drawn, where: str) -> None:
    """Every row is as the catalog has it, and there once."""
    server = Server(address.parse(where))
    state = schema.state(server)
    assert state is not None
    with Catalog.opened(library.folder) as catalog:
        for purpose, held in state.holds.items():
            assert held.whole
            assert held.generation == catalog.generation()
            found = [row for batch in MilvusCodes(server, held).rows(FIELDS) for row in batch]
            assert held.pictures == len(found)  # what Milvus counts: an id that is there twice is shown once
            flat, entries = library.flat(purpose), {entry.id: entry for entry in catalog.entries()}
            assert [row["id"] for row in found] == flat.ids().tolist()
            assert b"".join(row["code"][0] for row in found) == flat.codes(flat.ids()).tobytes()
            for row in found:
                entry, facts = entries[row["id"]], catalog.facts(row["id"])
                assert (row["path"], bytes.fromhex(row["sha256"])) == (entry.path, entry.sha256)
                assert (row["size"], row["mtime"]) == (entry.size, entry.mtime_ns)
                taken = facts.taken if facts else None
                assert str(row["taken"]) == (taken.translate({45: "", 58: "", 84: ""}) if taken else "0")


def said(error: pytest.ExceptionInfo[SemblanceError]) -> str:
    """The sentence, which is one, and shows no password."""
    sentence = str(error.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence
    return sentence


@pytest.fixture(scope="module")
def library(drawn: Callable[[int], Drawn]) -> Drawn:
    return drawn(300)


@pytest.fixture(scope="module")
def where(milvus: Milvus) -> str:
    return milvus.address("filling")


# The tests go on where the one before ended: Milvus takes seconds to make a collection.


def test_a_killed_indexer_is_gone_on_from(library: Drawn, where: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DIES, library.folder, where], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(LibraryError) as error:
        load(library.folder, where)
    assert "does not hold all codes" in said(error)
    library.forget(7, 290)  # before it is gone on with: one that is there, and one that is not
    told: list[tuple[int, int]] = []
    fill(library.folder, where, lambda *done: told.append(done))
    assert told[0][0] > 150
    holds_all(library, where)


def test_only_what_changed_is_written(library: Drawn, where: str) -> None:
    told: list[tuple[int, int]] = []
    fill(library.folder, where, lambda *done: told.append(done))
    assert not told
    library.add(300, 10)
    library.forget(3, 4, 5, 250)
    with Writer.writing(library.folder) as catalog:  # a code that was lacking: picture 10 is the 11th
        catalog.add_codes(library.same, np.array([11]), library.codes(1))
    fill(library.folder, where, lambda *done: told.append(done))
    assert len(told) == 2  # a batch for each purpose
    holds_all(library, where)


def test_a_server_killed_in_mid_insert_is_waited_for_and_is_one_sentence(
    library: Drawn, where: str, milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semblance.indexer.catalog.coded_pictures._BATCH", 20)
    index = load(library.folder, where)
    reached = threading.Event()
    library.add(400, 100)
    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(fill, library.folder, where, lambda *_: reached.set())
        assert reached.wait(20)
        milvus.kill()
        asked: list[tuple[Callable[..., object], str]] = [(fill, where), (load, where.replace("//", "//me:secret@"))]
        for ask, to in asked:
            with pytest.raises(IndexAway) as error:
                ask(library.folder, to)
            assert f"127.0.0.1:{milvus.port} does not answer" in said(error)
        milvus.start()  # by the thread that stays: the server ends with it
        filled.result(60)
    holds_all(library, where)
    assert index.search(library.codes(1), 5)[1].shape == (1, 5)  # who was connected is again


def test_a_slow_server_is_away_in_time_and_back_when_it_is(library: Drawn, where: str, milvus: Milvus) -> None:
    index, query = load(library.folder, where), library.codes(1)
    index.base.server.limits = Limits(asking=1)
    before = index.search(query, 10)
    milvus.send(signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(IndexAway):
            index.search(query, 10)
        assert time.monotonic() - started < 10
    finally:
        milvus.send(signal.SIGCONT)
    index.base.server.limits = Limits()

    def is_back() -> bool:
        with contextlib.suppress(IndexAway):
            return np.array_equal(index.search(query, 10)[1], before[1])
        return False

    until(is_back)


def test_those_who_ask_after_one_who_waited_in_vain_do_not_wait_too(where: str, milvus: Milvus) -> None:
    server, asked = Server(address.parse(where), Limits(asking=0.5)), list[object]()
    real = server._client.list_collections

    def seen(**named: object) -> object:
        asked.append(named)
        return real(**named)

    server._client.list_collections = seen
    milvus.send(signal.SIGSTOP)
    try:
        until(lambda: not _answers(server))
        asked.clear()
        for _ in range(8):
            with pytest.raises(IndexAway):
                server.ask("list_collections")
    finally:
        milvus.send(signal.SIGCONT)
    assert len(asked) < 8
    until(lambda: _answers(server))


def _answers(server: Server) -> bool:
    with contextlib.suppress(IndexAway):
        return bool(server.ask("list_collections"))
    return False


def test_a_service_asks_neither_what_others_left_nor_what_they_put_in_its_place(
    library: Drawn, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steady, "_EVERY", 0.2)
    server, query, ids = Server(address.parse(where)), library.codes(3), library.flat("alike").ids()
    with Catalog.opened(library.folder) as catalog:
        codec = catalog.current("alike")
        assert codec is not None
        index, _ = loading.load(catalog, "alike", codec, where)
        before, held = index.search(query, 10), index.base.held

        def fails(says: str) -> bool:
            try:
                index.search(query, 10)
            except LibraryError as error:
                return says in str(error)
            return False

        server.change("delete", held.collection, ids=ids[:5].tolist())
        until(lambda: fails(f"rows, and not the {len(ids)}"))
        for ask in (lambda: index.codes(ids[9:10]), lambda: collections.table(where)):
            with pytest.raises(LibraryError, match="rows, and not the"):
                ask()
        lost = schema.collection(server.address.name, "alike", codec.codec_id)
        schema.make(server, replace(held, collection=lost))  # by a fill that ended there
        fill(library.folder, where)
        until(lambda: not fails(""))
        assert same(index.search(query, 10), before)  # it goes on in the new one
        there = server.ask("list_collections")
        assert index.base.held.collection in there
        assert not {lost, held.collection} & {*there}
        holds_all(library, where)
        state = schema.state(server)
        assert state is not None
        schema.put(server, "library", {"library": "another", "format": 1})
        server.change("drop_collection", index.base.held.collection)
        assert fails("does not hold all codes of the library")
    schema.put(server, "library", {"library": state.library, "format": 1})
    fill(library.folder, where)
    holds_all(library, where)


def same(one: tuple[Distances, Ids], other: tuple[Distances, Ids]) -> bool:
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


def test_another_library_is_refused_and_so_is_what_others_made(
    library: Drawn, where: str, drawn: Callable[[int], Drawn]
) -> None:
    other = drawn(20)
    for ask in (load, fill):
        with pytest.raises(SemblanceError, match="another library") as error:
            ask(other.folder, where)
        said(error)
    holds_all(library, where)
    server = Server(address.parse(where + "x"))
    server.change("create_collection", "fillingx_state", dimension=8)
    for ask in (load, fill):
        with pytest.raises(LibraryError, match="is not Semblance's") as refused:
            ask(library.folder, where + "x")
        said(refused)
    assert server.ask("has_collection", "fillingx_state")


def test_one_fills_at_a_time(library: Drawn, where: str) -> None:
    server = Server(address.parse(where))
    another = {"host": "another", "process": 1, "token": "t", "at": server.now()}
    schema.put(server, "writer", another)
    library.add(700, 5)
    with pytest.raises(LibraryLocked) as error:
        fill(library.folder, where)
    assert "Another process is filling" in said(error)
    schema.put(server, "writer", another | {"at": server.now() - (200_000 << 18)})  # silent for 200 seconds
    fill(library.folder, where)
    holds_all(library, where)
    with Lease(server) as lease:  # which sleeps for long, and another takes over
        schema.put(server, "writer", another)
        lease._said = 0.0
        with pytest.raises(LibraryLocked):
            lease.check()
    schema.forget(server, "writer")


def test_a_full_one_and_a_wrong_password_are_one_sentence_each(library: Drawn, tmp_path: Path) -> None:
    denying = Milvus(tmp_path)
    denying.start(
        "root:Milvus@",
        common__security__authorizationEnabled="true",
        quotaAndLimits__limitWriting__forceDeny="true",
        quotaAndLimits__quotaCenterCollectInterval="1",
    )
    try:
        for wrong in ("root:secret@", ""):
            for ask in (load, fill):
                with pytest.raises(LibraryError) as refused:
                    ask(library.folder, denying.address("name", wrong))
                assert "does not know this user" in said(refused)

        def until_full() -> None:
            for n in range(100):  # it denies once it has counted, each second
                fill(library.folder, denying.address("name", "root:Milvus@"))
                library.add(1000 + n, 1)

        with pytest.raises(DiskFull) as full:
            until_full()
        assert "takes nothing more" in said(full)
    finally:
        denying.kill()


def test_a_catalog_put_back_is_filled_in_anew(library: Drawn, where: str, tmp_path: Path) -> None:
    shutil.copytree(library.folder, tmp_path / "copy")
    library.add(800, 20)
    fill(library.folder, where)
    shutil.rmtree(library.folder)
    shutil.copytree(tmp_path / "copy", library.folder)
    library.add(900, 5)
    with pytest.raises(LibraryError) as error:
        load(library.folder, where)
    assert "never was" in said(error)
    fill(library.folder, where)
    holds_all(library, where)


def test_rows_that_others_took_out_or_put_in_are_noticed_and_made_anew(library: Drawn, where: str) -> None:
    server = Server(address.parse(where))
    state = schema.state(server)
    assert state is not None
    held = state.holds["alike"]
    row = dict(zip(FIELDS, (10**9, bytes(32), "/x", "00", 1, 1, 0, ""), strict=True))
    server.change("upsert", held.collection, [row])
    for out, rows in (([], held.pictures + 1), ([1, 2], held.pictures - 1)):
        if out:
            server.change("delete", held.collection, ids=out)
        with pytest.raises(LibraryError, match=f"has {rows} rows, and not the {held.pictures} that were written: run"):
            load(library.folder, where)
    fill(library.folder, where)
    holds_all(library, where)


def test_a_state_that_others_wrote_is_one_sentence_and_made_anew_by_force(library: Drawn, where: str) -> None:
    server = Server(address.parse(where))
    for value in ("[]", "{}", '{"purpose": "same"}', "{garbage"):
        row = {"key": "alike", "value": value, "vector": b"\0"}
        server.change("upsert", f"{server.address.name}_state", [row])
        for ask in (load, fill):
            with pytest.raises(LibraryError, match=r"state of milvus://.* is damaged.*--force") as error:
                ask(library.folder, where)
            said(error)
    collections.export(library.folder, where, force=True)
    holds_all(library, where)


def test_another_codec_comes_beside_the_present_one(library: Drawn, where: str) -> None:
    other = Codec("cifar10", threads=1)
    with Catalog.opened(library.folder) as catalog:
        wanted = CurrentCodec(other.codec_id, 256, "cifar10")
        with pytest.raises(CodecMismatch) as error:
            loading.load(catalog, "alike", wanted, where)
    assert "codes of cifar10-fast" in said(error)
    index, ids = load(library.folder, where), library.flat("alike").ids()
    with Writer.writing(library.folder) as catalog:
        catalog.switch(other, ids, library.codes(len(ids)))
    found: list[int] = []

    def ask(*_: int) -> None:
        if not found:
            found.append(index.search(library.codes(1), 5)[1].size)

    fill(library.folder, where, ask)
    assert found == [5]  # by the codes of before, while the others come
    holds_all(library, where)
    assert not Server(address.parse(where)).ask("has_collection", index.base.held.collection)


def test_nothing_of_it_outlives_who_started_it(tmp_path: Path) -> None:
    """As when pytest itself is killed."""
    program = (
        "import sys, time; from pathlib import Path\n"
        "from semblance.scripts.benchmarks.stores.milvus_server import Milvus\n"
        "m = Milvus(Path(sys.argv[1])); m.start(); print(m._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "m"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        served = int(starter.stdout.readline())
        os.kill(served, 0)
        starter.kill()
    for _ in range(100):
        if not Path(f"/proc/{served}/exe").exists():
            return
        time.sleep(0.1)
    raise AssertionError("it lives on")
