"""Folders and days as Milvus says them; what else narrows, the catalog alone knows."""

import json
import os
from dataclasses import fields

from semblance.indexer.catalog import Narrowing

_BETWEEN = str.maketrans("", "", "-T:")
_SAID = {"folder", "taken_from", "taken_to"}


def expression(among: Narrowing) -> str | None:
    """The expression of what a question is narrowed to; None where Milvus cannot say all of it."""
    if any(getattr(among, field.name) is not None for field in fields(among) if field.name not in _SAID):
        return None
    parts = []
    if among.folder is not None:
        folder = among.folder.rstrip(os.sep)
        first, end = (
            folder + os.sep,
            folder + chr(ord(os.sep) + 1),
        )  # all paths between the two, and no others, are below
        parts.append(f"path >= {_text(first)} and path < {_text(end)}")
    if among.taken_from is not None or among.taken_to is not None:
        parts.append("taken > 0")
    if among.taken_from is not None:
        parts.append(f"taken >= {among.taken_from:%Y%m%d}000000")
    if among.taken_to is not None:
        parts.append(f"taken <= {among.taken_to:%Y%m%d}235959")
    return " and ".join(parts)


def moment(taken: str | None) -> int:
    """YYYYMMDDhhmmss of a camera's clock; 0 where it said nothing."""
    return int(taken[:19].translate(_BETWEEN)) if taken else 0


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
