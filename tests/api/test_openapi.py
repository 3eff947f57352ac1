"""The service keeps what its OpenAPI description promises, whatever Schemathesis thinks of asking."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.conftest import serving, until

schemathesis = pytest.importorskip("schemathesis")
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402


def test_every_answer_is_as_described(library: Path, tmp_path: Path) -> None:
    own = shutil.copytree(library, tmp_path / "library")  # pictures are removed from it
    with serving(own) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        _ask_everything(url)


def _ask_everything(url: str) -> None:
    description = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) >= 7
    for operation in operations:

        @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy())
        def answer_is_as_described(case: Any) -> None:
            case.call_and_validate(excluded_checks=[positive_data_acceptance])  # random bytes are no picture

        answer_is_as_described()
