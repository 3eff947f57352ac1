"""Paths in what is written are the paths: on a pipe, on a terminal, in an encoding that has no character for them."""

import io
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.table import Table

from semblance.scripts import console
from tests.conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[bytes]]
NAMES = [
    "a:cat:.jpg",
    "12:100:30.jpg",
    "[bold]b[x].jpg",
    "[red].jpg",
    "c\rd.jpg",
    "e\a\b\v\f\tf.jpg",
    "g\nh.jpg",
    "日本 🐈.jpg",
]
HOSTILE = ["i\x1b[2J\x1b]0;title\x07.jpg", "j\x9b31m.jpg"]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "semblance", *map(str, arguments)]


def on_a_terminal(*arguments: str | Path, **environment: str) -> str:
    """All that a run writes to a terminal, output and messages."""
    own, its = pty.openpty()
    with subprocess.Popen(
        command(*arguments), cwd=ROOT, stdin=its, stdout=its, stderr=its, env=os.environ | environment
    ):
        os.close(its)
        written = b""
        while True:
            try:
                part = os.read(own, 65536)
            except OSError:  # how a terminal says that nobody writes to it any more
                break
            if not part:
                break
            written += part
    os.close(own)
    return written.decode()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    folder = tmp_path / "damaged"
    folder.mkdir()
    for name in NAMES + HOSTILE:
        (folder / name).write_bytes(b"no picture")
    return folder


@pytest.fixture
def found(sample: Path, tmp_path: Path) -> Path:
    """A library of one content under every name, and the folder of them beside it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    one = min(sample.rglob("*.jpg"))
    for name in NAMES + HOSTILE:
        shutil.copy(one, folder / name)
    arguments = ("index", folder, "--library", tmp_path / "library", "--model", "cifar10-fast")
    assert subprocess.run(command(*arguments), cwd=ROOT, capture_output=True).returncode == 0
    return folder


def test_paths_on_a_pipe_are_the_paths(damaged: Path, tmp_path: Path) -> None:
    arguments = ("index", damaged, "--library", tmp_path / "library", "--model", "cifar10-fast")
    said = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True)
    assert said.returncode == 1
    text = said.stderr.decode()
    for name in NAMES:
        assert f"left out: {damaged}/{name}: " in text
    assert f"left out: {damaged}/i\\x1b[2J\\x1b]0;title\x07.jpg: " in text
    assert f"left out: {damaged}/j\\x9b31m.jpg: " in text
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_paths_on_a_terminal_lose_nothing_and_steer_nothing(damaged: Path, tmp_path: Path) -> None:
    text = on_a_terminal("index", damaged, "--library", tmp_path / "library", "--model", "cifar10-fast", TERM="dumb")
    for shown in (
        "a:cat:.jpg", "12:100:30.jpg", "[bold]b[x].jpg", "[red].jpg", "c\\rd.jpg", "e\\x07\\x08\\x0b\\x0c\\tf.jpg",
        "g\\nh.jpg", "日本 🐈.jpg", "i\\x1b[2J\\x1b]0;title\\x07.jpg", "j\\x9b31m.jpg",
    ):  # fmt: skip
        assert f"left out: {damaged}/{shown}: " in text


def test_results_are_the_paths_too(found: Path, tmp_path: Path) -> None:
    arguments = ("search", found / NAMES[0], "--library", tmp_path / "library", "--k", "20")
    piped = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True).stdout.decode()
    for name in NAMES:
        assert f"{found}/{name}" in piped
    assert "\x1b" not in piped
    shown = on_a_terminal(*arguments)
    assert f"{found}/c\\rd.jpg" in shown
    assert f"{found}/i\\x1b[2J" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_no_name_ends_a_run_whatever_the_encoding(found: Path, tmp_path: Path, encoding: str) -> None:
    arguments = ("search", found / NAMES[0], "--library", tmp_path / "library", "--k", "20")
    env = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f"{found}/\\u65e5\\u672c \\U0001f408.jpg" in done.stdout.decode(encoding)


def test_a_name_that_is_no_text_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "utf-8"))
    console.show(os.fsdecode(b"caf\xe9.jpg"))
    sys.stdout.flush()
    assert written.getvalue() == b"caf\\udce9.jpg\n"


def test_tables_take_nothing_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("name", title="of :cat: [red]a[/red]")
    table.add_row("[bold]:dog:[/bold] \x1b[31m")
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    console.show_table(table, 80)
    assert "of :cat: [red]a[/red]" in written.getvalue()
    assert "[bold]:dog:[/bold] \\x1b[31m" in written.getvalue()


def test_what_the_system_says_of_a_path_leaves_it_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), console.exits():
        Path("/none/it's\\[b]:cat:").read_bytes()
    assert capsys.readouterr().err == "error: /none/it's\\[b]:cat:: No such file or directory.\n"
