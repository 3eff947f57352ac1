"""A folder -> what is there: on real folders, with what real folders hold."""

import os
from pathlib import Path

import pytest

from semblance.indexer.run.scan import Scan, scan
from semblance.retrieval.errors import UsageError
from tests.conftest import paint


def look(*folders: Path, library: Path | None = None) -> Scan:
    return scan([*folders], library or folders[0].parent / "library")


def names(seen: Scan) -> list[str]:
    return [Path(path).name for path in seen.found]


def test_pictures_are_found_with_their_state_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("b.png", "a.jpg", "deep/er/c.WEBP"):
        paint(folder / name, 1)
    seen = look(folder)
    assert names(seen) == ["a.jpg", "b.png", "c.WEBP"]
    found = seen.found[str(folder / "a.jpg")]
    state = (folder / "a.jpg").stat()
    assert (found.size, found.mtime_ns) == (state.st_size, state.st_mtime_ns)


def test_a_picture_without_a_suffix_is_found_by_its_content_and_other_files_are_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    paint(folder / "a.png", 1).rename(folder / "scan of 1987")
    (folder / "notes.txt").write_text("no picture by name nor content")
    (folder / "empty").touch()
    (folder / "text.jpg").write_text("a picture by name: to be tried, and reported")
    seen = look(folder)
    assert names(seen) == ["scan of 1987", "text.jpg"]
    assert seen.skipped == 2


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("seen.png", ".hidden.png", ".thumbs/cached.png"):
        paint(folder / name, 1)
    seen = look(folder)
    assert names(seen) == ["seen.png"]
    assert not seen.unlisted


def test_the_library_inside_the_folder_is_passed_over_and_as_the_folder_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    paint(folder / "a.png", 1)
    paint(folder / "library" / "thumbnails" / "ab.jpg", 2)
    assert names(look(folder, library=folder / "library")) == ["a.png"]
    (tmp_path / "link").symlink_to(folder)
    assert names(look(tmp_path / "link", library=tmp_path / "link" / "library")) == ["a.png"]
    with pytest.raises(UsageError, match="is the library itself"):
        look(folder, library=folder)


@pytest.mark.parametrize("link", [False, True])
def test_another_library_is_passed_over_whole_and_refused_by_name(tmp_path: Path, link: bool) -> None:
    folder, other = tmp_path / "pictures", tmp_path / "pictures" / "deep" / "other"
    paint(folder / "a.png", 1)
    paint(other / "thumbnails" / "ab" / "ab.jpg", 2)
    paint(other / "on top.png", 3)
    if link:
        (other / "catalog.sqlite").symlink_to(tmp_path / "a disk that is away")
    else:
        (other / "catalog.sqlite").touch()
    paint(other / "own" / "b.png", 4)  # pictures of one's own, beside what a library keeps
    seen = look(folder)
    assert (names(seen), seen.skipped) == (["a.png"], 1)
    assert names(look(other / "own")) == ["b.png"], "named itself, it is looked into"
    for part in (other, other / "thumbnails", other / "thumbnails" / "ab"):
        for library in (tmp_path / "library", other / "library"):
            with pytest.raises(UsageError, match="is a library, or a part of one"):
                look(part, library=library)
    with pytest.raises(UsageError, match="a part of one"):
        look(other / "thumbnails", library=other)


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    target = paint(tmp_path / "elsewhere" / "a.png", 1)
    folder.mkdir()
    (folder / "link.png").symlink_to(target)
    (folder / "elsewhere").symlink_to(target.parent)
    (folder / "round").symlink_to(folder)
    assert names(look(folder)) == ["link.png"]


def test_a_dangling_link_named_like_a_picture_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "gone.jpg").symlink_to(folder / "nowhere")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    (folder / "circle.jpg").symlink_to(folder / "circle.jpg")
    seen = look(folder)
    assert seen.unlisted[str(folder / "gone.jpg")] == "The link leads nowhere."
    assert "cannot be looked at" in seen.unlisted[str(folder / "circle.jpg")]
    assert seen.skipped == 1


def test_a_pipe_named_like_a_picture_does_not_hang_the_scan(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    os.mkfifo(folder / "pipe.jpg")
    os.mkfifo(folder / "pipe")
    assert look(folder).skipped == 2


def test_a_name_that_is_not_utf8_is_reported_in_a_form_that_can_be_printed(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    odd = os.fsencode(paint(folder / "a.png", 1).parent) + b"/caf\xe9.png"
    (folder / "a.png").rename(os.fsdecode(odd))
    seen = look(folder)
    assert not seen.found
    (shown,) = seen.unlisted
    assert shown.encode().endswith(b"caf\\udce9.png")
    assert "not valid UTF-8" in seen.unlisted[shown]


def test_overlapping_folders_are_walked_once(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    paint(folder / "sub" / "a.png", 1)
    (folder / "sub" / "notes.txt").touch()
    for order in ([folder, folder / "sub"], [folder / "sub", folder], [folder, folder]):
        seen = look(*order)
        assert names(seen) == ["a.png"]
        assert seen.skipped == 1


def test_a_missing_folder_is_missing_and_a_file_is_refused(tmp_path: Path) -> None:
    picture = paint(tmp_path / "a.png", 1)
    assert look(tmp_path / "nowhere").missing == [str(tmp_path / "nowhere")]
    with pytest.raises(UsageError, match="is a file"):
        look(picture)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert str(circle) in look(circle).unlisted
