"""A disk that hangs: a file system (FUSE, by the kernel's own protocol) whose files are there and cannot be read.

What opens a file whose name begins with "open" waits, and what reads any other waits, as for a server that is gone;
when the mount ends, they hear that it is no longer there.
"""

import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _INIT, _INTERRUPT, _BATCH_FORGET = 1, 2, 3, 14, 15, 26, 36, 42
_SILENT = (_FORGET, _BATCH_FORGET, _INTERRUPT, _READ)  # the kernel awaits no answer, and none is given to a read
_DETACH = 2
_VERSION = 31  # of protocol 7

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def hung(place: Path, sizes: dict[str, int]) -> Iterator[set[str]]:
    """Mounted at `place`, with files of these names and sizes; the names that somebody waits for. Raises OSError where
    this process may not mount."""
    device = os.open("/dev/fuse", os.O_RDWR)
    how = f"fd={device},rootmode={stat.S_IFDIR:o},user_id=0,group_id=0"
    if _libc.mount(b"hung", bytes(place), b"fuse", 0, how.encode()):
        os.close(device)
        raise OSError(ctypes.get_errno(), "FUSE cannot be mounted")
    waiting: set[str] = set()
    threading.Thread(target=_serve, args=(device, sizes, waiting), daemon=True).start()
    try:
        yield waiting
    finally:
        _libc.umount2(bytes(place), _DETACH | 1)  # MNT_FORCE: who waits is told


def _serve(device: int, sizes: dict[str, int], waiting: set[str]) -> None:
    names = ["", *sizes]  # by their numbers, less one; the root's is 1
    try:
        while True:
            asked = os.read(device, 2**18)
            _, opcode, unique, node = struct.unpack("<IIQQ", asked[:24])
            if opcode == _READ or (opcode == _OPEN and names[node - 1].startswith("open")):
                waiting.add(names[node - 1])
            elif opcode not in _SILENT:
                error, answer = _answer(opcode, node, asked[40:], names, sizes)
                os.write(device, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)
    except OSError:  # it is mounted no more
        os.close(device)


def _answer(opcode: int, node: int, body: bytes, names: list[str], sizes: dict[str, int]) -> tuple[int, bytes]:
    if opcode == _INIT:
        return 0, struct.pack("<IIIIHHIIHHI28x", 7, _VERSION, 2**16, 0, 12, 9, 2**16, 1, 0, 0, 0)
    if opcode == _GETATTR:
        return 0, struct.pack("<QII", 0, 0, 0) + _attributes(node, sizes.get(names[node - 1]))
    if opcode == _LOOKUP and (name := body.rstrip(b"\0").decode()) in sizes:
        found = names.index(name) + 1
        return 0, struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + _attributes(found, sizes[name])
    if opcode == _OPEN:
        return 0, struct.pack("<QII", node, 0, 0)
    return (errno.ENOENT if opcode == _LOOKUP else errno.ENOSYS), b""


def _attributes(node: int, size: int | None) -> bytes:
    """Of a file, or of the root, which has no size."""
    mode = stat.S_IFDIR | 0o755 if size is None else stat.S_IFREG | 0o644
    times = 3 * (10**9,)
    return struct.pack("<QQQQQQIIIIIIIIII", node, size or 0, 1, *times, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
