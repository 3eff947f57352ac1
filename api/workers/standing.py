"""What a service has at the moment, for the metrics that are measured when they are asked for."""

from collections.abc import Iterator

from starlette.datastructures import State

from semblance.api.watch.metrics import Measured
from semblance.api.workers.threads import Slots, Worker
from semblance.retrieval.errors import SemblanceError


def standing(worker: Worker, slots: Slots, server: State) -> Iterator[Measured]:
    """All of it. `server` is the app's state, where the server says what connections there are."""
    yield "queue_length", "Questions that wait for the library's thread", "", {"": worker.waiting()}
    yield "uploads_waiting", "Pictures that wait to be decoded", "", {"": slots.waiting()}
    yield "connections", "Connections that are open", "", {"": server.connections()}
    yield "connections_ended_total", "Connections that the service ended", "why", server.ended()
    said = "Whether there is a library to search"
    try:
        worker.check()
        state = worker.state()
    except SemblanceError:
        yield "ready", said, "", {"": 0}
        return
    yield "ready", said, "", {"": 1}
    yield "library_pictures", "Pictures in the library", "", {"": state.pictures}
    yield "library_generation", "How often the library has changed", "", {"": state.ways["code"].generation.number}
    covered = {name: state.ways[name].coverage for name in state.engines}
    yield "library_coverage", "The share of the pictures that a way of asking knows", "engine", covered
