"""The service keeps what its OpenAPI description promises, whatever Schemathesis thinks of asking."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import serving, until

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis.core.failures import FailureGroup  # noqa: E402
from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

EXAMPLES = int(os.environ.get("SEMBLANCE_EXAMPLES", "15"))  # for each request; a long run takes thousands
SEED = os.environ.get("SEMBLANCE_SEED")  # of a long run; else the examples are the same each time

# What a schema cannot say: which values go together, and what is of this library.
RULES = re.compile(
    "leave views and refine out|are one picture: name two|a question needs a picture|"
    "goes on with another question|no cursor of this library|at most 16 pictures make|is before taken_from|"
    "leave engine pixel, views and region out|leave engine pixel and views out, and a region"
)


@pytest.fixture(scope="module")
def url(library: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service over a library of its own: what changes it is asked too."""
    folder = shutil.copytree(library, tmp_path_factory.mktemp("asked") / "library")
    pictures = [path.read_bytes() for path in sorted(sample.rglob("*.jpg"))[:8]]
    schemathesis.openapi.format("binary", st.sampled_from(pictures))  # random bytes are no picture
    with serving(folder) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        cursor = httpx.get(f"{url}/images/1/similar?cursor=&k=2").json()["next"]
        digits = httpx.get(f"{url}/ready").json()["bits"] // 4
        for name, values in {
            "place": st.sampled_from(["48.86,2.35,10", "-90,180,0.5"]),
            "region": st.sampled_from(["0.25,0.25,0.5,0.5", "0,0,1,1", "0.9,0,0.1,0.001"]),
            "cursor": st.sampled_from([cursor]),
            "code": st.text("0123456789abcdef", min_size=digits, max_size=digits),
            "folder": st.sampled_from(["/", str(sample), "/nowhere"]),
        }.items():
            schemathesis.openapi.format(name, values)
        yield url


def test_every_answer_is_as_described(url: str) -> None:
    description = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) >= 7
    found = [said for operation in operations if (said := _wrong(operation))]
    assert not found, "\n".join(found)


def _wrong(operation: Any) -> str:
    """What Schemathesis finds in one request, shortly: it shows bodies whole."""
    last: list[str] = []

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=SEED is None, suppress_health_check=[*HealthCheck])
    @given(case=operation.as_strategy())
    def answer_is_as_described(case: Any) -> None:
        answer = case.call()
        last[:] = [f"{case.body!r:.200}", f"{answer.content!r:.500}"]
        beyond = answer.status_code == 422 and RULES.search(answer.json()["detail"])
        case.validate_response(answer, excluded_checks=[positive_data_acceptance] if beyond else [])

    try:
        answer_is_as_described()
    except FailureGroup as group:
        said = "\n".join(f"{each.title}: {each.message}" for each in group.exceptions)
        return f"{operation.method.upper()} {operation.path}: {said[:1000]} {last}"
    return ""
