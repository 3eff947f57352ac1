"""A whole library into a Milvus, and out of one: what `semblance export` and `import` do where a file may stand too."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semblance.indexer import tables
from semblance.indexer.catalog import Purpose
from semblance.indexer.milvus import address, dropping, filling, schema
from semblance.indexer.milvus.connection import Server
from semblance.indexer.milvus.schema import Held
from semblance.indexer.milvus.searching import MilvusCodes
from semblance.retrieval.errors import LibraryError, LibraryMissing, UsageError
from semblance.retrieval.facts import FACTS
from semblance.retrieval.progress import Progress, quiet

_FIELDS = ("id", "code", "path", "sha256", "size", "facts")


@dataclass(frozen=True)
class Collections:
    """What a Milvus holds of a library, as `tables.Table` is what a file holds."""

    server: Server
    state: schema.State

    @property
    def file(self) -> str:
        """What it is called in sentences."""
        return str(self.server.address)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(held.pictures for held in self.state.holds.values())

    def batches(self) -> Iterator[list[tables.Row]]:
        """All rows, both codes of a picture together. Raises UsageError, IndexAway, and LibraryError where others write
        meanwhile."""
        held = [*self.state.holds.values()]
        first, others = MilvusCodes(self.server, held[0]), [MilvusCodes(self.server, each) for each in held[1:]]
        for batch in first.rows(_FIELDS):
            ids = np.array([row["id"] for row in batch], np.int64)
            twins = [self._row(row, other.held) for other in others for row in other.of(ids, _FIELDS)]
            yield [*(self._row(row, first.held) for row in batch), *twins]
        for other in others:  # what the first has no code of
            for batch in other.rows(_FIELDS):
                known = first.has(np.array([row["id"] for row in batch], np.int64))
                yield [self._row(row, other.held) for row, has in zip(batch, known, strict=True) if not has]
        if schema.state(self.server) != self.state:
            raise LibraryError(f"{self.file} was written to meanwhile: run the same command again.")

    def _row(self, row: dict[str, Any], held: Held) -> tables.Row:
        try:
            facts = dict(zip(FACTS, json.loads(row["facts"]), strict=True)) if row["facts"] else {}
        except (ValueError, TypeError, RecursionError) as error:  # others may write there
            raise UsageError(
                f"Row {row['id']:,} of {self.file} cannot be used: its facts are none. Nothing was imported."
            ) from error
        said = {**row, **facts, "code": row["code"][0], "codec_id": held.codec_id}
        return tables.as_row(self.file, int(row["id"]), said)


def export(
    library: Path, where: str, purpose: Purpose | None = None, force: bool = False, progress: Progress = quiet
) -> int:
    """Bring what is at an address to the state of a library, also where that is there already; how many codes it holds
    then. With `force` what is there is dropped first, whosever library it is. Raises as filling.fill does."""
    if force:
        dropping.drop(Server(address.parse(where)))
    filling.fill(library, where, progress, [purpose] if purpose else schema.PURPOSES)
    return table(where).count


def table(where: str) -> Collections:
    """What is at an address. Raises UsageError, IndexAway, LibraryMissing, LibraryError where it is not whole."""
    server = Server(address.parse(where))
    state = schema.state(server)
    if state is None or not state.holds:
        raise LibraryMissing(f"There is no library at {server.address}: see its name.")
    if not all(held.whole for held in state.holds.values()):
        raise LibraryError(f"{server.address} is not whole: let `semblance index --index {server.address}` end first.")
    for held in state.holds.values():
        lacking = "" if schema.is_ours(server, held) else f"The collection {held.collection} is gone"
        if lacking := lacking or schema.lacking(server, held):
            raise LibraryError(
                f"{lacking}: run `semblance index --library DIR --index {server.address}` where it is from."
            )
    if not any(held.pictures for held in state.holds.values()):
        raise UsageError(f"{server.address} has no rows: there is nothing to import.")
    return Collections(server, state)
