"""Whether a folder of shards is whole, before anything of it is taken into a library."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from semblance.indexer.shards import making, places, plan
from semblance.indexer.shards.places import Place
from semblance.indexer.shards.plan import MANIFEST, Plan
from semblance.retrieval.errors import ShardsError, UsageError

_AGAIN = "delete it, run `semblance encode` again, and import then. Nothing was imported."


@dataclass(frozen=True)
class Whole:
    """A folder of shards that was looked through: how many rows they have, and the Parquet of each, in the list's
    order."""

    rows: int
    shards: Callable[[], Iterator[bytes]]


def whole(folder: str, partial: bool = False) -> Whole:
    """Compare each shard with its checksum and the plan. `partial`: those that are not there may be lacking.

    Raises UsageError where it is no folder of shards, and ShardsError where one is cut, damaged, there twice, of
    another plan or model, or lacking.
    """
    place = places.place(folder)
    found = plan.read(place)
    if found is None:
        raise UsageError(f"{folder} is a folder without {MANIFEST}: name a file of codes, or what `encode` has made.")
    there, rows = list[int](), 0
    for number in _numbers(place, found):  # and not all of the plan's: a manifest may have been edited
        if (own := _encoded(place, found, number)) is not None:
            there.append(number)
            rows += own * len(found.models)
    if len(there) < found.shards and not partial:
        raise ShardsError(_lacking(place, found, {*there}))
    return Whole(rows, lambda: (_table(place, found, number) for number in there))


def _numbers(place: Place, found: Plan) -> list[int]:
    """Those of the shards that are there. ShardsError where the folder has one that is none of the plan's."""
    numbers = set[int]()
    for name in sorted(place.sizes()):
        if name == MANIFEST or "/" in name or not name.endswith((".parquet", ".json")):
            continue
        said = name.removeprefix("shard-").partition("-")[0]
        number = int(said) if said.isascii() and said.isdecimal() else found.shards
        if number >= found.shards or name.rpartition(".")[0] != found.name(number):
            raise ShardsError(
                f"{place.shown} has {name}, which is no shard of its plan, or one that is there twice: take it out. "
                "Nothing was imported."
            )
        numbers.add(number)
    return sorted(numbers)


def _encoded(place: Place, found: Plan, number: int) -> int | None:
    """How many pictures a shard has codes of, None where it is not there. ShardsError where it is not right."""
    said = making.said(place, found, number)
    if said is None:
        return None
    name = f"{place.shown}/{found.name(number)}"
    if said.codecs != [model.codec_id for model in found.models]:
        raise ShardsError(f"{name} has codes of another model ({said.codecs[0][:12]}) than its plan: {_AGAIN}")
    if said.number != number:
        raise ShardsError(f"{name} is shard {said.number} once more: {_AGAIN}")
    run = found.run(number)
    if said.plan != found.id or said.encoded + len(said.failed) != run.stop - run.start:
        raise ShardsError(f"{name} is of another plan: {_AGAIN}")
    size = place.size(f"{found.name(number)}.parquet") or 0
    if size != said.size or hashlib.sha256(_table(place, found, number)).hexdigest() != said.sha256:
        what = "cut short" if size < said.size else "not what its checksum says"
        raise ShardsError(f"{name}.parquet is {what}: {_AGAIN}")
    return said.encoded


def _table(place: Place, found: Plan, number: int) -> bytes:
    return place.read(f"{found.name(number)}.parquet") or b""


def _lacking(place: Place, found: Plan, there: set[int]) -> str:
    lacking = found.shards - len(there)
    first = islice((number for number in range(found.shards) if number not in there), 10)
    some = ", ".join(map(str, first)) + (" and others" if lacking > 10 else "")
    return (
        f"{place.shown} lacks {lacking:,} of its {found.shards:,} shards ({some}): run `semblance encode` again "
        "to make them, or take what is there with --partial. Nothing was imported."
    )
