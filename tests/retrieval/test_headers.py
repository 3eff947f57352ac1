"""Headers of files that Pillow wrote here."""

from pathlib import Path

import pytest
from PIL import Image

from semblance.retrieval import headers
from semblance.retrieval.errors import PictureError
from semblance.retrieval.headers import Header
from tests.conftest import paint


@pytest.mark.parametrize(
    ("name", "format", "lossless"),
    [("a.jpg", "JPEG", False), ("a.png", "PNG", True), ("a.webp", "WEBP", False), ("a.tif", "TIFF", True)],
)
def test_size_and_format(name: str, format: str, lossless: bool, tmp_path: Path) -> None:
    assert headers.read(paint(tmp_path / name, 1, size=(70, 30))) == Header(70, 30, format, lossless, False)


def test_a_turned_picture_is_as_large_as_it_is_shown_and_may_name_its_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    Image.new("RGB", (70, 30)).save(tmp_path / "a.jpg", exif=exif)
    assert headers.read(tmp_path / "a.jpg") == Header(30, 70, "JPEG", False, True)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(PictureError):
        headers.read(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="No such file"):
        headers.read(tmp_path / "b.jpg")
