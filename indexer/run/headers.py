"""What pictures say of themselves, of those that were indexed before that was asked: headers are read, and nothing is
decoded, hashed or encoded."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from semblance.indexer.catalog import Entry
from semblance.retrieval import decoding, storage
from semblance.retrieval.errors import PictureError
from semblance.retrieval.facts import Facts
from semblance.retrieval.pool import in_order

_CHUNK = 32  # files in a task


def said(pictures: Sequence[Entry], threads: int) -> dict[int, Facts]:
    """By id. A file that cannot be read now is left out, and asked by the next run."""
    tasks = (pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK))
    return {id: facts for part in in_order(_said, tasks, threads) for id, facts in part.items()}


def _said(pictures: Sequence[Entry]) -> dict[int, Facts]:
    facts = {}
    with decoding.one() as decoder:
        for entry in pictures:
            try:
                _look(decoder, storage.place(entry.path))
            except (PictureError, OSError):
                continue
            if decoder.said:
                facts[entry.id] = decoder.said
    return facts


def _look(decoder: decoding.Decoder, place: Path | str) -> None:
    if isinstance(place, Path):
        decoder.see([], place)
    else:
        storage.header(place, partial(decoder.see, []))
