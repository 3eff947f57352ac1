"""What a process wrote to a folder, call by call, and what a disk may hold of that after a power cut.

`record` runs a command under strace. `Disk` is the file layer: it takes the calls one after the other, and `cut` makes
the folder as it may be found when the power fails there:

- what was written to a file since its last fsync is there in part: any of the sectors of 512 bytes, in any order;
- what was made, renamed or removed since anything was last synced is there up to some point, in order, as a file system
  with one journal (ext4, XFS, NTFS) keeps it. A length that was set belongs to what was written.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semblance.retrieval.errors import UsageError

_CALLS = "openat,lseek,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir"
_LINE = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)", re.DOTALL)
_RESULT = re.compile(r"\) += (?P<result>-?\d+)")
_UNFINISHED = " <unfinished ...>"
_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_ON = re.compile(r"^(?P<number>\d+)<(?P<path>(?:\\x[0-9a-f]{2})+)>")
SECTOR = 512


@dataclass(frozen=True)
class Call:
    """One call that ended well: its name, the paths it names or that its file was opened by, the bytes it wrote, and
    the numbers among its arguments; `result` is the file's descriptor, or how much was written."""

    name: str
    paths: list[str]
    data: bytes
    numbers: list[int]
    flags: str
    descriptor: int
    result: int


def record(command: Sequence[str], log: Path) -> list[Call]:
    """The calls of a command that ran to its end. Raises UsageError where strace is missing or the command failed."""
    if shutil.which("strace") is None:
        raise UsageError("strace is not installed: on Debian and Ubuntu, apt install strace.")
    asked = ["strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-e", f"trace={_CALLS}", "-o", str(log)]
    done = subprocess.run([*asked, *command], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise UsageError(f"{' '.join(command)} ended with {done.returncode}.")
    return list(_calls(log.read_text()))


def _calls(text: str) -> Iterator[Call]:
    begun: dict[tuple[str, str], str] = {}
    for line in text.splitlines():
        if (found := _RESUMED.match(line)) is not None:
            rest = begun.pop((found["pid"], found["name"]), "") + found["rest"]
        elif (found := _LINE.match(line)) is None:
            continue
        elif line.endswith(_UNFINISHED):
            begun[found["pid"], found["name"]] = found["rest"].removesuffix(_UNFINISHED)
            continue
        else:
            rest = found["rest"]
        results = list(_RESULT.finditer(rest))
        if results and (result := int(results[-1]["result"])) >= 0:
            yield _call(found["name"], rest[: results[-1].start()], result)


def _call(name: str, arguments: str, result: int) -> Call:
    on = _ON.match(arguments)
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _HEX.findall(arguments)]
    writes = name in ("write", "pwrite64")
    paths = [os.fsdecode(bytes.fromhex(on["path"].replace("\\x", "")))] if on else []
    named = [] if writes else [os.fsdecode(text) for text in texts]
    plain = re.sub(r'"[^"]*"|<[^>]*>', "", arguments)
    numbers = [int(part) for part in re.split(r", ", plain)[1:] if part.isdigit()]
    return Call(
        name,
        named or paths,
        texts[0] if writes and texts else b"",
        numbers,
        plain,
        int(on["number"]) if on else -1,
        result,
    )


@dataclass
class _File:
    """A file's content as it was last synced, and what was done to it since: places and bytes, or a new length."""

    synced: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    place: int = 0

    def content(self, rng: random.Random | None = None) -> bytes:
        """As the process sees it, or with chance as the disk may."""
        share = rng.choice([0.0, 0.5, 0.9, 1.0]) if rng else 1.0
        data = bytearray(self.synced)
        for place, written in self.pending:
            if written is None:
                if rng is None or rng.random() < share:
                    data[place:] = bytes(max(0, place - len(data)))
                continue
            for start in range(0, len(written), SECTOR):
                if rng is None or rng.random() < share:
                    part = written[start : start + SECTOR]
                    data.extend(bytes(max(0, place + start - len(data))))
                    data[place + start : place + start + len(part)] = part
        return bytes(data)

    def sync(self) -> None:
        self.synced, self.pending = self.content(), []


class Disk:
    """A folder that is written to by calls, with what of them has reached the disk."""

    def __init__(self, folder: Path) -> None:
        """Take the folder as it is, on the disk whole."""
        self._folder = os.fspath(folder)
        self._now: dict[str, _File | None] = {}  # by path; None is a folder
        for path in sorted(folder.rglob("*")) if folder.exists() else []:
            self._now[os.fspath(path)] = None if path.is_dir() else _File(path.read_bytes())
        self._durable = dict(self._now)
        self._metadata: list[dict[str, _File | None]] = []  # the states since the last sync

    def take(self, call: Call) -> bool:
        """Do what the call did; whether it synced something of the folder."""
        paths = [path for path in call.paths if path == self._folder or path.startswith(self._folder + os.sep)]
        if not paths:
            return False
        if call.name in ("fsync", "fdatasync"):
            if (file := self._now.get(paths[0])) is not None:
                file.sync()
            self._durable, self._metadata = dict(self._now), []
            return True
        if call.name in ("lseek", "write", "pwrite64", "ftruncate"):
            self._write(call, self._now.get(paths[0]))
            return False
        before = dict(self._now)
        self._change(call, paths)
        if self._now != before:
            self._metadata.append(dict(self._now))
        return False

    def _write(self, call: Call, file: _File | None) -> None:
        if file is None:  # removed or replaced while it was open: what comes now is nobody's
            return
        if call.name == "write":
            file.pending.append((file.place, call.data[: call.result]))
            file.place += call.result
        elif call.name == "pwrite64":
            file.pending.append((call.numbers[-1], call.data[: call.result]))
        elif call.name == "ftruncate":
            file.pending.append((call.numbers[0], None))
        else:
            file.place = call.result

    def _change(self, call: Call, paths: list[str]) -> None:
        if call.name == "openat":
            self._open(call, paths[0])
        elif call.name.startswith("rename") and len(paths) == 2:
            for path in [path for path in self._now if path == paths[0] or path.startswith(paths[0] + os.sep)]:
                self._now[paths[1] + path[len(paths[0]) :]] = self._now.pop(path)
        elif call.name in ("unlink", "unlinkat"):
            self._now.pop(paths[-1], None)
        elif call.name == "mkdir":
            self._now[paths[0]] = None

    def _open(self, call: Call, path: str) -> None:
        if "O_CREAT" in call.flags and path not in self._now:
            self._now[path] = _File()
        file = self._now.get(path)
        if file is None:
            return
        if "O_TRUNC" in call.flags and file.content():
            file.pending.append((0, None))
        file.place = len(file.content()) if "O_APPEND" in call.flags else 0

    def seen(self, *names: str) -> dict[str, bytes]:
        """Those files of the folder as the process saw them, by their names."""
        files = {name: self._now.get(os.path.join(self._folder, name)) for name in names}  # noqa: PTH118 - text here
        return {name: file.content() for name, file in files.items() if file}

    def cut(self, place: Path, rng: random.Random) -> None:
        """Write to `place` what may be found of the folder after a power cut now."""
        for path, file in rng.choice([self._durable, *self._metadata]).items():
            target = place / Path(path).relative_to(self._folder)
            if file is None:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content(rng))
