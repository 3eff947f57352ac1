"""Folders of pictures to a library: scan, decode, encode, record. The catalog is the truth, all else derived."""
