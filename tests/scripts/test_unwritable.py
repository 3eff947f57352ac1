"""A library that cannot be written to is searched all the same."""

import shutil
from pathlib import Path

import pytest

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
