"""An address is one, or a sentence that shows no password."""

import pytest

from semblance.indexer.milvus.address import Address, parse
from semblance.retrieval.errors import UsageError


def test_addresses() -> None:
    assert parse("milvus://h:1/n") == Address("h", 1, "n")
    assert parse("milvuss://me:s%40crt@h/n_1") == Address("h", 19530, "n_1", "me", "s@crt", secure=True)
    for shown in (str(parse("milvus://wanda:secret@[::1]:7/n")), repr(parse("milvus://wanda:secret@[::1]:7/n"))):
        assert "secret" not in shown
        assert "wanda" not in shown
    assert str(parse("milvus://me:secret@[::1]:7/n")) == "milvus://[::1]:7/n"
    formed = parse("milvus://h:1/n?shards=4&index=ivf")
    assert (formed.index, formed.shards, str(formed)) == ("ivf", 4, "milvus://h:1/n?index=ivf&shards=4")
    assert parse(str(formed)) == formed


def test_who_asks_may_be_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMBLANCE_MILVUS_LOGIN", "me:sec:ret@")
    assert parse("milvus://h/n") == Address("h", 19530, "n", "me", "sec:ret@")
    assert parse("milvus://you:other@h/n") == Address("h", 19530, "n", "you", "other")
    monkeypatch.setenv("SEMBLANCE_MILVUS_LOGIN", "secret")
    with pytest.raises(UsageError, match="SEMBLANCE_MILVUS_LOGIN") as error:
        parse("milvus://h/n")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    [
        *("milvus://", "milvus://h", "milvus://h/", "milvus:///n", "milvus://h/a/b", "milvus://h/a-b", "milvus://h/1a"),
        *("milvus://me:secret@h:port/n", "milvus://me:secret@h:99999/n", "milvus://me:secret@h/n?x=1", "http://h/n"),
        *("milvus://h/n?index=hnsw", "milvus://h/n?index=", "milvus://h/n?shards=0", "milvus://h/n?shards=17"),
        *("milvus://h/n?shards=1&shards=2", "milvus://h/n?shards=-1", "milvus://h/n?index=ivf&nlist=9"),
        *("milvus://:secret@h/n", "milvus://me@h/n", "milvus://me:secret@h/" + 300 * "n", "milvus://me:secret@[h/n"),
    ],
)
def test_what_is_none_is_one_sentence(wrong: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(wrong)
    assert str(error.value).count(".") == 1
    assert "secret" not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None  # nor in a traceback
