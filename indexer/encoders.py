"""models/<codec_id>/: a library's own copy of each encoder whose codes it holds, so that it is searched and added to
whatever ships later, and wherever the folder that it was made by has gone.

A copy is encoder.onnx and model.json, without decoder and weights. It is not there or whole, and used only if it gives
the codec_id that it is named by. A damaged one is passed over, and made anew as soon as the same model is found
elsewhere by whoever may write. Where nobody may, or the disk is full, the library goes on without.
"""

import contextlib
import logging
import shutil
from pathlib import Path

from semblance.indexer.catalog import Catalog, Writer
from semblance.retrieval import files
from semblance.retrieval.codec import CARD, ENCODER, Codec, find_model, id_of, shipped_models
from semblance.retrieval.errors import LibraryError, ModelError

FOLDER = "models"

log = logging.getLogger("semblance.indexer")


def place(library: Path, codec_id: str) -> Path:
    """Where the copy of this encoder is kept."""
    return library / FOLDER / codec_id


def find(catalog: Catalog) -> Codec:
    """The library's current codec: by its own copy, by the name it was made by, or by any shipped model that is the
    same. Raises ModelError."""
    own = place(catalog.folder, catalog.codec_id)
    if _is(own, catalog.codec_id):
        return Codec(own, known_as=catalog.model)
    for name in dict.fromkeys([catalog.model, *shipped_models()]):
        with contextlib.suppress(ModelError):
            if id_of(find_model(name)) == catalog.codec_id:
                return Codec(name)
    raise ModelError(
        f"The model {catalog.model} ({catalog.codec_id[:12]}) that made the library {catalog.folder} is not to be "
        f"found any more, and the library's own copy, {own}, is missing or damaged: name the model's folder with "
        "--model, or index into a new library."
    )


def keep(library: Path, codec: Codec) -> None:
    """Copy a codec's encoder into the library, unless a whole copy is there; for the one writer. What cannot be
    written is logged, and tried again by the next who opens the library."""
    if _has(library, codec):
        return
    kept = place(library, codec.codec_id)
    draft = kept.with_name(f".{kept.name}.tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # of a writer that was killed
        if kept.exists():  # and is damaged
            kept.rename(draft)
            shutil.rmtree(draft)
        draft.mkdir(parents=True)
        for name in (ENCODER, CARD):
            files.replace(draft / name, [(codec.folder / name).read_bytes()])
        if _is(draft, codec.codec_id):  # and no other model was put into its folder meanwhile
            draft.rename(kept)
            files.sync_folder(kept.parent)
    except OSError as error:
        log.info("the library %s keeps no copy of its encoder: %s", library, error)
    shutil.rmtree(draft, ignore_errors=True)


def keep_if_possible(library: Path, codec: Codec) -> None:
    """As `keep`, for a reader: the library goes without where another process is writing, or nothing can be written."""
    if not _has(library, codec):
        with contextlib.suppress(LibraryError), Writer.writing(library):
            keep(library, codec)


def has(library: Path, codec_id: str) -> bool:
    """Whether the library has a whole copy of this encoder."""
    return _is(place(library, codec_id), codec_id)


def tidy(catalog: Catalog, wanted: set[str]) -> None:
    """Remove the copies of encoders that are neither `wanted` nor have codes here any more; for the one writer."""
    for folder in (catalog.folder / FOLDER).iterdir():
        if folder.name not in wanted and not catalog.coded(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _has(library: Path, codec: Codec) -> bool:
    kept = place(library, codec.codec_id)
    return codec.folder == kept or _is(kept, codec.codec_id)


def _is(folder: Path, codec_id: str) -> bool:
    try:
        return id_of(folder) == codec_id
    except ModelError:
        return False
