"""A library in Milvus alone: what is drawn of it, what goes while it is asked, what it would have to fetch whole."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from semblance.indexer.catalog import Generation, Narrowing
from semblance.indexer.elsewhere import asking
from semblance.indexer.elsewhere.asking import ByMilvus, CodedElsewhere
from semblance.indexer.elsewhere.pictures import Pictures
from semblance.indexer.milvus import address, schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.steady import Steady
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import NeedsCatalog, Overtaken, UnknownPicture
from semblance.retrieval.queries import CodeQuery
from semblance.scripts.benchmarks.stores.milvus_server import Milvus

COUNT = 300


@pytest.fixture(scope="module")
def held(milvus: Milvus, codec: Codec) -> Iterator[tuple[Server, Held]]:
    """A collection of pictures whose ids are every third one, in two folders."""
    server = Server(address.parse(milvus.address("told")))
    made = Held("alike", codec.codec_id, codec.bits, codec.name, "told_alike", Generation(1, "a"))
    codes = np.random.default_rng(1).integers(0, 256, (COUNT, codec.bits // 8), np.uint8)
    rows = [
        {
            "id": 3 * row + 1,
            "code": codes[row].tobytes(),
            "path": f"/{'ab'[row % 2]}/{row}.jpg",
            "facts": "",
            "sha256": f"{row:064x}",
            "size": row,
            "mtime": 10**18 + row,
            "taken": 20200101000000 + 1000000 * row,
        }
        for row in range(COUNT)
    ]
    made = schema.make(server, made)
    server.change("insert", made.collection, rows)
    yield server, replace(made, pictures=COUNT, last=3 * COUNT, at=server.now(), through=None, whole=True)
    server.close()


def way(held: tuple[Server, Held], codec: Codec) -> ByMilvus:
    coded = CodedElsewhere(codec, Steady(*held), held[1].generation, COUNT, held[1].last)  # type: ignore[arg-type]
    coded.kept = {}
    return ByMilvus("code", Pictures("a library", coded.index), coded, None)


def test_pictures_are_known_by_id_and_listed_in_pages(held: tuple[Server, Held]) -> None:
    pictures = Pictures("a library", Steady(*held))
    known = pictures.known(31)
    assert (known.path, known.size, known.mtime_ns, known.sha256) == ("/a/10.jpg", 10, 10**18 + 10, (10).to_bytes(32))
    assert pictures.paths([4, 5, 7]) == {4: "/b/1.jpg", 7: "/a/2.jpg"}
    with pytest.raises(UnknownPicture):
        pictures.known(32)
    ids, more = list[int](), True
    while more:
        entries, after = pictures.listed(ids[-1] if ids else 0, 70, Narrowing(folder="/b"))
        ids, more = ids + [entry.id for entry in entries], after is not None
    assert ids == [3 * row + 1 for row in range(1, COUNT, 2)] == pictures.among(Narrowing(folder="/b")).tolist()
    spread = [entry.id for entry in pictures.spread(4)]
    assert spread == [1, 226, 451, 676]


def test_a_large_library_is_sampled_by_ids_at_random(
    held: tuple[Server, Held], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "FEW", 10)
    monkeypatch.setattr(asking, "SAMPLED", 64)
    own = way(held, codec)
    sample = own.by.sample
    stored = {bytes(code) for code in own.stored.codes(own.stored.ids())}
    assert len({bytes(code) for code in sample}) == len(sample) == 64
    assert {bytes(code) for code in sample} <= stored
    kept = own.by.kept  # type: ignore[attr-defined]
    again = way((held[0], replace(held[1], pictures=COUNT + 10)), codec)
    again.by.kept = kept  # type: ignore[attr-defined]
    assert again.by.sample is sample, "a library that has hardly grown"
    with pytest.raises(NeedsCatalog):
        next(own.exact(CodeQuery(own.stored.codes(np.array([1])))))


def test_what_goes_while_it_is_asked_is_asked_anew(held: tuple[Server, Held], codec: Codec) -> None:
    server, state = held
    own = way(held, codec)
    (found,) = own.search([own.of_id(4)], 3)
    assert found[1][0] == 4
    server.change("delete", state.collection, ids=[4])
    steady = own.stored
    steady.held = replace(state, at=server.now())
    with pytest.raises(Overtaken):
        steady.codes(np.array([4]))
    with pytest.raises(UnknownPicture):
        Pictures("a library", steady).known(4)
    with pytest.raises(KeyError):
        steady.codes(np.array([2]))  # which nobody had named
