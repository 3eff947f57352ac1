"""Nobody reads what is written any more: `semblance ... | head -1`, `2>&1 | head -1`, `>/dev/full`, `>&-`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semblance.scripts import console
from tests.conftest import ROOT


def with_closed(stream: str, *arguments: str | Path) -> tuple[int, bytes]:
    """Exit code and what was said on the other stream where one, "stdout" or "stderr", is a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: writing}
    command = [sys.executable, "-m", "semblance", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, timeout=120, **streams)  # type: ignore[call-overload]
    os.close(writing)
    return done.returncode, done.stderr if stream == "stdout" else done.stdout


def test_results_that_nobody_reads(library: Path, sample: Path) -> None:
    asked = min(sample.rglob("*.jpg"))
    assert with_closed("stdout", "search", asked, "--library", library) == (141, b"")
    assert with_closed("stdout", "status", "--library", library, "--json") == (141, b"")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_stands_before_subcommands(option: str) -> None:
    code, said = with_closed("stdout", option)
    assert said == b""
    assert code == (141 if option == "--version" else 1), "help is the parser's own"


def test_messages_that_nobody_reads_end_no_run(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").write_bytes(b"no picture")
    arguments = ("index", tmp_path / "pictures", sample, "--library", tmp_path / "library", "--model", "cifar10-fast")
    assert with_closed("stderr", *arguments, "--json")[0] == 1, "one was left out, and no more than that"
    assert with_closed("stderr", "status", "--library", tmp_path / "none") == (2, b"")


def test_a_full_disk_under_the_output_is_said(library: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "semblance", "status", "--library", str(library)]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output: No space left on device")
    assert done.stderr.count("\n") == 1


def test_no_standard_output_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with console.exits():
        console.show("nobody")
