"""What is wished for beside a picture, held against brute force over the stored codes."""

import io
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semblance.indexer.answers.hits import Answer
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import codes, images
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import hamming
from semblance.retrieval.errors import OtherCodec, UsageError
from tests.conftest import paint


@pytest.fixture(scope="module")
def made(sample: Path, codec: Codec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of pictures, five of which are there as copies too, smaller ones, and the library of it."""
    folder = tmp_path_factory.mktemp("wishes")
    shutil.copytree(sample, folder / "pictures")
    for number, path in enumerate(sorted(sample.rglob("*.jpg"))[:5]):
        for side in (300, 260, 200):
            with Image.open(path) as picture:
                picture.resize((side, side * 3 // 4)).save(folder / "pictures" / f"copy-{number}-{side}.png")
    for seed in range(70):
        paint(folder / "pictures" / "painted" / f"{seed}.png", seed, (96, 72))
    pipeline.update([folder / "pictures"], folder / "library", codec, with_pixels=True)
    return folder / "pictures", folder / "library"


@pytest.fixture(scope="module")
def library(made: tuple[Path, Path]) -> Iterator[Library]:
    with Library.open(made[1]) as library:
        yield library


@pytest.fixture(scope="module")
def asked(made: tuple[Path, Path]) -> Path:
    return min(path for path in made[0].rglob("*.jpg"))


def paged(library: Library, first: Answer, k: int) -> list[Any]:
    hits, answer = [*first], first
    while answer.next:
        answer = library.next_page(answer.next, k)
        hits += answer
    return hits


@pytest.mark.parametrize("engine", ["code", "copies", "pixel"])
@pytest.mark.parametrize("wished", [{}, {"fold": True}, {"near": 0.75}, {"chance": 5.0}, {"folder": "painted"}])
def test_pages_together_are_one_large_answer(
    library: Library, asked: Path, made: tuple[Path, Path], engine: str, wished: dict[str, Any]
) -> None:
    if "folder" in wished:
        wished = {"folder": str(made[0] / "painted"), "fold": True}
    if "near" in wished:
        wished = {"within": 20.0 if engine == "pixel" else 100.0}
    whole = library.search(asked, k=1000, engine=engine, **wished)
    first = library.search(asked, k=7, engine=engine, cursor="", **wished)
    hits = paged(library, first, 5)
    assert [*whole] == hits
    assert len({hit.id for hit in hits}) == len(hits)
    assert whole.next is None
    if not wished:
        assert len(whole) == len(library)


def test_the_nearest_within_and_until_chance_are_those_of_brute_force(library: Library, asked: Path) -> None:
    way: Any = library.ways["code"]
    ids = way.index.ids()
    code = way.codec.encode([asked])
    stored = way.index.codes(ids)
    far = hamming(code, stored)[0]
    plain = [*ids[np.lexsort((ids, far))]]
    for within in (0, 40.5, 90):
        answer = library.search(asked, k=1000, refine=False, within=within)
        assert [hit.id for hit in answer] == [id for id in plain if far[ids == id][0] <= within]
    answer = library.search(asked, k=1000, refine=False, chance=3.0)
    every = library.search(asked, k=1000, refine=False)
    assert [*answer] == [hit for hit in every if (hit.expected_by_chance or 0) <= 3.0]
    assert 0 < len(answer) < len(every)


def test_folded_are_copies_of_the_first_of_them_and_nothing_is_lost(library: Library, asked: Path) -> None:
    way: Any = library.ways["copies"]
    within = way.same.within
    every = [hit.id for hit in library.search(asked, k=1000)]
    answer = library.search(asked, k=1000, fold=True)
    leaders: dict[int, list[int]] = {}
    for id in every:  # one after the other, as nobody would do it
        code = way.of_id(id).codes
        of = next((one for one in leaders if hamming(way.of_id(one).codes, code)[0, 0] <= within), None)
        if of is None:
            leaders[id] = []
        else:
            leaders[of].append(id)
    assert [(hit.id, list(hit.folded)) for hit in answer] == [*leaders.items()]
    assert sum(len(hit.folded) for hit in answer) >= 10
    few = library.search(asked, k=3, fold=True)
    assert len(few) == 3


def test_what_comes_between_pages_is_on_none_and_moves_nothing(
    made: tuple[Path, Path], asked: Path, codec: Codec, tmp_path: Path
) -> None:
    library = Path(shutil.copytree(made[1], tmp_path / "library"))
    with Library.open(library) as own:
        for engine in ("code", "copies"):
            whole = own.search(asked, k=1000, engine=engine)
            first = own.search(asked, k=6, engine=engine, cursor="")
            with Image.open(asked) as picture:  # nearer than all that was shown
                for side in range(100, 110):
                    picture.resize((side, side)).save(tmp_path / f"{engine}-{side}.png")
            pipeline.update([tmp_path], library, codec)
            assert [hit.id for hit in paged(own, first, 9)] == [hit.id for hit in whole]
            assert len(own) > len(whole)
        gone = whole[8].id
        first = own.search(asked, k=4, engine="code", cursor="")
        before = [hit.id for hit in own.search(asked, k=1000)]
        own.remove(gone)
        assert [hit.id for hit in paged(own, first, 4)] == [id for id in before if id != gone]


def test_a_narrowed_search_is_one_of_those_alone(library: Library, asked: Path, made: tuple[Path, Path]) -> None:
    painted = made[0] / "painted"
    for engine in ("code", "copies", "pixel"):
        every = library.search(asked, k=1000, engine=engine, refine=False if engine != "pixel" else None)
        answer = library.search(
            asked, k=1000, engine=engine, refine=False if engine != "pixel" else None, folder=str(painted)
        )
        assert [hit.id for hit in answer] == [hit.id for hit in every if Path(hit.path).parent == painted]
        assert (answer.narrowed, every.narrowed) == (70, None)
        if engine != "pixel":
            odds = {hit.id: hit.expected_by_chance or 0.0 for hit in every}
            share = 70 / len(library)
            assert all(hit.expected_by_chance == pytest.approx(share * odds[hit.id], rel=0.02) for hit in answer)
    assert [*library.search(asked, folder="/nowhere")] == []
    assert library.similar(1, folder=str(painted)).narrowed == 70  # itself is not among them, and asks all the same


def test_a_picture_that_has_moved_is_narrowed_by_where_it_is(
    made: tuple[Path, Path], codec: Codec, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(made[0] / "painted", tmp_path / "pictures" / "painted"))
    pipeline.update([folder.parent], tmp_path / "library", codec)
    with Library.open(tmp_path / "library") as own:
        assert own.similar(1, folder=str(folder)).narrowed == 70
        (folder.parent / "other").mkdir()
        (folder / "1.png").rename(folder.parent / "other" / "1.png")
        pipeline.update([folder.parent], tmp_path / "library", codec)  # which passes no generation
        assert own.similar(1, folder=str(folder)).narrowed == 69


def test_pictures_of_the_library_ask_by_their_bits_beside_uploads(library: Library, made: tuple[Path, Path]) -> None:
    way: Any = library.ways["code"]
    upload = min(made[0].rglob("*.png"))
    signs = {id: np.where(codes.unpack(way.of_id(id).codes, 256)[0], 1, -1) for id in (3, 9)}
    logits = way.codec.logits([upload])[0]
    wanted = (logits + np.abs(logits).mean() * signs[3]) / 2 - np.abs(logits).mean() * signs[9]
    far = hamming(codes.pack((wanted > 0)[None]), way.index.codes(way.index.ids()))[0]
    order = way.index.ids()[np.lexsort((way.index.ids(), far))]
    answer = library.search(upload, 3, unlike=[9], k=20, refine=False)
    assert [hit.id for hit in answer] == order[:20].tolist()
    assert [hit.id for hit in library.search(3, k=9, refine=False)] == [hit.id for hit in library.similar(3, k=9)]
    for wrong in ({"engine": "pixel"}, {"views": 2}, {"region": (0.1, 0.1, 0.5, 0.5)}):
        with pytest.raises(UsageError, match="Several pictures"):
            library.search(3, 5, **wrong)


def test_a_region_asks_as_a_file_of_it(library: Library, asked: Path) -> None:
    picture = Image.fromarray(images.at_full_size(asked))
    width, height = picture.size
    out = io.BytesIO()
    picture.crop((width // 4, height // 4, width * 3 // 4, height * 3 // 4)).save(out, "PNG")
    for engine in ("code", "pixel"):
        by_region = library.search(asked, k=5, engine=engine, region=(0.25, 0.25, 0.5, 0.5))
        by_file = library.search(out.getvalue(), k=5, engine=engine)
        furthest = max(abs(one.distance - other.distance) for one, other in zip(by_region, by_file, strict=True))
        assert furthest <= (8 if engine == "code" else 0.5)  # bits: the JPEG may be decoded smaller


def test_codes_go_out_and_come_in(library: Library, asked: Path) -> None:
    encoded = library.encode(asked)
    assert encoded.code == codes.to_hex(library.codec.encode([asked])[0])
    assert encoded.copies
    answers = library.search_codes([encoded.code] * 20, k=4, engine="code")
    plain = library.search(asked, k=4, refine=False)
    for answer in answers:
        assert [(hit.id, hit.distance) for hit in answer] == [(hit.id, hit.distance) for hit in plain]
        assert answer[0].expected_by_chance is None
    (of_copies,) = library.search_codes([encoded.copies.code], engine="copies", chance=1.0)
    assert of_copies[0].copy is True
    assert of_copies[0].expected_by_chance is not None
    for wrong in ("", "zz" * 32, encoded.code[2:], encoded.code + "00", " " + encoded.code[1:], "ü" * 64):
        with pytest.raises(UsageError, match=r"codes\.1: a code of 256 bits is 64 hexadecimal digits"):
            library.search_codes([encoded.code, wrong])


def test_a_cursor_is_as_it_was_given_or_refused(library: Library, asked: Path, made: tuple[Path, Path]) -> None:
    cursor = library.search(asked, k=5, cursor="").next
    assert cursor
    assert cursor.replace("-", "").replace("_", "").isalnum()
    rng = np.random.default_rng(0)
    for _ in range(60):
        place = int(rng.integers(0, len(cursor) - 2))
        other = "A" if cursor[place] != "A" else "B"
        for wrong in (cursor[:place], cursor[:place] + other + cursor[place + 1 :], cursor[place + 1 :]):
            with pytest.raises(UsageError, match="cursor: it is no cursor"):
                library.next_page(wrong)
    for wrong in ("", "ü", "=", "a" * 70_000, cursor + cursor, cursor + "\n"):
        with pytest.raises(UsageError, match="cursor: it is no cursor"):
            library.next_page(wrong)


def test_a_cursor_of_another_codec_says_so(made: tuple[Path, Path], asked: Path, tmp_path: Path) -> None:
    library = Path(shutil.copytree(made[1], tmp_path / "library"))
    with Library.open(library) as own:
        cursor = own.search(asked, k=5, cursor="").next
        own.index(model="cifar10-ae")
        assert cursor
        with pytest.raises(OtherCodec, match="another model now: ask anew"):
            own.next_page(cursor)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"within": value} for value in (-1, float("nan"), float("inf"), True, "5")),
        *({"chance": value} for value in (0, -0.0, -1, float("nan"), float("inf"))),
        *({"near": value} for value in ((91, 0, 1), (0, 181, 1), (0, 0, 0), (0, 0), (float("nan"), 0, 1))),
        *({"taken_from": value} for value in ("", "2024-02-30", "20240229", "1700000000", "2024-1-1")),
        *({"min_pixels": value} for value in (0, -1, 1.5, True)),
        *({name: value} for name in ("folder", "camera") for value in ("", "a\0b")),
        {"taken_from": "2024-02-02", "taken_to": "2024-02-01"},
    ],
    ids=repr,
)
def test_what_makes_no_sense_is_refused_by_its_name(library: Library, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"^{[*wrong][-1]}: "):
        library.similar(1, **wrong)


def test_pairs_stand_in_their_order(library: Library, asked: Path) -> None:
    answer = library.search(asked, k=1000, refine=False, fold=True)
    assert all((one.distance, one.id) < (other.distance, other.id) for one, other in pairwise(answer))
