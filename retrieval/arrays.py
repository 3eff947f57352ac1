"""Arrays in files of NumPy's, and what may come of those that are damaged."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from semblance.retrieval.errors import SnapshotError

# What reading such a file, or an archive of them, raises where it holds anything else. NumPy reads an array's header as
# Python, and zipfile takes what a member says of itself for its due, so errors of both come out of it.
_BY_PARSERS = (SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error)
_BY_VALUES = (ValueError, LookupError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError, OverflowError)
UNREADABLE = _BY_PARSERS + _BY_VALUES


def mapped(path: Path) -> npt.NDArray[Any]:
    """The array in a file, where it lies, to be read. SnapshotError where there is none."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, *UNREADABLE) as error:
        raise SnapshotError(f"{path} holds no array that can be read: {error}.") from error
