"""Find the pictures that look like this one.

    library = semblance.open("~/semblance")
    for hit in library.search("cat.jpg", k=5):
        print(hit.path, hit.distance)

The names below are all that is promised; docs/python.md shows them. The folders beside this file (in a checkout links
to those of the repository) hold what they stand for, which is loaded when a name is first used.
"""

TYPE_CHECKING = False  # the real one lies in a module that takes a while to load, in which Ctrl-C would be a traceback
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from semblance.api.client.client import Client
    from semblance.indexer.answers.hits import Answer, Hit
    from semblance.indexer.library import Library
    from semblance.retrieval.codec import Codec
    from semblance.retrieval.errors import LibraryError, ModelError, PictureError, SemblanceError, ServiceError

__version__ = "0.2.0"  # the one place where it stands

__all__ = [
    "Answer",
    "Client",
    "Codec",
    "Hit",
    "Library",
    "LibraryError",
    "ModelError",
    "PictureError",
    "SemblanceError",
    "ServiceError",
    "create",
    "open",
]

_HOMES = {
    "Answer": "indexer.answers.asking",
    "Client": "api.client.client",
    "Codec": "retrieval.codec",
    "Hit": "indexer.answers.asking",
    "Library": "indexer.library",
    **dict.fromkeys(
        ("LibraryError", "ModelError", "PictureError", "SemblanceError", "ServiceError"), "retrieval.errors"
    ),
}


def open(folder: "str | Path", model: str | None = None, index: str = "auto") -> "Library":
    """Open the library in `folder`. `model` names its model's folder, where that is not one that ships; `index` what
    finds the nearest codes, as `semblance search --index` does.

    Raises LibraryError, ModelError and other SemblanceErrors, each a sentence that says what to do.
    """
    from semblance.indexer.library import Library

    return Library.open(folder, model, index)


def create(folder: "str | Path", model: str | None = None) -> "Library":
    """Make an empty library in `folder`, for the codes of `model` (a shipped model's name or a model folder), and open
    it; `library.index(pictures)` fills it. Raises as `open` does."""
    from semblance.indexer.library import Library

    return Library.create(folder, model)


def __getattr__(name: str) -> "Any":
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module 'semblance' has no attribute {name!r}")
    return getattr(importlib.import_module(f"semblance.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
