"""Which codecs of a library a user means: those to be current from now on, and one to be removed.

A codec is named by a shipped model's name, a model folder, or the first digits of its codec_id, as `status` shows them.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from semblance.indexer.catalog import Catalog, KnownCodec, Purpose, Writer, codecs
from semblance.indexer.derived import built, encoders, leftovers, snapshot
from semblance.retrieval import files
from semblance.retrieval.codec import COPIES_MODEL, Codec, find_model, id_of
from semblance.retrieval.codes import width
from semblance.retrieval.errors import LibraryError, ModelError, UsageError

_PER_CODE = 260  # bytes beside a code's own in the catalog, its index and its log, measured, and in a snapshot
_PREFIX = 8  # digits of a codec_id that name a codec


@dataclass(frozen=True)
class Replacement:
    """What was asked for. `asked`: the codec for each purpose; `new`: those of them that are not current; `pictures` of
    the library, and how many codes are `lacking`; `needed` and `free` bytes on its disk."""

    asked: Mapping[Purpose, Codec]
    new: Mapping[Purpose, Codec]
    pictures: int
    lacking: int
    needed: int
    free: int

    @property
    def said(self) -> str:
        """What it costs, for a person."""
        return (
            f"{self.lacking:,} codes are to be made; they take {self.needed / 1e6:,.1f} MB of the "
            f"{self.free / 1e9:,.1f} GB that are free. Until they are there, searches go by those of before."
        )

    @property
    def ready(self) -> bool:
        """Whether all codes are there, so that only a switch is left."""
        return bool(self.new) and not self.lacking


def asked(library: Path, model: str | None, copies: str | None = None) -> Replacement:
    """What it takes that a library's codecs are `model` for what is alike, and `copies` for what is the same.

    Each is a model's name or folder, or the first digits of a codec_id that the library knows; None leaves it as it is.
    Raises LibraryMissing, LibraryError (also where the disk is too small), ModelError and UsageError.
    """
    with Catalog.opened(library) as catalog:
        wanted: dict[Purpose, Codec] = {}
        if model is not None:
            wanted["alike"] = _named(catalog, model)
        if copies is not None:
            if (wanted["alike"].reference if "alike" in wanted else catalog.model) == COPIES_MODEL:
                raise UsageError("Codes by copies that say what is alike tell copies, too: leave --copies out.")
            wanted["same"] = _named(catalog, copies)
        current = {(known.purpose, known.codec.codec_id) for known in codecs.known(catalog) if known.current}
        new = {purpose: codec for purpose, codec in wanted.items() if (purpose, codec.codec_id) not in current}
        pictures, _ = catalog.counts()
        lacking = {purpose: pictures - codecs.covered(catalog, codec.codec_id) for purpose, codec in wanted.items()}
    needed = sum(lacking[purpose] * (width(codec.bits) + _PER_CODE) for purpose, codec in wanted.items())
    free = shutil.disk_usage(library).free
    if needed > free:
        raise LibraryError(
            f"The new codes of {library} take {needed / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB of its disk are free: "
            "make room first."
        )
    return Replacement(wanted, new, pictures, sum(lacking.values()), needed, free)


def drop(library: Path, model: str) -> KnownCodec:
    """Remove a codec that is not current, named as above, with its codes and its encoder. Raises UsageError where
    there is none or it is current, LibraryLocked, LibraryError."""
    with Writer.writing(library) as catalog:
        leftovers.remove(library)
        named = [known for known in codecs.known(catalog) if _is(known, model)]
        spare = [known for known in named if not known.current]
        if len(spare) != 1:
            _refuse(model, named, spare)
        codec_id = spare[0].codec.codec_id
        snapshot.beside(library, codec_id).unlink(missing_ok=True)  # before the codes that it would be caught up from
        built.drop(library, codec_id)
        codecs.drop(catalog, codec_id)
        shutil.rmtree(encoders.place(library, codec_id), ignore_errors=True)
    return spare[0]


def _named(catalog: Catalog, name: str) -> Codec:
    known = [each.codec for each in codecs.known(catalog)]
    for codec in known:
        if len(name) >= _PREFIX and codec.codec_id.startswith(name):
            return encoders.find(catalog, codec)
    try:
        return Codec(name)
    except ModelError:
        named = [codec for codec in known if codec.model in _spellings(name)]
        if len(named) != 1:
            raise
        return encoders.find(catalog, named[0])


def _is(known: KnownCodec, name: str) -> bool:
    """Whether a user may mean this codec."""
    codec_id = known.codec.codec_id
    if known.codec.model in _spellings(name) or (len(name) >= _PREFIX and codec_id.startswith(name)):
        return True
    try:
        return id_of(find_model(name)) == codec_id
    except ModelError:
        return False


def _spellings(name: str) -> set[str]:
    return {name, str(files.named(name).resolve())}


def _refuse(model: str, named: list[KnownCodec], spare: list[KnownCodec]) -> NoReturn:
    if spare:
        ids = ", ".join(known.codec.codec_id[:12] for known in spare)
        raise UsageError(f"{model} may be any of {ids}: name one by these digits.")
    if named:
        raise UsageError(f"{model} is what the library is searched by: make another current with --model first.")
    raise UsageError(f"The library has no codes of a model {model}: `semblance status` names those it has.")
