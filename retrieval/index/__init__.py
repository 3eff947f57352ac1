"""Nearest codes by Hamming distance: the contract of every index, the engines, and the overlay that lets one change
what cannot be changed."""

from semblance.retrieval.index.contract import CodeIndex, Distances, Engine, Ids
from semblance.retrieval.index.flat import FlatIndex
from semblance.retrieval.index.hashing import HashIndex
from semblance.retrieval.index.ivf import IvfIndex
from semblance.retrieval.index.mapped import MappedFlat
from semblance.retrieval.index.mih import MihIndex
from semblance.retrieval.index.overlay import Overlay

ENGINES: dict[str, type[Engine]] = {engine.engine: engine for engine in (IvfIndex, MihIndex, HashIndex)}
"""What takes long to build, by the names that users know."""

__all__ = ["ENGINES", "CodeIndex", "Distances", "Engine", "FlatIndex", "Ids", "MappedFlat", "Overlay"]
