"""Every contender on every set, each in processes of its own with limits; what is found is kept as it comes, so that a
run that was cut goes on where it ended."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from semblance.retrieval.codes import Codes
from semblance.retrieval.index import ENGINES
from semblance.scripts import console
from semblance.scripts.benchmarks.scale import contenders
from semblance.scripts.benchmarks.scale.places import Place

Record = dict[str, Any]  # what is known of one contender on one set; "failed" says why there is no more

SECONDS = 240.0  # for building, and for searching
_PATIENCE = 4  # times as long, for what is ours
_UNTRIED = "not tried"
GROUPS, LAID, CHECKED = "near-duplicate groups", "the set itself", "grown beside real"
NO_ENGINES = (GROUPS, LAID, CHECKED)
_OURS = ("flat", "mapped", *NO_ENGINES, *ENGINES)
_STAGES = {GROUPS: ("group",), LAID: ("lay",), CHECKED: ("check",)}
_DOING = {"check": "growing", "lay": "growing", "group": "grouping", "build": "building", "search": "searching"}
_MEMORY = 0.7  # of the machine's
_MILLION = 1_000_000


def run(real: Codes, sizes: Sequence[int], names: Sequence[str], scratch: Path, kept: Path) -> list[Record]:
    """A record of each of the contenders `names` on sets of `sizes` codes grown from `real`, in the order of the sizes.
    Those that the file `kept` holds are not measured again."""
    scratch.mkdir(parents=True, exist_ok=True)
    np.save(scratch / "real.npy", real)
    of = hashlib.sha256(real.tobytes()).hexdigest()[:12]
    known = {(each["codes"], each["contender"]): each for each in _read(kept) if each["of"] == of}
    records: list[Record] = []
    for size in sorted(sizes):
        folder = scratch / str(size)
        for name in _wanted(names, size, sizes):
            record = known.get((size, name)) or _unable(records, name, size)
            if record is None:
                if name not in (LAID, CHECKED) and not folder.exists():
                    _measured(Place(folder, LAID))  # what is known of it is from an earlier run
                record = {"codes": size, "contender": name, "of": of, **_measured(Place(folder, name))}
                with kept.open("a") as file:
                    file.write(json.dumps(record) + "\n")
            records.append(record)
        shutil.rmtree(folder, ignore_errors=True)
    return records


def _wanted(names: Sequence[str], size: int, sizes: Sequence[int]) -> Iterator[str]:
    """What is measured of a set: once how real such sets are, and once the groups of near-duplicates."""
    if size == min(sizes):
        yield CHECKED
    yield from (LAID, *names)
    if size == min(max(sizes), _MILLION):
        yield GROUPS


def _read(kept: Path) -> Iterator[Record]:
    """The records of earlier runs; a last line that was cut is none."""
    if kept.exists():
        for line in kept.read_text().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _unable(records: list[Record], name: str, size: int) -> Record | None:
    """What is not tried: what failed on fewer codes, what would take too long to build if each code took as long as
    there, and all where the set itself was not to be had."""
    none = {"codes": size, "contender": name, "points": []}
    if any(each["codes"] == size and each["contender"] == LAID and each.get("failed") for each in records):
        return {**none, "failed": f"{_UNTRIED}: there was no such set"}
    fewer = [record for record in records if record["contender"] == name]
    if not fewer:
        return None
    last = fewer[-1]
    if (failed := last.get("failed")) is not None:
        why = failed if failed.startswith(_UNTRIED) else f"{_UNTRIED}: with {last['codes']:,} codes it {failed}"
        return {**none, "failed": why}
    if ready(last) * size / last["codes"] > seconds(name):
        return {**none, "failed": f"{_UNTRIED}: it took {ready(last):.0f} s to build {last['codes']:,} codes"}
    return None


def ready(record: Record) -> float:
    """Seconds until a contender that had nothing but the codes could answer."""
    return float(record.get("build_s", 0) + record.get("open_ms", 0) / 1000)


def _stages(name: str) -> tuple[str, ...]:
    return _STAGES.get(name) or (("build", "search") if contenders.built(name) else ("search",))


def seconds(name: str) -> float:
    """How long a contender may build, and search."""
    return SECONDS * _PATIENCE if name in _OURS else SECONDS


def _measured(place: Place) -> Record:
    """All stages of one contender."""
    record: Record = {"points": []}
    started = time.perf_counter()
    for stage in _stages(place.contender):
        findings, failed = watched(stage, place, seconds(place.contender))
        for finding in findings:
            if "point" in finding:
                record["points"].append(finding["point"])
            else:
                record.update(finding)
        if failed:
            record["failed"] = f"{failed}, {_DOING[stage]}"
            break
    shutil.rmtree(place.built, ignore_errors=True)
    taken = time.perf_counter() - started
    console.say(f"{place.size:,} codes, {place.contender}: {record.get('failed') or 'measured'}, {taken:.0f} s")
    return record


def watched(stage: str, place: Place, limit: float, memory: float = _MEMORY) -> tuple[list[Record], str | None]:
    """What the process of a stage said, and why it was ended or failed; None where it did not."""
    most = memory * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    command = [sys.executable, "-P", "-m", "semblance.scripts.benchmarks.scale.child", stage, str(place.folder)]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen([*command, place.contender], stdin=subprocess.PIPE, stdout=out, stderr=err)
        try:
            why = _ended(process, time.monotonic() + limit, most, limit)
        finally:
            process.kill()
            process.communicate()
        said = [json.loads(line) for line in _lines(out)]
        if why is None and process.returncode:
            last = [*_lines(err), f"it ended with {process.returncode}"][-2:][0]
            why = f"failed ({last.strip()})"
    return said, why


def _ended(process: "subprocess.Popen[bytes]", until: float, most: float, limit: float) -> str | None:
    """Wait for a process, or for the moment at which it has taken too much of something: of what."""
    while True:
        try:
            process.wait(0.1)
            return None
        except subprocess.TimeoutExpired:
            if time.monotonic() > until:
                return f"took more than {limit:.0f} s"
            if _own(process.pid) > most:
                return f"took more than {most / 1e9:.0f} GB"


def _own(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it ended just now
        return 0
    return 1024 * sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def _lines(file: IO[str]) -> list[str]:
    file.seek(0)
    return file.read().splitlines()
