"""Nearest codes by Hamming distance: the contract that every engine keeps, and the engines."""
