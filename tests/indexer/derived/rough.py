"""A rough engine: codes by their first byte, of which the nearest few are looked through."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from semblance.retrieval.codes import Codes
from semblance.retrieval.errors import SnapshotError
from semblance.retrieval.index.contract import Rows
from semblance.retrieval.index.flat import Flat
from semblance.retrieval.progress import Progress

FILE = "rows.npy"
SLOWLY = "ROUGH_SLOWLY"  # a variable: say so and build for an hour


class Rough(Flat):
    """See above; with all 256 first bytes it is exact."""

    engine: ClassVar[str] = "rough"
    efforts: ClassVar[Sequence[int]] = (1, 16, 256)
    effort = 256
    memory = 10_000_000

    @classmethod
    def build(cls, stored: Flat, folder: Path, progress: Progress) -> None:
        """See Engine.build."""
        first = stored.at(np.arange(len(stored)))[:, 0]
        np.save(folder / FILE, np.argsort(first, kind="stable"))
        progress(len(stored), len(stored))
        if SLOWLY in os.environ:
            sys.stdout.write("half built\n")
            sys.stdout.flush()
            time.sleep(3600)

    @classmethod
    def open(cls, stored: Flat, folder: Path) -> Self:
        """See Engine.open."""
        own = cls(stored.bits, stored.ids(), stored.at(np.arange(len(stored))))
        try:
            own.order = np.load(folder / FILE)
        except (OSError, ValueError) as error:
            raise SnapshotError(f"{folder} holds no rows.") from error
        if len(own.order) != len(stored):
            raise SnapshotError(f"{folder} is of other codes.")
        return own

    order: Rows

    def candidates(self, codes: Codes, k: int) -> Sequence[Rows]:  # noqa: ARG002
        """See Approximate.candidates."""
        first = self._codes[self.order, 0]
        near = np.argsort(np.bitwise_count(codes[:, :1] ^ np.arange(256, dtype=np.uint8)), axis=1, kind="stable")
        return [self.order[np.isin(first, row[: self.effort])] for row in near]
