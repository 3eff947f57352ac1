"""The service keeps what its OpenAPI description promises, whatever Schemathesis thinks of asking."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conftest import Server

schemathesis = pytest.importorskip("schemathesis")
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402


def test_every_answer_is_as_described(server: Server) -> None:
    description = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) >= 7
    for operation in operations:

        @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy())
        def answer_is_as_described(case: Any) -> None:
            case.call_and_validate(excluded_checks=[positive_data_acceptance])  # random bytes are no picture

        answer_is_as_described()
