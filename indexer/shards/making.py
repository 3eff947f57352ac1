"""One shard: a run of the list -> its codes as Parquet, and what is said of it.

The bytes are a function of the plan, the number and the files, whatever machine makes them with the same packages: rows
stand in the list's order, and how Parquet writes them is fixed. A row says of a file what was there when it was read.
"""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from semblance.indexer.catalog import Failure
from semblance.indexer.parquets import columns_of
from semblance.indexer.run.encoding import Encoded, Work, encoded
from semblance.indexer.run.scan import Found, at, stored_at
from semblance.indexer.shards.places import Place
from semblance.indexer.shards.plan import Plan
from semblance.retrieval import arrays, storage
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import width
from semblance.retrieval.errors import NothingStored, ShardsError, StorageError
from semblance.retrieval.facts import FACTS
from semblance.retrieval.pool import in_order
from semblance.retrieval.progress import Progress, quiet

_LOOKERS = 16  # at one time; object storage takes its time for each look, and not its cores
_MANY = 10  # pictures of which not one can be read: then it is no matter of theirs
_LOOKS = 3  # at a file that changes while it is read
_GONE = "The file cannot be read: No such file or directory."
_OTHER = "The path is not that of a file that lies on a disk."
_CHANGES = "The file changes while it is read: encode it when it is whole."


@dataclass(frozen=True)
class Said:
    """What a shard's .json holds: of which plan and number it is, by which models, how many pictures it has codes of,
    path and reason of those left out, and the size and checksum of its Parquet."""

    plan: str
    number: int
    codecs: list[str]
    encoded: int
    failed: list[dict[str, str]]
    size: int
    sha256: str


def make(
    place: Place,
    plan: Plan,
    number: int,
    paths: Sequence[str],
    codecs: Sequence[Codec],
    threads: int,
    progress: Progress = quiet,
) -> Said:
    """Encode the pictures at `paths`, which are the shard's, and put it in its place; what is said of it. `progress`
    is told of its pictures. Raises ShardsError, NoDecoder, and ImportError of pyarrow."""
    seen = _looked_into(paths, codecs, threads, progress)
    made = [each for each in seen if isinstance(each, Encoded)]
    unusable = [each for each in seen if isinstance(each, Failure)]
    if len(seen) >= _MANY and not any(each.read for each in unusable) and not made:
        raise ShardsError(
            f"None of the {len(seen):,} pictures of {plan.name(number)} can be read ({unusable[0].path}: "
            f"{unusable[0].reason}) Look whether their disk is there; what is whole is kept."
        )
    failed = [{"path": each.path, "reason": each.reason} for each in unusable]
    table = _parquet(plan, number, made)
    sha256 = hashlib.sha256(table).hexdigest()
    said = Said(plan.id, number, [codec.codec_id for codec in codecs], len(made), failed, len(table), sha256)
    place.write(f"{plan.name(number)}.parquet", table)
    place.write(f"{plan.name(number)}.json", _json(said))  # last: a shard is there when this is
    return said


def said(place: Place, plan: Plan, number: int) -> Said | None:
    """What is said of a shard; None where it is not there. Raises ShardsError where it is damaged."""
    name = f"{plan.name(number)}.json"
    written = place.read(name)
    if written is None:
        return None
    try:
        told: dict[str, Any] = json.loads(written)
        found = Said(**told)
        texts = (found.plan, found.sha256, *found.codecs, *(text for each in found.failed for text in each.values()))
        numbers = (found.number, found.encoded, found.size)
        if _json(found) != written or not found.codecs or any({*each} != {"path", "reason"} for each in found.failed):
            raise ValueError
        if any(type(each) is not str for each in texts) or any(type(each) is not int or each < 0 for each in numbers):
            raise ValueError
    except arrays.UNREADABLE as error:
        raise ShardsError(f"{place.shown}/{name} is damaged: delete it, and run `semblance encode` again.") from error
    return found


def there(place: Place, plan: Plan, number: int) -> Said | None:
    """What is said of a shard that is there with its Parquet, whose bytes are not looked at. Raises as `said` does."""
    found = said(place, plan, number)
    return found if found and place.size(f"{plan.name(number)}.parquet") == found.size else None


def _looked_into(
    paths: Sequence[str], codecs: Sequence[Codec], threads: int, progress: Progress
) -> list[Encoded | Failure]:
    """What each file holds, or why it cannot be used. One that changes meanwhile is looked into again, so that what is
    said of it is what was read, and so is one that fails, once: what has ended its decoder may not have been its own
    fault, and no shard shall depend on that."""
    done: dict[str, Encoded | Failure] = {}
    left = [*paths]
    for look in range(_LOOKS):
        states = [*in_order(_state, left, _LOOKERS)]
        done |= {each.path: each for each in states if isinstance(each, Failure)}
        work = [Work(each, None) for each in states if isinstance(each, Found)]
        for chunk in encoded(work, codecs, False, threads):
            done |= {_path(each): each for each in chunk}
            progress(len(done), len(paths))
        changed = {each.found.path for each in work if _changed(each.found)}
        failed = {path for path in left if isinstance(done[path], Failure)} if look == 0 else set()
        left = [path for path in left if path in changed or path in failed]
        if not left:
            break
    done |= {path: Failure(path, _CHANGES, read=False) for path in left}
    return [done[path] for path in paths]


def _state(path: str) -> Found | Failure:
    """What is there before it is read. Raises StorageError where storage is away."""
    try:
        if storage.is_address(path):
            return stored_at(path)
        return at(path) or Failure(path, _why(path), read=False)
    except NothingStored:
        return Failure(path, _GONE, read=False)
    except StorageError as error:
        if error.away:
            raise
        return Failure(path, str(error), read=False)


def _why(path: str) -> str:
    """Why there is no file at a path."""
    try:
        os.stat(path)  # noqa: PTH116 - as in scan.py
    except (OSError, ValueError) as error:
        return f"The file cannot be read: {getattr(error, 'strerror', None) or error}."
    return _OTHER


def _changed(found: Found) -> bool:
    """Whether a file is another than it was before it was read. An object is read whole as it is at one moment, so that
    at worst the next `index` looks at it: that is not worth a request for each."""
    return not storage.is_address(found.path) and at(found.path) not in (found, None)


def _path(each: Encoded | Failure) -> str:
    return each.path if isinstance(each, Failure) else each.work.found.path


def _parquet(plan: Plan, number: int, made: Sequence[Encoded]) -> bytes:
    """The rows as `semblance export` writes them, but for ids, which only a library gives."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = columns_of(width(plan.models[0].bits), {"semblance.plan": plan.id, "semblance.shard": str(number)}).remove(
        0
    )
    rows = [row for each in made for row in _rows(each, plan)]
    columns = [[*column] for column in zip(*rows, strict=True)] or [[] for _ in schema]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    out = io.BytesIO()
    # Each choice is said, so that another version's own choices change no byte that need not change.
    parquet.write_table(
        pa.Table.from_arrays(arrays, schema=schema),
        out,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=["codec_id", "camera"],
        write_statistics=False,
        row_group_size=max(1, len(rows)),
    )
    return out.getvalue()


def _rows(each: Encoded, plan: Plan) -> list[tuple[Any, ...]]:
    found = each.work.found
    facts = astuple(each.facts) if each.facts else (None,) * len(FACTS)
    return [
        (
            found.path,
            found.size,
            found.mtime_ns,
            each.sha256,
            model.codec_id,
            each.codes[model.codec_id].tobytes(),
            *facts,
        )
        for model in plan.models
    ]


def _json(said: Said) -> bytes:
    return (json.dumps(asdict(said), indent=1, ensure_ascii=False) + "\n").encode()
