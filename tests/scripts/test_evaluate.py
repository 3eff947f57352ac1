"""`semblance evaluate`: a row for every variant that is asked for, and the pictures of a report."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import comparison, datasets
from retrieval.codec import Codec
from retrieval.comparison import Contest, Row, Variant
from tests.scripts.test_cli import call, document

pytest.importorskip("matplotlib", reason="reports are drawn with matplotlib")
from matplotlib import pyplot
from matplotlib.figure import Figure

from scripts import plots, sheet

WANTED = [Variant(), Variant(refine=True), Variant(views=3), Variant(views=3, refine=True), Variant(bits=28)]


@pytest.fixture(scope="module")
def held(sample: Path) -> Contest:
    return comparison.contest(datasets.load(sample)[0], None)


@pytest.fixture(scope="module")
def rows(held: Contest, codec: Codec) -> list[Row]:
    return [comparison.by_pixels(held), *comparison.by_codec(held, codec, WANTED), comparison.by_hyperplanes(held, 64)]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        assert len(np.unique(np.asarray(image))) > 50, "something is drawn"
        return image.size


def test_every_variant_asked_for_is_a_row_named_by_it(sample: Path, codec: Codec) -> None:
    options = ["--refine", "--views", "2", "--prefix", "28", "--prefix", "64", "--prefix", "28", "--json"]
    rows: list[dict[str, object]] = document(call("evaluate", sample, *options))["rows"]  # type: ignore[assignment]
    name = codec.name
    assert [(row["name"], row["bits"], row["bytes_per_picture"]) for row in rows] == [
        ("pixels (Euclidean)", 0, 3072),
        (name, 256, 32),
        (f"{name}, refined", 256, 32),
        (f"{name}, 2 views", 256, 32),
        (f"{name}, 2 views, refined", 256, 32),
        (f"{name}, first 28 bits", 28, 4),
        (f"{name}, first 64 bits", 64, 8),
        ("random hyperplanes", 256, 32),
    ]
    assert [row["name"] for row in rows if row["mse"] is not None] == [name], "what has no decoder has no error"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [""]),
        (["--refine"], ["", ", refined"]),
        (["--views", "2"], ["", ", 2 views"]),
        (["--views", "1", "--prefix", "256"], ["", ", first 256 bits"]),
    ],
)
def test_what_is_not_asked_for_is_no_row(options: list[str], expected: list[str], sample: Path, codec: Codec) -> None:
    rows = json.loads(call("evaluate", sample, *options, "--json").stdout)["rows"]
    assert [row["name"] for row in rows[1:-1]] == [codec.name + variant for variant in expected]


def test_a_report_is_three_pictures(sample: Path, tmp_path: Path) -> None:
    done = call("evaluate", sample, "--report", tmp_path / "report", "--json")
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"neighbours.png", "precision.png", "rebuilt.png"}
    for path in (tmp_path / "report").iterdir():
        assert str(path) in done.stderr.replace("\n", "")
        size(path)


def test_the_plot_has_a_line_for_every_row_and_a_legend_that_covers_none(
    held: Contest, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(pyplot, "close", drawn.append)
    size(plots.write_precision(held, rows, tmp_path))
    [figure] = drawn
    [axes] = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    assert {*lines} == {*(row.name for row in rows), "chance"}
    for row in rows:
        assert np.array_equal(lines[row.name].get_xdata(), row.score.retrieved)
        assert np.array_equal(lines[row.name].get_ydata(), row.score.precision)
    looks = {(line.get_color(), line.get_linestyle(), line.get_linewidth()) for line in lines.values()}
    assert len(looks) == len(lines), "no two lines look alike"
    figure.draw_without_rendering()  # at the size it has on a screen, which is not that of the file
    [legend] = figure.legends
    assert legend.get_window_extent().x0 > axes.get_window_extent().x1
    heights = [float(np.asarray(lines[text.get_text()].get_ydata())[9]) for text in legend.get_texts()[:-1]]
    assert heights == sorted(heights, reverse=True)
    figure.clear()


def test_the_sheet_of_neighbours_shows_methods_and_leaves_their_variants_out(
    held: Contest, rows: list[Row], tmp_path: Path
) -> None:
    width, height = size(sheet.write_neighbours(held, rows, tmp_path))
    plain = [row for row in rows if row.variant == Variant()]
    assert (width, height) == size(sheet.write_neighbours(held, plain, tmp_path))
    assert height > size(sheet.write_neighbours(held, plain[:1], tmp_path))[1]


def test_what_no_model_can_rebuild_is_no_sheet(held: Contest, rows: list[Row], tmp_path: Path) -> None:
    blind = [row for row in rows if row.rebuilt is None]
    assert len(blind) == len(rows) - 1
    assert sheet.write_rebuilt(held, blind, tmp_path) is None
    assert not [*tmp_path.iterdir()]
    one = size(Path(str(sheet.write_rebuilt(held, rows, tmp_path))))
    assert size(Path(str(sheet.write_rebuilt(held, rows + rows, tmp_path))))[1] > one[1], "a line for each model"
