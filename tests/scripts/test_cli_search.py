"""`semblance search` by several pictures: like these, unlike those."""

from pathlib import Path

import numpy as np
import pytest

from semblance.retrieval import codes, images
from semblance.retrieval.codec import Codec, from_logits
from tests.scripts.test_cli import call, document


@pytest.fixture
def shown(sample: Path) -> list[Path]:
    return sorted(sample.rglob("*.jpg"))


def found(*arguments: str | Path) -> list[str]:
    results = document(call("search", *arguments, "--json"))["results"]
    return [hit["path"] for hit in results]  # type: ignore[attr-defined]


def expected(liked: list[Path], disliked: list[Path], shown: list[Path], codec: Codec) -> list[int]:
    """Ascending distances of all pictures from the difference of means, from the definition."""
    logits = {path: codec.logits(images.load(path, codec.spec)[None])[0] for path in shown}
    query = np.mean([logits[path] for path in liked], axis=0)
    if disliked:
        query = query - np.mean([logits[path] for path in disliked], axis=0)
    code, all_codes = from_logits(query[None]), from_logits(np.stack([logits[path] for path in shown]))
    return sorted(codes.hamming(code, all_codes)[0].tolist())


def distances(*arguments: str | Path) -> list[int]:
    results = document(call("search", *arguments, "--json"))["results"]
    return [hit["distance"] for hit in results]  # type: ignore[attr-defined]


def test_several_pictures_ask_together(library: Path, shown: list[Path], codec: Codec) -> None:
    one, two, other = shown[0], shown[1], shown[-1]
    together = distances("--library", library, "--k", "48", "--like", one, "--like", two, "--unlike", other)
    assert together == expected([one, two], [other], shown, codec)
    assert distances(one, "--library", library, "--k", "48", "--like", two) == expected([one, two], [], shown, codec)


def test_one_liked_picture_is_a_plain_search(library: Path, shown: list[Path]) -> None:
    assert found("--like", shown[3], "--library", library) == found(shown[3], "--library", library)


def test_what_is_disliked_moves_away(library: Path, shown: list[Path]) -> None:
    plain = found(shown[0], "--library", library, "--k", "48")
    disliked = Path(plain[1])
    without = found(shown[0], "--unlike", disliked, "--library", library, "--k", "48")
    assert without.index(str(disliked)) > 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "nothing to search with"),
        (["--unlike", "PICTURE"], "nothing to search with"),
        (["--like", "missing.jpg"], "There is no file missing.jpg"),
        (["--like", "PICTURE", "--like", "PICTURE", "--engine", "pixel"], "leave engine pixel and views out"),
        (["--like", "PICTURE", "--unlike", "PICTURE", "--views", "3"], "leave engine pixel and views out"),
    ],
)
def test_wrong_use_is_one_sentence(library: Path, shown: list[Path], options: list[str], sentence: str) -> None:
    done = call("search", "--library", library, *(str(shown[0]) if each == "PICTURE" else each for each in options))
    assert done.exit_code == 2
    assert sentence in done.stderr.replace("\n", " ")
