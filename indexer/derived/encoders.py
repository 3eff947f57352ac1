"""models/<codec_id>/: a library's own copy of each encoder whose codes it holds, so that it is searched and added to
whatever ships later, and wherever the folder that it was made by has gone.

A copy is encoder.onnx, model.json, and SHA256SUMS of the two, which stand for what the codec_id does not: how near is
the same. It is not there or whole, and used only if it gives the codec_id that it is named by. A damaged one is passed
over, and made anew as soon as the same model is found elsewhere by whoever may write. Where nobody may, or the disk is
full, the library goes on without. What model.json says of a codec follows the model that it was made by, where that is
the same still.
"""

import contextlib
import hashlib
import logging
import shutil
from pathlib import Path
from typing import Any

from semblance.indexer.catalog import Catalog, CurrentCodec, Writer
from semblance.retrieval import files
from semblance.retrieval.codec import (
    CARD,
    COPIES_MODEL,
    DEFAULT_MODEL,
    ENCODER,
    Codec,
    find_model,
    id_of,
    read_card,
    shipped_models,
    write_card,
)
from semblance.retrieval.errors import LibraryError, ModelError

FOLDER = "models"
SUMS = "SHA256SUMS"

log = logging.getLogger("semblance.indexer")


def place(library: Path, codec_id: str) -> Path:
    """Where the copy of this encoder is kept."""
    return library / FOLDER / codec_id


def find(catalog: Catalog, wanted: CurrentCodec | None = None) -> Codec:
    """A codec of the library, by default its current one for what is alike: by its own copy, by the name it was made
    by, or by any shipped model that is the same. Raises ModelError."""
    wanted = wanted or CurrentCodec(catalog.codec_id, catalog.bits, catalog.model)
    own = place(catalog.folder, wanted.codec_id)
    if _is(own, wanted.codec_id):
        return Codec(own, known_as=wanted.model)
    if codec := named(wanted.codec_id, wanted.model):
        return codec
    with contextlib.suppress(ModelError):
        if id_of(own) == wanted.codec_id:  # what is damaged is what its card says beside
            codec = Codec(own, known_as=wanted.model)
            codec.card.pop("near_duplicates", None)
            return codec
    raise ModelError(
        f"The model {wanted.model} ({wanted.codec_id[:12]}) that made the library {catalog.folder} is not to be "
        f"found any more, and the library's own copy, {own}, is missing or damaged: name the model's folder with "
        f"--model, make other codes with `semblance index --model NEW --library {catalog.folder}`, or let `semblance "
        f"verify --repair --library {catalog.folder}` encode all pictures anew."
    )


def named(codec_id: str, *models: str) -> Codec | None:
    """The codec of this id: by one of these models, shipped ones' names or folders, or by any shipped model that is the
    same. None where it is not to be found."""
    for name in dict.fromkeys([*models, *shipped_models()]):
        with contextlib.suppress(ModelError):
            if id_of(find_model(name)) == codec_id:
                return Codec(name)
    return None


def codec_for(folder: Path, model: str | None = None) -> Codec:
    """The codec to use with the library in `folder`: its own, or for a new library `model` or the default. A library
    that has no copy of its encoder yet gets one where it can be written to.

    Raises CodecMismatch where `model` is named and is not the library's, ModelError where a model cannot be found.
    """
    if not Catalog.exists(folder):
        return Codec(DEFAULT_MODEL if model is None else model)
    with Catalog.opened(folder) as catalog:
        codec = find(catalog) if model is None else Codec(model)
        catalog.check(codec)
    keep_if_possible(folder, codec)
    return codec


def find_same(catalog: Catalog) -> Codec | None:
    """The codec by which the library knows the same picture again. None where it has none yet. Raises ModelError."""
    if catalog.model == COPIES_MODEL:  # one code answers both
        return find(catalog)
    current = catalog.current("same")
    return find(catalog, current) if current else None


def keep(library: Path, codec: Codec) -> None:
    """Copy a codec's encoder into the library, unless a whole copy is there; for the one writer. What cannot be
    written is logged, and tried again by the next who opens the library."""
    kept = place(library, codec.codec_id)
    if _has(library, codec):
        _say_anew(kept, codec)
        return
    try:
        _copy(codec.folder, codec.card, kept)
    except OSError as error:
        log.info("the library %s keeps no copy of its encoder: %s", library, error)


def copy_all(origin: Path, library: Path) -> None:
    """Copy each whole encoder that the library `origin` keeps into another that has none such; for the one writer.
    Raises OSError."""
    for own in sorted((origin / FOLDER).glob("*")):
        kept = place(library, own.name)
        if _is(own, own.name) and not _is(kept, own.name):
            _copy(own, read_card(own), kept)


def _copy(origin: Path, card: dict[str, Any], kept: Path) -> None:
    """Make `kept` a whole copy of the encoder in `origin`, unless that is another model's by now. Raises OSError."""
    draft = kept.with_name(f".{kept.name}.tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a writer that was killed
        if kept.exists():  # and is damaged
            kept.rename(draft)
            shutil.rmtree(draft)
        files.make_folder(draft)
        files.replace(draft / ENCODER, [files.read_regular(origin / ENCODER)])
        write_card(draft, card)
        _sum(draft)
        if _is(draft, kept.name):  # and no other model was put into its folder meanwhile
            draft.rename(kept)
            files.sync_folder(kept.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def keep_if_possible(library: Path, codec: Codec) -> None:
    """As `keep`, for a reader: the library goes without where another process is writing, or nothing can be written."""
    if not _has(library, codec):
        with contextlib.suppress(LibraryError), Writer.writing(library):
            keep(library, codec)


def has(library: Path, codec_id: str) -> bool:
    """Whether the library has a whole copy of this encoder."""
    return _is(place(library, codec_id), codec_id)


def accept(kept: Path, codec_id: str) -> None:
    """Take a copy whose encoder is right and whose card may not be: without what the card says beside. Nothing is done
    where the encoder is wrong too."""
    with contextlib.suppress(ModelError, OSError):
        if id_of(kept) == codec_id:
            card = read_card(kept)
            card.pop("near_duplicates", None)
            write_card(kept, card)
            _sum(kept)


def tidy(catalog: Catalog, wanted: set[str]) -> None:
    """Remove the copies of encoders that are neither `wanted` nor have codes here any more; for the one writer."""
    for folder in (catalog.folder / FOLDER).iterdir():
        if folder.name not in wanted and not catalog.coded(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _say_anew(kept: Path, codec: Codec) -> None:
    with contextlib.suppress(ModelError, OSError):
        origin = find_model(codec.reference)
        if id_of(origin) == codec.codec_id and read_card(origin) != read_card(kept):
            (kept / SUMS).unlink(missing_ok=True)
            write_card(kept, read_card(origin))
    with contextlib.suppress(OSError):
        if not (kept / SUMS).exists():  # of before
            _sum(kept)


def _has(library: Path, codec: Codec) -> bool:
    kept = place(library, codec.codec_id)
    return codec.folder == kept or _is(kept, codec.codec_id)


def _is(folder: Path, codec_id: str) -> bool:
    """Whether a copy of this encoder is there and whole; one of before has no SHA256SUMS."""
    try:
        return id_of(folder) == codec_id and (files.read_regular(folder / SUMS) == _sums(folder))
    except FileNotFoundError:
        return not (folder / SUMS).exists()  # of before
    except (ModelError, OSError):
        return False


def _sums(folder: Path) -> bytes:
    sums = (f"{hashlib.sha256(files.read_regular(folder / name)).hexdigest()}  {name}\n" for name in (ENCODER, CARD))
    return "".join(sums).encode()


def _sum(folder: Path) -> None:
    files.replace(folder / SUMS, [_sums(folder)])
