"""Writing the sample library: DIR/<kind>/<kind>-0001.jpg and so on, quickly and never by halves.

Each picture is drawn to memory, written under a temporary name and renamed, so that whatever stops the run leaves only
whole pictures, and the next run goes on from there. Drawing is NumPy and Pillow, so many pictures go to a pool of
processes. Only the parent hears Ctrl-C: it drops what has not begun, waits for the few pictures in hand, and no worker
prints a traceback.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from semblance.retrieval.progress import Progress, quiet

from .kinds import KINDS, draw

Task = tuple[str, int, Path]  # kind, seed, where it goes

POOL_FROM = 64  # fewer pictures than this are drawn before a pool has started
BATCH = 6
MAX_WORKERS = 32


def write_sample(folder: Path, count: int = 1200, seed: int = 0, progress: Progress = quiet) -> int:
    """Fill `folder` with `count` pictures spread evenly over the kinds; gives back how many had to be written.

    A file already there under a picture's name is kept if it is not empty. `progress(done, total)` is called once for
    what was kept and then as pictures are written. KeyboardInterrupt passes through after a few pictures at most.
    Raises ValueError for a negative count or seed, OSError where the folder cannot be written.
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed are zero or more, not {count} and {seed}")
    tasks = [task for task in _tasks(folder, count, seed) if not _kept(task[2])]
    for parent in {path.parent for _, _, path in tasks}:
        parent.mkdir(parents=True, exist_ok=True)
    done = count - len(tasks)
    progress(done, count)
    for written in _pooled(tasks) if len(tasks) >= POOL_FROM else map(_write, ([task] for task in tasks)):
        done += written
        progress(done, count)
    return len(tasks)


def _tasks(folder: Path, count: int, seed: int) -> Iterator[Task]:
    """The first `count` pictures of an endless library that goes round the kinds: a larger one holds a smaller one.
    Libraries of different seeds share no picture until there are a million of a kind."""
    for i in range(count):
        kind, number = KINDS[i % len(KINDS)], i // len(KINDS)
        yield kind, seed * 1_000_000 + number, folder / kind / f"{kind}-{number + 1:04d}.jpg"


def _kept(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _write(tasks: list[Task]) -> int:
    for kind, seed, path in tasks:
        jpeg = io.BytesIO()
        draw(kind, seed).save(jpeg, "JPEG", quality=90)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_bytes(jpeg.getbuffer())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return len(tasks)


def _pooled(tasks: list[Task]) -> Iterator[int]:
    batches = [tasks[i : i + BATCH] for i in range(0, len(tasks), BATCH)]
    workers = min(os.cpu_count() or 1, len(batches), MAX_WORKERS)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
    try:
        with _interrupts_held():
            futures = [pool.submit(_write, batch) for batch in batches]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: they inherit the mask, and so are deaf from their first instruction, when
    they import and could not yet ignore it themselves. One that comes meanwhile reaches the parent afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows: the initializer alone must do
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
