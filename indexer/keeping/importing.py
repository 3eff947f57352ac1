"""Codes made elsewhere, taken into a library; or a whole library, moved as a table.

A file is checked from end to end before anything is changed. Then each batch is a transaction: a kill leaves what was
committed, and the same command goes on from there. What comes in is believed for now: the next run of `index` over the
folders looks at each file, keeps the codes where the content is what the file said, without decoding, and encodes the
rest.

A path that the library knows with the same content gets the codes that it lacks, and keeps those that it has. One that
it knows with other content stays as it is and is said. A batch keeps its ids where the library has given none as high,
so that those of a whole library moved into a new one stay what they were.

Whoever wrote a file could have a library ask hosts of the web for pictures. So it has to name none but those that were
indexed, or are named by who imports: what a catalog has of the web may be read.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semblance.indexer.catalog import Catalog, NewPicture, Writer, naming
from semblance.indexer.derived import encoders, snapshot
from semblance.indexer.keeping import collections
from semblance.indexer.milvus import address
from semblance.indexer.shards.checking import whole
from semblance.indexer.tables import Row, Rows, Table, table
from semblance.retrieval import storage
from semblance.retrieval.codec import COPIES_MODEL, DEFAULT_MODEL, Codec, find_model, id_of, shipped_models
from semblance.retrieval.codes import width
from semblance.retrieval.errors import CodecMismatch, UsageError
from semblance.retrieval.progress import Progress, quiet

UNSEEN = -(2**63)  # the time stamp of a file that was not looked at here: the next run of `index` does


@dataclass
class Imported:
    """What came in. `completed` pictures got codes that they lacked; `refused` are paths that the library knows with
    other content."""

    added: int = 0
    completed: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)


def take(
    file: Path | str,
    library: Path,
    model: str | None = None,
    progress: Progress = quiet,
    partial: bool = False,
    pictures: Sequence[str] = (),
) -> Imported:
    """Take the rows of `file`, of the shards in a folder or at an address, or of the Milvus at one, into `library`,
    which is made where there is none: by `model`, or by the model that ships and made the codes. `partial`: shards that
    are lacking are passed over. `pictures`: addresses of the web below which they may lie.

    Raises UsageError, CodecMismatch, ModelError, ShardsError, LibraryLocked, LibraryError, ImportError."""
    rows = _rows(file, partial)
    found = _check(rows, [*pictures, *_indexed(library)], lambda done, _: progress(done // 2, rows.count))
    alike, same = _codecs(found, rows.file, library, model)
    done = Imported()
    with Writer.writing(library, alike) as catalog:
        if same.codec_id != alike.codec_id and not catalog.current("same"):
            catalog.know(same, "same")
        for codec in (alike, same):
            encoders.keep(library, codec)
        seen = 0
        for batch in rows.batches():
            _commit(catalog, batch, {alike.codec_id: alike, same.codec_id: same}, done)
            seen += len(batch)
            progress((rows.count + seen) // 2, rows.count)  # each is read twice
        for purpose in snapshot.FILES:
            if catalog.current(purpose):
                snapshot.refresh(catalog, purpose)
    done.refused = [*dict.fromkeys(done.refused)]  # a picture has a row for each of its codes
    return done


def _rows(file: Path | str, partial: bool) -> Rows:
    if isinstance(file, str) and address.is_address(file) and not partial:
        return collections.table(file)
    if isinstance(file, str) or file.is_dir():
        found = whole(str(file), partial)
        if not found.rows:
            raise UsageError(f"{file} has no codes: there is nothing to import.")
        return Table(file, found.rows, found.shards)
    if partial:
        raise UsageError(f"--partial is for a folder of shards, and {file} is none: leave it out.")
    return table(file)


def _indexed(library: Path) -> list[str]:
    if not Catalog.exists(library):
        return []
    with Catalog.opened(library) as catalog:
        return naming.indexed(catalog)


def _check(rows: Rows, places: Sequence[str], progress: Progress) -> dict[str, set[int]]:
    """codec_id -> the lengths of its codes in the file. UsageError where rows contradict each other, or their count,
    or are of pictures on the web that lie below none of `places`."""
    lengths: dict[str, set[int]] = {}
    ids = {name: array("q") for name in ("path", "code", "content", "numbered", "id")}  # hashes: a row takes 40 bytes
    seen = 0
    for batch in rows.batches():
        for row in batch:
            if storage.of_the_web(row.path) and not storage.within(row.path, places):
                raise UsageError(
                    f"{rows.file} has pictures on the web ({row.path}), which are asked for only where you say so: "
                    "name an address that they lie below by --pictures. Nothing was imported."
                )
            lengths.setdefault(row.codec_id, set()).add(len(row.code))
            whole = (row.path, (row.path, row.codec_id), (row.path, row.sha256), (row.path, row.id), row.id)
            for hashes, value in zip(ids.values(), whole, strict=True):
                hashes.append(hash(value))
        seen += len(batch)
        if seen > rows.count:
            break
        progress(seen, rows.count)
    if seen != rows.count:
        raise UsageError(f"{rows.file} says that it has {rows.count:,} rows, and has others: nothing was imported.")
    different = {name: len(np.unique(np.frombuffer(hashes, np.int64))) for name, hashes in ids.items()}
    wrong = {
        "a code twice for one picture": different["code"] < rows.count,
        "one picture with two contents": different["content"] > different["path"],
        "one picture with two ids, or two with one": len({different[name] for name in ("path", "numbered", "id")}) > 1,
    }
    if different["id"] == 1:  # no ids at all
        wrong.popitem()
    if said := next((said for said, is_so in wrong.items() if is_so), None):
        raise UsageError(f"{rows.file} has {said}: nothing was imported.")
    return lengths


def _codecs(found: dict[str, set[int]], file: Path | str, library: Path, model: str | None) -> tuple[Codec, Codec]:
    """The library's codecs for what is alike and for what is the same. CodecMismatch where the file has others."""
    if Catalog.exists(library):
        with Catalog.opened(library) as catalog:
            alike = encoders.find(catalog) if model is None else Codec(model)
            catalog.check(alike)
            same = encoders.find_same(catalog) or Codec(COPIES_MODEL)
    else:
        shipped = [name for name in (DEFAULT_MODEL, *shipped_models()) if name != COPIES_MODEL]
        made = [name for name in shipped if id_of(find_model(name)) in found]
        alike, same = Codec(model or (made or shipped)[0]), Codec(COPIES_MODEL)
    known = {codec.codec_id: codec for codec in (alike, same)}
    for codec_id, lengths in found.items():
        if codec_id not in known:
            raise CodecMismatch(
                f"{file} holds codes of a model {codec_id[:12]}, the library {library} those of {alike.name} "
                f"({alike.codec_id[:12]}) and {same.name} ({same.codec_id[:12]}): name the model of the codes with "
                "--model for a new library, or encode by the library's own."
            )
        bits = known[codec_id].bits
        if lengths != {width(bits)}:
            wrong = min(lengths - {width(bits)})
            raise UsageError(f"{file} has codes of {wrong} bytes of {codec_id[:12]}, which makes {width(bits)}.")
    return alike, same


def _commit(catalog: Writer, batch: list[Row], codecs: dict[str, Codec], done: Imported) -> None:
    """One batch: what is new, and what known pictures lack."""
    known = naming.known(catalog, {row.path for row in batch})
    fresh: dict[str, NewPicture] = {}
    lacking: dict[str, dict[int, bytes]] = {}
    looked: dict[str, bool] = {}  # known path -> whether it lacked anything
    last = naming.last_id(catalog)
    keeps = all(row.id is not None and row.id > last for row in batch if row.path not in known)
    for row in batch:
        entry = known.get(row.path)
        if entry is None:
            seen = UNSEEN if row.mtime is None else row.mtime
            new = NewPicture(row.path, row.size, seen, row.sha256, {}, id=row.id if keeps else None, facts=row.facts)
            fresh.setdefault(row.path, new).codes[row.codec_id] = np.frombuffer(row.code, np.uint8)
        elif entry.sha256 != row.sha256:
            done.refused.append(row.path)
        else:
            lacks = row.codec_id not in entry.codecs
            looked[row.path] = looked.get(row.path, False) or lacks
            if lacks:
                lacking.setdefault(row.codec_id, {})[entry.id] = row.code
    if fresh:
        catalog.record([*fresh.values()], [])
    for codec_id, codes in lacking.items():
        stacked = np.stack([np.frombuffer(code, np.uint8) for code in codes.values()])
        catalog.add_codes(codecs[codec_id], np.array([*codes], np.int64), stacked)
    done.added += len(fresh)
    done.completed += sum(looked.values())
    done.unchanged += len(looked) - sum(looked.values())
