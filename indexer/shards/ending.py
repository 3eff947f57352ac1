"""The process that sees to it that what talks to Ray ends, run by its path: ending.py GROUP FOLDER SECONDS.

Who talks to Ray cannot do that itself: Ray waits for its cluster, for minutes, and lets no thread of Python run
meanwhile; and the folder that Ray writes to can be removed only when all of Ray is gone.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

_LOOK = 0.02  # seconds between two looks
_WRITE = 5.0  # seconds in which processes that were killed may still write


def main(group: int, folder: str, seconds: float) -> None:
    """Wait until whoever has the other end of standard input is done, or gone; give the processes of `group` so many
    seconds to end, end those that have not, and remove `folder`."""
    while os.read(0, 4096):
        pass
    _until(lambda: not _sent(group, 0), seconds)
    _sent(group, signal.SIGKILL)
    _until(lambda: _removed(folder), _WRITE)


def _until(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(_LOOK)


def _sent(group: int, number: int) -> bool:
    """Whether there was anybody to send a signal to."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _removed(folder: str) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not os.path.lexists(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
