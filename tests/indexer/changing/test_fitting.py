"""A library fitted to its own pictures: the codes are the fitted encoder's, and it is the old library or the new."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest

from semblance.indexer.catalog import Catalog, Writer
from semblance.indexer.changing import fitting
from semblance.indexer.derived import encoders, snapshot
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import images
from semblance.retrieval.codec import COPIES_MODEL, Codec, find_model, id_of
from semblance.retrieval.errors import DatasetError, LibraryError, LibraryMissing, TrainingError
from semblance.retrieval.training import adopt as adopting
from semblance.retrieval.training.data import select
from semblance.retrieval.training.preprocessing import Wanted
from semblance.retrieval.training.refit import Trunk
from tests.conftest import ROOT, paint, serving, until
from tests.training.test_adopt import Making, network

COPIES = id_of(find_model(COPIES_MODEL))


@pytest.fixture(scope="session")
def start(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """24 bits of a little network's features, fitted to half of the kinds that the sample shows."""
    place = tmp_path_factory.mktemp("adopted")
    some = place / "some"
    for folder in sorted(path for path in sample.iterdir() if path.is_dir())[::2]:
        shutil.copytree(folder, some / folder.name)
    asked = Wanted(32, (120.0,), (60.0,))
    adoption = adopting.prepare(
        network(place / "a.onnx", Making(side="s", flat=False)), place / "model", None, asked, 16
    )
    return adopting.adopt(adoption, select([some]), place / "model")[0]


@pytest.fixture
def indexed(pictures: Path, start: Codec, tmp_path: Path) -> Path:
    library = tmp_path / "library"
    pipeline.update([pictures], library, start)
    return library


def fit(library: Path, threads: int | None = None) -> fitting.Fitted:
    return fitting.fit(library, Trunk, threads)


def codes(library: Path) -> dict[str, bytes]:
    """Path -> code by the current codec, as the catalog has them."""
    with Catalog.opened(library) as catalog:
        changes, paths = catalog.changes(0), {entry.id: entry.path for entry in catalog.entries()}
        return {paths[id]: code.tobytes() for id, code in zip(changes.ids.tolist(), changes.codes, strict=True)}


def expected(codec: Codec, paths: list[str]) -> dict[str, bytes]:
    """The same by the codec, from the files, each by itself."""
    return {path: codec.encode(images.load(Path(path), codec.spec)[None])[0].tobytes() for path in paths}


def test_every_code_is_that_of_the_fitted_encoder_to_the_bit(indexed: Path, start: Codec) -> None:
    before = codes(indexed)
    done = fit(indexed, threads=2)
    after = codes(indexed)
    with Library.open(indexed) as opened:
        codec = opened.codec
        assert codec.codec_id == done.codec_id != start.codec_id
        assert (codec.reference, codec.card["from"]["codec_id"]) == ("model-fitted", start.codec_id)
        assert after == expected(codec, list(before))
        assert sum(before[path] != after[path] for path in before) > 20
        assert opened.search(next(iter(after)), k=1)[0].distance == 0
    assert (done.pictures, done.left_out, done.already) == (48, {}, False)
    assert status(indexed)["codec_id"] == done.codec_id
    with Catalog.opened(indexed) as catalog:
        assert not catalog.coded(start.codec_id)
    assert {path.name for path in (indexed / "models").iterdir()} == {start.codec_id, done.codec_id, COPIES}


def test_again_it_has_nothing_to_do_and_with_more_pictures_begins_where_it_began(
    indexed: Path, pictures: Path, start: Codec
) -> None:
    first = fit(indexed)
    again = fit(indexed)
    assert (again.already, again.codec_id, again.pictures) == (True, first.codec_id, 48)
    for seed in range(6):
        paint(pictures / f"more-{seed}.png", seed)
    with Library.open(indexed) as opened:
        assert opened.index(pictures).added == 6
    second = fit(indexed)
    assert (second.already, second.pictures) == (False, 54)
    assert Codec(indexed / "models" / second.codec_id).card["from"]["codec_id"] == start.codec_id
    assert {path.name for path in (indexed / "models").iterdir()} == {start.codec_id, second.codec_id, COPIES}


def test_what_is_not_what_was_indexed_is_left_out_and_found_again(indexed: Path, pictures: Path) -> None:
    changed, gone, away = sorted(pictures.rglob("*.jpg"))[:3]
    kept, stat = away.read_bytes(), away.stat()
    paint(changed, 9)
    gone.unlink()
    away.unlink()
    done = fit(indexed)
    assert done.left_out == {
        str(changed): "The file has changed since it was indexed.",
        str(gone): "The file cannot be read: No such file or directory.",
        str(away): "The file cannot be read: No such file or directory.",
    }
    assert len(codes(indexed)) == done.pictures == 45
    away.write_bytes(kept)
    os.utime(away, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if its disk had been away
    with Library.open(indexed) as opened:
        summary = opened.index(pictures)
        assert (summary.added, summary.updated, summary.removed, summary.unchanged) == (0, 1, 1, 46)
        assert summary.completed == 1
        assert codes(indexed) == expected(opened.codec, list(codes(indexed)))
    assert len(codes(indexed)) == 47


STEPS: dict[str, tuple[object, str]] = {
    "features": (Trunk, "features"), "formula": (Trunk, "fit"), "encoder": (encoders, "keep"),
    "codes": (Writer, "_put"), "snapshot": (snapshot, "refresh"),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_cut_anywhere_it_is_the_old_library_or_the_new(
    step: str, indexed: Path, start: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, names = codes(indexed), {path.name for path in indexed.iterdir()}

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], stop)
        with pytest.raises(KeyboardInterrupt):
            fit(indexed)
    with Library.open(indexed) as opened:
        whole = codes(indexed)
        assert (opened.codec.codec_id == start.codec_id) == (whole == before) == (step != "snapshot")
        assert whole == expected(opened.codec, list(before))
        assert opened.search(next(iter(whole)), k=1)[0].distance == 0
    assert {path.name for path in indexed.iterdir()} <= names
    assert not [path for path in (indexed / "models").iterdir() if path.name.startswith(".")]
    assert fit(indexed).pictures == 48


def test_killed_it_leaves_nothing_behind(indexed: Path, start: Codec) -> None:
    """SIGKILL while the features are kept: no file of them stays."""
    before, names = codes(indexed), {path.name for path in indexed.iterdir()}
    command = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom semblance.indexer.changing import fitting\n"
        "from semblance.retrieval.training.refit import Trunk\n"
        "fitting._codes = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nfitting.fit(Path(sys.argv[1]), Trunk)\n"
    )
    done = subprocess.run([sys.executable, "-c", command, str(indexed)], cwd=ROOT)
    assert done.returncode == -9
    assert {path.name for path in indexed.iterdir() if path.suffix in ("", ".sqlite", ".faiss", ".lock")} == names
    assert codes(indexed) == before
    with Library.open(indexed) as opened:
        assert opened.codec.codec_id == start.codec_id


def test_who_has_it_open_follows(indexed: Path) -> None:
    with Library.open(indexed) as opened, serving(indexed) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        asked = next(iter(codes(indexed)))
        before = opened.search(asked, k=1)
        done = fit(indexed)
        answer = opened.search(asked, k=1)
        assert (answer.codec_id, answer[0].distance) == (done.codec_id, 0)
        assert before.codec_id != done.codec_id
        started = time.monotonic()
        until(lambda: httpx.get(f"{url}/ready").json().get("codec_id") == done.codec_id)
        assert time.monotonic() - started < 10
        found = httpx.post(f"{url}/search", files={"file": Path(asked).read_bytes()}).json()
        assert (found["codec_id"], found["results"][0]["distance"]) == (done.codec_id, 0)


def test_what_cannot_be_fitted_is_one_sentence_and_changes_nothing(
    indexed: Path, pictures: Path, codec: Codec, start: Codec, tmp_path: Path
) -> None:
    with pytest.raises(LibraryMissing):
        fit(tmp_path / "none")
    pipeline.update([pictures], tmp_path / "other", codec)
    with pytest.raises(TrainingError, match="no linear map of features"):
        fit(tmp_path / "other")
    few = tmp_path / "few"
    for seed in range(16):
        paint(few / f"{seed}.png", seed)
    pipeline.update([few], tmp_path / "small", start)
    with pytest.raises(DatasetError, match="16 pictures are too few to fit 16 bits to"):
        fit(tmp_path / "small")
    before = codes(indexed)
    shutil.rmtree(pictures)
    with pytest.raises(LibraryError, match=r"48 of the 48 pictures of .* are not what was indexed"):
        fit(indexed)
    assert codes(indexed) == before
    with Catalog.opened(indexed) as catalog:
        assert id_of(indexed / "models" / catalog.codec_id) == start.codec_id


def test_a_fit_sees_some_of_many(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real: Callable[..., object] = Trunk.fit

    def noted(self: Trunk, vectors: np.ndarray, bits: int) -> object:
        seen.append(len(vectors))
        return real(self, vectors, bits)

    monkeypatch.setattr(fitting, "FITTED_ON", 20)
    monkeypatch.setattr(Trunk, "fit", noted)
    assert (fit(indexed).pictures, seen) == (48, [20])


def test_features_are_kept_to_the_last_bit(indexed: Path, start: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounded, they would make other codes than the fitted encoder does, if seldom."""
    kept: list[np.ndarray] = []
    real = fitting._codes

    def noted(trunk: Trunk, tail: object, vectors: np.ndarray) -> np.ndarray:
        kept.append(np.array(vectors))
        return real(trunk, tail, vectors)

    monkeypatch.setattr(fitting, "_codes", noted)
    fit(indexed)
    with Catalog.opened(indexed) as catalog:
        paths = [Path(entry.path) for entry in catalog.entries()]
    trunk = Trunk(start)
    expected = np.concatenate([trunk.features(images.load(path, start.spec)[None]) for path in paths])
    assert np.array_equal(kept[0], expected)


def test_the_encoder_it_began_with_comes_back_from_the_models_that_ship(
    indexed: Path, pictures: Path, start: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(indexed)
    shutil.rmtree(encoders.place(indexed, start.codec_id))
    paint(pictures / "one-more.png", 7)
    monkeypatch.setattr(encoders, "shipped_models", lambda: [str(start.folder)])
    with Library.open(indexed) as opened:
        opened.index(pictures)
    again = fit(indexed)
    assert encoders.place(indexed, start.codec_id).is_dir()
    assert Codec(encoders.place(indexed, again.codec_id)).card["from"]["codec_id"] == start.codec_id


def test_an_open_library_indexes_by_what_another_process_has_fitted(indexed: Path, pictures: Path) -> None:
    with Library.open(indexed) as opened:
        fitted = fit(indexed)
        paint(pictures / "one-more.png", 7)
        assert opened.index(pictures).added == 1
        assert opened.codec.codec_id == fitted.codec_id
