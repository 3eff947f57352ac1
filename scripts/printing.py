"""What is written for a person or a pipe, so that a path in it is the path.

No character is lost, and none is taken for markup or an emoji. Off a terminal all are written as they are, but for
those that begin an escape sequence: these are never let through, since what goes into a pipe mostly ends on a terminal.
On a terminal every control character is written as its escape (\\r, \\x1b), and so are those that turn the direction of
writing. What an encoding has no character for is written as its escape, too.

Where nobody reads standard output any more (`| head -1`) the run ends without a word, as by SIGPIPE. Messages that
nobody reads end nothing.
"""

import os
import re
import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_BEGINS_A_SEQUENCE = re.compile("[\x1b\x80-\x9f]")
_STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

CLOSED = 141  # what a shell makes of SIGPIPE

err = Console(stderr=True, highlight=False, soft_wrap=True)


def legible(line: str, terminal: bool) -> str:
    """A line with the escapes of the characters in it that a terminal, or a pipe, must not get."""
    return (_STEERS if terminal else _BEGINS_A_SEQUENCE).sub(_escape, line)


def say(sentence: str) -> None:
    """A line on standard error; on a terminal above the progress bar that may be there."""
    if err.is_terminal:
        err.print(Text(_encodable(legible(sentence, terminal=True), sys.stderr)))
    else:
        _write(sys.stderr, sentence)


def show(line: str) -> None:
    """A line on standard output."""
    _write(sys.stdout, line)


def show_table(table: Table, width: int) -> None:
    """A table on standard output."""
    printer = Console(width=width, markup=False, emoji=False, highlight=False, color_system=None)
    with printer.capture() as captured:
        printer.print(table)
    for line in captured.get().removesuffix("\n").split("\n"):
        show(line)


def finish() -> None:
    """Bring standard output to whoever reads it, while an error can still be said. Raises OSError."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _closed(sys.stdout)
        except OSError as error:
            raise _named(error) from error


def _named(error: OSError) -> OSError:
    """The same with a name to it, since Python's own says not what was written to."""
    return OSError(error.errno, error.strerror, "standard output")


def _write(stream: TextIO | None, line: str) -> None:
    if stream is not None:  # it is where a program was started without
        try:
            stream.write(_encodable(legible(line, stream.isatty()), stream) + "\n")
        except BrokenPipeError:
            _closed(stream)
        except OSError as error:
            if stream is sys.stdout:
                raise _named(error) from error
            raise


def _closed(stream: TextIO) -> None:
    """Let what is still to be written, by Python at its end too, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    if stream is sys.stdout:
        raise SystemExit(CLOSED)


def _encodable(line: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _escape(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
