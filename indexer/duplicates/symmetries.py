"""The codes of pictures mirrored and turned by quarters: the eight symmetries of the square that a code is made of.

None of them is kept: 224 bytes more a picture, for what is asked once in a while. So every picture is decoded again,
and encoded eight times.
"""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from semblance.indexer.catalog import Entry
from semblance.indexer.duplicates.records import Why
from semblance.retrieval import decoding, storage
from semblance.retrieval.codec import Codec
from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import PictureError
from semblance.retrieval.images import Picture
from semblance.retrieval.pool import in_order

VIEWS = 8
_AT_ONCE = 16  # pictures


def why(view: int) -> Why:
    """What a picture is to one that its `view` shows: 0 as it is, to 3 turned, 4 and 6 mirrored, 5 and 7 both."""
    return "near" if view == 0 else "mirrored" if view in (4, 6) else "turned"


def views(picture: Picture) -> Picture:
    """A picture (S, S, 3) turned by 0 to 3 quarters, then mirrored and turned so: (8, S, S, 3)."""
    return np.stack([np.rot90(side, quarters) for side in (picture, picture[:, ::-1]) for quarters in range(4)])


def codes(entries: Iterable[Entry], codec: Codec) -> Iterator[list[Codes | None]]:
    """For each picture the codes (8, W) of its views, in order, a list for some at a time; None where its file cannot
    be read any more or is no picture."""
    listed = [*entries]
    chunks = (listed[at : at + _AT_ONCE] for at in range(0, len(listed), _AT_ONCE))
    return in_order(partial(_encoded, codec=codec), chunks)


def _encoded(entries: list[Entry], codec: Codec) -> list[Codes | None]:
    seen: list[Picture | None] = []
    for entry in entries:
        try:
            seen.append(views(decoding.load(storage.place(entry.path), codec.spec)))
        except (PictureError, OSError):
            seen.append(None)
    there = [picture for picture in seen if picture is not None]
    made = iter(codec.encode(np.concatenate(there)).reshape(len(there), VIEWS, -1) if there else [])
    return [None if picture is None else next(made) for picture in seen]
