"""Pictures decoded by processes that can be killed: the door that indexing, searching, serving and measuring go by.

The functions are those of `retrieval/images.py`, which the processes run, and give the same bytes. A file, or its
bytes, is decoded in a process with a limit on memory and on time, so that a hostile one costs itself alone; an array,
or a picture that Pillow holds, is the caller's own and is decoded here.
"""

from collections.abc import Iterable
from pathlib import Path

from semblance.retrieval import files, images
from semblance.retrieval.decoding.crews import Crew as Crew
from semblance.retrieval.decoding.crews import limit as limit
from semblance.retrieval.decoding.crews import one as one
from semblance.retrieval.decoding.crews import warm as warm
from semblance.retrieval.images import Picture, Source
from semblance.retrieval.inputs import InputSpec


def load(source: Source, spec: InputSpec) -> Picture:
    """As images.load: uint8 (S, S, 3). Raises as that does, PictureTooCostly, NoDecoder and Stopped."""
    return load_each(source, [spec])[spec]


def load_each(source: Source, specs: Iterable[InputSpec]) -> dict[InputSpec, Picture]:
    """As images.load_each. Raises as `load` does."""
    if not isinstance(source, str | Path | bytes):
        return images.load_each(source, specs)
    with one() as decoder:
        return decoder.see([*specs], _named(source))


def at_full_size(source: Source) -> Picture:
    """As images.at_full_size: uint8 (H, W, 3). Raises as `load` does."""
    if not isinstance(source, str | Path | bytes):
        return images.at_full_size(source)
    with one() as decoder:
        return decoder.see_whole(_named(source))


def thumbnail(source: Path | bytes, side: int) -> tuple[bytes, bytes]:
    """As images.thumbnail: a JPEG, and the SHA-256 of the file that it shows. Raises as `load` does."""
    with one() as decoder:
        return decoder.thumbnail(source, side)


def _named(source: str | Path | bytes) -> Path | bytes:
    return files.named(source) if isinstance(source, str) else source
