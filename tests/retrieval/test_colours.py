"""Profiles are brought to sRGB as they are defined, cost nothing where they are sRGB, and never cost the picture."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from semblance.retrieval import images
from semblance.retrieval.images import InputSpec
from tests.retrieval.grid.profiles import PROFILES
from tests.retrieval.test_images import saved, textured

WIDE = [name for name in PROFILES if name in ("P3", "Adobe", "ProPhoto")]
_TO_P3 = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])  # CSS Color 4, to sRGB


def of(name: str) -> dict[str, bytes]:
    """Pillow's option for a profile."""
    profile = PROFILES[name]
    return {"icc_profile": profile} if profile else {}


def srgb(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """IEC 61966-2-1, 0..1 to 0..255."""
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def linear(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same backwards."""
    values = values / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("colour", [(200, 120, 60), (90, 140, 210), (128, 128, 128)])
def test_display_p3_is_what_css_says_it_is(format: str, colour: tuple[int, int, int]) -> None:
    expected = srgb(_TO_P3 @ linear(np.array(colour, float)))
    options: dict[str, object] = {**of("P3"), **({"lossless": True} if format == "WEBP" else {})}
    seen = images.load(saved(Image.new("RGB", (32, 32), colour), format, **options), InputSpec(8))[4, 4]
    assert np.abs(seen - expected).max() <= (2 if format in ("PNG", "TIFF", "WEBP") else 5), (seen, expected)
    assert format in ("AVIF", "HEIF") or colour[0] == colour[1] or np.abs(seen - np.array(colour)).max() > 5


@pytest.mark.parametrize(("name", "gamma"), [("grey 1.0", 1.0), ("grey 2.2", 2.2)])
def test_a_grey_profile_is_its_gamma(name: str, gamma: float) -> None:
    grey = Image.fromarray(np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8))
    expected = srgb((np.asarray(grey) / 255) ** gamma)
    seen = images.at_full_size(saved(grey, "PNG", **of(name)))
    assert (seen == seen[..., :1]).all()
    assert np.abs(seen[..., 0] - expected).max() <= 1.5


@pytest.mark.parametrize("name", ["sRGB", "LittleCMS's sRGB", "damaged", "CMYK", "grey 1.0"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_what_is_srgb_or_does_not_fit_changes_no_bit(name: str, format: str) -> None:
    picture = textured(300, 200)
    for spec in (InputSpec(64), InputSpec(32, "trim-bicubic", 1.5)):
        assert np.array_equal(
            images.load(saved(picture, format, **of(name)), spec), images.load(saved(picture, format), spec)
        )


@pytest.mark.parametrize("name", WIDE)
def test_the_small_picture_is_within_one_of_the_large_one_brought_to_srgb_first(name: str) -> None:
    """On average over pixels and channels; the picture is no photograph, but has all that one has."""
    data = saved(textured(1531, 1103), "PNG", **of(name))
    large = Image.fromarray(images.at_full_size(data)).resize((64, 64), Image.Resampling.BICUBIC)
    difference = np.abs(images.load(data, InputSpec(64)).astype(int) - np.asarray(large))
    assert difference.mean() < 1
    assert (
        np.abs(images.load(data, InputSpec(64)).astype(int) - images.load(textured(1531, 1103), InputSpec(64))).mean()
        > 2
    )


def test_every_road_brings_it_to_srgb(tmp_path: Path) -> None:
    data = saved(textured(300, 200), "PNG", **of("Adobe"))
    (tmp_path / "a.png").write_bytes(data)
    for source in (tmp_path / "a.png", Image.open(io.BytesIO(data))):
        assert np.array_equal(images.load(source, InputSpec(64)), images.load(data, InputSpec(64)))
    assert np.array_equal(images.load_each(data, [InputSpec(64)])[InputSpec(64)], images.load(data, InputSpec(64)))
    shown = Image.open(io.BytesIO(images.thumbnail(data, 64)))
    assert "icc_profile" not in shown.info, "its numbers are sRGB's now"
