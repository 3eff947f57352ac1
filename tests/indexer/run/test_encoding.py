"""Encoding: a function of its chunk alone, that reads and decodes each file once."""

import hashlib
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import numpy.typing as npt
import pytest

from semblance.indexer.catalog import Catalog, Failure
from semblance.indexer.run import encoding
from semblance.indexer.run.encoding import CHUNK, Encoded, Work, encode, encoded
from semblance.indexer.run.scan import Found
from semblance.retrieval import images, pixels
from semblance.retrieval.codec import Codec, find_model
from semblance.retrieval.decoding import Decoder
from semblance.retrieval.images import InputSpec, Picture
from tests.conftest import paint


@pytest.fixture(scope="module")
def other() -> Codec:
    """A codec of another input size than that of most tests."""
    return Codec(find_model("copies"))


@pytest.fixture
def work(tmp_path: Path) -> list[Work]:
    """Five painted files that nobody knows."""
    return [new(paint(tmp_path / f"{seed}.png", seed)) for seed in range(5)]


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, InputSpec | None]]:
    """What decoding processes are asked for from here on: each file to read (None), then each spec to see it by."""
    calls: list[tuple[str, InputSpec | None]] = []

    def opened(decoder: Decoder, path: Path) -> bytes:
        calls.append((str(path), None))
        return open_(decoder, path)

    def seen(decoder: Decoder, specs: list[InputSpec]) -> dict[InputSpec, Picture]:
        calls.extend((calls[-1][0], spec) for spec in specs)
        return see(decoder, specs)

    open_, see = Decoder.open, Decoder.see
    monkeypatch.setattr(Decoder, "open", opened)
    monkeypatch.setattr(Decoder, "see", seen)
    return calls


def new(path: Path, known: bytes | None = None) -> Work:
    state = path.stat()
    return Work(Found(str(path), state.st_size, state.st_mtime_ns), known)


def sha256(work: Work) -> bytes:
    return hashlib.sha256(Path(work.found.path).read_bytes()).digest()


def test_a_chunk_alone_gives_the_codes_that_the_command_line_stores(
    sample: Path, semblance: Callable[..., CompletedProcess[str]], codec: Codec, tmp_path: Path
) -> None:
    library = tmp_path / "library"
    assert semblance("index", sample, "--library", library, "--model", codec.name).returncode == 0
    with Catalog.opened(library) as catalog:
        entries, changes = catalog.entries(), catalog.changes(0)
    stored = {entry.path: (entry.sha256, code.tolist()) for entry, code in zip(entries, changes.codes, strict=True)}
    (tmp_path / "library").rename(tmp_path / "away")

    chunk = pickle.loads(pickle.dumps([new(path) for path in sample.rglob("*.jpg")]))  # as it would be sent elsewhere
    results = pickle.loads(pickle.dumps(encode(chunk, [codec], with_pixels=False)))
    assert {each.work.found.path: (each.sha256, each.codes[codec.codec_id].tolist()) for each in results} == stored
    assert not library.exists()


def test_each_file_is_loaded_once_for_each_size_and_encoded_by_every_codec(
    work: list[Work], codec: Codec, other: Codec, loaded: list[tuple[str, InputSpec | None]]
) -> None:
    twin = Codec(codec.folder)
    twin.codec_id = "another of the same size"
    results = encode(work, [codec, other, twin], with_pixels=True)
    assert [path for path, spec in loaded if spec is None] == [item.found.path for item in work]
    assert codec.spec == pixels.SPEC == twin.spec != other.spec
    assert len(loaded) == len({*loaded}) == 15, "read, and seen in two sizes, each of five files"

    for item, result in zip(work, results, strict=True):
        assert isinstance(result, Encoded)
        assert (result.work, result.sha256) == (item, sha256(item))
        for each in (codec, other, twin):
            expected = each.encode(images.load(Path(item.found.path), each.spec)[None])[0]
            assert result.codes[each.codec_id].tolist() == expected.tolist()
        assert result.vector is not None
        assert result.vector.tolist() == images.load(Path(item.found.path), pixels.SPEC).reshape(-1).tolist()


def test_a_known_content_is_hashed_and_no_more(
    work: list[Work], codec: Codec, loaded: list[tuple[str, InputSpec | None]]
) -> None:
    known = [Work(item.found, sha256(item)) for item in work]
    for result in encode(known, [codec], with_pixels=False):
        assert isinstance(result, Encoded)
        assert (result.sha256, result.codes, result.vector) == (result.work.known, {}, None)
    assert loaded == [(item.found.path, None) for item in work]
    (result,) = encode(known[:1], [codec], with_pixels=True)
    assert isinstance(result, Encoded)
    assert (result.codes, result.vector is None) == ({}, False)
    assert [spec for _, spec in loaded if spec] == [pixels.SPEC], "only the vector was asked for"


def test_what_is_known_of_a_content_is_not_made_anew(
    work: list[Work], codec: Codec, other: Codec, loaded: list[tuple[str, InputSpec | None]]
) -> None:
    code, vector = np.full(32, 7, np.uint8), np.full(3072, 9, np.uint8)
    whole: dict[str, npt.NDArray[np.uint8]] = {codec.codec_id: code, other.codec_id: code + 1, encoding.PIXELS: vector}
    known = {sha256(work[0]): whole, sha256(work[1]): {codec.codec_id: code}}
    results = encode(work[:3], [codec, other], True, lambda digest: known.get(digest, {}))
    first, second, third = (each for each in results if isinstance(each, Encoded))
    assert (first.codes, first.vector is vector) == (
        {codec.codec_id: code, other.codec_id: whole[other.codec_id]},
        True,
    )
    assert second.codes[codec.codec_id] is code
    seen = [(path, spec) for path, spec in loaded if spec]
    assert {spec for path, spec in seen if path == work[0].found.path} == set(), "nothing is decoded"
    assert {spec for path, spec in seen if path == work[1].found.path} == {other.spec, pixels.SPEC}
    (alone,) = encode(work[2:3], [codec, other], True)
    assert isinstance(alone, Encoded)
    for each in (codec, other):
        assert third.codes[each.codec_id].tolist() == alone.codes[each.codec_id].tolist()


def test_one_content_of_a_chunk_is_decoded_once(
    work: list[Work], codec: Codec, loaded: list[tuple[str, InputSpec | None]], tmp_path: Path
) -> None:
    copy = new(Path(shutil.copyfile(work[0].found.path, tmp_path / "copy.png")))
    first, twin = encode([work[0], copy], [codec], with_pixels=False)
    assert isinstance(first, Encoded)
    assert isinstance(twin, Encoded)
    assert (first.work, twin.work) == (work[0], copy)
    assert first.codes[codec.codec_id].tolist() == twin.codes[codec.codec_id].tolist()
    assert len([spec for _, spec in loaded if spec]) == 1


def test_what_cannot_be_used_stands_in_its_place_with_its_reason(
    work: list[Work], codec: Codec, tmp_path: Path
) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    gone = Work(Found(str(tmp_path / "gone.png"), 1, 1), None)
    first, bad, missing, last = encode([work[0], new(text), gone, work[1]], [codec], with_pixels=False)
    assert isinstance(bad, Failure)
    assert isinstance(missing, Failure)
    assert (bad.path, bad.read) == (str(text), True)
    assert "is not a picture that Semblance reads" in bad.reason
    assert missing == Failure(gone.found.path, "The file cannot be read: No such file or directory.", read=False)
    alone = encode(work[:2], [codec], with_pixels=False)
    for result, expected in zip((first, last), alone, strict=True):
        assert isinstance(result, Encoded)
        assert isinstance(expected, Encoded)
        assert np.array_equal(result.codes[codec.codec_id], expected.codes[codec.codec_id])
    (only,) = encode([gone], [codec], with_pixels=False)
    assert isinstance(only, Failure), "a chunk with nothing to encode is no error"


def test_chunks_are_ended_by_their_number_and_by_their_bytes(tmp_path: Path, codec: Codec) -> None:
    small = [new(paint(tmp_path / f"{seed}.png", seed)) for seed in range(CHUNK + 1)]
    large = [new(paint(tmp_path / f"{seed}.bmp", seed, (900, 800))) for seed in range(2)]
    assert large[0].found.size > encoding.CHUNK_BYTES
    results = [*encoded([*small, *large], [codec], False, threads=2)]
    assert [len(chunk) for chunk in results] == [CHUNK, 2, 1]
    assert [each.work for chunk in results for each in chunk if isinstance(each, Encoded)] == [*small, *large]


class Listed(list[Work]):
    """Work that counts how much of it was taken."""

    taken = 0

    def __iter__(self) -> Iterator[Work]:
        for item in super().__iter__():
            self.taken += 1
            yield item


def test_however_much_there_is_to_do_only_some_of_it_is_in_flight(work: list[Work], codec: Codec) -> None:
    much = Listed(work[:1] * 100 * CHUNK)
    for results in encoded(much, [codec], False, threads=2):
        assert len(results) == CHUNK
        break
    assert much.taken == 8 * CHUNK, "four chunks for each thread"
