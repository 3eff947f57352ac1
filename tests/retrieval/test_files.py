"""A file is whole or as it was before, whoever writes it and whatever fails."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from semblance.retrieval.files import open_regular, replace


def test_replace_makes_and_replaces(tmp_path: Path) -> None:
    contents: list[list[bytes | memoryview]] = [[b"one"], [b"", b"tw", memoryview(b"o")], []]
    for content in contents:
        replace(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == b"".join(content)
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    replace(tmp_path / "file", [b"old"])

    def parts() -> Iterator[bytes]:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(tmp_path / "file", parts())
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["file"]


def test_the_content_is_on_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(tmp_path / "file", [b"old"])
    seen: list[bytes] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        seen.append((tmp_path / "file").read_bytes())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    replace(tmp_path / "file", [b"new"])
    assert seen[0] == b"old"  # the content, still under its temporary name
    assert seen[1:] in ([], [b"new"])  # then, where there is such a thing, the folder


def test_two_threads_may_replace_one_file(tmp_path: Path) -> None:
    """Two requests for one thumbnail: each writes it whole, and the last one stays."""
    path = tmp_path / "thumbnail"
    meet = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(letter: bytes) -> None:
        def parts() -> list[bytes]:
            meet.wait(timeout=10)  # both temporary files are open by now
            return [letter * 1000] * 50

        try:
            for _ in range(10):
                replace(path, (part for part in parts()))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert path.read_bytes() in (b"a" * 50_000, b"b" * 50_000)
    assert [child.name for child in tmp_path.iterdir()] == ["thumbnail"]


def test_what_does_not_lie_on_a_disk_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"content")
    for place in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="no file that lies on a disk"):
            open_regular(place)
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match="directory"):
            open_regular(place)
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"content"
