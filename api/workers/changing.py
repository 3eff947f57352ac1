"""All that changes the library beside the thread that owns it, begun and ended together.

Single changes are made by one thread at a time, as they came; what takes long is a process's. Each takes the library's
own lock, as every other process does, so that two services and an `index` get on with each other.
"""

from pathlib import Path

from semblance.api.settings import Settings
from semblance.api.workers.groups import Duplicates
from semblance.api.workers.jobs import Jobs
from semblance.api.workers.threads import Slots
from semblance.indexer.catalog.requests import Requests
from semblance.indexer.keeping.adding import Adding

_LOOKS = 4  # of one client at one time


class Changing:
    """Attributes: `single`, the place of single changes; `looks`, that of looks into files which others may keep locked
    and of what waits for a process; `adding`, what adds; `jobs`; `duplicates`; `requests`, what is
    remembered of them."""

    def __init__(self, settings: Settings, library: Path) -> None:
        self.single = Slots(1, settings.waiting, "changes under way")
        self.looks = Slots(_LOOKS, settings.waiting, "questions about changes under way")
        self.adding = Adding(library)
        self.requests = Requests(library)
        self.jobs = Jobs(library, self.requests)
        self.duplicates = Duplicates(library, settings.model)

    def start(self) -> None:
        """Begin to work on jobs."""
        self.jobs.start()

    def end(self) -> None:
        """Ask whatever runs beside requests to end, and let those go who watch it. Never waits."""
        self.jobs.end()
        self.duplicates.end()

    def stop(self) -> None:
        """The same, and wait for it, some seconds at most."""
        self.end()
        self.single.stop()
        self.jobs.stop()
        self.duplicates.stop()
