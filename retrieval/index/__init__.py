"""Nearest codes by Hamming distance: the contract of every index, the engines, and the overlay that lets one change
what cannot be changed."""

from semblance.retrieval.index.contract import CodeIndex, Distances, Ids
from semblance.retrieval.index.flat import FlatIndex
from semblance.retrieval.index.mapped import MappedFlat
from semblance.retrieval.index.overlay import Overlay

__all__ = ["CodeIndex", "Distances", "FlatIndex", "Ids", "MappedFlat", "Overlay"]
