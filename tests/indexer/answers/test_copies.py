"""Two codes of a picture: what is alike, and what is the same."""

import contextlib
import io
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from semblance.indexer.catalog import FILE, Catalog, CurrentCodec, Writer
from semblance.indexer.derived import encoders
from semblance.indexer.derived.encoders import codec_for
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.retrieval import codec as codecs
from semblance.retrieval import images, views
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec, find_model, id_of, read_card, write_card
from semblance.retrieval.codes import hamming
from semblance.retrieval.errors import ModelError, NoCopies
from semblance.retrieval.inputs import InputSpec
from semblance.retrieval.judging.editing import EDITS, edited
from tests.conftest import paint, serving, until
from tests.indexer.catalog.conftest import OLD_CODEC, dumped, in_a_process, past_library

SIZES = [(50, 40), (224, 224), (300, 200), (500, 460), (640, 480), (897, 900), (1152, 864), (1800, 1350), (3700, 900)]
COPIES = id_of(find_model(COPIES_MODEL))


@pytest.fixture(scope="module")
def jpegs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs that are decoded at every scale there is, one of them turned by its EXIF."""
    folder = tmp_path_factory.mktemp("jpegs")
    for seed, size in enumerate(SIZES):
        paint(folder / f"{seed}.jpg", seed, size)
    turned = Image.Exif()
    turned[0x0112] = 6
    with Image.open(folder / "4.jpg") as image:
        image.save(folder / "turned.jpg", exif=turned)
    return folder


@pytest.fixture(scope="module")
def library(jpegs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of them by the default model; not to be changed."""
    folder = tmp_path_factory.mktemp("of-jpegs") / "library"
    pipeline.update([jpegs], folder, codec_for(folder))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six pictures."""
    for seed in range(6):
        paint(tmp_path / "pictures" / f"{seed}.png", seed, (96, 72))
    return tmp_path / "pictures"


def small(folder: Path, model: str = "cifar10-fast") -> Codec:
    """The codec of a library of quick tests."""
    return codec_for(folder, None if Catalog.exists(folder) else model)


def stored(folder: Path, codec_id: str) -> dict[str, list[int]]:
    with Catalog.opened(folder) as catalog:
        paths = {entry.id: entry.path for entry in catalog.entries()}
        changes = catalog.changes(0, codec_id)
    return {paths[id]: code.tolist() for id, code in zip(changes.ids.tolist(), changes.codes, strict=True)}


def forget_copies(folder: Path) -> None:
    """Make it a library from before there were two codes."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as db, db:
        db.execute("DELETE FROM codes WHERE codec_id = ?", (COPIES,))
        db.execute("DELETE FROM codecs WHERE codec_id = ?", (COPIES,))
    (folder / "copies.faiss").unlink()
    shutil.rmtree(folder / "models" / COPIES)


# ---- one picture, one code, on every road --------------------------------------------------------------------------


def by_hand(path: Path) -> npt.NDArray[np.uint8]:
    """What the rule of copies says in Pillow's own words: decoded to no less than 336 pixels, boxes averaged to no less
    than 128, then squashed to 64."""
    with Image.open(path) as image:
        image.draft(None, (336, 336))
        seen = image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC, reducing_gap=2.0)
        if image.getexif().get(0x0112) == 6:
            seen = seen.transpose(Image.Transpose.ROTATE_270)
        return np.asarray(seen)


def test_copies_sees_what_photos_has_decoded() -> None:
    """Where it is otherwise nothing is wrong, but indexing decodes each picture twice."""
    specs = [Codec(name).spec for name in (COPIES_MODEL, DEFAULT_MODEL)]
    assert len({spec.least * spec.size for spec in specs}) == 1


def test_a_library_holds_what_both_codecs_give_when_asked_alone(library: Path, jpegs: Path) -> None:
    paths = sorted(jpegs.iterdir())
    for model in (DEFAULT_MODEL, COPIES_MODEL):
        codec = Codec(model)
        held = stored(library, codec.codec_id)
        assert [held[str(path)] for path in paths] == codec.encode(paths).tolist()
        assert [held[str(path)] for path in paths] == codec.encode([path.read_bytes() for path in paths]).tolist()
    seen = np.stack([by_hand(path) for path in paths])
    assert Codec(COPIES_MODEL).encode(seen).tolist() == [stored(library, COPIES)[str(path)] for path in paths]
    assert {codec["model"]: codec["pictures"] for codec in status(library)["codecs"]} == {
        "photos": len(paths),
        "copies": len(paths),
    }


def test_an_upload_finds_itself_by_both_codes(library: Path, jpegs: Path) -> None:
    with serving(library) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        assert httpx.get(f"{url}/ready").json()["engines"] == ["code", "copies"]
        for path in sorted(jpegs.iterdir()):
            for engine in ("code", "copies"):
                answer = httpx.post(f"{url}/search?engine={engine}&k=1", files={"file": path.read_bytes()}).json()
                (hit,) = answer["results"]
                assert (hit["path"], hit["distance"], hit["copy"]) == (str(path), 0, True)


# ---- what is a copy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["cifar10-fast", COPIES_MODEL])
def test_marks_agree_with_brute_force(tmp_path: Path, sample: Path, model: str) -> None:
    """With two codes of a picture, and with one that serves both."""
    originals = sorted(sample.rglob("*.jpg"))[::6]
    edits = tmp_path / "edits"
    edits.mkdir()
    for number, path in enumerate(originals):
        picture = np.asarray(Image.open(path).convert("RGB"))
        for edit in EDITS[::3]:
            (edits / f"{number}-{edit.name}.png").write_bytes(png(edited(picture, edit, "medium", number)))
    codec = Codec(COPIES_MODEL)
    within = codec.card["near_duplicates"]["distance"]
    with Library.create(tmp_path / "library", model) as library:
        library.index(edits, sample, pixels=True)
        paths = [entry.path for entry in library._opened.catalog.entries()]
        codes = codec.encode(paths)
        marks = []
        for path in originals:
            apart = dict(zip(paths, hamming(codec.encode([path]), codes)[0].tolist(), strict=True))
            answers = [library.search(path, k=1000, engine=engine) for engine in ("code", "copies", "pixel")]
            answers.append(library.similar(answers[0][0].id, k=1000))
            for answer in answers:
                assert len(answer) == len(paths)
                assert {hit.path: hit.copy for hit in answer} == {path: apart[path] <= within for path in paths}
            placed = codec.encode(views.placed(images.load(path, codec.spec)))  # of them the nearest counts
            nearest = hamming(placed, codes).min(axis=0).tolist()
            assert {hit.path: hit.distance for hit in answers[1]} == dict(zip(paths, nearest, strict=True))
            marks += [hit.copy for hit in answers[1]]
        assert 2 * len(originals) < sum(map(bool, marks)) < len(marks) / 2, "some are copies, and most are not"
        assert {hit.copy for hit in library.search(originals[0], originals[1])} == {None}, "two pictures have no copy"
    assert len(status(tmp_path / "library")["codecs"]) == (1 if model == COPIES_MODEL else 2)


def png(picture: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(out, "PNG")
    return out.getvalue()


def test_how_near_is_the_same_follows_the_model(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`edits --keep` writes into the model's folder; a library takes it over when it is indexed."""
    for name in ("cifar10-fast", COPIES_MODEL):
        shutil.copytree(find_model(name), tmp_path / "shipped" / name)
    monkeypatch.setattr(codecs, "MODELS", tmp_path / "shipped")
    with Library.create(tmp_path / "library", "cifar10-fast") as library:
        library.index(pictures)
        assert not library.search(pictures / "1.png", k=6)[5].copy
    card = read_card(find_model(COPIES_MODEL))
    for distance, copies in ((256, [True] * 6), (None, [None] * 6), (0, [True] + [False] * 5)):
        write_card(find_model(COPIES_MODEL), {**card, "near_duplicates": {"distance": distance}})
        pipeline.update([pictures], tmp_path / "library", small(tmp_path / "library"))
        with Library.open(tmp_path / "library") as library:
            assert [hit.copy for hit in library.search(pictures / "1.png", k=6)] == copies


# ---- libraries of before -------------------------------------------------------------------------------------------


def test_a_library_of_before_gets_its_codes_at_its_next_run(tmp_path: Path, pictures: Path) -> None:
    folder = tmp_path / "library"
    pipeline.update([pictures], folder, small(folder))
    whole = stored(folder, COPIES)
    forget_copies(folder)
    paint(pictures / "new.png", 9)
    with Library.open(folder) as library:
        assert library.engines == ["code"]
        assert [hit.copy for hit in library.search(pictures / "1.png", k=6)] == [None] * 6
        with pytest.raises(NoCopies, match="semblance index FOLDER"):
            library.search(pictures / "1.png", engine="copies")
        ids = [hit.id for hit in library.search(pictures / "1.png", k=6)]
        summary = library.index(pictures)
        assert (summary.added, summary.updated, summary.unchanged, summary.completed) == (1, 0, 6, 6)
        assert {*ids} < {hit.id for hit in library.search(pictures / "1.png", k=7)}, "no picture is another"
        assert library.search(pictures / "1.png", k=1, engine="copies")[0].copy is True
        generation = library._opened.catalog.generation()
        again = library.index(pictures)
        assert (again.added, again.unchanged, again.completed) == (0, 7, 0)
        assert library._opened.catalog.generation() == generation
    held = stored(folder, COPIES)
    assert held.pop(str(pictures / "new.png"))
    assert held == whole
    assert len(whole) == 6


def test_a_service_tells_copies_as_soon_as_they_are_known(tmp_path: Path, pictures: Path) -> None:
    folder, asked = tmp_path / "library", {"file": (pictures / "1.png").read_bytes()}
    pipeline.update([pictures], folder, small(folder))
    forget_copies(folder)
    with serving(folder) as url:
        until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        for refused in (
            httpx.post(f"{url}/search?engine=copies", files=asked),
            httpx.get(f"{url}/images/1/similar?engine=copies"),
        ):
            assert (refused.status_code, "does not know copies yet" in refused.json()["detail"]) == (422, True)
        pipeline.update([pictures], folder, small(folder))
        until(lambda: httpx.get(f"{url}/ready").json()["engines"] == ["code", "copies"])
        assert httpx.post(f"{url}/search?engine=copies", files=asked).json()["results"][0]["copy"] is True


def test_the_encoder_of_a_library_of_0_1_ships_still(tmp_path: Path, pictures: Path) -> None:
    folder = past_library(tmp_path / "library")
    with Library.open(folder) as library:
        assert library.codec.codec_id == OLD_CODEC.codec_id == encoders.place(folder, OLD_CODEC.codec_id).name
        assert library.codec.spec == InputSpec(64)
        id, _, _, code = dumped(1, "codes")[0]
        assert library._opened.alike.index.codes(np.array([id])).tobytes() == code
        assert library.index(pictures).added == 6
        assert library.search(pictures / "1.png", k=1)[0].copy is True
        old = library.similar(id, k=1)[0]
        assert (old.id, old.copy) == (id, None)
    held = {codec["purpose"]: (codec["model"], codec["pictures"]) for codec in status(folder)["codecs"]}
    alike = sum(codec_id == OLD_CODEC.codec_id for _, codec_id, *_ in dumped(1, "codes"))
    assert held == {"alike": ("photos", alike + 6), "same": ("copies", 6)}


@pytest.mark.parametrize("moment", ["know", "record", "touch", "add_codes"])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_between_any_two_steps_loses_a_batch_at_most(
    tmp_path: Path, pictures: Path, moment: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "library"
    pipeline.update([pictures], folder, small(folder))
    whole = {codec_id: stored(folder, codec_id) for codec_id in (COPIES, small(folder).codec_id)}
    forget_copies(folder)
    monkeypatch.setattr("semblance.indexer.run.taking_in._BATCH", 1)
    monkeypatch.setattr("semblance.indexer.run.encoding.CHUNK", 2)

    def killed() -> None:
        step = getattr(Writer, moment)

        def last(*arguments: object, **options: object) -> None:
            if after:
                step(*arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(Writer, moment, last)
        pipeline.update([pictures], folder, small(folder))

    process = in_a_process(killed)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with Library.open(folder) as library:
        assert len(library.search(pictures / "1.png", k=10)) == 6
    summary = pipeline.update([pictures], folder, small(folder))
    assert (summary.added, summary.unchanged) == (0, 6)
    assert {codec_id: stored(folder, codec_id) for codec_id in whole} == whole


def test_an_encoder_that_is_lost_is_replaced_by_the_one_that_ships(tmp_path: Path, pictures: Path) -> None:
    """Version 2 of the schema was dumped with codes of an encoder that there is nowhere."""
    folder = past_library(tmp_path / "library", 2)
    with Catalog.opened(folder) as catalog:
        assert catalog.current("same") == CurrentCodec("c" * 64, 64, "copies")
    with Library.open(folder) as library:
        id = dumped(2, "codes")[0][0]
        assert (library.engines, library.similar(id)[0].copy) == (["code"], None), "all but copies works"
        assert library.index(pictures).added == 6
        assert library.search(pictures / "1.png", k=1)[0].copy is True
    assert [(codec["codec_id"], codec["pictures"]) for codec in status(folder)["codecs"]][1] == (COPIES, 6)


def test_an_open_library_takes_up_another_codec_of_copies(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has found its encoder lost and has made all codes anew by the one that ships."""
    folder = tmp_path / "library"
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "COPIES_MODEL", "cifar10-ae")
        pipeline.update([pictures], folder, small(folder))
    with Library.open(folder) as library:
        assert library._opened.same is not None
        lost = library._opened.same.codec
        assert lost.name == "cifar10-ae"
        find = encoders.find

        def gone(catalog: Catalog, wanted: CurrentCodec | None = None) -> Codec:
            if wanted and wanted.codec_id == lost.codec_id:
                raise ModelError("It is nowhere.")
            return find(catalog, wanted)

        with monkeypatch.context() as patch:
            patch.setattr(encoders, "find", gone)
            pipeline.update([pictures], folder, small(folder))
        assert len(library.search(pictures / "1.png", k=10, engine="copies")) == 6
        assert library._opened.same.codec.codec_id == COPIES


@pytest.mark.parametrize("distance", ["29", [29], True, None, 29.0])
def test_a_distance_that_is_no_number_of_bits_marks_nothing(tmp_path: Path, pictures: Path, distance: object) -> None:
    folder = tmp_path / "library"
    pipeline.update([pictures], folder, small(folder))
    kept = encoders.place(folder, COPIES)
    (kept / encoders.SUMS).unlink()  # else the card would be taken for a damaged one
    write_card(kept, {**read_card(kept), "near_duplicates": {"distance": distance}})
    with Library.open(folder) as library:
        assert {hit.copy for hit in library.search(pictures / "1.png")} == {None}
