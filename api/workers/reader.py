"""The program that reads files for the service, a process of its own: one that waits for a hung disk may not even be
killed until the disk comes back, and neither may whatever process has a thread that does.

It needs Python alone and starts at once. Its standard input and output are one socket; a request is a line of JSON,
and an answer another with the bytes that it announces. It ends when the socket is closed.
"""

import json
import os
import stat
import sys
from typing import Any

_HEAD = 64  # bytes that tell what a file is


def serve() -> None:
    """Answer until nobody asks any more."""
    with os.fdopen(0, "rb") as requests, os.fdopen(1, "wb") as answers:
        for line in requests:
            try:
                said, body = _answer(json.loads(line))
            except OSError as error:
                said, body = {"fails": error.strerror or type(error).__name__}, b""
            except ValueError:  # a zero byte in its path
                said, body = {"fails": "it has no such name"}, b""
            answers.write(json.dumps({**said, "length": len(body)}).encode() + b"\n")
            answers.write(body)
            answers.flush()


def _answer(asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """A file is named by its descriptor once it is open. Of each look comes what it was like after that."""
    if "close" in asked:
        os.close(asked["close"])
        return {}, b""
    if "open" in asked:  # a pipe might never be opened else; what was opened is looked at, and no path again
        file = os.open(asked["open"], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            return {"fails": "it is no file that lies on a disk"}, b""
        asked = {"read": file, "at": 0, "length": _HEAD}
    body = os.pread(asked["read"], asked["length"], asked["at"])
    now = os.fstat(asked["read"])
    state = (now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino, now.st_dev)
    return {"file": asked["read"], "state": state}, body


if __name__ == "__main__":
    try:
        serve()
    except (BrokenPipeError, ConnectionError):  # whoever asked is gone
        sys.exit(1)
