"""`semblance evaluate` of a folder of sets, and of several: one document, one table, one page, or one sentence."""

from pathlib import Path
from typing import Any

import pytest

from semblance.retrieval.codec import Codec
from semblance.scripts.report.sets import unbeaten
from tests.conftest import paint
from tests.scripts.test_cli import call, document

MEASURES = ("P@1", "P@10", "P@100", "mAP")


def test_one_document_holds_all_sets_as_evaluate_tells_each(several: Path, codec: Codec) -> None:
    told = document(call("evaluate", several, "--model", codec.name, "--json"))
    every: list[dict[str, object]] = told["sets"]  # type: ignore[assignment]
    assert [each["name"] for each in every] == ["all", "few"]
    for each in every:
        rows: list[dict[str, object]] = each["rows"]  # type: ignore[assignment]
        options = ["--model", codec.name, "--histogram", "--refine", "--prefix", "64", "--prefix", "28", "--json"]
        alone = document(call("evaluate", several / str(each["name"]), *options))
        assert (each["gallery"], each["queries"]) == (alone["gallery"], alone["queries"])
        same: list[dict[str, object]] = alone["rows"][:-1]  # type: ignore[index] # less random hyperplanes
        assert [row.keys() for row in rows] == [row.keys() for row in same]
        kept = ("name", "bits", "P@10_interval", "mse", *MEASURES)
        assert [[row[name] for name in kept] for row in rows] == [[row[name] for name in kept] for row in same]
    means: list[dict[str, float]] = told["means"]  # type: ignore[assignment]
    for number, mean in enumerate(means):
        of_sets = [each["rows"][number] for each in every]  # type: ignore[index]
        assert mean["mAP"] == pytest.approx(sum(row["mAP"] for row in of_sets) / 2, abs=1e-4)
        assert mean["P@100"] is None, "both sets are too small for it"
    speeds: list[dict[str, Any]] = told["one_core"]  # type: ignore[assignment]
    assert [speed["name"] for speed in speeds] == [codec.name]
    assert speeds[0]["pictures_per_second"] > 0


def test_the_table_shows_what_is_asked_for(several: Path) -> None:
    told = document(call("evaluate", several / "few", several / "all", "--json"))
    shown = call("evaluate", several / "few", several / "all", "--measure", "mAP")
    assert "2 sets: few, all" in shown.stderr
    for line, mean in zip(told["sets"][0]["rows"], told["means"], strict=True):  # type: ignore[index,call-overload]
        (row,) = [each for each in shown.stdout.splitlines() if f" {line['name']} " in each]
        assert f"{line['mAP']:.4f}" in row
        assert f"{mean['mAP']:.4f}" in row


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--held-out"], "Of several datasets each picture asks all others: name one dataset"),
        (["--prefix", "9999"], "it has no prefix of 9999"),
        (["--measure", "P@7"], "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said(several: Path, options: list[str], sentence: str) -> None:
    done = call("evaluate", several, *options)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.replace("│", " ").split())


def test_folders_that_are_no_sets_are_named(several: Path, tmp_path: Path) -> None:
    paint(tmp_path / "kindless" / "1.png", 1)
    paint(tmp_path / "kindless" / "2.png", 1)
    paint(tmp_path / "one" / "cat" / "1.png", 1)
    (tmp_path / "empty").mkdir()
    for name in ("kindless", "one", "empty"):
        for asked in ([tmp_path / name], [several / "few", tmp_path / name]):
            done = call("evaluate", *asked)
            assert (done.exit_code, done.stdout) == (2, "")
            assert f"error: {tmp_path / name} is no dataset: it needs one subfolder a class" in done.stderr


def test_subfolders_can_be_said_to_be_kinds(several: Path) -> None:
    told = document(call("evaluate", several, "--one-set", "--json"))
    assert told["gallery"] == len([*several.rglob("*.jpg")])


def test_the_page_holds_the_table_and_three_figures(several: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="reports are drawn with matplotlib")
    done = call("evaluate", several, "--model", "photos", "--model", "cifar10-fast", "--report", tmp_path / "report")
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert {path.name for path in (tmp_path / "report").glob("*.png")} == {"precision.png", "bits.png", "speed.png"}
    for told in ("<th>all</th><th>few</th><th>mean</th>", "cifar10-fast, first 28 bits", "Precision against speed"):
        assert told in page


def test_a_model_that_another_beats_in_both_is_off_the_line() -> None:
    points = [(100.0, 0.6), (300.0, 0.5), (200.0, 0.5), (150.0, 0.4), (400.0, 0.1), (50.0, 0.6)]
    assert unbeaten(points) == [(100.0, 0.6), (300.0, 0.5), (400.0, 0.1)]
