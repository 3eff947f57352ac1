"""Long work on a library in a process of its own: a run of `index`, a search for duplicates, an index to search by.

A service asks for it. Beside its threads such work would hold the interpreter for seconds (reading a million rows), and
a gigabyte that it never gives back; a process is less urgent to the system than searches, can be ended at any moment as
a killed `index` can, and is gone with whoever began it, since its standard input then ends.

    argv[1]           what to do, as JSON
    standard error    a line of JSON for each thing that is told: how far it is, what it waits for, why it failed
    standard output   the result: of `index` a summary, of `duplicates` a line, and then a line for each group, of
                      `build` what was built, in sentences
"""

import json
import os
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from semblance.indexer.changing import replacing
from semblance.indexer.derived import building, doubts
from semblance.indexer.library import Library
from semblance.retrieval import storage
from semblance.retrieval.errors import LibraryError, LibraryLocked, SemblanceError
from semblance.retrieval.progress import Progress

FAILED, INTERRUPTED = 2, 130
_EVERY = 0.2  # seconds between two lines of progress
_AGAIN = 0.5  # seconds between two looks whether the library may be written to
_PATIENCE = 3.0  # seconds for an interrupted run to end by itself
_MOST = 100  # files left out that a summary names
_NICE = 10


def main() -> None:
    """Do what argv[1] says, and end."""
    told = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(AttributeError, OSError):  # Windows has none
        os.nice(_NICE)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        {"index": index, "duplicates": duplicates, "build": build}[told["kind"]](told)
        sys.stdout.flush()
    except SemblanceError as error:
        tell(error=str(error), kind=type(error).__name__)
        sys.exit(FAILED)
    except OSError as error:
        tell(error=f"The system hinders it: {error.strerror or error}.", kind=LibraryError.__name__)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def index(told: dict[str, Any]) -> None:
    """Bring the library up to date with one folder, after waiting for whoever writes to it."""
    while True:
        try:
            summary = replacing.index([storage.place(told["folder"])], Path(told["library"]), None, None, _stage)
            break
        except LibraryLocked as error:
            tell(waiting=str(error))
            time.sleep(_AGAIN)
    document = {**vars(summary), "failed": len(summary.failed), "seconds": round(summary.seconds, 3)}
    document["failures"] = [{"path": path, "reason": why} for path, why in [*summary.failed.items()][:_MOST]]
    del document["switched"]
    _give(document)


def duplicates(told: dict[str, Any]) -> None:
    """Find what the library has more than once."""
    with Library.open(told["library"], told["model"]) as library:
        found = library.duplicates(stage=_stage)
    head = {"pictures": found.pictures, "within": found.within, "groups": len(found.groups), "bytes": found.bytes}
    _give({**head, "apart": found.apart})
    for group in found.groups:
        members = [asdict(copy) for copy in group.copies]
        _give({"best": group.best.id, "members": members, "bytes": group.bytes})


def build(told: dict[str, Any]) -> None:
    """Build what the library is to be searched by, as one who knows what the service has found wrong."""
    doubts.know(told["wrong"])
    _give({"said": building.build(Path(told["library"]), told["index"], _stage)})


def _give(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result) + "\n")


def tell(**what: Any) -> None:
    """A line for whoever asked."""
    sys.stderr.write(json.dumps(what) + "\n")
    sys.stderr.flush()


def _stage(name: str) -> AbstractContextManager[Progress]:
    return nullcontext(_progress(name))


def _progress(stage: str) -> Progress:
    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _EVERY or done >= total:
            last = now
            tell(stage=stage, done=done, total=total)

    return progress


def _watch() -> None:
    """End with whoever began this: its end of standard input is open as long as it is there."""
    with suppress(OSError, ValueError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_PATIENCE)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
