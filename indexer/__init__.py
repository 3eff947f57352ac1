"""Folders of pictures to a library: scan, decode, encode, record. The catalog is the truth, all else derived.

A module is found by its name alone, too, as before there were rooms: `from semblance.indexer import thumbnails`.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

_ROOMS = ("answers", "changing", "derived", "keeping", "run")


def __getattr__(name: str) -> ModuleType:
    for room in _ROOMS:
        if not name.startswith("_") and find_spec(f"{__name__}.{room}.{name}"):
            return import_module(f"{__name__}.{room}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
