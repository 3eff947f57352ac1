"""Each edit changes a picture, the stronger the more, and the same call makes the same file."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.errors import DamagedPicture, PictureTooLarge
from semblance.retrieval.images import InputSpec, Picture
from semblance.retrieval.judging.editing import EDITS, STRENGTHS, Edit, edited
from tests.conftest import huge_header, paint

SPEC = InputSpec(32)
NAMED = {edit.name: edit for edit in EDITS}
each_edit = pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
KEEP_SIZE = ("jpeg", "brightness", "contrast", "saturation", "hue", "blur", "noise", "caption", "turn")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> list[Picture]:
    """Painted patches with a grain on them: what is smooth already cannot be blurred."""
    folder, chance = tmp_path_factory.mktemp("originals"), np.random.default_rng(0)
    painted = [images.at_full_size(paint(folder / f"{seed}.png", seed, (120, 90))) for seed in range(8)]
    return [(picture + chance.normal(0, 30, picture.shape)).clip(0, 255).astype(np.uint8) for picture in painted]


def seen(data: bytes) -> Picture:
    """The file at the size that it has."""
    return images.at_full_size(data)


def change(edit: Edit, strength: str, originals: list[Picture]) -> float:
    """How far the edits are from their originals as a model sees both, on average."""
    far = []
    for number, picture in enumerate(originals):
        before = Image.fromarray(picture).resize((32, 32), Image.Resampling.BICUBIC)
        after = images.load(edited(picture, edit, strength, number), SPEC)
        far.append(np.abs(np.asarray(before, np.float64) - after).mean())
    return float(np.mean(far))


def test_there_are_twelve_edits_each_with_a_name_of_its_own() -> None:
    assert len(NAMED) == len(EDITS) == 12
    assert STRENGTHS == ("mild", "medium", "strong")
    assert str(NAMED["crop"]) == "crop 0.9, 0.7, 0.5 of the area kept"


@each_edit
def test_a_stronger_edit_changes_a_picture_more(edit: Edit, originals: list[Picture]) -> None:
    mild, medium, strong = (change(edit, strength, originals) for strength in STRENGTHS)
    assert 0 < mild < medium < strong


@each_edit
def test_the_same_call_repeats_and_the_original_stays(edit: Edit, originals: list[Picture]) -> None:
    before = originals[0].copy()
    for strength in STRENGTHS:
        assert edited(originals[0], edit, strength, 5) == edited(originals[0], edit, strength, 5)
    assert np.array_equal(originals[0], before)


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("resize", "jpeg", "blur")])
def test_pictures_are_edited_in_ways_of_their_own(name: str, originals: list[Picture]) -> None:
    assert len({edited(originals[0], NAMED[name], "medium", number) for number in range(20)}) > 1


def test_files_are_png_and_those_of_jpeg_jpeg(originals: list[Picture]) -> None:
    for edit in EDITS:
        kind = images.media_type(edited(originals[0], edit, "mild", 0)[: images.SNIFF_BYTES])
        assert kind == ("image/jpeg" if edit.name == "jpeg" else "image/png"), edit.name


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("resize", [(68, 90), (45, 60), (22, 30)]),
        ("crop", [(85, 114), (75, 100), (64, 85)]),
        ("border", [(98, 128), (108, 138), (126, 156)]),
        *((name, 3 * [(90, 120)]) for name in KEEP_SIZE),
    ],
)
def test_sizes(name: str, sizes: list[tuple[int, int]], originals: list[Picture]) -> None:
    made = [seen(edited(originals[0], NAMED[name], strength, 0)).shape for strength in STRENGTHS]
    assert made == [(*size, 3) for size in sizes]


def test_a_crop_is_a_part_of_the_picture_and_a_border_goes_around_it(originals: list[Picture]) -> None:
    crop = seen(edited(originals[0], NAMED["crop"], "strong", 0))
    height, width, _ = crop.shape
    places = [(y, x) for y in range(90 - height + 1) for x in range(120 - width + 1)]
    assert any(np.array_equal(originals[0][y : y + height, x : x + width], crop) for y, x in places)
    colours = set()
    for number in range(20):
        framed = seen(edited(originals[0], NAMED["border"], "strong", number))
        assert np.array_equal(framed[18:-18, 18:-18], originals[0])
        assert np.all(framed[:18] == framed[0, 0])
        colours.add(tuple(framed[0, 0].tolist()))
    assert colours == {(0, 0, 0), (128, 128, 128), (255, 255, 255)}


def test_the_strongest_saturation_takes_colour_away_or_doubles_it() -> None:
    pastel = np.full((8, 8, 3), (140, 120, 100), np.uint8)
    made = {tuple(seen(edited(pastel, NAMED["saturation"], "strong", number))[0, 0].tolist()) for number in range(20)}
    grey = round(0.299 * 140 + 0.587 * 120 + 0.114 * 100)
    assert (grey, grey, grey) in made
    assert len(made) == 2
    assert max(max(colour) - min(colour) for colour in made) == pytest.approx(80, abs=2)


def test_hue_turns_by_its_degrees() -> None:
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    made = {tuple(seen(edited(red, NAMED["hue"], "strong", number))[0, 0].tolist()) for number in range(20)}
    assert np.abs(np.subtract(sorted(made), [(255, 255, 0), (255, 0, 255)])).max() <= 6, "60 degrees from red"


def test_noise_has_its_deviation_and_the_caption_its_share() -> None:
    grey = np.full((200, 300, 3), 128, np.uint8)
    for strength, deviation in zip(STRENGTHS, NAMED["noise"].amounts, strict=True):
        assert seen(edited(grey, NAMED["noise"], strength, 0)).std() == pytest.approx(deviation, rel=0.02)
    for strength, percent in zip(STRENGTHS, NAMED["caption"].amounts, strict=True):
        for number in range(6):
            made = seen(edited(grey, NAMED["caption"], strength, number))
            changed = (made != 128).any(axis=2)
            assert changed.any(axis=1).mean() == pytest.approx(percent / 100)
            assert changed[0].all() != changed[-1].all(), "at the top or at the bottom"
            assert made.max() > 250, "white letters"
            assert made.min() < 30, "on a dark band"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
@each_edit
def test_the_smallest_pictures_can_be_edited(edit: Edit, size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    for strength in STRENGTHS:
        assert images.load(edited(picture, edit, strength, 0), SPEC).shape == (32, 32, 3)


# ---- the original at its full size ---------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_picture_at_its_full_size_is_turned_as_it_is_seen(format: str, orientation: int) -> None:
    painted = np.zeros((600, 900, 3), np.uint8)
    painted[:300] = (250, 40, 40)
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(painted).save(out, format, exif=exif)
    whole = images.at_full_size(out.getvalue())
    assert whole.shape == ((900, 600, 3) if orientation == 6 else (600, 900, 3))
    seen_small = images.load(out.getvalue(), InputSpec(8))
    assert np.abs(whole[:: whole.shape[0] // 8, :: whole.shape[1] // 8][:8, :8].astype(int) - seen_small).mean() < 20


def test_at_full_size_no_pixel_changes_and_transparency_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(images.at_full_size(tmp_path / "a.png"), pixels)
    Image.new("RGBA", (5, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert np.all(images.at_full_size(tmp_path / "clear.png") == 255)


def test_at_full_size_the_same_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureTooLarge):
        images.at_full_size(huge_header())
    with pytest.raises(DamagedPicture):
        images.at_full_size(paint(tmp_path / "a.png", 1).read_bytes()[:400])
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    with pytest.raises(PictureTooLarge):
        images.at_full_size(paint(tmp_path / "a.png", 1))
