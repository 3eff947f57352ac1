"""What somebody sends, taken in piece by piece: never more than was asked for, and not for ever."""

import time
from collections.abc import Awaitable, Callable

_PIECE = 2**20  # bytes
_PATIENCE, _SLOWEST = 30.0, 2**10  # seconds after which a body has to have come by so many bytes a second


async def taken(read: Callable[[int], Awaitable[bytes]], most: int, keep: bool = True) -> bytes:
    """The bytes that `read` gives, at most so many. Raises TimeoutError where they come too slowly."""
    pieces, came, began = list[bytes](), 0, time.monotonic()
    while came < most and (piece := await read(min(_PIECE, most - came))):
        came += len(piece)
        if keep:
            pieces.append(piece)
        lasted = time.monotonic() - began
        if lasted > _PATIENCE and came < _SLOWEST * lasted:
            raise TimeoutError
    return b"".join(pieces)
