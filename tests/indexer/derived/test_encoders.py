"""A library's own copies of its encoders: it outlives what made it, and no reader fails for want of a copy."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import onnx
import pytest

from semblance.indexer.catalog import Writer
from semblance.indexer.derived import encoders
from semblance.indexer.derived.encoders import codec_for
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.retrieval import codec as codecs
from semblance.retrieval.codec import COPIES_MODEL, Codec, find_model, id_of
from semblance.retrieval.errors import ModelError
from tests.conftest import paint, serving, until
from tests.indexer.catalog.conftest import UNWRITABLE, in_a_process

COPIES = id_of(find_model(COPIES_MODEL))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of the user's own, and no other is the same."""
    folder = Path(shutil.copytree(find_model("cifar10-fast"), tmp_path / "mine"))
    encoder = onnx.load(folder / "encoder.onnx")
    encoder.doc_string = "mine"
    onnx.save(encoder, folder / "encoder.onnx")
    return folder


@pytest.fixture
def library(tmp_path: Path, model: Path) -> Path:
    """A library of three pictures by that model."""
    for seed in range(3):
        paint(tmp_path / "pictures" / f"{seed}.png", seed)
    with Library.create(tmp_path / "library", str(model)) as made:
        made.index(tmp_path / "pictures")
    return tmp_path / "library"


PARTS = {"encoder.onnx", "model.json", "SHA256SUMS"}


def files(folder: Path) -> set[str]:
    """What lies there, but for the copy by which the library knows copies."""
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.parent.name != COPIES
    }


def copy_in(library: Path) -> Path:
    [copy] = [path for path in (library / "models").iterdir() if path.name != COPIES]
    return copy


def test_a_library_outlives_the_model_that_made_it(library: Path, model: Path, tmp_path: Path) -> None:
    made = Codec(model)
    assert files(library / "models") == {f"{made.codec_id}/{name}" for name in PARTS}
    shutil.rmtree(model)
    paint(tmp_path / "pictures/9.png", 9)
    with Library.open(library) as opened:
        assert opened.search(tmp_path / "pictures/1.png", k=1)[0].path == str(tmp_path / "pictures/1.png")
        assert opened.index(tmp_path / "pictures").added == 1
        assert opened.search(tmp_path / "pictures/9.png", k=1)[0].distance == 0
        assert opened.codec.reference == status(library)["model"] == str(model)
    with serving(library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        found = httpx.post(f"{url}/search", files={"file": (tmp_path / "pictures/9.png").read_bytes()}).json()
        assert found["results"][0]["distance"] == 0


def test_a_shipped_model_keeps_its_name(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", "cifar10-fast"):
        pass
    codec = codec_for(tmp_path / "library")
    assert codec.folder.parent == tmp_path / "library/models"
    assert (codec.name, codec.reference) == ("cifar10-fast", "cifar10-fast")
    with Writer.writing(tmp_path / "another", codec):
        assert status(tmp_path / "another")["model"] == "cifar10-fast"


def test_a_library_of_before_gets_its_copy_from_whoever_may_write(library: Path, model: Path) -> None:
    whole = files(library)
    shutil.rmtree(library / "models")
    with Writer.writing(library):
        assert codec_for(library).folder == model, "another process writes: the library goes without"
    assert not (library / "models").exists()
    codec_for(library)
    assert files(library) == whole
    shutil.rmtree(library / "models")
    codec_for(library, str(model))
    assert files(library) == whole


def test_any_shipped_model_that_is_the_same_will_do(
    library: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(library / "models")
    (tmp_path / "shipped").mkdir()
    monkeypatch.setattr(codecs, "MODELS", tmp_path / "shipped")
    model.rename(tmp_path / "shipped/renamed")
    assert codec_for(library).codec_id == copy_in(library).name
    assert json.loads((copy_in(library) / "model.json").read_bytes())["name"] == "cifar10-fast"


@pytest.mark.parametrize("place", UNWRITABLE)
def test_where_nothing_can_be_written_a_library_goes_without(library: Path, model: Path, place: str) -> None:
    shutil.rmtree(library / "models")
    with UNWRITABLE[place](library):
        assert codec_for(library).folder == model
        assert not [*library.glob("models/*")]


def test_a_disk_that_is_full_before_the_copy_is_whole(library: Path, model: Path) -> None:
    shutil.rmtree(library / "models")
    with UNWRITABLE["a full disk"](library):
        os.truncate(library / "filled", (library / "filled").stat().st_size - 400_000)  # the encoder has 746,000 bytes
        assert codec_for(library).folder == model
        assert not [*library.glob("models/*")]
        with Library.open(library) as opened:
            assert opened.index(model.parent / "pictures").unchanged == 3, "nor does a writer fail"


# ---- damage --------------------------------------------------------------------------------------------------------


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit": lambda copy: flip(copy / "encoder.onnx"),
    "cut short": lambda copy: os.truncate(copy / "encoder.onnx", 1000),
    "no encoder": lambda copy: (copy / "encoder.onnx").unlink(),
    "no card": lambda copy: (copy / "model.json").unlink(),
    "no text": lambda copy: (copy / "model.json").write_bytes(b"\xff\x00"),
    "another size": lambda copy: (copy / "model.json").write_text(
        (copy / "model.json").read_text().replace('"size": 32', '"size": 64', 1)
    ),
    "another model": lambda copy: shutil.copytree(find_model("cifar10-ae"), copy, dirs_exist_ok=True),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_made_anew_or_said_to_be_damaged(library: Path, model: Path, damage: str) -> None:
    copy = copy_in(library)
    before = id_of(copy)
    DAMAGES[damage](copy)
    away = model.rename(model.with_name("away"))
    with pytest.raises(
        ModelError, match=rf"own copy, {copy}, is missing or damaged: name the model's folder with --model"
    ):
        Library.open(library)
    with UNWRITABLE["another user's folder"](library):
        assert codec_for(library, str(away)).codec_id == before
    away.rename(model)
    with Library.open(library) as opened:
        assert opened.codec.codec_id == id_of(copy) == before
    assert files(library / "models") == {f"{before}/{name}" for name in PARTS}


def test_a_model_that_is_nowhere_is_one_sentence(library: Path, model: Path) -> None:
    shutil.rmtree(library / "models")
    shutil.rmtree(model)
    with pytest.raises(
        ModelError, match=r"not to be found any more, and the library's own copy, .* is missing or damaged: name"
    ):
        Library.open(library)


def test_a_model_folder_that_was_trained_anew_meanwhile_is_not_kept(library: Path, model: Path) -> None:
    codec = Codec(model)
    shutil.rmtree(library / "models")
    flip(model / "encoder.onnx")
    with Writer.writing(library):
        encoders.keep(library, codec)
    assert not files(library / "models")


def test_a_kill_at_any_moment_leaves_a_whole_copy_or_none(library: Path, model: Path) -> None:
    """Killed as it is about to open, make, rename or remove its first, second, third ... file."""
    codec = Codec(model)
    place = library / "models" / codec.codec_id

    def keep(moments: int) -> None:
        left = [moments]

        def watch(event: str, _: object) -> None:
            if event in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.scandir"):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        encoders.keep(library, codec)

    killed = 0
    for state in ("not there", "damaged"):
        for moments in range(1, 100):
            shutil.rmtree(place, ignore_errors=True)
            if state == "damaged":
                place.mkdir(parents=True)
                (place / "model.json").write_bytes((model / "model.json").read_bytes())
            process = in_a_process(keep, moments)
            process.join()
            if place.exists() and (state == "not there" or files(place) != {"model.json"}):
                assert id_of(place) == codec.codec_id
                assert files(place) == PARTS
            if process.exitcode == 0:
                break
            killed += 1
        encoders.keep(library, codec)
        assert files(library / "models") == {f"{place.name}/{name}" for name in PARTS}
    assert killed > 12


def test_copies_are_not_looked_through_for_pictures(library: Path, model: Path, tmp_path: Path) -> None:
    moved = library.rename(tmp_path / "pictures/library")
    paint(copy_in(moved) / "no.png", 1)
    with Library.open(moved) as opened:
        summary = opened.index(tmp_path / "pictures")
    assert (summary.unchanged, summary.added, summary.skipped, summary.failed) == (3, 0, 0, {})
