"""`semblance bench`: each benchmark measures what its rows say, whatever the machine makes of it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from semblance.indexer.milvus import address
from semblance.indexer.milvus.connection import Server
from semblance.retrieval import images, storage
from semblance.retrieval.codec import Codec, find_model, shipped_models
from semblance.retrieval.errors import NothingStored
from semblance.retrieval.images import InputSpec
from semblance.scripts.benchmarks import bucket, encode, figures, photographs, service
from semblance.scripts.benchmarks.stores import objects
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from semblance.scripts.commands import bench
from semblance.scripts.main import build
from tests.buckets import asking

Run = Callable[..., subprocess.CompletedProcess[str]]


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(build(), ["bench", *map(str, arguments)])


def rows(*arguments: str | Path) -> dict[str, dict[str, Any]]:
    """The rows of a --json run by their names."""
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert set(document) == {"machine", "versions", "rows"}
    assert {"python", "onnxruntime"} <= set(document["versions"])
    assert all(set(row) == {"name", "value", "unit", "against"} for row in document["rows"])
    return {row["name"]: row for row in document["rows"]}


def test_without_names_all_that_take_no_minutes_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(name: str) -> Callable[[figures.Asked], list[figures.Row]]:
        return lambda asked: [figures.row(f"{name} {asked.models} {asked.recipe} {asked.pictures}", 1, "s")]

    for name in bench.BENCHES:
        monkeypatch.setitem(bench.BENCHES, name, named(name))
    rest = "[] cifar10-fast None"
    assert list(rows()) == [
        f"{name} {rest}" for name in ("search", "index", "photographs", "service", "install", "encode", "processes")
    ]
    asked = ("training", "search", "--model", "a", "--model", "b", "--recipe", "c", "--pictures", "d")
    assert list(rows(*asked)) == ["training ['a', 'b'] c d", "search ['a', 'b'] c d"]


def test_pairs_of_codes_are_held_against_all(sample: Path) -> None:
    found = rows("duplicates", "--pictures", sample, "--codes", "6000")
    names = [*found]
    assert names[2:4] == ["near pairs", "groups"]
    assert found["near pairs"]["value"] >= found["groups"]["value"] > 300  # a tenth are copies of others
    assert names[4].startswith("pairs found")
    assert found[names[4]]["value"] >= 0.99


def test_tasks_are_timed_in_turns() -> None:
    done: list[str] = []
    assert len(figures.in_turns([lambda: done.append("a"), lambda: done.append("b")], times=3)) == 2
    assert done == ["a", "b"] * 3


def test_search_is_held_against_reading_the_same_bytes() -> None:
    found = rows("search")
    search, read, ratio, more = (row["value"] for row in found.values())
    assert ratio == pytest.approx(search / read, abs=0.01)
    assert found["search / sum"]["against"] == "at most 1.4"
    assert more > 0


def test_index_counts_the_pictures_of_the_folder_named(pictures: Path) -> None:
    (pictures / "text.jpg").write_text("no picture")
    found = rows("index", "--pictures", pictures)
    assert found["pictures indexed"]["value"] == 48
    assert {"index", "index again, nothing changed"} <= set(found)


# ---- photographs ---------------------------------------------------------------------------------------------------


def test_photographs_are_indexed_and_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "COUNT", 12)
    found = rows("photographs")
    weight, decoding, alone, encoding, share, index, ratio = found.values()
    assert weight["name"] == "12 JPEGs of 1152 x 864, mean"
    assert 130 < weight["value"] < 170
    assert {row["unit"] for row in (decoding, alone, encoding, index)} == {"pictures/s"}
    assert min(decoding["value"], alone["value"], encoding["value"], index["value"], share["value"]) > 0
    assert ratio["value"] == pytest.approx(index["value"] / encoding["value"], rel=0.01)
    assert ratio["against"] == "at least 0.85"


def test_photographs_are_large_and_no_two_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "COUNT", 44)  # every scene once, and four twice
    files = photographs.write(tmp_path / "some", threads=2)
    assert sorted((tmp_path / "some").iterdir()) == files
    contents = [path.read_bytes() for path in files]
    assert len({*contents}) == 44
    small = [images.load(content, InputSpec(32)).tobytes() for content in contents]
    assert len({*small}) == 44, "they differ in more than their grain"
    for path in files[:40]:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (1152, 864))
    again = photographs.write(tmp_path / "again", threads=1)
    assert [path.read_bytes() for path in again] == contents, "the same on every run"


def test_both_sides_take_turns_and_every_index_starts_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Medians of three rates: decoding 2, 4 and 8 a second, with encoding by one code 2, 5 and 4, by both 1, 4 and
    2.5, indexing 1, 4 and 2."""
    turns: list[str] = []
    clocks = {"bare": iter([1.0, 4.0, 4.0, 8.0, 2.0, 1.6, 2.0, 1.0, 2.0, 3.2]), "index": iter([8.0, 2.0, 4.0])}
    libraries: list[Path] = []
    options: list[tuple[str, ...]] = []

    def bare(files: list[Path], work: Callable[[Path], Any], threads: int) -> float:
        made = work(files[0])
        shapes = [each.shape for each in made] if isinstance(made, list) else made.shape
        turns.append(f"bare {len(files)} {shapes} {threads}")
        return next(clocks["bare"])

    def indexed(folder: Path, library: Path, *given: str) -> dict[str, Any]:
        assert len([*folder.iterdir()]) == 8
        assert not library.exists()
        libraries.append(library)
        options.append(given)
        turns.append("index")
        return {"added": 8, "seconds": next(clocks["index"])}

    monkeypatch.setattr(photographs, "COUNT", 8)
    monkeypatch.setattr(photographs, "_WARM_UP", 5)
    monkeypatch.setattr(photographs, "bare_seconds", bare)
    monkeypatch.setattr(photographs, "indexed", indexed)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    name = str(find_model("cifar10-ae"))
    found = rows("photographs", "--model", name, "--model", "none")
    size = Codec(name).spec.size
    each = [f"bare 8 ({size}, {size}, 3) 3", "bare 8 [(1, 32)] 3", "bare 8 [(1, 32), (1, 32)] 3"]
    assert turns == ["bare 5 [(1, 32), (1, 32)] 3", *["index", *each] * 3]
    assert len({*libraries}) == 3
    assert options == [("--model", name, "--threads", "3")] * 3
    assert [row["value"] for row in found.values()][1:] == [4, 4, 2.5, pytest.approx(0.625, abs=0.005), 2, 0.8]


def test_the_service_is_asked_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MILLION", 1000)
    found = rows("service")
    assert len(found) == 6
    assert all(row["value"] > 0 for row in found.values())
    http, alone = (found[name]["value"] for name in list(found)[3:5])
    assert found["HTTP / in process"]["value"] == pytest.approx(http / alone, rel=0.01)


# ---- encode --------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Every task is run once and said to take a second; how many pictures each gave a code."""
    encoded: list[list[int]] = []

    def run(tasks: list[Callable[[], Any]], times: int) -> list[float]:
        encoded.append([len(task()) for task in tasks])
        return [1.0 for _ in tasks]

    monkeypatch.setattr(encode, "in_turns", run)
    return encoded


def test_encode_measures_every_shipped_model(one_second: list[list[int]]) -> None:
    found = rows("encode")
    shipped = shipped_models()
    assert one_second == [[256] * len(shipped), [1] * len(shipped)], "in batches, and one by one"
    assert [name.rpartition(", ")[0] for name in found] == [name for name in shipped for _ in range(4)]
    figure = found["cifar10-fast, batches of 256"]
    assert (figure["value"], figure["unit"]) == (256, "pictures/s")
    figure = found["cifar10-fast, a single picture"]
    assert (figure["value"], figure["unit"]) == (1000, "ms")


def test_encode_compares_the_models_named(one_second: list[list[int]], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("encoder.onnx", "model.json"):
        (folder / name).write_bytes((find_model("cifar10-fast") / name).read_bytes())
    (folder / "checkpoint.pt").write_bytes(bytes(50_000_000))
    (folder / "neighbours.png").write_bytes(bytes(50_000_000))
    found = rows("encode", "--model", folder, "--model", "cifar10-fast")
    assert [name.rpartition(", ")[0] for name in found] == [str(folder)] * 4 + ["cifar10-fast"] * 4
    size = sum((folder / name).stat().st_size for name in ("encoder.onnx", "model.json"))
    assert found[f"{folder}, its folder"]["value"] == pytest.approx(size / 1e6, abs=0.001)


def test_multiply_adds_are_counted_by_hand(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="models are drawn up with onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=kinds.FLOAT),
        helper.make_node("Transpose", ["floats"], ["maps"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["maps", "shrink"], ["small"], strides=[2, 2], pads=[1, 1, 1, 1]),  # (6, 2, 2)
        helper.make_node("Conv", ["small", "grouped"], ["apart"], group=2),  # (4, 2, 2)
        helper.make_node("Flatten", ["apart"], ["rows"]),  # (16,)
        helper.make_node("Gemm", ["rows", "gemm", "bias"], ["hidden"], transB=1),  # (10,)
        helper.make_node("MatMul", ["hidden", "matmul"], ["logits"]),  # (8,)
    ]
    shapes = {"shrink": (6, 3, 3, 3), "grouped": (4, 3, 1, 1), "gemm": (10, 16), "bias": (10,), "matmul": (10, 8)}
    constants = [onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in shapes.items()]
    pictures = helper.make_tensor_value_info("pictures", kinds.UINT8, ["batch", 4, 4, 3])
    logits = helper.make_tensor_value_info("logits", kinds.FLOAT, ["batch", 8])
    graph = helper.make_graph(nodes, "graph", [pictures], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "encoder.onnx")
    card = {"name": "drawn", "bits": 8, "input": {"size": 4, "resize": "squash-bicubic"}}
    (tmp_path / "model.json").write_text(json.dumps(card))
    by_hand = 6 * 4 * 27 + 4 * 4 * 3 + 10 * 16 + 8 * 10
    assert encode.multiply_adds(Codec(tmp_path), tmp_path) == by_hand


# ---- training ------------------------------------------------------------------------------------------------------


def test_training_says_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = pytest.importorskip("semblance.retrieval.training.speed", reason="training needs torch")
    asked = []

    def measure(recipe: Any, device: Any) -> Any:
        asked.append(recipe.name)
        shares = {"convolution, forward": 0.25, "other": 0.75}
        return speed.Speed("a device", 100, 0.5, flops=3 * 10**12, side=1024, peak=24e12, shares=shares)

    monkeypatch.setattr(speed, "measure", measure)
    found = rows("training", "--recipe", "cifar10-ae")
    assert asked == ["cifar10-ae"]
    assert all(name.startswith("training cifar10-ae on a device") for name in found)
    assert [(row["value"], row["unit"]) for row in found.values()] == [
        (200, "pictures/s"),
        (30, "billion"),
        (6, "TFLOP/s"),
        (24, "TFLOP/s"),
        (25, "%"),
        (25, "%"),
        (75, "%"),
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["fast"],
            "There is no benchmark 'fast': there are search, index, photographs, service, install, encode, processes, "
            "hostile, hashes, training, duplicates, flips, kills, malformed, load, siege, soak, putback, "
            "powercuts, scale, unchanged, cluster, milvus, bucket.",
        ),
        (["encode", "--model", "none"], "There is no model 'none'"),
        (["encode", "--model", ""], "There is no model ''"),
        (["photographs", "--model", "none"], "There is no model 'none'"),
        (["training", "--recipe", "none"], "There is no recipe 'none'"),
        (["training", "--recipe", "pca"], "pca is fitted by a formula: it has no training step to measure"),
        (["training", "--recipe", "photos"], "photos trains what follows another network: its steps are too short"),
        (["index", "--pictures", ""], "'--pictures'"),
    ],
)
def test_wrong_use_is_one_sentence(arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    refused = call(*arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr


def test_training_without_torch_says_how_to_get_it(tmp_path: Path, semblance: Run) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError(\"No module named 'torch'\")")
    refused = semblance("bench", "training", env={"PYTHONPATH": str(tmp_path)})
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "No module named 'torch'): pip install 'semblance[train]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_milvus_is_filled_and_answers_as_faiss_does(milvus: Milvus, sample: Path) -> None:
    found = rows("milvus", "--pictures", sample, "--codes", "1000", "--milvus", milvus.address("bench"))
    assert found["k = 10: equal to FAISS, distances and ids"]["value"] == 1000
    assert found["k = 100: equal to FAISS, distances and ids"]["value"] == 1000
    assert found["filled from a catalog"]["against"] == "at least 20,000"
    server = Server(address.parse(milvus.address("bench")))
    assert not [name for name in server.ask("list_collections") if name.startswith("bench")], "all is dropped again"
    assert call("milvus", "--milvus", "milvus://").exit_code == 2


def test_a_bucket_is_indexed_beside_its_files(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "TURNS", 1)
    monkeypatch.setattr(bucket, "MOST", 12)
    found = rows("bucket", "--pictures", pictures, "--model", "cifar10-fast")
    assert next(iter(found)) == "12 pictures, mean"
    sources = ("files", "S3, moto's server", "S3, a stand-in that only sends files")
    rates = [found[f"index from {name}"]["value"] for name in sources]
    assert min(rates) > 0
    for name, rate in zip(sources[1:], rates[1:], strict=True):
        assert found[f"{name} / files"]["value"] == pytest.approx(rate / rates[0], abs=0.01)
        assert found[f"{name} / files"]["against"] == "at least 0.8"


def test_the_stand_in_for_s3_lists_by_pages_and_sends_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(1002):
        (tmp_path / f"{n:04} é.jpg").write_bytes(bytes([n % 256]) * 9)
    with objects.static(tmp_path) as served, asking(f"http://127.0.0.1:{served.port}"):
        found = list(storage.listing(f"s3://{objects.BUCKET}"))
        assert [each.address for each in found] == [f"s3://bench/{n:04} é.jpg" for n in range(1002)]
        assert {each.size for each in found} == {9}
        assert storage.read(found[7].address) == bytes([7]) * 9
        assert storage.piece(found[8].address, 2, 5)[0] == bytes([8]) * 3
        with pytest.raises(NothingStored):
            storage.read("s3://bench/none.jpg")
