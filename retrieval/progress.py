"""The one shape in which long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[int, int], None]  # done, total


def quiet(done: int, total: int) -> None:
    """For who does not watch."""
