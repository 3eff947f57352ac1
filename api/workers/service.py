"""All that the routes lean on, in one place."""

from dataclasses import dataclass
from pathlib import Path

from semblance.api.settings import Settings
from semblance.api.watch.watch import Watch
from semblance.api.workers.changing import Changing
from semblance.api.workers.reading import Reading
from semblance.api.workers.shelf import Shelf
from semblance.api.workers.threads import Slots, Worker
from semblance.retrieval.errors import NeedsCatalog


@dataclass(frozen=True)
class Service:
    """What the routes lean on: `request.state.service`, set by the app's lifespan."""

    settings: Settings
    worker: Worker
    slots: Slots
    watch: Watch
    reading: Reading
    shelf: Shelf
    changed_by: Changing | None

    @property
    def library(self) -> Path:
        """The library's folder. Raises NeedsCatalog where there is none."""
        if self.settings.library is None:
            raise NeedsCatalog
        return self.settings.library

    @property
    def changing(self) -> Changing:
        """What changes the library. Raises NeedsCatalog."""
        if self.changed_by is None:
            raise NeedsCatalog
        return self.changed_by

    def stop(self) -> None:
        """Give up what is decoded and what is read, and wait for neither; questions are answered still."""
        self.reading.stop()
        self.slots.stop()
