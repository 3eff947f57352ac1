"""A library's codes for other programs: Parquet, NumPy, or an index of FAISS. `importing.py` reads the first two.

A row is one code of one picture:

    id        int64, the library's
    path      UTF-8
    size      int64, bytes of the file
    mtime     int64, nanoseconds since 1970
    sha256    32 bytes, of the file's content
    codec_id  which encoder made the code, 64 hexadecimal digits
    code      as many bytes as the codec's bits take, the first bit the lowest of the first byte

and behind these what the picture says of itself (retrieval/facts.py): width, height, taken, camera, latitude and
longitude, null where it does not, which in NumPy is 0, empty text, or no number.

All is one state of the catalog and is written in batches, under another name that is renamed at the end.
"""

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import faiss
import numpy as np
import numpy.typing as npt

from semblance.indexer.catalog import Catalog, CurrentCodec, Purpose
from semblance.indexer.catalog.coded_pictures import CodedPictures, coded_pictures
from semblance.indexer.parquets import columns_of
from semblance.retrieval import files
from semblance.retrieval.codes import width
from semblance.retrieval.errors import LibraryError, UsageError
from semblance.retrieval.facts import FACTS
from semblance.retrieval.progress import Progress, quiet

Writing = Callable[[CodedPictures, int, Path, Progress], None]


def export(
    library: Path, out: Path, purpose: Purpose | None = None, force: bool = False, progress: Progress = quiet
) -> int:
    """Write the codes of what is alike and of what is the same, or of one `purpose`, to `out`; how many rows those are.

    The suffix names the format: .parquet, .npz, .faiss (codes of what is alike, unless the other are asked for).
    Raises UsageError, also where `out` is there and `force` is not said, LibraryError, and ImportError of pyarrow.
    """
    writing = WRITING.get(out.suffix.lower())
    if writing is None:
        raise UsageError(f"{out} names no format: let it end in {', '.join(WRITING)}.")
    if out.is_dir() or (os.path.lexists(out) and not force):
        raise UsageError(f"{out} is there already: name another file, or say --force to replace it.")
    if writing is _faiss and purpose is None:
        purpose = "alike"
    with Catalog.opened(library) as catalog:
        asked = [purpose] if purpose else get_args(Purpose)
        codecs = [codec for each in asked if (codec := catalog.current(each))]
    if not codecs:
        raise UsageError(f"The library {library} has no codes of what is {purpose}.")
    bits = _one_length(codecs)
    draft = files.beside(out)
    # What is in a library that is nobody else's goes out no more open than that.
    mode = 0o600 | 0o666 & library.stat().st_mode
    with coded_pictures(library, codecs) as rows, _written(out, draft, mode):
        writing(rows, bits, draft, progress)
    return rows.count


@contextlib.contextmanager
def _written(out: Path, draft: Path, mode: int) -> Iterator[None]:
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode))
        yield
        with draft.open("r+b") as file:
            os.fsync(file.fileno())
        draft.replace(out)
        files.sync_folder(out.parent)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error  # Arrow's own words hold its workings
        raise LibraryError(f"{out} could not be written ({why}): nothing of it is kept.") from error
    except ValueError as error:
        raise LibraryError("The library has codes that are damaged: run `semblance verify`.") from error
    finally:
        draft.unlink(missing_ok=True)


def _one_length(codecs: list[CurrentCodec]) -> int:
    lengths = {codec.bits for codec in codecs}
    if len(lengths) > 1:
        raise UsageError("What is alike and what is the same have codes of different lengths here: name a --purpose.")
    return lengths.pop()


def _parquet(rows: CodedPictures, bits: int, draft: Path, progress: Progress) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    told = {"semblance.library": rows.library, "semblance.generation": str(rows.generation.number)}
    schema = columns_of(width(bits), told)
    done = 0
    with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
        for batch in rows.batches():
            columns = [
                pa.array(column, field.type) for column, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            done += len(batch)
            progress(done, rows.count)


def _npz(rows: CodedPictures, bits: int, draft: Path, progress: Progress) -> None:
    """One array after the other, each as it is read: numpy.savez would hold all of them."""
    kinds: dict[str, tuple[str, tuple[int, ...]]] = {
        "id": ("<i8", ()),
        "path": (f"S{max(1, rows.longest('path'))}", ()),
        "size": ("<i8", ()),
        "mtime": ("<i8", ()),
        "sha256": ("|u1", (32,)),
        "codec_id": ("S64", ()),
        "code": ("|u1", (width(bits),)),
        **dict.fromkeys(FACTS[:2], ("<i8", ())),
        **{name: (f"S{max(1, rows.longest(name))}", ()) for name in FACTS[2:4]},
        **dict.fromkeys(FACTS[4:], ("<f8", ())),
    }
    done, total = 0, rows.count * len(kinds)
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1, allowZip64=True) as archive:
        for name, (kind, shape) in kinds.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": kind, "fortran_order": False, "shape": (rows.count, *shape)}
                np.lib.format.write_array_header_1_0(member, header)
                for batch in rows.batches([name]):
                    member.write(_array([value for (value,) in batch], kind, shape).tobytes())
                    done += len(batch)
                    progress(done, total)


def _array(values: list[Any], kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if shape:
        return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), *shape)
    if None in values:
        nothing = {"S": "", "<i8": 0, "<f8": np.nan}[kind[:1] if kind[:1] == "S" else kind]
        values = [nothing if value is None else value for value in values]
    return np.array([value.encode() if isinstance(value, str) else value for value in values], kind)


def _faiss(rows: CodedPictures, bits: int, draft: Path, progress: Progress) -> None:
    """IndexBinaryIDMap2 over IndexBinaryFlat: for `faiss.read_index_binary`; a search gives the library's ids."""
    index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(8 * width(bits)))
    done = 0
    for batch in rows.batches(["id", "code"]):
        ids, codes = zip(*batch, strict=True)
        stacked = np.frombuffer(b"".join(codes), np.uint8).reshape(len(ids), width(bits))
        index.add_with_ids(stacked, np.array(ids, np.int64))
        done += len(batch)
        progress(done, rows.count)
    with draft.open("wb") as file:
        file.write(faiss.serialize_index_binary(index).data)


WRITING: dict[str, Writing] = {".parquet": _parquet, ".npz": _npz, ".faiss": _faiss}
