"""`semblance edits`: its document, its tables, what it keeps, and a sentence for whatever is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semblance.retrieval import decoding
from semblance.retrieval.codec import COPIES_MODEL, Codec
from semblance.retrieval.images import Picture
from semblance.retrieval.judging.copies import Nearness
from semblance.retrieval.judging.editing import EDITS, STRENGTHS
from semblance.scripts.commands.edits import _told
from tests.conftest import paint
from tests.scripts.test_cli import call, document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures in the classes a, b, c and d."""
    for seed in range(12):
        paint(tmp_path / "painted" / "abcd"[seed // 3] / f"{seed:02}.png", seed)
    return tmp_path / "painted"


@pytest.fixture
def codec() -> Codec:
    """The model that is judged by default."""
    return Codec(COPIES_MODEL)


@pytest.fixture
def model(codec: Codec, tmp_path: Path) -> Path:
    """A copy of the model that is judged by default, which a test may write to."""
    return Path(shutil.copytree(codec.folder, tmp_path / "model"))


def asked(*arguments: str | Path) -> dict[str, Any]:
    done = call("edits", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return document(done)


def test_the_document_has_a_row_for_every_edit_and_a_pair_for_every_distance(folder: Path, codec: Codec) -> None:
    found = asked(folder, "--originals", "5")
    assert (found["originals"], found["gallery"], found["identical_dropped"]) == (5, 12, 0)
    names = ("pixels (Euclidean)", codec.name)
    assert [(row["name"], row["edit"], row["strength"], row["parameter"]) for row in found["rows"]] == [
        (name, edit.name, strength, amount)
        for name in names
        for edit in EDITS
        for strength, amount in zip(STRENGTHS, edit.amounts, strict=True)
    ]
    assert all(set(row) >= {"recall@1", "median_distance"} for row in found["rows"])
    assert {row["median_distance"] for row in found["rows"][:36]} == {None}, "pixels have no bits"
    assert any(row["median_distance"] > 0 for row in found["rows"][36:])
    assert all(5 * row["recall@1"] in range(6) for row in found["rows"])
    assert [(pair["name"], pair["distance"]) for pair in found["pairs"]] == [(codec.name, d) for d in range(257)]
    assert (found["pairs"][-1]["wrong_pairs_per_1000"], found["pairs"][-1]["strong"]) == (5500, 1)
    few = [pair["distance"] for pair in found["pairs"] if pair["wrong_pairs_per_1000"] <= 1]
    assert found["thresholds"] == {codec.name: few[-1]}
    assert asked(folder, "--originals", "5") == found, "a run repeats"


def test_more_galleries_count_each_file_once_and_give_no_originals(folder: Path, tmp_path: Path) -> None:
    for seed in range(20, 25):
        paint(tmp_path / "more" / f"{seed}.png", seed)
    shutil.copy(folder / "a" / "00.png", tmp_path / "more" / "twin.png")
    found = asked(folder, "--gallery", tmp_path / "more", "--gallery", folder / "b")
    assert (found["originals"], found["gallery"], found["identical_dropped"]) == (12, 17, 1)


@pytest.mark.parametrize(("every", "originals"), [(1, 12), (2, 6), (3, 6), (4, 3), (9, 3)])
def test_originals_of_unseen_classes_alone_with_the_gallery_whole(folder: Path, every: int, originals: int) -> None:
    paint(folder / "loose.png", 99)
    found = asked(folder, "--unseen-classes", str(every))
    assert (found["originals"], found["gallery"]) == (originals, 13)


def test_the_classes_left_out_are_the_first_and_every_nth_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited: list[str] = []
    real = decoding.at_full_size

    def noted(path: Path) -> Picture:
        edited.append(path.parent.name)
        return real(path)

    monkeypatch.setattr(decoding, "at_full_size", noted)
    asked(folder, "--unseen-classes", "2")
    assert sorted(edited) == ["a", "a", "a", "c", "c", "c"]


def test_for_a_person_there_are_tables(folder: Path, codec: Codec) -> None:
    done = call("edits", folder)
    assert done.exit_code == 0, done.stderr
    assert "12 pictures in the gallery (0 identical ones dropped), 12 originals" in done.stdout
    for edit in EDITS:
        assert done.stdout.count(f"│ {edit}") == 2, "by pixels and by the model"
    threshold = asked(folder)["thresholds"][codec.name]
    assert f"{codec.name}: up to {threshold} bits there are 0.00 wrong pairs per 1,000" in done.stdout


@pytest.mark.parametrize(
    ("wrong_pairs", "told"),
    [
        ([0.0, 0.5, 0.9, *10 * [50.0], *20 * [200.0]], [0, 2, 8, 16]),  # 100 are passed at 13 bits
        ([*20 * [0.0], 500.0], [0, 8, 16, 19]),  # two pictures far apart, and short codes
        ([3.0, *20 * [200.0]], [0, 8]),
    ],
)
def test_the_table_of_distances_ends_where_nearly_all_is_wrong(wrong_pairs: list[float], told: list[int]) -> None:
    assert _told(Nearness(np.array(wrong_pairs), np.zeros((3, len(wrong_pairs))))) == told


def test_models_of_one_name_are_told_apart_and_one_named_twice_counts_once(
    folder: Path, model: Path, codec: Codec
) -> None:
    found = asked(folder, "--originals", "2", "--model", model, "--model", codec.name, "--model", codec.name)
    assert set(found["thresholds"]) == {codec.name, str(model)}
    assert len(found["rows"]) == 3 * 36


def test_keep_writes_the_threshold_and_changes_nothing_else(folder: Path, model: Path, codec: Codec) -> None:
    before = json.loads((model / "model.json").read_text())
    options: list[str | Path] = [
        "--originals",
        "4",
        "--unseen-classes",
        "2",
        "--gallery",
        folder / "b",
        "--model",
        model,
    ]
    found = asked(folder, *options)
    assert json.loads((model / "model.json").read_text()) == before, "not without --keep"
    assert asked(folder, *options, "--keep") == found
    card = json.loads((model / "model.json").read_text())
    kept = card.pop("near_duplicates")
    before.pop("near_duplicates", None)
    assert card == before
    assert Codec(model).codec_id == codec.codec_id
    [pair] = [pair for pair in found["pairs"] if pair["distance"] == found["thresholds"][codec.name]]
    assert kept == {
        "distance": pair["distance"],
        "wrong_pairs_per_1000": pair["wrong_pairs_per_1000"],
        "gallery": 12,
        "found": {strength: pair[strength] for strength in STRENGTHS},
        "command": "semblance edits painted --gallery b --model model --originals 4 --unseen-classes 2 --keep",
    }


def test_codes_that_tell_nothing_apart_have_no_threshold(
    folder: Path, model: Path, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = Codec.encode
    monkeypatch.setattr(Codec, "encode", lambda self, pictures: 0 * encode(self, pictures))
    found = asked(folder, "--model", model, "--keep")
    assert found["thresholds"] == {codec.name: None}
    assert json.loads((model / "model.json").read_text())["near_duplicates"]["distance"] is None
    said = call("edits", folder).stdout
    assert f"{codec.name}: there is no threshold: at distance 0 there are 5,500.00 wrong pairs" in said


def test_pictures_that_cannot_be_read_are_named_and_left_out(folder: Path) -> None:
    (folder / "a" / "text.png").write_text("no picture")
    done = call("edits", folder, "--json")
    assert done.exit_code == 1
    assert f"left out: {folder / 'a' / 'text.png'}: The file is not a picture" in done.stderr
    assert document(done)["gallery"] == 12


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{tmp}/none"], "There is no folder {tmp}/none."),
        (["{tmp}/painted", "--gallery", "{tmp}/none"], "There is no folder {tmp}/none."),
        (["{tmp}/empty"], "{tmp}/empty holds no pictures"),
        (["{tmp}/painted", "--gallery", "{tmp}/empty"], "{tmp}/empty holds no pictures"),
        (["{tmp}/painted/a/00.png"], "There is no folder"),
        (["{tmp}/one"], "It takes two different pictures, and there are 1 (0 could not be read, 1 were the same"),
        (
            ["{tmp}/text", "--gallery", "{tmp}/painted"],
            "There are no pictures that may be originals, or none that can be read",
        ),
        (["{tmp}/one", "--unseen-classes", "2"], "{tmp}/one has no subfolders, so there are no classes"),
        (["{tmp}/painted", "--model", "none"], "There is no model 'none'"),
        (["{tmp}/painted", "--originals", "0"], "'--originals'"),
        (["{tmp}/painted", "--unseen-classes", "0"], "'--unseen-classes'"),
        (["{tmp}/painted", "--gallery", ""], "'--gallery'"),
        ([""], "FOLDER"),
    ],
)
def test_wrong_use_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    (tmp_path / "empty").mkdir()
    shutil.copy(paint(tmp_path / "one" / "a.png", 1), tmp_path / "one" / "b.png")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.png").write_text("no picture")
    refused = call("edits", *[argument.format(tmp=tmp_path) for argument in arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence.format(tmp=tmp_path) in refused.stderr
    assert "Traceback" not in refused.stderr
