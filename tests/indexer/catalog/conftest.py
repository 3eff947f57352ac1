"""A codec without a model, new libraries and those of past versions, and processes that end as a test wants."""

import contextlib
import multiprocessing
import multiprocessing.popen_fork  # now: as another user it could not be read
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from semblance.indexer.catalog import FILE, NewPicture, Writer
from semblance.retrieval.codec import Codec

SCHEMAS = Path(__file__).parent / "schemas"
AS_ROOT = os.name == "posix" and os.geteuid() == 0
NOBODY = 65534


def some_codec(name: str, bits: int = 256, codec_id: str = "") -> Codec:
    """What the catalog asks of a codec."""
    stand_in = SimpleNamespace(codec_id=codec_id or name[0] * 64, bits=bits, name=name, reference=name)
    return cast(Codec, stand_in)


CODEC = some_codec("alpha")
OLD_CODEC = some_codec("photos", 256, "8ca9bde30faeed80db45a69d3d6cceb40411dc226b1baf82493d15fb93ad3617")


def new(path: str, fill: int = 0, codec: Codec = CODEC) -> NewPicture:
    """A picture whose code is one byte over and over."""
    code = np.full(codec.bits // 8, fill, np.uint8)
    return NewPicture(path, 10, 20, path.encode().ljust(32), {codec.codec_id: code})


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Writer]:
    """A new library, open to write."""
    with Writer.writing(tmp_path / "library", CODEC) as catalog:
        yield catalog


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of two pictures, at rest."""
    with Writer.writing(tmp_path / "library", CODEC) as catalog:
        catalog.record([new("/a", 1), new("/b", 2)], [])
    return tmp_path / "library"


def past_library(folder: Path, version: int = 1) -> Path:
    """A library as that version left it: in SQLite's write-ahead mode, with a file for the lock."""
    folder.mkdir()
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db:
        db.executescript((SCHEMAS / f"{version}.sql").read_text())
        db.execute("PRAGMA journal_mode = WAL")
    (folder / "writer.lock").touch()
    return folder


def dumped(version: int, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table, read from the text of a dump."""
    lines = re.findall(rf"^INSERT INTO {table} VALUES\((.*)\);$", (SCHEMAS / f"{version}.sql").read_text(), re.M)
    value = re.compile(r"X'(?P<blob>\w*)'|'(?P<text>(?:[^']|'')*)'|(?P<number>[^,]+)")
    return [tuple(map(_value, value.finditer(line))) for line in lines]


def _value(found: re.Match[str]) -> Any:
    if found["number"] is not None:
        return float(found["number"]) if "." in found["number"] else int(found["number"])
    return bytes.fromhex(found["blob"]) if found["blob"] is not None else found["text"].replace("''", "'")


def in_a_process(work: Callable[..., object], *arguments: object) -> BaseProcess:
    """`work` begun in a process of its own, as root where the tests are root's."""

    def run() -> None:
        if AS_ROOT:
            os.seteuid(0)
        work(*arguments)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def kill_a_writer(folder: Path) -> None:
    """Commit one more picture, /c, and die before anything is tidied up."""

    def work() -> None:
        with Writer.writing(folder, CODEC) as catalog:
            catalog.record([new("/c", 3)], [])
            os.kill(os.getpid(), signal.SIGKILL)

    process = in_a_process(work)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (folder / f"{FILE}-wal").stat().st_size > 0


@contextlib.contextmanager
def a_disk(folder: Path, filled: bool) -> Iterator[None]:
    """`folder` with what it holds, for a while on a disk that is full, or else mounted read-only."""
    content = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if (
        not AS_ROOT
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", folder], capture_output=True).returncode
    ):
        pytest.skip("only root can mount a disk")
    try:
        for name, data in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        if filled:
            disk = os.statvfs(folder)
            (folder / "filled").write_bytes(bytes(disk.f_bavail * disk.f_bsize))
        else:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def another_users(folder: Path) -> Iterator[None]:
    """`folder` may be read and not written to: as by another user, since nothing is forbidden to root."""
    opened = [folder, *folder.parents] if AS_ROOT else [folder]
    modes = {place: place.stat().st_mode for place in opened}
    try:
        folder.chmod(0o555)
        for place in opened[1:]:
            place.chmod(modes[place] | 0o555)
        if AS_ROOT:
            os.seteuid(NOBODY)
        yield
    finally:
        if AS_ROOT:
            os.seteuid(0)
        for place, mode in modes.items():
            place.chmod(mode)


UNWRITABLE: dict[str, Callable[[Path], contextlib.AbstractContextManager[None]]] = {
    "a read-only disk": lambda folder: a_disk(folder, filled=False),
    "a full disk": lambda folder: a_disk(folder, filled=True),
    "another user's folder": another_users,
}
