"""`install`: what running Semblance takes on disk."""

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from semblance.retrieval.errors import UsageError
from semblance.scripts.benchmarks.figures import Asked, Row, row


def install(_: Asked) -> list[Row]:
    """The files of every package that Semblance needs at run time, itself included."""
    pending, seen, size = ["semblance"], set(), 0
    while pending:
        name = pending.pop()
        if name.lower() in seen:
            continue
        seen.add(name.lower())
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise UsageError(
                f"{name} is not installed as a package, so its size is not known: pip install . first."
            ) from error
        places = [Path(str(package.locate_file(file))) for file in package.files or []]
        size += sum(place.stat().st_size for place in places if place.is_file())
        for requirement in map(Requirement, package.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                pending.append(requirement.name)
    return [row("run-time install, no torch", size / 1e6, "MB", "at most 400")]
