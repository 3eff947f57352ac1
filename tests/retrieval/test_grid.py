"""Pictures of every kind, generated, come out as independent decoders have them, or are refused for the true reason."""

import re
from collections import Counter

import pytest

from tests.retrieval.grid import verdicts
from tests.retrieval.grid.exceptions import DIFFERENCES
from tests.retrieval.grid.verdicts import Verdict

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def found(chromium_path: str, magick_path: str, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    return verdicts.judged(chromium_path, magick_path, tmp_path_factory.mktemp("grid"))


def test_the_grid_is_as_large_and_wide_as_it_is_said_to_be(found: list[Verdict]) -> None:
    assert len({one.name for one in found}) == len(found) >= 400
    formats = Counter(one.name.split()[0] for one in found)
    assert set(formats) == {"AVIF", "BMP", "GIF", "HEIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP"}
    assert min(formats.values()) >= 10


def test_no_picture_is_wrong(found: list[Verdict]) -> None:
    assert [one for one in found if one.outcome == "wrong"] == []


def test_most_are_as_the_judge_has_them(found: list[Verdict]) -> None:
    outcomes = Counter(one.outcome for one in found)
    assert outcomes["right"] >= 0.85 * len(found), outcomes
    assert outcomes["refused"] <= 0.04 * len(found), outcomes


def test_every_difference_that_is_listed_is_there(found: list[Verdict]) -> None:
    """A list that goes stale would hide what comes to be wrong."""
    for one in DIFFERENCES:
        outcomes = {of.outcome for of in found if re.fullmatch(one.pattern, of.name)}
        assert outcomes & {"differs", "refused"}, one
