"""Codes in lists (BIN_IVF_FLAT): right as far as they go, and how far that is, is measured and said."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from semblance.indexer.answers import auditing
from semblance.indexer.answers.asking import Answer, Question, answer
from semblance.indexer.keeping import standing
from semblance.indexer.library import Library
from semblance.indexer.milvus import filling, schema, tuning
from semblance.indexer.milvus.address import parse
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.codes import Codes, hamming
from semblance.retrieval.index import Ids
from semblance.retrieval.queries import CodeQuery
from semblance.scripts.benchmarks.stores.milvus_server import Milvus
from tests.indexer.milvus.conftest import Drawn

COUNT = 1_500  # Milvus divides no segment of less than a thousand
K = 10
FOLDER = 'path >= "/pictures/a/" and path < "/pictures/a0"'


def recall(index: MilvusCodes, codes: Codes, ids: Ids, queries: Codes) -> float:
    """Of the ten nearest among these, ties counted fairly; what is said of each is checked by its code."""
    far = hamming(queries, codes)
    last = np.sort(far, axis=1)[:, K - 1 : K]
    near, found = index.search(queries, K)
    assert np.array_equal(near, np.take_along_axis(far, np.searchsorted(ids, found), axis=1))
    assert np.array_equal(np.lexsort((found, near)), np.tile(np.arange(K), (len(found), 1))), "ties: the lower id"
    return float((near <= last).mean())


def audited(library: Library, code: Codes) -> float:
    """What the recall audit of a service says of one question."""
    way = library.ways["code"]
    question = Question(CodeQuery(code[None]), K, way.codec.codec_id)
    (given,) = answer(way, [question])
    assert isinstance(given, Answer)
    steps = auditing.recall(way, question, given)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return float(done.value)


def test_lists_find_what_they_are_said_to_find(drawn: Callable[[int], Drawn], milvus: Milvus) -> None:
    library = drawn(COUNT)
    where = f"{milvus.address('lists')}?index=ivf&shards=1"
    filling.fill(library.folder, milvus.address("lists"), purposes=["same"])
    filling.fill(library.folder, where, purposes=["alike"])
    server = Server(parse(where))
    state = schema.state(server)
    assert state is not None
    held = state.holds["alike"]
    assert server.ask("describe_collection", held.collection)["num_shards"] == 1
    assert server.ask("describe_index", held.collection, "code")["index_type"] == "BIN_IVF_FLAT"
    assert (held.shards, held.pictures, held.tuned) == (1, COUNT, COUNT)
    assert held.recall >= tuning.RECALL
    flat, queries = library.flat("alike"), library.codes(100)
    stored, index = flat.codes(flat.ids()), MilvusCodes(server, held)
    found = recall(index, stored, flat.ids(), queries)
    assert found > 0.9
    queries ^= (queries ^ library.codes(100)) & np.random.default_rng(1).integers(0, 256, queries.shape, np.uint8)
    index.probes = held.lists  # of queries that lie between the crowds
    assert recall(index, stored, flat.ids(), queries) == 1

    schema.note(server, replace(held, probes=1, recall=0.5))
    poor = MilvusCodes(server, replace(held, probes=1))
    some = np.array([id for id in flat.ids() if library.path(int(id) - 1).startswith("/pictures/a/")])
    assert recall(poor.narrowed(FOLDER), flat.codes(some), some, queries) == 1, "all lists are searched for it"
    assert np.array_equal(poor.search(queries[:3], 900)[0], np.sort(hamming(queries[:3], stored), axis=1)[:, :900])
    expected = recall(poor, stored, flat.ids(), queries)
    assert 0.1 < expected < 1
    assert standing.status(library.folder, where)["index"]["alike"]["recall"] == 0.5
    with Library.open(library.folder, index=where) as opened:
        assert np.mean([audited(opened, code) for code in queries]) == pytest.approx(expected)


def test_a_collection_keeps_its_form_until_another_is_said(drawn: Callable[[int], Drawn], milvus: Milvus) -> None:
    library, where = drawn(60), milvus.address("formed")
    forms = []
    for said in ("?shards=3", "", "?index=ivf", "?index=flat&shards=1"):
        filling.fill(library.folder, where + said, purposes=["alike"])
        state = schema.state(Server(parse(where)))
        assert state is not None
        held = state.holds["alike"]
        assert held.whole
        assert held.pictures == 60
        forms.append((held.lists > 0, held.shards))
    assert forms == [(False, 3), (False, 3), (True, 3), (False, 1)]
