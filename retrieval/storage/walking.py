"""What lies below an address where a storage lists a folder at a time. fsspec's own way of going through folders passes
over those that it cannot list, whose pictures would be taken for gone, and goes round in circles where links do."""

from typing import Any

from semblance.retrieval.errors import StorageError
from semblance.retrieval.storage.reaching import Ended, wait

_DEEPEST = 100  # folders within each other; what links in circles comes to that soon, since the latest goes first


def found(address: str, ended: Ended, own: Any, path: str) -> dict[str, dict[str, Any]]:
    """All files below a path, by their addresses; the file itself where it is one. Raises what the storage raises, and
    StorageError where it never ends."""
    root, every = own._strip_protocol(path).rstrip("/"), dict[str, dict[str, Any]]()
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if depth > _DEEPEST:
            raise StorageError(
                f"{address} has {_DEEPEST} folders within each other, as links in circles make: name one."
            )
        for info in _listed(own, folder, ended):
            name = info["name"].rstrip("/")
            if info["type"] != "directory":
                every[f"{address}{name[len(root) :]}"] = info
            elif name != folder and not info.get("islink"):
                waiting.append((name, depth + 1))
    if not every and not own.exists(root):
        raise FileNotFoundError
    return every


def _listed(own: Any, folder: str, ended: Ended) -> list[dict[str, Any]]:
    if own.async_impl:
        return wait(own, own._ls(folder, detail=True), ended)
    listed: list[dict[str, Any]] = own.ls(folder, detail=True)
    return listed
