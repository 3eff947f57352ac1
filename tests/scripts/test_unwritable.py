"""A library that cannot be written to is searched all the same."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from semblance.indexer.catalog import FILE
from tests.indexer.catalog.conftest import UNWRITABLE
from tests.scripts.test_cli import call, document


@pytest.mark.parametrize("place", UNWRITABLE)
def test_a_library_that_cannot_be_written_is_searched(library: Path, sample: Path, tmp_path: Path, place: str) -> None:
    copy = Path(shutil.copytree(library, tmp_path / "library", ignore=shutil.ignore_patterns("thumbnails")))
    asked = Path(shutil.copy(min(sample.rglob("*.jpg")), tmp_path))
    asked.chmod(0o644)
    for command in (["status"], ["search", asked], ["search", asked, "--engine", "pixel"]):
        arguments = [*command, "--library", copy, "--json"]
        expected = document(call(*arguments))
        with UNWRITABLE[place](copy):
            answer = document(call(*arguments))
        expected.pop("timings_ms", None)
        answer.pop("timings_ms", None)
        assert answer == expected


@pytest.mark.parametrize("place", UNWRITABLE)
def test_a_library_that_cannot_be_written_is_whole_and_can_be_copied(library: Path, tmp_path: Path, place: str) -> None:
    copy = Path(shutil.copytree(library, tmp_path / "library", ignore=shutil.ignore_patterns("thumbnails")))
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    with UNWRITABLE[place](copy):
        checked = call("verify", "--library", copy)
        assert (checked.exit_code, checked.stdout) == (0, "")
        for name in ("backup", "export"):
            done = call(name, out / f"{name}.npz", "--library", copy)
            assert done.exit_code == 0, done.stderr
    assert call("verify", "--library", out / "backup.npz").exit_code == 0
    with contextlib.closing(sqlite3.connect(out / "backup.npz" / FILE)) as db:
        assert db.execute("SELECT count(*) FROM codes").fetchone()[0] == len(np.load(out / "export.npz")["path"])
