"""Which files and folders a run leaves out: what the user asks for, and what nobody means by pictures of theirs."""

import fnmatch
import re
from collections.abc import Callable, Sequence

from semblance.retrieval.errors import UsageError

# Thumbnails and waste bins of storage boxes, desktops and Windows, and the packages of programs.
DEFAULTS = ("@eaDir", ".thumbnails", "#recycle", "$RECYCLE.BIN", "node_modules")

Excluded = Callable[[str, str], bool]


def excluder(patterns: Sequence[str]) -> Excluded:
    """Tells of a name, and of its path relative to the folder named in the run, whether it is left out.

    In `patterns` `*` stands for anything (a / too), `?` for one character, `[ab]` for one of these; case counts. One
    that matches the whole name or the whole path leaves out the file, or the folder with all below it. Raises
    UsageError where one can match nothing.
    """
    wanted = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        plain = pattern.removeprefix("./").rstrip("/")
        if not plain or pattern.startswith("/"):
            raise UsageError(
                f"--exclude {pattern!r} matches nothing: give a name or a path below the FOLDER, as in '2019/*'."
            )
        wanted.append(fnmatch.translate(plain))
    by_pattern = re.compile("|".join(wanted)) if wanted else None
    names = {name.casefold() for name in DEFAULTS}  # Windows writes its own in either case

    def excluded(name: str, relative: str) -> bool:
        if name.casefold() in names:
            return True
        return by_pattern is not None and bool(by_pattern.match(name) or by_pattern.match(relative))

    return excluded
