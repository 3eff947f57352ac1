"""Another model for a library: searches go by the old codes until every picture has a new one, and back is a moment."""

import contextlib
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from semblance.indexer.answers.asking import Answer, Question, answer
from semblance.indexer.catalog import Writer, codecs
from semblance.indexer.changing import choosing, replacing
from semblance.indexer.derived import encoders, snapshot
from semblance.indexer.keeping.standing import status
from semblance.indexer.library import Library
from semblance.indexer.run import pipeline
from semblance.indexer.run.pipeline import Summary
from semblance.retrieval.codec import Codec, find_model, id_of
from semblance.retrieval.errors import LibraryError, ModelError, Overtaken, UsageError
from tests.conftest import paint
from tests.indexer.catalog.conftest import past_library

OLD, NEW = (id_of(find_model(name)) for name in ("cifar10-fast", "cifar10-ae"))
COPIES = id_of(find_model("copies"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for seed in range(12):
        paint(tmp_path / "pictures" / f"{seed:02}.png", seed)
    return tmp_path / "pictures"


@pytest.fixture
def library(tmp_path: Path, pictures: Path, codec: Codec) -> Path:
    pipeline.update([pictures], tmp_path / "library", codec)
    return tmp_path / "library"


def rows(library: Path, question: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db:
        return db.execute(question).fetchall()


def coded(library: Path, codec_id: str) -> dict[str, bytes]:
    """File name -> code, by plain SQLite."""
    question = "SELECT path, code FROM codes JOIN pictures ON picture = id WHERE codec_id = ?"
    with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db:
        return {Path(path).name: code for path, code in db.execute(question, (codec_id,))}


def current(library: Path) -> dict[object, object]:
    return dict(rows(library, "SELECT purpose, codec_id FROM codecs WHERE current"))  # type: ignore[arg-type]


def expected(model: str, pictures: Path) -> dict[str, bytes]:
    codec, paths = Codec(model), sorted(pictures.glob("*.png"))
    return {path.name: codec.encode([path])[0].tobytes() for path in paths}


def index(library: Path, *folders: Path, **options: str) -> Summary:
    with Library.open(library) as opened:
        return opened.index(*folders, threads=2, **options)  # type: ignore[arg-type]


def test_every_picture_gets_the_new_codec_s_code_and_keeps_the_old(library: Path, pictures: Path) -> None:
    ids, before = rows(library, "SELECT id, path FROM pictures"), coded(library, OLD)
    with Library.open(library) as opened:
        question = opened.ways["code"].of_pictures([pictures / "01.png"], [], 3)
        summary = opened.index(model="cifar10-ae")
        assert (summary.completed, summary.unchanged, summary.failed) == (12, 12, {})
        assert summary.switched == {"alike": NEW}
        found = opened.search(pictures / "01.png", k=12)
        assert (found.codec_id, found.coverage, len(found), found[0].distance) == (NEW, 1, 12, 0)
        (refused,) = answer(opened.ways["code"], [question])
        assert isinstance(refused, Overtaken), "a question in the old codec's bits is never compared with the new codes"
    assert coded(library, NEW) == expected("cifar10-ae", pictures)
    assert (coded(library, OLD), rows(library, "SELECT id, path FROM pictures")) == (before, ids)
    assert current(library) == {"alike": NEW, "same": COPIES}


def test_until_the_last_code_is_there_answers_are_the_old_codec_s(library: Path, pictures: Path) -> None:
    """What is new in the folders of the run gets both codes; a search in the middle of it sees the new file, too."""
    paint(pictures / "new.png", 50)
    paint(pictures / "03.png", 51)
    seen: list[Answer] = []
    with Library.open(library) as other:

        def look(done: int, total: int) -> None:
            seen.append(other.search(pictures / "new.png", k=13))

        with Library.open(library) as opened:
            summary = opened.index(pictures, model="cifar10-ae", progress=look)
        assert (summary.added, summary.updated, summary.completed) == (1, 1, 11)
        assert {each.codec_id for each in seen} == {OLD}
        assert len(seen[-1]) == 13
        assert other.search(pictures / "new.png", k=1).codec_id == NEW
    assert coded(library, OLD) == expected("cifar10-fast", pictures)
    assert coded(library, NEW) == expected("cifar10-ae", pictures)


def test_a_run_that_was_cut_short_goes_on_where_it_was(
    library: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr("semblance.indexer.run.taking_in._BATCH", 1)
    monkeypatch.setattr("semblance.indexer.run.encoding.CHUNK", 2)
    with Library.open(library) as opened, pytest.raises(KeyboardInterrupt):
        opened.index(model="cifar10-ae", threads=1, progress=stop)
    made = len(coded(library, NEW))
    assert 0 < made < 12
    assert current(library)["alike"] == OLD
    told = {codec["codec_id"]: codec for codec in status(library)["codecs"]}
    assert (told[NEW]["current"], told[NEW]["pictures"], told[NEW]["coverage"]) == (False, made, made / 12)
    assert told[OLD]["current"] is True
    assert index(library, model="cifar10-ae").completed == 12 - made
    assert current(library)["alike"] == NEW


def test_back_is_one_transaction_and_encodes_nothing(
    library: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(library, model="cifar10-ae")
    shutil.move(pictures, pictures.with_name("away"))
    generation = rows(library, "SELECT max(number) FROM generations")

    def asked(*_: object) -> None:
        raise AssertionError("the codes are all there")

    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "take_in", lambda _, changes: asked() if len(changes.ids) else None)
        patch.setattr(replacing, "bring_up_to_date", asked)
        for name, codec_id in (("cifar10-fast", OLD), (NEW[:12], NEW), ("cifar10-fast", OLD)):
            assert index(library, model=name).switched == {"alike": codec_id}
            with Library.open(library) as opened:
                assert opened.similar(1).codec_id == codec_id
    assert rows(library, "SELECT max(number) FROM generations") == generation


def test_what_came_since_is_encoded_before_it_goes_back(library: Path, pictures: Path) -> None:
    index(library, model="cifar10-ae")
    paint(pictures / "new.png", 50)
    index(library, pictures)
    assert set(coded(library, NEW)) - set(coded(library, OLD)) == {"new.png"}, "plain runs make codes of the current"
    assert index(library, model="cifar10-fast").completed == 1
    assert coded(library, OLD) == expected("cifar10-fast", pictures)


def test_pictures_that_are_gone_are_said_and_counted_and_many_of_them_keep_the_old_codec(
    library: Path, pictures: Path
) -> None:
    (pictures / "00.png").rename(pictures / "kept")
    summary = index(library, model="cifar10-ae")
    assert [*summary.failed] == [str(pictures / "00.png")]
    assert summary.switched == {"alike": NEW}
    with Library.open(library) as opened:
        found = opened.search(pictures / "01.png", k=12)
        assert (found.library_size, found.coverage, len(found)) == (11, 11 / 12, 11)
    assert status(library)["codecs"][0]["coverage"] == 11 / 12
    choosing.drop(library, "cifar10-fast")
    (pictures / "01.png").unlink()
    with pytest.raises(LibraryError, match=r"2 of the 12 pictures .* have no code by cifar10-fast, .*0[01].png first"):
        index(library, model="cifar10-fast")
    assert current(library)["alike"] == NEW
    assert len(coded(library, OLD)) == 10, "what was encoded is kept"
    (pictures / "kept").rename(pictures / "00.png")
    assert index(library, pictures, model="cifar10-fast").removed == 1
    assert coded(library, OLD) == expected("cifar10-fast", pictures)


def test_drop_takes_codes_and_encoder_but_never_the_current_ones(library: Path) -> None:
    index(library, model="cifar10-ae")
    with pytest.raises(UsageError, match="make another current with --model first"):
        choosing.drop(library, "cifar10-ae")
    with pytest.raises(UsageError, match="no codes of a model photos"):
        choosing.drop(library, "photos")
    assert snapshot.beside(library, OLD).is_file()
    assert choosing.drop(library, "cifar10-fast").codec.codec_id == OLD
    assert (coded(library, OLD), encoders.place(library, OLD).exists()) == ({}, False)
    assert [codec["codec_id"] for codec in status(library)["codecs"]] == [NEW, COPIES]
    with Library.open(library) as opened:
        assert len(opened.similar(1, k=20)) == 12
        assert opened.index(model="cifar10-fast").completed == 12


def test_a_library_of_0_1_is_upgraded_by_one_command(tmp_path: Path) -> None:
    """Its codes are by the `photos` that ships as photos-0.1 now, and it knows nothing of copies."""
    library, pictures = past_library(tmp_path / "old"), tmp_path / "pictures"
    with contextlib.closing(sqlite3.connect(library / "catalog.sqlite")) as db, db:
        for id, _ in db.execute("SELECT id, path FROM pictures").fetchall():
            path = paint(pictures / f"{id}.png", id)
            db.execute("UPDATE pictures SET path = ? WHERE id = ?", (str(path), id))
    index(library, pictures)
    assert status(library)["codec_id"] == id_of(find_model("photos-0.1"))
    index(library, model="photos")
    assert current(library) == {"alike": id_of(find_model("photos")), "same": COPIES}
    assert coded(library, id_of(find_model("photos"))) == expected("photos", pictures)
    assert index(library, model="photos-0.1").completed == 0


def test_a_library_whose_encoder_is_lost_gets_another(library: Path, pictures: Path, tmp_path: Path) -> None:
    own = shutil.copytree(find_model("cifar10"), tmp_path / "own")
    card = (own / "model.json").read_text()
    (own / "model.json").write_text(card.replace('"size": 32', '"size": 32, "least": 3'))
    index(library, model=str(own))
    choosing.drop(library, "cifar10-fast")
    shutil.rmtree(own)
    assert index(library, model=str(own)).switched == {}, "it is the library's own copy that counts"
    shutil.rmtree(library / "models")
    with pytest.raises(ModelError, match="semblance index --model NEW"):
        Library.open(library)
    paint(pictures / "new.png", 50)
    summary = replacing.index(
        [pictures], library, "cifar10-ae", None, lambda _: contextlib.nullcontext(lambda *_: None)
    )
    assert (summary.added, summary.completed) == (1, 12)
    assert coded(library, NEW) == expected("cifar10-ae", pictures)


def test_codes_of_copies_are_replaced_just_so(library: Path, pictures: Path) -> None:
    with Library.open(library) as opened:
        before = opened.ways["copies"].of_pictures([pictures / "01.png"], [], 3)
        asked = opened.ways["code"].of_pictures([pictures / "01.png"], [], 3)
        assert opened.index(copies="cifar10-ae").switched == {"same": NEW}
        assert (opened.ways["code"].codec.codec_id, opened.ways["copies"].codec.codec_id) == (OLD, NEW)
        for way, question in (("copies", before), ("code", asked)):
            assert isinstance(answer(opened.ways[way], [question])[0], Overtaken)
        assert opened.search(pictures / "01.png", k=1, engine="copies")[0].distance == 0
        assert opened.index(copies="copies").completed == 0
        assert opened.search(pictures / "01.png", k=1)[0].copy is True


def test_copies_for_what_is_alike_tells_copies_too_and_both_again_after(library: Path, pictures: Path) -> None:
    with Library.open(library) as opened:
        assert opened.index(model="copies").completed == 0, "these codes are there"
        assert current(library) == {"alike": COPIES}
        found = opened.search(pictures / "01.png", k=1)
        assert (found.codec_id, found[0].copy) == (COPIES, True)
        with pytest.raises(UsageError, match="leave --copies out"):
            opened.index(copies="cifar10-ae")
        opened.index(model="cifar10-fast")
        assert current(library) == {"alike": OLD, "same": COPIES}
        assert opened.search(pictures / "01.png", k=1)[0].copy is True
        assert opened.index(pictures).completed == 0


def test_pixel_vectors_stay_whatever_the_codec(library: Path, pictures: Path) -> None:
    with Library.open(library) as opened:
        opened.index(pictures, pixels=True)
        opened.index(model="cifar10-ae")
        found = opened.search(pictures / "01.png", k=12, engine="pixel")
        assert (len(found), found.library_size, found.coverage) == (12, 12, 1)


def test_a_question_by_id_and_a_switch_never_meet_in_one_answer(library: Path, pictures: Path) -> None:
    """The old ways go on answering, by the old codes alone, until the new are loaded by another thread."""
    with Library.open(library) as opened:
        with Library.open(library) as other:
            other.index(model="cifar10-ae")
        waited = 0
        while not opened.follow(wait=False):
            waited += 1
            (found,) = answer(opened.ways["code"], [Question(1, 12)])
            assert isinstance(found, Answer)
            assert (found.codec_id, len(found)) == (OLD, 12)
        assert waited
        assert opened.similar(1).codec_id == NEW


def test_a_codec_that_is_dropped_while_it_is_opened_costs_a_second_try(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(library, model="cifar10-ae")
    keep, times = encoders.keep_if_possible, []

    def overtaken(folder: Path, codec: Codec) -> None:
        keep(folder, codec)
        times.append(codec.codec_id)
        if len(times) == 1:
            with Writer.writing(library) as catalog:
                codecs.make_current(catalog, {"alike": OLD})
                codecs.drop(catalog, NEW)

    monkeypatch.setattr(encoders, "keep_if_possible", overtaken)
    with Library.open(library) as opened:
        assert (times, len(opened), opened.codec.codec_id) == ([NEW, OLD], 12, OLD)


def test_a_full_disk_is_said_before_anything_is_encoded(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=2000))
    monkeypatch.setattr(choosing, "shutil", full)
    monkeypatch.setattr(choosing, "_PER_CODE", 10**4)
    with pytest.raises(LibraryError, match=r"take 0\.1 MB, and 0\.0 MB of its disk are free: make room first"):
        index(library, model="cifar10-ae")
    assert NEW not in {codec["codec_id"] for codec in status(library)["codecs"]}
