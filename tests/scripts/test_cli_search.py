"""`semblance search` by several pictures: like these, unlike those."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.library import Library
from semblance.retrieval import codes, images, queries
from semblance.retrieval.codec import Codec, from_logits
from semblance.retrieval.queries import CodeQuery
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
    results = document(call("search", *arguments, "--plain", "--json"))["results"]
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
        (["PICTURE", "--region", "0,0,0,1"], "region"),
        (["PICTURE", "--region", "half"], "region"),
        (["PICTURE", "--within", "nan"], "within"),
        (["PICTURE", "--chance", "0"], "chance"),
        (["PICTURE", "--from", "2026-02-30"], "2026-02-30"),
        (["PICTURE", "--to", "2026-W05-1"], "2026-W05-1"),  # a day of a week, to ISO 8601
        (["PICTURE", "--near", "91,0,1"], "near"),
        (["PICTURE", "--min-pixels", "-1"], "min"),
    ],
)
def test_wrong_use_is_one_sentence(library: Path, shown: list[Path], options: list[str], sentence: str) -> None:
    done = call("search", "--library", library, *(str(shown[0]) if each == "PICTURE" else each for each in options))
    assert done.exit_code == 2
    assert sentence in done.stderr.replace("\n", " ")


def test_a_result_says_how_likely_it_is_by_chance(
    library: Path, shown: list[Path], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = call("search", shown[0], "--library", library)
    assert "by chance" not in plain.output, "48 pictures are too few to say"
    monkeypatch.setattr(queries, "TELLING", 48)
    sample = codec.encode(shown)  # few as they are, all are in it
    query = CodeQuery(codec.encode([shown[0]]))
    within = queries.by_chance(sample, 48, 256, query)
    hits = document(call("search", shown[0], "--library", library, "--json"))["results"]
    for hit in hits:  # type: ignore[attr-defined]
        assert hit["expected_by_chance"] == float(f"{within[int(hit['distance'])]:.3g}")
    assert f"by chance: {within[0]:.2g}" in call("search", shown[0], "--library", library).output
    pixels = document(call("search", shown[0], "--library", library, "--engine", "pixel", "--json"))["results"]
    assert {hit["expected_by_chance"] for hit in pixels} == {None}  # type: ignore[attr-defined]


def test_the_sample_is_drawn_anew_when_the_library_changes(
    library: Path, shown: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "TELLING", 2)
    with Library.create(tmp_path / "own") as own:
        for folder, size in ((shown[0].parent, 3), (shown[-1].parent, 5)):
            own.index(folder)
            assert own.search(shown[0])[0].expected_by_chance is not None
            by_chance = own.ways["code"].by_chance
            assert by_chance is not None
            assert len(own) == size
            assert by_chance(CodeQuery(own.codec.encode([shown[0]])))[-1] == pytest.approx(size)


def test_a_search_is_narrowed_and_cut(library: Path, shown: list[Path]) -> None:
    folder, everything = shown[0].parent, found(shown[0], "--library", library, "--k", "48")
    assert found(shown[0], "--library", library, "--k", "48", "--folder", folder) == [
        path for path in everything if Path(path).parent == folder
    ]
    assert found(shown[0], "--library", library, "--k", "48", "--min-pixels", "1000000000") == []
    near = distances(shown[0], "--library", library, "--k", "48", "--within", "60")
    assert near == [far for far in distances(shown[0], "--library", library, "--k", "48") if far <= 60]


def test_a_region_asks_as_what_is_cut_out_does(library: Path, shown: list[Path], tmp_path: Path) -> None:
    with Image.open(shown[0]) as picture:
        width, height = picture.size
        whole = tmp_path / "whole.png"
        picture.save(whole)
        cut = picture.crop((width // 2, 0, width, height // 2))
        cut.save(tmp_path / "cut.png")
    options = ("--library", library, "--k", "48")
    assert found(whole, *options, "--region", "0.5,0,0.5,0.5") == found(tmp_path / "cut.png", *options)


def test_copies_are_folded_into_one_result(pictures: Path, tmp_path: Path) -> None:
    first = min(pictures.rglob("*.jpg"))
    for number in range(3):
        shutil.copy(first, first.with_name(f"copy-{number}.jpg"))
    assert call("index", pictures, "--library", tmp_path / "own").exit_code == 0
    results = document(call("search", first, "--library", tmp_path / "own", "--fold", "--json"))["results"]
    assert len(results[0]["folded"]) == 3  # type: ignore[index]
    assert "(and 3 copies)" in call("search", first, "--library", tmp_path / "own", "--fold").output
