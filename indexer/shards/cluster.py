"""The process that talks to Ray: actors that encode, and which of them makes which shard. Nothing else imports Ray.

Each actor has one core, makes one shard at a time from end to end, decoding in a process of its own as everywhere, and
writes it itself; pictures and codes never pass through Ray. When an actor's process or its machine is gone, its shard
is given to another and a new actor is asked for.

Ray Data is not used: it cuts what it reads into blocks and writes by its own measure of memory, names files by what has
run, and repeats tasks by itself. A shard has to be a fixed run of the list under a name known beforehand, whoever makes
it and however often; so the numbers of shards are handed out here, and that is all there is to do.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from semblance.indexer.shards import ending, making, places, plan
from semblance.indexer.shards.places import Place
from semblance.indexer.shards.plan import Plan
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import ModelError, SemblanceError, ShardsError

_STORE = 200 * 2**20  # bytes of Ray's own memory of objects, which holds paths and counts
_LOOK = 0.5  # seconds between two looks at how far all are
_TRIES = 4  # workers that one shard may end, and that may end before they have begun
_ENDS = 3.0  # seconds for this process, and a cluster that was begun here, to end


class Worker:
    """One core of the cluster, in a process of its own."""

    def __init__(self, out: str, plan_id: str, models: Sequence[str]) -> None:
        self._place, self._plan_id, self._models = places.place(out), plan_id, models
        self._done: tuple[int, int] = (-1, 0)

    def begin(self) -> None:
        """Load the models. Raises ShardsError where this machine does not see the shards, and ModelError."""
        found = plan.read(self._place)
        if found is None or found.id != self._plan_id:
            raise ShardsError(
                f"A machine of the cluster does not see the plan in {self._place.shown}: shards have to lie in a "
                "folder that all of its machines share."
            )
        self._plan, self._codecs = found, [Codec(model) for model in self._models]
        if [codec.codec_id for codec in self._codecs] != [model.codec_id for model in found.models]:
            raise ModelError(
                f"A machine of the cluster has other models under the names {' and '.join(self._models)}: all need the "
                "same version of Semblance, and the same model folders."
            )

    def make(self, number: int, paths: Sequence[str]) -> None:
        """Make a shard, unless it is there."""

        def tell(done: int, _: int) -> None:
            self._done = number, done

        if making.there(self._place, self._plan, number) is None:
            making.make(self._place, self._plan, number, paths, self._codecs, 1, tell)

    def done(self) -> tuple[int, int]:
        """The shard at hand, or the one before, and how many of its pictures are done."""
        return self._done


def main() -> None:
    """Do what the first line of standard input says, a line of JSON on standard output for all that is told."""
    told = json.loads(sys.stdin.buffer.readline())
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever Ray prints reaches nobody

    def tell(**what: Any) -> None:
        out.write(json.dumps(what) + "\n")

    ended_by = [sys.executable, "-I", "-S", ending.__file__, str(os.getpgrp()), told["own"], str(_ENDS)]
    subprocess.Popen(ended_by, stdout=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_watch).start()
    try:
        cores = _join(told["address"], told["workers"], told["own"])
        place = places.place(told["out"])
        found = plan.read(place)
        assert found is not None
        Handing(place, found, told, min(told["workers"] or cores, len(told["missing"])), tell).run()
    except SemblanceError as error:
        tell(error=str(error), kind=type(error).__name__)
    except (RayError, ConnectionError, OSError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        tell(error=f"Ray could not be used ({first}): what is whole is kept.", kind=ShardsError.__name__)


def _watch() -> None:
    """Leave the cluster when whoever began this process is done with it, or gone, and end; `ending` sees to it."""
    while os.read(0, 4096):
        pass
    try:
        ray.shutdown()
    finally:
        os.killpg(0, signal.SIGKILL)  # this process leads a group of its own


def _join(address: str, workers: int | None, own: str) -> int:
    """Begin a cluster of this machine's own, or join the one at an address; its cores. Raises ShardsError."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if address:
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ShardsError(
                f"This machine is in no Ray cluster at {address}: begin one with `ray start --head`, join it "
                f"from here with `ray start --address={address}`, say RAY_AUTH_MODE=token if it wants Ray's token, and "
                "run the same command again."
            ) from error
    else:
        cores = workers or os.cpu_count() or 1
        own_kind = {"include_dashboard": False, "_temp_dir": own, "_node_ip_address": "127.0.0.1"}
        ray.init("local", num_cpus=cores, object_store_memory=_STORE, **own_kind, **quiet)
    return int(ray.cluster_resources().get("CPU", 1))


class Handing:
    """Shards handed out to workers, each once, and again where its worker is gone."""

    def __init__(
        self, place: Place, plan_: Plan, told: dict[str, Any], workers: int, tell: Callable[..., None]
    ) -> None:
        self._plan, self._workers, self._tell = plan_, workers, tell
        self._how = (told["out"], told["plan"], told["models"])
        self._paths = plan.paths(place, plan_)
        self._waiting = deque(told["missing"])
        self._ended: Counter[int | None] = Counter()
        self._busy: dict[Any, tuple[Any, int | None]] = {}  # what is awaited -> the worker, and its shard
        self._done = 0

    def run(self) -> None:
        """Have all shards made. Raises what workers raise, ShardsError and RayError."""
        for _ in range(self._workers):
            self._begin()
        while self._busy:
            ready, _ = ray.wait([*self._busy], timeout=_LOOK)
            for each in ready:
                self._take(each, *self._busy.pop(each))
            self._tell(done=self._done + self._under_way())
        self._tell(done=self._done, whole=True)

    def _begin(self) -> None:
        worker = ray.remote(num_cpus=1, max_concurrency=2)(Worker).remote(*self._how)
        self._busy[worker.begin.remote()] = worker, None

    def _take(self, each: Any, worker: Any, number: int | None) -> None:
        """What comes of one that was awaited, and the next shard for its worker."""
        try:
            ray.get(each)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:  # its process or its machine is gone
            self._again(number, error)
            return
        if number is None:
            self._tell(done=self._done, begun=True)
        else:
            self._done += len(self._paths[self._plan.run(number)])
            self._tell(done=self._done, made=number)
        if self._waiting:
            following = self._waiting.popleft()
            self._busy[worker.make.remote(following, self._paths[self._plan.run(following)])] = worker, following
        else:
            ray.kill(worker)

    def _again(self, number: int | None, error: RayError) -> None:
        """A worker is gone. Raises ShardsError where one more will do no better."""
        self._ended[number] += 1
        if not any(node["Alive"] for node in ray.nodes()):
            raise ShardsError("The Ray cluster has no machine left: what is whole is kept; run the same command again.")
        if self._ended[number] == _TRIES:
            what = (
                "Workers end as soon as they begin" if number is None else f"{self._plan.name(number)} ends its workers"
            )
            raise ShardsError(
                f"{what}, {_TRIES} by now: look whether its machines have 500 MB of memory for each of their cores. "
                "What is whole is kept."
            ) from error
        if number is not None:
            self._waiting.append(number)
        self._begin()

    def _under_way(self) -> int:
        """How many pictures are done of shards that are being made, of those workers that say so."""
        own = {number for _, number in self._busy.values() if number is not None}
        asked = [worker.done.remote() for worker, number in self._busy.values() if number in own]
        told, _ = ray.wait(asked, num_returns=len(asked), timeout=_LOOK) if asked else ([], [])
        done = 0
        for each in told:
            with contextlib.suppress(RayError):  # it is gone, which is seen by its shard
                number, some = ray.get(each)
                done += some if number in own else 0
        return done
