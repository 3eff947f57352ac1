"""The measures of near-duplicates against brute force, on pictures that the tests paint themselves."""

import json
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import DatasetError
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.judging import copies, evaluation
from semblance.retrieval.judging.copies import Gallery, Nearness, ask, keep, nearness, read, spread
from semblance.retrieval.judging.editing import EDITS, STRENGTHS, Edit, edited
from tests.conftest import paint

COUNT = 40


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("painted")
    return [paint(folder / f"{seed:03}.png", seed) for seed in range(COUNT)]


@pytest.fixture(scope="module")
def gallery(paths: list[Path], codec: Codec) -> Gallery:
    return read(paths, [codec])


def bits(codes: Codes) -> npt.NDArray[np.int64]:
    return np.unpackbits(codes, axis=-1).astype(np.int64)


# ---- the gallery ---------------------------------------------------------------------------------------------------


def test_each_row_is_what_its_file_holds_in_the_fixed_shuffle(
    gallery: Gallery, paths: list[Path], codec: Codec
) -> None:
    assert gallery.paths == [paths[row] for row in evaluation.tie_order(COUNT)]
    loaded = np.stack([images.load(path, pixels.SPEC) for path in gallery.paths])
    assert np.array_equal(gallery.pixels, loaded.reshape(COUNT, -1))
    seen = np.stack([images.load(path, codec.spec) for path in gallery.paths])
    assert np.array_equal(gallery.codes[0], codec.encode(seen))
    assert (gallery.identical, gallery.failed) == (0, [])


def test_of_pictures_with_the_same_pixels_the_first_is_kept(tmp_path: Path, codec: Codec) -> None:
    first, other = paint(tmp_path / "a.png", 1), paint(tmp_path / "b.png", 2)
    shutil.copy(first, tmp_path / "copy.png")
    with Image.open(first) as image:
        image.save(tmp_path / "same.bmp")
    bad = tmp_path / "text.png"
    bad.write_text("no picture")
    gallery = read([first, bad, tmp_path / "copy.png", other, tmp_path / "same.bmp", tmp_path / "none.png"], [codec])
    assert sorted(gallery.paths) == [first, other]
    assert gallery.identical == 2
    assert [path for path, _ in gallery.failed] == [bad, tmp_path / "none.png"]
    assert "not a picture" in gallery.failed[0][1]
    with pytest.raises(DatasetError, match=r"two different pictures, and there are 1 \(1 could not be read, 2 were"):
        read([first, bad, tmp_path / "copy.png", tmp_path / "same.bmp"], [codec])


def test_originals_are_spread_evenly_over_the_sorted_files(gallery: Gallery, paths: list[Path]) -> None:
    chosen = spread(gallery, set(paths), 4)
    assert [gallery.paths[row] for row in chosen] == [paths[0], paths[10], paths[20], paths[30]]
    assert [gallery.paths[row] for row in spread(gallery, set(paths), 1000)] == paths
    assert [gallery.paths[row] for row in spread(gallery, set(paths[7:9]), 3)] == paths[7:9]
    with pytest.raises(DatasetError, match="no pictures that may be originals"):
        spread(gallery, {Path("elsewhere.png")}, 3)


# ---- the edits that ask --------------------------------------------------------------------------------------------


def test_what_is_found_and_how_far_by_brute_force(gallery: Gallery, paths: list[Path], codec: Codec) -> None:
    originals = spread(gallery, set(paths), 18)  # more than are worked on at one time
    answers = ask(gallery, originals, [codec])
    assert answers.first.shape == (2, 18, len(EDITS), len(STRENGTHS))
    looks = gallery.pixels.astype(np.int64)
    for number, row in list(enumerate(originals))[::6]:
        picture = images.at_full_size(gallery.paths[row])
        for at, edit in enumerate(EDITS):
            for grade, strength in enumerate(STRENGTHS):
                file = edited(picture, edit, strength, number)
                asked = images.load(file, pixels.SPEC)
                nearest = ((looks - asked.reshape(-1).astype(np.int64)) ** 2).sum(axis=1).argmin()
                assert answers.first[0, number, at, grade] == (nearest == row)
                far = (bits(gallery.codes[0]) != bits(codec.encode(images.load(file, codec.spec)[None]))).sum(axis=1)
                assert answers.first[1, number, at, grade] == (far.argmin() == row), "the first of equal ones"
                assert answers.distances[0][number, at, grade] == far[row]
    assert 0 < answers.first[0].mean() < 1, "neither all nor none is found: there is something to tell apart"


def test_an_edit_that_changes_nothing_is_found_at_distance_0(
    gallery: Gallery, paths: list[Path], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {images.at_full_size(path).tobytes(): path.read_bytes() for path in paths}

    def unchanged(picture: Picture, edit: Edit, strength: str, number: int) -> bytes:
        return files[picture.tobytes()]

    monkeypatch.setattr(copies, "edited", unchanged)
    answers = ask(gallery, spread(gallery, set(paths), 5), [codec])
    assert answers.first.all()
    assert not answers.distances[0].any()


def test_where_all_codes_are_equal_only_the_first_of_the_shuffle_is_found(
    paths: list[Path], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Codec, "encode", lambda _, pictures: np.zeros((len(pictures), 32), np.uint8))
    blind = read(paths, [codec])
    answers = ask(blind, np.array([3, 0, 7]), [codec])
    assert answers.first[1].all(axis=(1, 2)).tolist() == [False, True, False]
    assert answers.first[1].any(axis=(1, 2)).tolist() == [False, True, False]


def test_models_of_one_size_share_the_edited_pictures(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    loaded: list[InputSpec] = []
    load_each = images.load_each

    def counted(picture: Picture, edit: Edit, strength: str, number: int) -> bytes:
        made.append(number)
        return edited(picture, edit, strength, number)

    def counted_load(source: Path | bytes, specs: set[InputSpec]) -> dict[InputSpec, Picture]:
        loaded.extend(specs)
        return load_each(source, specs)

    codecs = [Codec(find_model(name)) for name in ("cifar10-fast", "cifar10-ae")]
    gallery, larger = read(paths, codecs[:1]), read(paths, codecs)
    monkeypatch.setattr(copies, "edited", counted)
    monkeypatch.setattr(images, "load_each", counted_load)
    both = ask(larger, np.array([4, 2]), codecs)
    assert sorted(made) == 36 * [0] + 36 * [1]
    assert loaded == 72 * [pixels.SPEC], "the pixels' size is that of both models"
    alone = ask(gallery, np.array([4, 2]), codecs[:1])
    assert np.array_equal(both.first[:2], alone.first)
    assert np.array_equal(both.distances[0], alone.distances[0])
    assert not np.array_equal(both.distances[0], both.distances[1])


def test_a_model_of_another_size_sees_the_edits_at_its_own(
    paths: list[Path], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that sees 48 pixels, and whose code is what a part of the picture holds."""
    other = Codec(find_model("cifar10-ae"))
    other.spec = InputSpec(48)
    encode = Codec.encode

    def of_its_own(self: Codec, pictures: Picture) -> Codes:
        assert pictures.shape[1:] == (self.spec.size, self.spec.size, 3)
        return pictures[:, 20, :32, 1].copy() if self is other else encode(self, pictures)

    monkeypatch.setattr(Codec, "encode", of_its_own)
    gallery = read(paths, [other, codec])
    answers = ask(gallery, np.array([5]), [other, codec])
    made = images.load(edited(images.at_full_size(gallery.paths[5]), EDITS[2], "medium", 0), other.spec)
    expected = (bits(made[20, :32, 1]) != bits(gallery.codes[0][5])).sum()
    assert answers.distances[0][0, 2, 1] == expected > 0


def test_an_original_that_cannot_be_edited_is_left_out_and_named(tmp_path: Path, codec: Codec) -> None:
    painted = [paint(tmp_path / f"{seed}.png", seed) for seed in range(4)]
    gallery = read(painted, [codec])
    painted[1].unlink()
    painted[3].write_bytes(painted[3].read_bytes()[:300])
    answers = ask(gallery, spread(gallery, set(painted), 4), [codec])
    assert [path for path, _ in answers.failed] == [painted[1], painted[3]]
    assert answers.first.shape[1] == len(answers.distances[0]) == 2
    with pytest.raises(DatasetError, match=r"None of the originals could be edited. .*1\.png"):
        ask(gallery, spread(gallery, {painted[1], painted[3]}, 4), [codec])


# ---- pairs and thresholds ------------------------------------------------------------------------------------------


def test_wrong_pairs_and_shares_by_brute_force() -> None:
    chance = np.random.default_rng(0)
    centres = chance.integers(0, 256, (40, 4), np.uint8)
    codes = centres[chance.integers(0, 40, 600)]
    codes[:, 0] ^= (1 << chance.integers(0, 8, 600)).astype(np.uint8)
    distances = chance.integers(0, 33, (7, len(EDITS), len(STRENGTHS))).astype(np.uint16)
    near = nearness(codes, 32, distances)
    far = (bits(codes)[:, None] != bits(codes)[None]).sum(axis=2)[np.triu_indices(600, 1)]
    assert 0 < (far == 0).sum() < (far <= 2).sum()
    for d in range(33):
        assert near.wrong_pairs[d] == pytest.approx((far <= d).sum() / 600 * 1000)
        assert near.found[:, d] == pytest.approx([(distances[:, :, grade] <= d).mean() for grade in range(3)])
    assert near.wrong_pairs[32] == pytest.approx(600 * 599 / 2 / 600 * 1000)


@pytest.mark.parametrize(
    ("wrong_pairs", "threshold"),
    [([0, 0, 1, 1, 1.01], 3), ([1, 2, 3], 0), ([0, 5, 9], 0), ([1.01, 2, 3], None)],
)
def test_the_threshold_is_the_largest_distance_with_few_wrong_pairs(
    wrong_pairs: list[float], threshold: int | None
) -> None:
    assert Nearness(np.array(wrong_pairs), np.zeros((3, len(wrong_pairs)))).threshold == threshold


# ---- what is kept --------------------------------------------------------------------------------------------------

NEAR = Nearness(
    np.array([0, 0.25, 0.99999, 4]), np.array([[0.5, 0.8, 0.91, 1], [0.2, 0.6, 0.7, 1], [0, 0, 0.3333333, 1]])
)


def test_what_is_kept_stands_in_the_card_and_nothing_else_changes(codec: Codec, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(codec.folder, tmp_path / "model"))
    before = (folder / "model.json").read_text()
    for command in ("semblance edits ä --keep", "semblance edits b --keep"):
        keep(folder, NEAR, 30_000, command)
        card = json.loads((folder / "model.json").read_text())
        assert card.pop("near_duplicates") == {
            "distance": 2,
            "wrong_pairs_per_1000": 1.0,
            "gallery": 30_000,
            "found": {"mild": 0.91, "medium": 0.7, "strong": 0.3333},
            "command": command,
        }
        original = json.loads(before)
        original.pop("near_duplicates", None)
        assert list(card.items()) == list(original.items()), "in the same order too"
        assert json.dumps(card, indent=2, ensure_ascii=False) == json.dumps(original, indent=2, ensure_ascii=False)
    assert "ä" not in (folder / "model.json").read_text()
    assert Codec(folder).codec_id == codec.codec_id
    assert {path.name for path in folder.iterdir()} == {path.name for path in codec.folder.iterdir()}


def test_where_there_is_no_threshold_its_distance_is_null(codec: Codec, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"name": "é"}')
    keep(tmp_path, Nearness(np.array([3.0, 4]), np.array([[0.5, 1], [0.25, 1], [0, 1]])), 7, "x")
    text = (tmp_path / "model.json").read_text()
    assert text.startswith('{\n  "name": "é",\n  "near_duplicates": {\n    "distance": null,\n')
    assert text.endswith("}\n")
    kept = json.loads(text)["near_duplicates"]
    assert (kept["wrong_pairs_per_1000"], kept["found"]) == (3, {"mild": 0.5, "medium": 0.25, "strong": 0})


def test_a_card_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = tmp_path / "model.json"
    card.write_text('{"name": "x"}')

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        keep(tmp_path, NEAR, 7, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]
    assert card.read_text() == '{"name": "x"}'
