"""Ctrl-C is exit code 130 and one line, whenever it comes.

While a command works it is a KeyboardInterrupt, so that what is under way is undone or made whole, and `console.exits`
says the line. A module that is being imported may catch that and go on, as those that Cython made do, so it waits until
the import has ended. Before that and after there is nothing to undo: the line is said and the process ends at once. So
does a second Ctrl-C, where the first is waiting for something. What Python would only print, since it happened where
nothing can be raised, ends the process too.
"""

import atexit
import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
_LINE = "Interrupted.\n"
_SOON = 0.05  # seconds between two looks whether an import has ended
_SHOW_CURSOR = "\x1b[?25h"


def at_once(_: int = 0, _frame: FrameType | None = None) -> None:
    """Say the line and end."""
    with_line = signal.signal(signal.SIGINT, signal.SIG_IGN) is not silently
    if with_line and sys.stderr is not None:
        try:
            shown = _SHOW_CURSOR if sys.stderr.isatty() else ""  # a progress bar hides it
            os.write(sys.stderr.fileno(), f"{shown}{_LINE}".encode())
        except (OSError, ValueError):  # nobody reads it
            pass
    os._exit(INTERRUPTED)


def by_signal(number: int) -> NoReturn:
    """End at once because of a signal, from any thread and whatever the others wait for."""
    if number == signal.SIGINT and signal.getsignal(signal.SIGINT) is not silently:
        with contextlib.suppress(OSError, ValueError):
            if select.select([], [2], [], 0)[1]:  # a pipe that is full, and read by nobody, would hold the end up
                os.write(2, _LINE.encode())
    os._exit(128 + number)


def silently(_: int, _frame: FrameType | None) -> None:
    """End; the line was said."""
    os._exit(INTERRUPTED)


def _last() -> None:
    """Nothing is left but to end. Where the line was said that is done here: a KeyboardInterrupt that has passed
    through `exec` of a text, as importing SciPy does, would have Python end itself by the signal after all."""
    if signal.signal(signal.SIGINT, signal.SIG_IGN) is silently:
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, OSError, ValueError):  # there is none, or nobody reads it
                stream.flush()
        os._exit(INTERRUPTED)


def begin() -> None:
    """From here on until the process has ended."""
    signal.signal(signal.SIGINT, at_once)
    atexit.register(_last)  # what is registered first runs last
    said = sys.unraisablehook

    def ignored(what: "sys.UnraisableHookArgs") -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            at_once()
        said(what)

    sys.unraisablehook = ignored


@contextmanager
def raised() -> Iterator[None]:
    """While a command works: the first Ctrl-C is a KeyboardInterrupt, the second ends at once."""
    if signal.getsignal(signal.SIGINT) is not at_once:  # a test, or a program of somebody else's
        yield
        return

    def first(_: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, at_once)
        if not _is_importing(frame):
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, first)
        signal.setitimer(signal.ITIMER_REAL, _SOON)

    signal.signal(signal.SIGINT, first)
    try:
        yield
        if signal.setitimer(signal.ITIMER_REAL, 0)[0]:
            raise KeyboardInterrupt
    finally:
        if signal.getsignal(signal.SIGINT) is first:
            signal.signal(signal.SIGINT, at_once)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def about_to_be_said() -> None:
    """The line is said by who calls this, and by nobody else."""
    if signal.getsignal(signal.SIGINT) is at_once:
        signal.signal(signal.SIGINT, silently)
