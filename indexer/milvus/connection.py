"""A Milvus, asked with a limit on time, and what it says when something is wrong, as one sentence.

A call that finds nobody, or a server that is not ready yet, is made again, waiting longer each time, until its time is
up; then it is IndexAway. (pymilvus itself does so for a broken connection.) All calls may be made twice: rows are put
in place of those of the same id. pymilvus tells its errors to the log with tracebacks; they are said here instead.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semblance.indexer.milvus.address import Address
from semblance.retrieval.errors import CollectionGone, DiskFull, IndexAway, LibraryError
from semblance.retrieval.extras import extra

_NOT_READY = {1, 2, 101, 103, 400, 401, 500, 503, 600, 901, 902}  # merr's codes: the service, loading, replicas, nodes
_NOT_YET = (
    "not ready",
    "not loaded",
    "not fully loaded",
    "node offline",
    "not available",
    "no available",
    "recover",
    "retry timeout",
)
_FULL = {3, 7, 9}  # limits on memory and disk; writing is denied
_NO_MORE = ("quota exceeded", "force deny", "memory limit", "disk quota", "no space")
_SOON_AGAIN = {  # milliseconds between tries to connect: gRPC's own grow to two minutes
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
}
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0  # seconds
_AWAY = 1.0  # seconds for which one that did not answer is not asked


@dataclass(frozen=True)
class Limits:
    """Seconds: what an answer may take until Milvus counts as away, and what a change or the making of a collection: a
    Milvus that was killed takes a minute to be itself again."""

    asking: float = 5.0
    changing: float = 120.0


LIMITS = Limits()


class Server:
    """A Milvus that answers. May be used by several threads.

    Attributes: `address`, `limits`.
    """

    def __init__(self, address: Address, limits: Limits = LIMITS) -> None:
        """Connect. IndexAway where nobody answers in time, LibraryError for a wrong password, UsageError without
        pymilvus."""
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        with extra("milvus", "Milvus"):
            import pymilvus
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
        self.address, self.limits = address, limits
        self._milvus = pymilvus
        self._away = 0.0, ""  # until when it counts so, and the sentence
        scheme = "https" if address.secure else "http"
        self._client: Any = self._until(
            limits.asking,
            lambda left: pymilvus.MilvusClient(
                f"{scheme}://{address.place}",
                address.user,
                address.password,
                timeout=left,
                dedicated=True,
                grpc_options=_SOON_AGAIN,
            ),
        )

    def __repr__(self) -> str:
        return f"<Milvus at {self.address.place}>"

    def ask(self, call: str, *args: Any, **named: Any) -> Any:
        """What a method of pymilvus.MilvusClient answers. Raises IndexAway, which whoever asks just after hears at once
        (else each of many would wait, and all after the one before), DiskFull, LibraryError."""
        if time.monotonic() < self._away[0]:
            raise IndexAway(self._away[1])
        try:
            return self._until(
                self.limits.asking, lambda left: getattr(self._client, call)(*args, timeout=left, **named)
            )
        except IndexAway as error:
            self._away = time.monotonic() + _AWAY, str(error)
            raise

    def change(self, call: str, *args: Any, **named: Any) -> Any:
        """The same, with the time that changes may take."""
        return self._until(self.limits.changing, lambda left: getattr(self._client, call)(*args, timeout=left, **named))

    def segments(self, collection: str) -> list[tuple[int, int, bool]]:
        """Of each segment that is searched its rows, its state (3: it is sealed), and whether its index is there."""
        connection = self._client._get_connection()
        infos = self._until(
            self.limits.changing, lambda left: connection.get_query_segment_info(collection, timeout=left)
        )
        return [(int(info.num_rows), int(info.state), bool(info.index_name)) for info in infos]

    def put(self, collection: str, columns: Mapping[str, tuple[str, list[Any]]]) -> None:
        """Upsert rows, given by columns: of each the name of its type in pymilvus.DataType, and its values. Rows, as
        MilvusClient takes them, cost pymilvus ten times the work: it looks at each letter of a text."""
        kinds = self._milvus.DataType
        data = [{"name": name, "type": kinds[kind], "values": values} for name, (kind, values) in columns.items()]
        connection = self._client._get_connection()
        self._until(self.limits.changing, lambda left: connection.upsert(collection, data, timeout=left))

    def now(self) -> int:
        """The present by Milvus's own clock: a search that is told to be no older sees all that was written before."""
        connection = self._client._get_connection()
        return int(self._until(self.limits.asking, lambda left: connection.alloc_timestamp(timeout=left)))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _until(self, seconds: float, call: Any) -> Any:
        """What `call` gives, which is made again for as many seconds where the server is not ready."""
        ends, wait = time.monotonic() + seconds, _FIRST_WAIT
        while True:
            try:
                return call(max(ends - time.monotonic(), _FIRST_WAIT))
            except Exception as error:
                said = self._sentence(error)
                if said is None:
                    raise
                if not isinstance(said, IndexAway) or time.monotonic() + wait >= ends:
                    raise said from None  # pymilvus's own traceback would tell what was sent
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _sentence(self, error: Exception) -> Exception | None:
        """What is wrong, for a person; None where it is nothing of Milvus's."""
        import grpc

        place, code = self.address.place, getattr(error, "code", None)
        if isinstance(error, self._milvus.MilvusException) and isinstance(error.__cause__, grpc.RpcError):
            error = error.__cause__  # which tells more than that there is no connection
        if isinstance(error, grpc.RpcError):
            code = error.code()
        elif not isinstance(error, self._milvus.MilvusException):
            return None
        words = " ".join(str(getattr(error, "message", error)).split())
        said = words.casefold()
        if code == grpc.StatusCode.UNAUTHENTICATED or "auth check failure" in said:
            return LibraryError(f"The Milvus at {place} does not know this user with this password: name others.")
        if code in _FULL or any(each in said for each in _NO_MORE):
            return DiskFull(f"The Milvus at {place} takes nothing more: make room there, and run the same again.")
        if isinstance(code, grpc.StatusCode) or code in _NOT_READY or any(each in said for each in _NOT_YET):
            return IndexAway(
                f"The Milvus at {place} does not answer: see that it runs and is reachable, and try again."
            )
        if "collection not found" in said:
            return CollectionGone(
                f"A collection of {self.address} is gone: fill it anew with `semblance index --library DIR --index "
                f"{self.address}`."
            )
        if self.address.password:
            words = words.replace(self.address.password, "…")
        return LibraryError(f"The Milvus at {place} refuses ({words[:200].rstrip('.')}): see its log.")
