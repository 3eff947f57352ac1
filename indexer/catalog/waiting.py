"""The writer's lock for single changes, as a service makes them: who holds it is waited for, and not for long."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from semblance.indexer.catalog.writing import Writer
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryLocked

PATIENCE = 3.0  # seconds; a run of `index` may take hours, a single change of another service a moment
_AGAIN = 0.02  # seconds


@contextlib.contextmanager
def writing(folder: Path, codec: Codec | None = None, patience: float = PATIENCE) -> Iterator[Writer]:
    """As `Writer.writing`, after waiting for whoever writes. Raises as that does."""
    end = time.monotonic() + patience
    with contextlib.ExitStack() as stack:
        while True:
            try:
                writer = stack.enter_context(Writer.writing(folder, codec))
                break
            except LibraryLocked:
                if time.monotonic() >= end:
                    raise
            time.sleep(_AGAIN)
        yield writer
