"""What a service has at the moment, for the metrics that are measured when they are asked for."""

from collections.abc import Callable, Iterator

from semblance.api.work.threads import Slots, Worker
from semblance.retrieval.errors import SemblanceError


def standing(
    worker: Worker, slots: Slots, connections: Callable[[], int]
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Gauges: name, what it says, and its value, or values by the engine."""
    yield "queue_length", "Questions that wait for the library's thread", {"": worker.waiting()}
    yield "uploads_waiting", "Pictures that wait to be decoded", {"": slots.waiting()}
    yield "connections", "Connections that are open", {"": connections()}
    try:
        worker.check()
        state = worker.state()
    except SemblanceError:
        yield "ready", "Whether there is a library to search", {"": 0}
        return
    yield "ready", "Whether there is a library to search", {"": 1}
    yield "library_pictures", "Pictures in the library", {"": state.pictures}
    yield "library_generation", "How often the library has changed", {"": state.generation}
    yield "library_coverage", "The share of the pictures that a way of asking knows", state.coverage
