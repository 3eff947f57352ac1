"""All that the routes lean on, in one place."""

from dataclasses import dataclass

from semblance.api.settings import Settings
from semblance.api.watch.watch import Watch
from semblance.api.workers.changing import Changing
from semblance.api.workers.reading import Reading
from semblance.api.workers.threads import Slots, Worker


@dataclass(frozen=True)
class Service:
    """What the routes lean on: `request.state.service`, set by the app's lifespan."""

    settings: Settings
    worker: Worker
    slots: Slots
    watch: Watch
    reading: Reading
    changing: Changing

    def stop(self) -> None:
        """Give up what is decoded and what is read, and wait for neither; questions are answered still."""
        self.reading.stop()
        self.slots.stop()
