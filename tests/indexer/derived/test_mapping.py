"""The map: what is alike lies together, the same codes give the same plane, it grows, and a damaged one is as none."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from PIL import Image
from sklearn.manifold import trustworthiness

from semblance.indexer.catalog import Catalog, Writer
from semblance.indexer.derived import mapping, snapshot
from semblance.indexer.keeping import removing
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import layout
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import unpack
from semblance.retrieval.errors import NoMap
from semblance.scripts.scenes import write_sample
from tests.conftest import ROOT, until


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, codec: Codec) -> Path:
    """A library of 160 drawn scenes, eight of a kind; not to be changed."""
    place = tmp_path_factory.mktemp("scenes")
    write_sample(place / "pictures", count=160)
    pipeline.update([place / "pictures"], place / "library", codec)
    mapping.make(place / "library")
    return place / "library"


@pytest.fixture
def mapped(scenes: Path, tmp_path: Path) -> Path:
    """A copy of that library, which a test may change."""
    return Path(shutil.copytree(scenes, tmp_path / "library"))


def present(library: Path) -> mapping.Map:
    with Catalog.opened(library) as catalog:
        return mapping.present(catalog)


def test_what_is_alike_lies_together(scenes: Path) -> None:
    """By scikit-learn's own figure, which is 0.5 by chance and 1 where all neighbours on the plane are neighbours; and
    kinds of scenes are nearer together than pictures are on the whole."""
    found = present(scenes)
    with Catalog.opened(scenes) as catalog:
        index, _ = snapshot.load(catalog)
        kinds = np.array([Path(entry.path).parent.name for entry in catalog.entries()])
    bits = unpack(index.codes(found.ids), index.bits)
    places = found.places.astype(float)
    assert trustworthiness(bits, places, n_neighbors=5, metric="hamming") > 0.9
    shuffled = np.random.default_rng(0).permutation(places)
    assert trustworthiness(bits, shuffled, n_neighbors=5, metric="hamming") < 0.6
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    same = (kinds[:, None] == kinds[None]) & ~np.eye(len(kinds), dtype=bool)
    assert np.median(apart[same]) < 0.6 * np.median(apart[~same])


def test_a_map_fills_its_plane_and_no_two_share_a_place(scenes: Path) -> None:
    places = present(scenes).places
    assert places.dtype == np.uint16
    assert len(np.unique(places, axis=0)) == len(places) == 160
    assert (places.min(0) < 5000).all()
    assert (places.max(0) > 60_000).all()


def test_the_same_codes_give_the_same_map(mapped: Path) -> None:
    before = (mapped / mapping.FILE).read_bytes()
    (mapped / mapping.FILE).unlink()
    mapping.make(mapped)
    with np.load(mapped / mapping.FILE) as now, np.load(io.BytesIO(before)) as was:
        assert all(np.array_equal(now[name], was[name]) for name in ("ids", "x", "y"))


def test_beyond_the_landmarks_pictures_lie_beside_theirs(monkeypatch: pytest.MonkeyPatch, scenes: Path) -> None:
    with Catalog.opened(scenes) as catalog:
        index, _ = snapshot.load(catalog)
    codes = index.codes(index.ids())
    monkeypatch.setattr(layout, "LANDMARKS", 80)
    places = layout.plane(codes, index.bits).astype(float)
    assert trustworthiness(unpack(codes, index.bits), places, n_neighbors=5, metric="hamming") > 0.8


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 12])
def test_a_map_of_few_pictures_or_of_one_many_times(count: int) -> None:
    chance = np.random.default_rng(count)
    for codes in (chance.integers(0, 256, (count, 32), np.uint8), np.zeros((count, 32), np.uint8)):
        assert len(np.unique(layout.plane(codes, 256), axis=0)) == count


def test_new_pictures_come_beside_those_they_are_like_and_forgotten_ones_go(
    mapped: Path, codec: Codec, tmp_path: Path
) -> None:
    """Copies of a scene, saved anew: their nearest is the scene itself. Without scikit-learn, as a service has it."""
    was = present(mapped)
    with Catalog.opened(mapped) as catalog:
        entries = {entry.id: entry for entry in catalog.entries()}
    ids = was.ids[::40].tolist()
    for id in ids:
        with Image.open(entries[id].path) as picture:
            (tmp_path / "new").mkdir(exist_ok=True)
            picture.save(tmp_path / "new" / f"{id}.jpg", quality=60)
    gone = [entries[id] for id in was.ids[1::40].tolist()]
    removing.remove(mapped, [entry.id for entry in gone])
    pipeline.update([tmp_path / "new"], mapped, codec)
    command = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from semblance.indexer.derived import mapping\nfrom semblance.indexer.catalog import Catalog\n"
        "from pathlib import Path\n"
        "with Catalog.opened(Path(sys.argv[1])) as catalog: print(len(mapping.present(catalog).ids))"
    )
    run = subprocess.run([sys.executable, "-c", command, mapped], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert run.stdout == f"{160 - len(gone) + len(ids)}\n", run.stderr
    now = present(mapped)
    with Catalog.opened(mapped) as catalog:
        known = {entry.id: Path(entry.path) for entry in catalog.entries()}
    assert now.ids.tolist() == sorted(known)
    at = dict(zip(now.ids.tolist(), now.places.astype(float), strict=True))
    old = dict(zip(was.ids.tolist(), was.places.astype(float), strict=True))
    assert all(np.array_equal(at[id], old[id]) for id in old if id in at), "what was there stays where it was"
    new = [(at[id], at[int(path.stem)]) for id, path in known.items() if path.parent == tmp_path / "new"]
    distances = [np.linalg.norm(one - other) for one, other in new]
    assert np.median(distances) < 65536 / 8


@pytest.mark.parametrize("damage", ["cut", "flipped", "another codec", "another library", "pickled", "empty"])
def test_a_damaged_map_or_one_of_others_is_as_none(mapped: Path, damage: str, codec: Codec, tmp_path: Path) -> None:
    path = mapped / mapping.FILE
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[:-40])
    elif damage == "flipped":
        data[300] ^= 1
        path.write_bytes(data)
    elif damage == "pickled":
        np.savez(path, ids=np.array([object()]), x=np.zeros(1), y=np.zeros(1), said=np.zeros(1))
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "another codec":
        with Writer.writing(mapped) as catalog:
            other = Codec("cifar10")
            catalog.switch(other, np.empty(0, np.int64), np.empty((0, 32), np.uint8))
    else:
        Library.create(tmp_path / "other", codec.name).close()
        shutil.copy(path, tmp_path / "other")
        mapped = tmp_path / "other"
    with pytest.raises(NoMap, match="semblance map --library"):
        present(mapped)


def test_the_command_says_what_it_did_and_what_it_lacks(
    mapped: Path, semblance: Callable[..., CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = semblance("map", "--library", mapped, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["pictures"] == 160
    none = mapped.parent / "none" / "sklearn"
    none.mkdir(parents=True)
    (none / "__init__.py").write_text("raise ImportError('none')")
    before = (mapped / mapping.FILE).read_bytes()
    command = [sys.executable, "-m", "semblance", "map", "--library", str(mapped)]
    env = {**os.environ, "PYTHONPATH": str(none.parent)}
    lacking = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=60)
    assert lacking.returncode == 2
    assert lacking.stderr.strip() == "error: A map needs scikit-learn: pip install 'semblance[report]'."
    assert (mapped / mapping.FILE).read_bytes() == before


def test_a_map_that_is_interrupted_leaves_the_one_before(mapped: Path) -> None:
    before = (mapped / mapping.FILE).read_bytes()
    command = [sys.executable, "-m", "semblance", "map", "--library", str(mapped)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until(lambda: "sklearn" in Path(f"/proc/{process.pid}/maps").read_text())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert (mapped / mapping.FILE).read_bytes() == before
    assert not [*mapped.glob(".map*")]
