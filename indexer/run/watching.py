"""A library that is kept up to date with its folders while it is used: `semblance index --watch`.

The system tells which paths were touched (watchfiles), and these alone are looked at. A file is taken in when two looks
found it the same: one that is still being written is waited for. What is gone is forgotten when nothing new is waited
for any more, so that what was moved is found first. Where the system may not have told all (a storm of events, a disk
that was mounted, a folder that came back, a network disk, which others change), everything is scanned again, and only
what differs from the catalog is looked at further. The writer's lock is held while a batch is written and not between.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import watchfiles

from semblance.indexer.catalog import Catalog, Writer, finding
from semblance.indexer.derived.encoders import codec_for
from semblance.indexer.run import disks, pipeline
from semblance.indexer.run.deciding import Known, plan
from semblance.indexer.run.forgetting import vanished
from semblance.indexer.run.looking import look
from semblance.indexer.run.pipeline import Summary
from semblance.indexer.run.scan import Found, Scan, scan
from semblance.retrieval.codec import Codec
from semblance.retrieval.errors import LibraryLocked, StorageError, UsageError

_TICK = 0.1  # seconds between two looks
_SETTLED = 0.2  # seconds that a file must not have changed for
_GONE = 0.5  # and that one must have been away for: a move may be told in two parts
_PATIENCE = 10.0  # seconds for which what is gone waits for what is still being written, and may be the same
_BATCH = 512  # files that are taken in while the library is locked
_STORM = 4096  # paths touched at once, beyond which the system's queue may have been too short
_CHECK = 1.0  # seconds between two looks at what is mounted, and at the folders themselves
_QUIET = 5.0  # seconds without a change, after which the derived files are brought up to date
_RESCAN, _RESCAN_NETWORK = 600.0, 30.0  # seconds between two scans of everything

Tell = Callable[[Summary], None]
Say = Callable[[str], None]


class Watcher:
    """Folders that are watched for a library. Made after a first run over them, then `run`."""

    def __init__(
        self,
        folders: Sequence[Path | str],
        library: Path,
        codec: Codec,
        exclude: Sequence[str],
        threads: int,
        poll: float | None,
        tell: Tell,
        say: Say,
    ) -> None:
        """`poll`: seconds between two scans where the system is not to be asked. `tell` is called after each batch that
        did something, `say` with sentences of what goes on."""
        self._folders = [folder for folder in folders if isinstance(folder, Path)]
        self._stored, self._list_at = [folder for folder in folders if isinstance(folder, str)], 0.0
        self._library, self._exclude, self._threads = library, exclude, threads
        self._roots = [os.path.realpath(folder) for folder in self._folders]
        self._poll, self._tell, self._say = poll, tell, say
        self._codec, self._codecs = codec, list[Codec]()
        self._waiting: dict[str, tuple[Found | None, float]] = {}  # state, and since when; None: gone
        self._failed: dict[str, Found] = {}
        self._said: set[str] = set()
        self._rescan_at = self._changed_at = 0.0
        self._stale = self._locked = False
        self._keeps = False  # what was not found, since its folder was empty: other pictures may come to that

    # ---- the loop --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Go on until interrupted. Raises LibraryError where the library cannot be written to any more."""
        self._rescan_at, self._list_at = (now := time.monotonic()), now + (self._poll or _RESCAN_NETWORK)
        while True:
            signature, check_at = self._signature(), time.monotonic() + _CHECK
            for touched in self._events():
                self._tick(touched)
                if time.monotonic() >= check_at:
                    if self._signature() != signature:
                        self._rescan_at = time.monotonic()  # after the system is asked anew, so that nothing is missed
                        break
                    check_at = time.monotonic() + _CHECK

    def _events(self) -> Iterator[set[str]]:
        """The paths that were touched, again and again; nothing where none were for a moment."""
        roots = [root for root in self._roots if os.path.isdir(root)]  # noqa: PTH112
        if self._poll is None and roots:
            told = watchfiles.watch(
                *roots,
                watch_filter=None,
                debounce=200,
                step=50,
                rust_timeout=int(1000 * _TICK),
                yield_on_timeout=True,
                ignore_permission_denied=True,
            )
            try:
                for changes in told:
                    yield {path for _, path in changes}
            except (OSError, RuntimeError) as error:  # too many folders, or a root that went meanwhile
                self._say_once(
                    f"The folders cannot all be watched ({error}): they are scanned every {_RESCAN_NETWORK:.0f} s."
                )
                self._poll = _RESCAN_NETWORK
        while True:
            time.sleep(_TICK)
            yield set()

    def _signature(self) -> object:
        """What changes when a disk is mounted or goes, or when a folder is replaced."""
        folders: list[tuple[int, int] | None] = []
        for root in self._roots:
            try:
                state = os.stat(root)  # noqa: PTH116
                folders.append((state.st_dev, state.st_ino))
            except OSError:
                folders.append(None)
        return folders, disks.mounts()

    def _tick(self, touched: set[str]) -> None:
        now = time.monotonic()
        if len(touched) >= _STORM:
            self._rescan_at = min(self._rescan_at, now + _QUIET)
        try:
            if now >= self._rescan_at and self._roots:
                self._rescan(now)
            elif touched or self._waiting:
                self._look(touched, now)
            self._take_in(now)
            if self._stored and now >= self._list_at:
                self._list()
        except LibraryLocked:
            if not self._locked:
                self._say("Another process is writing to the library: waiting for it.")
            self._locked = True
            time.sleep(10 * _TICK)
        else:
            self._locked = False

    # ---- looking ---------------------------------------------------------------------------------------------------

    def _look(self, touched: set[str], now: float) -> None:
        seen, gone = look({**self._waiting, **dict.fromkeys(touched)}, self._roots, self._library, self._exclude)
        self._warn([], seen)
        before = self._waiting
        states: dict[str, Found | None] = {**dict.fromkeys(gone), **seen.found}
        self._waiting = {
            path: before[path] if path in before and before[path][0] == state else (state, now)
            for path, state in states.items()
        }

    def _rescan(self, now: float) -> None:
        """Wait for all that differs from the catalog."""
        seen = scan(self._folders, self._library, self._exclude)
        with Catalog.opened(self._library) as catalog:
            entries, failures = {entry.path: entry for entry in catalog.entries()}, catalog.failures()
            seen.missing = []  # a folder that is not there may come yet
            lost = vanished(seen, entries, failures, finding.folders(catalog), partial(finding.within, catalog))
        self._warn(lost.warnings(entries), seen)
        self._keeps = bool(lost.kept)
        todo = plan(seen, Known(entries, failures, {}), None)
        for work in [*todo.changed, *todo.other]:
            if self._failed.get(work.found.path) != work.found:
                self._waiting.setdefault(work.found.path, (work.found, now))
        paths = [*lost.gone, *(path for each in lost.kept for path in each.paths if todo.other)]
        for path in paths:
            self._waiting.setdefault(path, (None, now))
        interval = self._poll or (_RESCAN_NETWORK if disks.on_network(self._roots) else _RESCAN)
        self._rescan_at = time.monotonic() + interval

    def _list(self) -> None:
        """List what lies at addresses, of which no storage tells what changes, and take in what differs."""
        self._list_at = time.monotonic() + (self._poll or _RESCAN_NETWORK)
        try:
            codec = self._codec_now()
            own = pipeline.update(self._stored, self._library, codec, exclude=self._exclude, threads=self._threads)
        except (StorageError, UsageError) as error:  # it may be back the next time
            self._say_once(str(error))
            return
        for sentence in [*own.warnings, *(f"left out: {path}: {reason}" for path, reason in own.failed.items())]:
            self._say_once(sentence)
        if own.added + own.updated + own.moved + own.removed + own.completed:
            self._tell(own)

    # ---- taking in -------------------------------------------------------------------------------------------------

    def _take_in(self, now: float) -> None:
        """Take in what has settled, a batch at a time."""
        found = {path: state for path, (state, since) in self._waiting.items() if state and now - since >= _SETTLED}
        leaving = {path: since for path, (state, since) in self._waiting.items() if state is None}
        unsettled = any(state and path not in found for path, (state, _) in self._waiting.items())
        gone = [path for path, since in leaving.items() if now - since >= (_PATIENCE if unsettled else _GONE)]
        paths = [*found]
        for start in range(0, len(paths) or bool(gone), _BATCH):
            batch = {path: found[path] for path in paths[start : start + _BATCH]}
            last = start + _BATCH >= len(paths)
            self._batch(Scan(roots=self._roots, found=batch), gone if last else [], [*leaving])
            for path in batch:
                del self._waiting[path]
        for path in gone:
            del self._waiting[path]
        if self._stale and not self._waiting and now - self._changed_at >= _QUIET:
            with self._writing() as catalog:
                pipeline.refresh(catalog)
            self._stale = False

    def _batch(self, seen: Scan, gone: list[str], leaving: list[str]) -> None:
        started = time.monotonic()
        with self._writing() as catalog:
            summary = pipeline.update_some(catalog, self._codecs, seen, gone, leaving, self._threads)
        summary.seconds = time.monotonic() - started
        if self._keeps and seen.found:
            self._rescan_at = min(self._rescan_at, time.monotonic() + _QUIET)
        self._keeps = self._keeps or bool(summary.warnings)
        self._failed = {path: state for path, state in self._failed.items() if path not in seen.found}
        self._failed |= {path: seen.found[path] for path in summary.failed if path in seen.found}
        summary.warnings = [sentence for sentence in summary.warnings if sentence not in self._said]
        self._said |= {*summary.warnings}
        if changed := summary.added + summary.updated + summary.moved + summary.removed + summary.completed:
            self._stale, self._changed_at = True, time.monotonic()
        if changed or summary.failed or summary.warnings:
            self._tell(summary)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Writer]:
        """The library, locked for a moment; by its codec of now, which another command may have replaced."""
        with Writer.writing(self._library, self._codec_now()) as writer, pipeline.full_disk_said(self._library):
            self._codecs = pipeline.codecs_of(writer, self._codec, self._codecs)
            yield writer

    def _codec_now(self) -> Codec:
        with Catalog.opened(self._library) as catalog:
            if self._codec.codec_id != catalog.codec_id:
                self._codec = codec_for(self._library)
        return self._codec

    # ---- saying ----------------------------------------------------------------------------------------------------

    def _warn(self, warnings: list[str], seen: Scan) -> None:
        for sentence in [*warnings, *(f"left out: {path}: {reason}" for path, reason in seen.unlisted.items())]:
            self._say_once(sentence)

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)
