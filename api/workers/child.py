"""A process of indexer/child.py, as the service has it: begun, heard, ended."""

import contextlib
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Any, cast

from semblance.retrieval import errors
from semblance.retrieval.decoding import process
from semblance.retrieval.errors import LibraryError, SemblanceError

_PROGRAM = """import json, sys
from importlib.util import module_from_spec, spec_from_file_location
package, sys.path[:] = json.loads(sys.argv.pop())
spec = spec_from_file_location("semblance", package + "/__init__.py", submodule_search_locations=[package])
sys.modules["semblance"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["semblance"])
from semblance.indexer.child import main
main()"""  # of this very package, wherever that lies, and of what this process imports from
_LINE = 2**16  # bytes of a line that it tells
_ENDS = 4.0  # seconds after which one that was interrupted, and ends itself after three, is killed

log = logging.getLogger("semblance.api")


class Child:
    """A process at work. `out`, a file without a name, has its result once it has ended; `error`, why it has failed."""

    def __init__(self, told: dict[str, Any], hear: Callable[[dict[str, Any]], None]) -> None:
        """Begin it, with the packages that this process has; `hear` gets what it tells, in a thread of its own. Raises
        LibraryError."""
        self.error: SemblanceError | None = None
        self._hear, self._kill = hear, threading.Timer(_ENDS, self.kill)
        place = [str(process.PACKAGE), process.packages()]
        flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        try:
            self.out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as its result
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _PROGRAM, json.dumps(told), json.dumps(place)],
                stdin=subprocess.PIPE,
                stdout=self.out,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C at a terminal is the service's, which ends it
            )
        except OSError as error:
            raise LibraryError(f"No process for this work could be begun ({error.strerror}).") from error
        self._listener = threading.Thread(target=self._listen, name="child", daemon=True)
        self._listener.start()

    def runs(self, seconds: float) -> bool:
        """Whether it is at work still, after waiting so long for its end."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        self._kill.cancel()
        self._listener.join(_ENDS)
        return False

    @property
    def code(self) -> int:
        """How it has ended."""
        return cast(int, self._process.returncode)

    def interrupt(self) -> None:
        """Ask it to end: it loses the batch in flight and nothing else."""
        with contextlib.suppress(OSError):
            cast(IO[bytes], self._process.stdin).close()
        if not self._kill.is_alive():
            with contextlib.suppress(RuntimeError):  # it was asked before
                self._kill.start()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def _listen(self) -> None:
        with cast(IO[bytes], self._process.stderr) as lines:
            while line := lines.readline(_LINE):
                try:
                    said = json.loads(line)
                except ValueError:
                    log.warning("%s", line.decode(errors="replace").rstrip())
                    continue
                if "error" in said:
                    self.error = _error(said["kind"], said["error"])
                self._hear(said)


def _error(name: str, said: str) -> SemblanceError:
    """The error that a child told of, whatever its own class asks to be made of."""
    found = getattr(errors, name, LibraryError)
    kind = found if isinstance(found, type) and issubclass(found, SemblanceError) else LibraryError
    error = kind.__new__(kind)
    Exception.__init__(error, said)
    return error
