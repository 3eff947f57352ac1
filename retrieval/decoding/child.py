"""The program that decodes: a process that reads pictures for another and may be killed for any of them.

Run as a file by `decoder.py`, apart from whatever lies in the working folder: what it imports it finds where the parent
found it. Its standard input brings requests and its standard output takes answers. Before each picture it sets its own
limits anew: of memory (RLIMIT_AS, from what it takes at rest; Linux), and of processor time (ITIMER_PROF, whose signal
ends it wherever it is). It is gone as soon as whoever asks is gone.
"""

import json
import os
import signal
import sys


def begin() -> None:
    """Take the place of the parent: its package by where that lies, its paths for what that needs, and serve."""
    told = json.loads(sys.argv[1])
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    for descriptor in (0, 1, 2):  # whatever a decoder prints reaches nobody
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]  # noqa: PTH120
    sys.path += [path for path in told["paths"] if path not in sys.path]
    from importlib.util import module_from_spec, spec_from_file_location

    place = os.path.join(told["package"], "__init__.py")  # noqa: PTH118
    spec = spec_from_file_location("semblance", place, submodule_search_locations=[told["package"]])
    assert spec is not None
    assert spec.loader is not None
    sys.modules["semblance"] = package = module_from_spec(spec)
    spec.loader.exec_module(package)
    from semblance.retrieval.decoding.serving import serve

    serve(requests, replies, told["limits"])


if __name__ == "__main__":
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    begin()
