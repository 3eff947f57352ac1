"""Servers that tests begin in their own process, whose standard error is that of whatever test runs by then."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Site(ThreadingHTTPServer):
    """One that does not say of a client that it hung up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Everything else is said."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
