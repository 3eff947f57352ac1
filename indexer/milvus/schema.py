"""What Milvus holds of a library called NAME, and how much of it there is.

    NAME_state                             of which library, and what each of the others holds: see State
    NAME_alike_<codec_id, 16 digits>_<8>   the codes of what is alike, with what an answer says of a picture
    NAME_same_<codec_id, 16 digits>_<8>    the codes of what is the same

The last 8 digits are drawn when a collection is made: one that is made anew has another name, so that whoever asks the
one before finds it gone, and no half of a new one, or another library's.

A row of codes is a picture's: id, code, path, sha256 (hexadecimal), size (bytes), mtime (nanoseconds since 1970), taken
(YYYYMMDDhhmmss by the camera's clock, 0 where it is not known) and facts (retrieval/facts.py as JSON; empty where there
are none). Collections bear the codec_id in their description, by which one that somebody else made is told.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from semblance.indexer.catalog import CurrentCodec, Generation, Purpose
from semblance.indexer.milvus import fields
from semblance.indexer.milvus.address import Address
from semblance.indexer.milvus.connection import Server
from semblance.retrieval import arrays
from semblance.retrieval.errors import LibraryError, UsageError

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
MOST = 16_384  # rows that Milvus gives at once
SHARDS = 2  # a collection's; each is written and searched by itself
_FORMAT = 1
_LIBRARY, _COMING = "library", ".coming"


@dataclass(frozen=True)
class Held:
    """What one collection holds: codes of `purpose` by a codec, exactly as they were at `generation` of the library.

    `pictures` rows; `last`: the highest id they ever had; `at`: the time by Milvus at which all were there. `through`:
    up to which id that is so, while it is being filled; None where it is so of all. `whole` is false as well while
    changes are being written.

    `lists`: into how many the codes of a segment are divided (BIN_IVF_FLAT), 0 where all are compared (BIN_FLAT); of
    them `probes` are searched, 0: all, which finds `recall` of the ten nearest, as it was measured when there were
    `tuned` pictures.
    """

    purpose: Purpose
    codec_id: str
    bits: int
    model: str
    collection: str
    generation: Generation
    pictures: int = 0
    last: int = 0
    at: int = 1
    through: int | None = None
    whole: bool = False
    shards: int = SHARDS
    lists: int = 0
    probes: int = 0
    recall: float = 1.0
    tuned: int = 0

    @property
    def codec(self) -> CurrentCodec:
        """Whose codes they are."""
        return CurrentCodec(self.codec_id, self.bits, self.model)


@dataclass(frozen=True)
class State:
    """Of which library the collections under a name are, and what they hold."""

    library: str
    holds: dict[Purpose, Held]
    coming: dict[Purpose, Held] = field(default_factory=dict)  # of another codec, being filled beside those


def collection(name: str, purpose: Purpose, codec_id: str) -> str:
    """What a new collection of these codes is called."""
    return f"{name}_{purpose}_{codec_id[:16]}_{secrets.token_hex(4)}"


def state(server: Server) -> State | None:
    """What there is under the address's name; None where there is nothing. Raises LibraryError where somebody else made
    it, or a later version of Semblance, IndexAway."""
    name = f"{server.address.name}_state"
    if not server.ask("has_collection", name):
        return None
    if described(server, name) != says(_LIBRARY):
        raise foreign(server.address, name)
    rows = server.ask("query", name, filter='key != ""', output_fields=["key", "value"], consistency_level="Strong")
    with _sound(server.address):
        values = {str(row["key"]): json.loads(row["value"]) for row in rows}
        if _LIBRARY not in values:
            return None
        holds, coming = (_held(values, suffix) for suffix in ("", _COMING))
        return State(str(values[_LIBRARY]["library"]), holds, coming)


def _held(values: dict[str, Any], suffix: str) -> dict[Purpose, Held]:
    there = {purpose: values[purpose + suffix] for purpose in PURPOSES if purpose + suffix in values}
    found = {each: Held(**said | {"generation": Generation(**said["generation"])}) for each, said in there.items()}
    for purpose, held in found.items():
        numbers = [held.bits, held.generation.number, held.pictures, held.last, held.at, held.through or 0]
        numbers += [held.shards, held.lists, held.probes, held.tuned]
        texts = (held.codec_id, held.model, held.collection, held.generation.token)
        if held.purpose != purpose or any(type(each) is not int or each < 0 for each in numbers):
            raise ValueError
        if not held.bits or held.probes > held.lists or any(type(each) is not str for each in texts):
            raise ValueError
    return found


@contextmanager
def _sound(address: Address) -> Iterator[None]:
    """Around reading what a state says. LibraryError where Semblance did not write that."""
    try:
        yield
    except arrays.UNREADABLE as error:
        raise damaged(address) from error


def damaged(address: Address) -> LibraryError:
    """What is said of a state that Semblance did not write."""
    return LibraryError(
        f"The state of {address} is damaged, which another program may have written to: make it anew with "
        f"`semblance export --force --library DIR {address}`."
    )


def claim(server: Server, library: str) -> State:
    """The same, made where there is nothing yet. UsageError where another library has the name."""
    name = f"{server.address.name}_state"
    there = state(server)
    if there is None:
        if not server.ask("has_collection", name):
            fields.create(server, name, fields.state(says(_LIBRARY)), "vector", 1)
        put(server, _LIBRARY, {"library": library, "format": _FORMAT})
        there = State(library, {})
    if there.library != library:
        raise UsageError(
            f"{server.address} holds another library ({there.library[:8]}) than this ({library[:8]}): name another, "
            "or put this one in its place by `semblance export --force`."
        )
    return there


def note(server: Server, held: Held, coming: bool = False) -> Held:
    """Write down what a collection holds, one that is searched or one that is coming; as it is then."""
    put(server, held.purpose + (_COMING if coming else ""), asdict(held))
    return held


def come(server: Server, held: Held) -> None:
    """What was coming is searched from now on, and what was there before is dropped."""
    there = state(server)
    note(server, held)
    forget(server, held.purpose + _COMING)
    before = there and there.holds.get(held.purpose)
    if before and before.collection != held.collection and is_ours(server, before):
        server.change("drop_collection", before.collection)


def forget(server: Server, key: str) -> None:
    """Take a line out of the state."""
    server.change("delete", f"{server.address.name}_state", ids=[key])


def line(server: Server, key: str) -> dict[str, Any] | None:
    """A line of the state, as it is at this moment; None where there is none."""
    rows = server.ask(
        "query", f"{server.address.name}_state", ids=[key], output_fields=["value"], consistency_level="Strong"
    )
    with _sound(server.address):
        return dict(json.loads(rows[0]["value"])) if rows else None


def described(server: Server, name: str) -> str:
    """A collection's description."""
    return str(server.ask("describe_collection", name).get("description", ""))


def make(server: Server, held: Held) -> Held:
    """An empty collection for these codes, in place of Semblance's own. LibraryError where somebody else has one."""
    if server.ask("has_collection", held.collection):
        if described(server, held.collection) != says(held.codec_id):
            raise foreign(server.address, held.collection)
        server.change("drop_collection", held.collection)
    made = fields.codes(says(held.codec_id), held.bits)
    fields.create(server, held.collection, made, "code", held.shards, held.lists)
    return replace(held, pictures=0, at=1, through=0, whole=False, probes=0, recall=1.0, tuned=0)


def is_ours(server: Server, held: Held) -> bool:
    """Whether the collection is there, and for codes of this codec. LibraryError where somebody else made it."""
    if not server.ask("has_collection", held.collection):
        return False
    if described(server, held.collection) != says(held.codec_id):
        raise foreign(server.address, held.collection)
    return True


def lacking(server: Server, held: Held) -> str:
    """What is wrong with how many rows a whole collection has, for a sentence; empty where nothing is, or where it is
    being written to. Somebody else may have taken rows out, or put some in."""
    if not held.whole:
        return ""
    if held.at > server.now():  # which no search would see the end of
        return f"The collection {held.collection} is said to be whole at a time that has yet to come"
    count = rows(server, held)
    if count == held.pictures or line(server, held.purpose) != asdict(held):
        return ""
    return f"The collection {held.collection} has {count:,} rows, and not the {held.pictures:,} that were written"


def rows(server: Server, held: Held) -> int:
    """How many rows a collection has at this moment."""
    found = server.change("query", held.collection, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return int(found[0]["count(*)"])


def foreign(address: Address, name: str) -> LibraryError:
    """What is said of a collection that somebody else made."""
    return LibraryError(f"The collection {name} in the Milvus at {address.place} is not Semblance's: name another.")


def says(what: str) -> str:
    """The description of a collection of what Semblance made."""
    return f"Semblance {_FORMAT}: {what}"


def put(server: Server, key: str, value: dict[str, Any]) -> None:
    """Write a line of the state."""
    row = {"key": key, "value": json.dumps(value), "vector": b"\0"}
    server.change("upsert", f"{server.address.name}_state", [row])
