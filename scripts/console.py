"""What every subcommand shares: progress, one-sentence errors, exit codes, one JSON document on standard output.

Exit codes: 0 done, 1 done with some pictures left out, 2 wrong use or could not run, 130 interrupted,
141 where nobody reads standard output any more.
"""

import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from semblance.indexer.milvus import address
from semblance.retrieval import files, storage
from semblance.retrieval.codec import DEFAULT_MODEL
from semblance.retrieval.errors import SemblanceError, UsageError
from semblance.retrieval.progress import Progress
from semblance.scripts import interrupts, printing

DONE, LEFT_OUT, FAILED, INTERRUPTED = 0, 1, 2, interrupts.INTERRUPTED

_PLAIN_EVERY = 5.0  # seconds between plain lines


def say(sentence: str) -> None:
    """A line for the person at the keyboard, on standard error; paths are printed as they are."""
    printing.say(sentence)


def show(line: str) -> None:
    """A line of what was asked for, on standard output."""
    printing.show(line)


def show_table(table: Table, width: int) -> None:
    """A table of what was asked for, on standard output."""
    printing.show_table(table, width)


def print_json(document: Any) -> None:
    """The one JSON document of a --json run."""
    show(json.dumps(document))


def counted(number: int, thing: str) -> str:
    """So many of a thing, in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(str(path))


def path(text: str | Path) -> Path:
    """What every argument that names a file or folder is parsed by: `~` is home, and an empty one is refused."""
    if not text:
        raise typer.BadParameter("it is empty.")
    try:
        return files.named(str(text))  # a default is a path already
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None


def file_or_milvus(text: str) -> Path | str:
    """A path, or the address of a Milvus, as it is."""
    if address.is_address(text):
        return text
    if storage.is_address(text):
        raise typer.BadParameter("what is exported is a file on a disk, or goes into a Milvus: name one.")
    return path(text)


def argument(help: str, metavar: str) -> Any:
    """An argument that names a file or a folder."""
    return typer.Argument(parser=path, metavar=metavar, help=help)


def place(text: str) -> Path | str:
    """The same of what may be an address too (s3://bucket/folder, milvus://HOST:PORT/NAME), which stays text."""
    if address.is_address(text):
        return text
    try:
        return storage.named(text) if storage.is_address(text) else path(text)
    except UsageError as error:
        raise typer.BadParameter(str(error)) from None


def stored(help: str, metavar: str) -> Any:
    """An argument that names a file, a folder, or an address."""
    return typer.Argument(parser=place, metavar=metavar, help=help)


def stored_option(help: str, metavar: str = "IMAGE") -> Any:
    """An option that does."""
    return typer.Option(parser=place, metavar=metavar, help=help)


def option(help: str, metavar: str = "DIR", *names: str, show_default: bool | str = True) -> Any:
    """An option that names a file or a folder."""
    return typer.Option(*names, parser=path, metavar=metavar, help=help, show_default=show_default)


Library = Annotated[Path, option("The folder that holds the library.", "DIR", "--library")]
_MODEL = "A shipped model's name, or a model folder."
Model = Annotated[
    str | None, typer.Option(help=_MODEL, show_default=f"the library's own; {DEFAULT_MODEL} for a new one")
]
OwnModel = Annotated[str | None, typer.Option(help=_MODEL, show_default="the library's own")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else there.")]
Models = Annotated[
    list[str] | None,
    typer.Option(help="A shipped model or a model folder; may be repeated.", show_default=DEFAULT_MODEL),
]
LeaveOutClasses = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Leave every Nth subfolder of each folder out, to judge by it later."),
]


@contextmanager
def exits() -> Iterator[None]:
    """Turn errors meant for the user into their sentence and exit code 2, Ctrl-C into 130, a closed pipe into 141."""
    try:
        with interrupts.raised():
            try:
                yield
            finally:
                printing.finish()
    except (SemblanceError, OSError) as error:
        say(f"error: {_sentence(error)}")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        interrupts.about_to_be_said()
        say(f"Interrupted{f': {error}' if str(error) else '.'}")
        raise typer.Exit(INTERRUPTED) from error


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}."  # Python's own puts quotes and escapes into the path
    return str(error)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """A bar with rate and time left on a terminal, a plain line every few seconds where there is none. A total of 0
    is one that is not known yet."""
    if not printing.err.is_terminal:
        yield _plain(label)
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Bar(*columns, console=printing.err, transient=True) as bar:
        task = bar.add_task(label, start=False, total=None)

        def update(done: int, total: int) -> None:
            if bar.tasks[task].started or not total:
                bar.update(task, completed=done, total=total or None)
            else:  # what a run that goes on had done before says nothing of the rate
                bar.reset(task, completed=done, total=total)

        yield update


def _plain(label: str) -> Progress:
    begun = last = time.monotonic()
    first: int | None = None  # what a run that goes on had done before says nothing of the rate

    def update(done: int, total: int) -> None:
        nonlocal begun, first, last
        now = time.monotonic()
        if total and first in (None, done):  # nor does what comes before the first is done: the start of a cluster
            first, begun = done, now
        if now - last < _PLAIN_EVERY:
            return
        last = now
        if not total:
            say(f"{label}: {done:,} found so far")
        elif first is None or now == begun:
            say(f"{label}: {done:,} of {total:,}")
        else:
            rate = (done - first) / (now - begun)
            say(f"{label}: {done:,} of {total:,}, {rate:,.0f}/s, {(total - done) / rate:,.0f} s left")

    return update
