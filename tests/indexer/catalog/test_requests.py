"""What services remember of requests: bounded, honest about who is gone, and no loss where it is damaged."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from semblance.indexer.catalog import Writer, requests
from semblance.indexer.catalog.requests import Kept, Owner, Requests
from semblance.retrieval.errors import LibraryMissing
from tests.indexer.catalog.conftest import CODEC

GIVEN = Kept(201, {"content-type": "application/json"}, b"{}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Writer.writing(tmp_path / "library", CODEC):
        pass
    return tmp_path / "library"


def test_who_lives() -> None:
    own, now = Owner(), time.time()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert own.lives(str(own), 0)
    assert not own.lives(f"{own.machine} {own.pid} another", now), "a number that was given again, as in a container"
    assert own.lives(f"{own.machine} {os.getppid()} its", 0)
    assert not own.lives(f"{own.machine} {ended.pid} its", now)
    assert own.lives("elsewhere 1 its", now)
    assert not own.lives("elsewhere 1 its", now - 60)


def test_answers_stand_under_their_holder_and_key(folder: Path) -> None:
    one, other = Requests(folder), Requests(folder)
    assert one.begin("", "k", b"asked") is True
    assert one.begin("", "k", b"asked") is False, "it is under way"
    assert one.begin("", "k", b"otherwise") is None
    assert one.begin("somebody", "k", b"otherwise") is True
    one.keep("", "k", GIVEN)
    assert Requests(folder).begin("", "k", b"asked") == GIVEN
    assert one.begin("", "k", b"otherwise") is None
    assert other.begin("", "failing", b"asked") is True, "that of another service"
    other.release("", "failing")
    assert one.begin("", "failing", b"otherwise") is True
    one.release("", "k")
    assert one.begin("", "k", b"asked") == GIVEN, "what was answered stays"


def test_what_was_under_way_in_a_process_that_is_gone_may_be_done_anew(folder: Path) -> None:
    script = f"""
from pathlib import Path
from semblance.indexer.catalog.requests import Requests
assert Requests(Path({str(folder)!r})).begin("", "k", b"asked") is True"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert Requests(folder).begin("", "k", b"otherwise") is True


def test_they_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_ANSWERS", 5)
    monkeypatch.setattr(requests, "MOST_JOBS", 4)
    kept = Requests(folder)
    for number in range(9):
        assert kept.begin("", f"k{number}", b"") is True
        kept.keep("", f"k{number}", GIVEN)
        kept.new_job({"number": number})
    assert [kept.begin("", f"k{number}", b"") == GIVEN for number in (8, 7, 6, 5)] == [True] * 4
    assert kept.begin("", "k1", b"") is True
    assert [document["number"] for _, document, _ in kept.jobs()] == [8, 7, 6, 5]


def test_damage_costs_what_is_remembered_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    kept = Requests(folder)
    assert kept.begin("", "k", b"") is True
    for damage in (b"no database", b"SQLite format 3\0" + bytes(4000)):
        (folder / requests.FILE).write_bytes(damage)
        assert kept.begin("", "k", b"") is True
    whole = (folder / requests.FILE).read_bytes()
    for page in range(4096, len(whole), 4096):  # each of a table or an index, while the header is whole
        (folder / requests.FILE).write_bytes(whole[:page] + b"\xa5" * 4096 + whole[page + 4096 :])
        assert kept.begin("", "k", b"") in (True, False)
        assert kept.new_job({}) == 1
        assert kept.begin("", "k", b"") in (True, False)
        assert kept.begin("", "k", b"") is False, "it works from then on"
    with pytest.raises(LibraryMissing, match="no library"):
        Requests(tmp_path / "nothing").new_job({})
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE jobs",
        "ALTER TABLE answers RENAME COLUMN begun TO began; ALTER TABLE jobs RENAME COLUMN seen TO saw",
        "UPDATE answers SET headers = 'none', body = NULL; UPDATE jobs SET document = 'none'",
        "UPDATE answers SET headers = '5', status = 'ok'; UPDATE jobs SET document = '5'",
        "UPDATE answers SET headers = '[1]'; UPDATE jobs SET owner = 'nobody'",
        f"UPDATE answers SET status = 'ok'; UPDATE jobs SET owner = '{Owner().machine} {9 * 10**30} its'",
    ],
)
def test_what_another_version_or_nobody_wrote_is_lost_and_no_error(folder: Path, change: str) -> None:
    kept = Requests(folder)
    assert kept.begin("", "k", b"") is True
    kept.keep("", "k", GIVEN)
    kept.new_job({"number": 1})
    with contextlib.closing(sqlite3.connect(folder / requests.FILE)) as db:
        db.executescript(change)
    assert kept.jobs() == []
    assert kept.begin("", "k", b"") in (True, GIVEN)
    assert kept.new_job({"number": 2}, after=7) == 8, "a job that somebody knows is no other"
    assert [document["number"] for _, document, _ in kept.jobs()] == [2]
