"""`semblance evaluate`: a row for every variant that is asked for, and the pictures of a report."""

import base64
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import codes, queries
from semblance.retrieval.codec import Codec, Logits, from_logits
from semblance.retrieval.images import Picture
from semblance.retrieval.judging import comparison, datasets
from semblance.retrieval.judging.contest import Contest, Row, Variant, shuffled
from tests.retrieval.judging.test_datasets import write_cifar
from tests.retrieval.test_codec import save_card, save_decoder, save_encoder
from tests.scripts.test_cli import call, document

pytest.importorskip("matplotlib", reason="reports are drawn with matplotlib")
from matplotlib import pyplot
from matplotlib.figure import Figure

from semblance.scripts.report import curves, latent, maps, page, sheets

WANTED = [Variant(), Variant(refine=True), Variant(views=3), Variant(views=3, refine=True), Variant(bits=28)]


@pytest.fixture(scope="module")
def contest(sample: Path) -> Contest:
    return shuffled(datasets.load(sample)[0], None)


@pytest.fixture(scope="module")
def rows(contest: Contest, codec: Codec) -> list[Row]:
    return [
        comparison.by_pixels(contest),
        *comparison.by_codec(contest, codec, WANTED),
        comparison.by_hyperplanes(contest, 64),
    ]


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        assert len(np.unique(np.asarray(image))) > 50, "something is drawn"
        return image.size


def test_what_is_said_of_chance_is_judged_beside_the_rows(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--chance needs 100 pictures" in " ".join(call("evaluate", sample, "--chance").output.split())
    monkeypatch.setattr(queries, "TELLING", 30)
    by_chance: list[dict[str, float]] = document(call("evaluate", sample, "--chance", "--json"))["by_chance"]  # type: ignore[assignment]
    (judged,) = by_chance
    assert sum(count for name, count in judged.items() if name.startswith("results")) == 48 * 47
    assert {"precision <=0.001", "precision above", "kind taken out, results <=1"} <= set(judged)
    assert "kind taken out" in call("evaluate", sample, "--chance").output


def test_every_variant_asked_for_is_a_row_named_by_it(sample: Path, codec: Codec) -> None:
    prefixes = ["--prefix", "28", "--prefix", "64", "--prefix", "28"]
    options = ["--model", codec.name, "--refine", "--views", "2", *prefixes, "--json"]
    rows: list[dict[str, object]] = document(call("evaluate", sample, *options))["rows"]  # type: ignore[assignment]
    name = codec.name
    assert [(row["name"], row["bits"], row["bytes_per_picture"]) for row in rows] == [
        ("pixels (Euclidean)", None, 3072),
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
    rows = json.loads(call("evaluate", sample, "--model", codec.name, *options, "--json").stdout)["rows"]
    assert [row["name"] for row in rows[1:-1]] == [codec.name + variant for variant in expected]


def test_a_colour_histogram_is_a_row_where_it_is_asked_for(sample: Path, codec: Codec, contest: Contest) -> None:
    rows = json.loads(call("evaluate", sample, "--model", codec.name, "--histogram", "--json").stdout)["rows"]
    assert [row["name"] for row in rows] == [
        "pixels (Euclidean)", "colour histogram", codec.name, "random hyperplanes",
    ]  # fmt: skip
    expected = comparison.by_histograms(contest)
    assert rows[1]["P@10"] == round(expected.score.table["P@10"] or 0, 4)
    assert (rows[1]["bits"], rows[1]["bytes_per_picture"]) == (None, 128)


def test_the_interval_stands_beside_its_precision(sample: Path) -> None:
    rows = json.loads(call("evaluate", sample, "--json").stdout)["rows"]
    lines = call("evaluate", sample).stdout.splitlines()
    for row in rows:
        low, high = row["P@10_interval"]
        assert low < row["P@10"] < high
        [line] = [line for line in lines if row["name"] in line]
        assert f" {row['P@10']:.4f} ({low:.4f} to {high:.4f}) " in line
    assert not [line for line in lines if "interval" in line]


def test_without_a_precision_at_ten_there_is_no_interval(sample: Path, tmp_path: Path) -> None:
    for kind in sorted(sample.iterdir())[:3]:
        shutil.copytree(kind, tmp_path / kind.name)
    rows = json.loads(call("evaluate", tmp_path, "--json").stdout)["rows"]
    assert [(row["P@10"], row["P@10_interval"]) for row in rows] == [(None, None)] * 3
    shown = call("evaluate", tmp_path)
    assert (shown.exit_code, " to " in shown.stdout) == (0, False)


# ---- every Nth class -----------------------------------------------------------------------------------------------


def precisions(*arguments: str | Path) -> tuple[object, object, list[list[object]]]:
    """Gallery, queries, and what each row of a --json run found; its times are never the same."""
    table = json.loads(call("evaluate", *arguments, "--histogram", "--json").stdout)
    found = [[value for name, value in row.items() if not name.endswith("_ms")] for row in table["rows"]]
    return table["gallery"], table["queries"], found


def test_every_third_class_is_as_if_there_were_no_others(sample: Path, tmp_path: Path) -> None:
    kinds = sorted(path for path in sample.iterdir() if path.is_dir())
    for kind in kinds[::3]:
        shutil.copytree(kind, tmp_path / kind.name)
    alone = precisions(tmp_path)
    assert precisions(sample, "--unseen-classes", "3") == alone
    assert precisions(sample, "--unseen-classes", "1") == precisions(sample) != alone
    asked = precisions(sample, "--queries", sample, "--unseen-classes", "3")
    assert asked[:2] == alone[:2]
    assert asked[2] != alone[2], "each finds itself"


def test_a_dataset_s_own_queries_are_of_every_nth_class_too(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    gallery, test = datasets.load(tmp_path)
    assert test is not None
    found = precisions(tmp_path, "--unseen-classes", "2")
    assert found[:2] == ((gallery.labels != 1).sum(), (test.labels != 1).sum())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--unseen-classes", "0"], "'--unseen-classes'"),
        (["--unseen-classes", "2", "--held-out"], "--held-out asks for pictures of all classes"),
        (["--unseen-classes", ""], "'--unseen-classes'"),
    ],
)
def test_classes_wrongly_asked_for_are_one_sentence(
    options: list[str], sentence: str, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    refused = call("evaluate", sample, *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr


def test_too_few_pictures_of_every_nth_class_is_a_sentence(sample: Path, tmp_path: Path) -> None:
    first, second = sorted(sample.iterdir())[:2]
    shutil.copytree(second, tmp_path / "b")
    (tmp_path / "a").mkdir()
    shutil.copy(sorted(first.iterdir())[0], tmp_path / "a")
    refused = call("evaluate", tmp_path, "--unseen-classes", "2")
    assert refused.exit_code == 2
    assert "One class in 2 of 2 has fewer than two pictures" in refused.stderr


# ---- the report ----------------------------------------------------------------------------------------------------


FIGURES = {"precision", "neighbours", "rebuilt", "distances", "bits", "walk", "samples"}


def test_a_report_is_a_page_that_holds_its_figures(sample: Path, tmp_path: Path) -> None:
    done = call("evaluate", sample, "--model", "cifar10-fast", "--report", tmp_path / "report", "--json")
    assert done.exit_code == 0, done.stderr
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {"report.html", *(f"{name}.png" for name in FIGURES)}
    page = (tmp_path / "report" / "report.html").read_text()
    for name in written:
        assert str(tmp_path / "report" / name) in done.stderr.replace("\n", "")
    for name in FIGURES:
        path = tmp_path / "report" / f"{name}.png"
        size(path)
        assert base64.b64encode(path.read_bytes()).decode() in page
    assert "48 pictures are too few for a map: it takes 91." in page
    assert not re.findall(r"(?:src|href)=.(?!data:|#)", page), "nothing is fetched from elsewhere"


def test_the_page_s_table_is_that_of_the_command(
    contest: Contest, rows: list[Row], codec: Codec, tmp_path: Path
) -> None:
    page.write_report(contest, rows, [codec], tmp_path, lambda *_: None)
    html = (tmp_path / "report.html").read_text()
    lines = re.findall(r"<tr>(.*?)</tr>", html)[1:]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines]
    assert [line[0] for line in cells] == [row.name for row in rows]
    assert [line[3] for line in cells] == [f"{row.score.table['P@10']:.4f}" for row in rows]
    intervals = [row.score.interval or (0, 0) for row in rows]
    assert [line[4] for line in cells] == [f"{low:.4f} to {high:.4f}" for low, high in intervals]
    best = max(row.score.table["P@10"] or 0 for row in rows)
    assert f'<td class="best">{best:.4f}</td>' in html


def test_the_plot_has_a_line_for_every_row_and_a_legend_that_covers_none(
    contest: Contest, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(pyplot, "close", drawn.append)
    size(curves.write_precision(contest, rows, tmp_path))
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
    contest: Contest, rows: list[Row], tmp_path: Path
) -> None:
    width, height = size(sheets.write_neighbours(contest, rows, tmp_path))
    plain = [row for row in rows if row.variant == Variant()]
    assert (width, height) == size(sheets.write_neighbours(contest, plain, tmp_path))
    assert height > size(sheets.write_neighbours(contest, plain[:1], tmp_path))[1]


def test_what_no_model_can_rebuild_is_no_sheet(contest: Contest, rows: list[Row], tmp_path: Path) -> None:
    blind = [row for row in rows if row.rebuilt is None]
    assert len(blind) == len(rows) - 1
    assert sheets.write_rebuilt(contest, blind, tmp_path) is None
    assert not [*tmp_path.iterdir()]
    one = size(Path(str(sheets.write_rebuilt(contest, rows, tmp_path))))
    assert size(Path(str(sheets.write_rebuilt(contest, rows + rows, tmp_path))))[1] > one[1], "a line for each model"


def test_walks_and_samples_are_compared_at_the_decoder_s_size(
    contest: Contest, codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_encoder(tmp_path / "encoder.onnx")
    save_decoder(tmp_path / "decoder.onnx", 10)
    save_card(tmp_path)
    seen: list[tuple[int, ...]] = []
    judged, write = latent._judged, sheets.write_sheet

    def judge(codec: Codec, pictures: Picture) -> Logits:
        seen.append(pictures.shape[1:])
        return judged(codec, pictures)

    def sheet(path: Path, title: str, lines: Sequence[sheets.Line]) -> Path:
        seen.extend(cell[0].shape for _, cells in lines for cell in cells if cell is not None)
        return write(path, title, lines)

    monkeypatch.setattr(latent, "_judged", judge)
    monkeypatch.setattr(latent, "write_sheet", sheet)
    for drawn in (
        latent.write_walk(contest, [Codec(tmp_path)], tmp_path),
        latent.write_samples(contest, [Codec(tmp_path)], codec, tmp_path),
    ):
        assert drawn is not None
        assert drawn.exists()
    assert set(seen) == {(10, 10, 3)}


def test_the_chance_that_a_pair_of_a_class_is_nearer() -> None:
    near, far = np.array([1, 2, 2]), np.array([2, 3])
    assert curves._nearer(near, far) == (1 + 1 + 0.5 + 1 + 0.5 + 1) / 6  # of six comparisons, a tie counts half


def test_the_frechet_distance_of_known_normals() -> None:
    chance = np.random.default_rng(0)
    one, other = chance.standard_normal((2, 200_000, 2)).astype(np.float32)
    assert latent.frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert latent.frechet(one, other + np.array([3, 4], np.float32)) == pytest.approx(25, rel=0.01)
    assert latent.frechet(one, 3 * other) == pytest.approx(2 * (3 - 1) ** 2, rel=0.02)  # (s - 1)^2 a dimension


def test_a_map_puts_alike_codes_together(sample: Path, codec: Codec, tmp_path: Path) -> None:
    gallery = datasets.load(sample)[0]
    twice = shuffled(gallery.subset(np.repeat(np.arange(len(gallery)), 3)), None)  # 144 pictures
    width, height = size(maps.write_map(twice, [codec], tmp_path))
    assert width == pytest.approx(2 * height, rel=0.1), "pixels beside codes"
    apart = np.concatenate([np.zeros((60, 8)), np.ones((60, 8))]).astype(np.float32)
    places = maps._placed(apart + np.random.default_rng(0).normal(0, 0.01, apart.shape).astype(np.float32))
    first, second = places[:60].mean(axis=0), places[60:].mean(axis=0)
    assert np.linalg.norm(first - second) > 4 * places[:60].std(axis=0).max()


def test_several_liked_queries_are_a_row(sample: Path, codec: Codec) -> None:
    done = call("evaluate", sample, "--model", codec.name, "--queries", sample, "--liked", "2", "--json")
    rows = {row["name"]: row for row in document(done)["rows"]}  # type: ignore[attr-defined]
    assert rows[f"{codec.name}, 2 liked"]["P@10"] != rows[codec.name]["P@10"]
    alone = call("evaluate", sample, "--liked", "2")
    assert alone.exit_code == 2
    assert "name some with --queries" in alone.stderr.replace("\n", " ")


def test_liked_queries_ask_with_the_mean_of_their_logits(sample: Path, codec: Codec) -> None:
    dataset = datasets.load(sample)[0]
    contest = shuffled(dataset, dataset)
    [row] = comparison.by_codec(contest, codec, [Variant(liked=2)])
    logits = codec.logits(contest.queries.pictures(codec.spec))
    gallery = codec.encode(contest.gallery.pictures(codec.spec))
    first, second = np.flatnonzero(contest.queries.labels == contest.queries.labels[0])[:2]
    by_hand = codes.hamming(from_logits(logits[[first, second]].mean(axis=0)[None]), gallery)[0]
    found = row.nearest(np.array([first]), 5)[0]
    assert sorted(by_hand[found]) == sorted(by_hand)[:5]
