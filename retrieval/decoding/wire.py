"""How a process and those that decode for it talk: messages of a JSON object and bytes, by a pipe each way.

What comes back is data and never a pickle: whoever takes over a decoder by a hostile picture gains no more than that.
"""

import json
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

Message = dict[str, Any]
Read = Callable[[memoryview], int]  # fills some of it, and says how much; 0 at the end

_LENGTHS = struct.Struct("<IQ")  # of the JSON object, and of the bytes that follow it
_MOST_SAID = 2**20  # bytes of a JSON object: a path, a sentence


def packed(said: Message, *parts: bytes | memoryview) -> list[bytes | memoryview]:
    """A message as what has to be written, one after the other."""
    text = json.dumps(said).encode()
    return [_LENGTHS.pack(len(text), sum(len(part) for part in parts)) + text, *parts]


def received(read: Read, most: int) -> tuple[Message, bytearray]:
    """The next message. EOFError where there is none; ValueError where it is none, or has more than `most` bytes."""
    said, body = _LENGTHS.unpack(_filled(read, _LENGTHS.size))
    if said > _MOST_SAID or body > most:
        raise ValueError(f"a message of {said} and {body} bytes")
    message = json.loads(_filled(read, said))
    if not isinstance(message, dict):
        raise ValueError("a message that says nothing")
    return message, _filled(read, body)


def write_all(parts: Sequence[bytes | memoryview], write: Callable[[memoryview], int]) -> None:
    """Write all parts by a function that writes some and says how much."""
    for part in parts:
        left = memoryview(part)
        while left:
            left = left[write(left) :]


def reading(descriptor: int) -> Read:
    """Of a descriptor that blocks."""
    return lambda into: os.readv(descriptor, [into])


def _filled(read: Read, length: int) -> bytearray:
    room = bytearray(length)
    left = memoryview(room)
    while left:
        if not (got := read(left)):
            raise EOFError
        left = left[got:]
    return room
