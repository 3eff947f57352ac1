"""Where a Milvus is, what a library is called in it, and of what form its collections are to be made.

    milvus://[user:password@]host:port/name[?index=flat|ivf&shards=N]

What stands behind the name is for who fills: who asks finds the collections as they are.

A command line is shown to all who list processes, so the environment may say who asks instead.
"""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from semblance.retrieval.errors import UsageError

SCHEMES = ("milvus://", "milvuss://")  # the second one is encrypted
LOGIN = "SEMBLANCE_MILVUS_LOGIN"  # user:password, where an address has none
_PORT = 19530
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_WANTED = "an address is milvus://[user:password@]host:port/name, the name of letters, digits and _"
_INDEXES, MOST_SHARDS = ("flat", "ivf"), 16
_FORM = f"behind milvus://host:port/name may stand ?index=flat or ivf, and shards=N, 1 to {MOST_SHARDS}, with & between"


@dataclass(frozen=True)
class Address:
    """As users say it. Its text and its `repr` are without credentials. `index` is "" and `shards` 0 where they are not
    said: collections that there are stay as they are."""

    host: str
    port: int
    name: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    secure: bool = False
    index: str = ""
    shards: int = 0

    @property
    def place(self) -> str:
        """host:port, for sentences."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __str__(self) -> str:
        said = {"index": self.index, "shards": str(self.shards or "")}
        form = "&".join(f"{name}={value}" for name, value in said.items() if value)
        return f"{SCHEMES[self.secure]}{self.place}/{self.name}{'?' if form else ''}{form}"


def is_address(text: str) -> bool:
    """Whether a text is meant to be one."""
    return text.startswith(SCHEMES)


def parse(text: str) -> Address:
    """The address that a text says. UsageError, which shows nothing of credentials, where it says none."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        raise UsageError(f"The port of a Milvus is a number: {_WANTED}.") from None
    if not is_address(text) or not parts.hostname:
        raise UsageError(f"No Milvus is named: {_WANTED}.")
    name = parts.path.removeprefix("/")
    if parts.fragment or not _NAME.fullmatch(name):
        raise UsageError(f"No library can be called so in a Milvus: {_WANTED}, beginning with no digit.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user and not password:
        user, _, password = os.environ.get(LOGIN, "").partition(":")
    if bool(user) != bool(password):
        raise UsageError(f"A user has a password, and a password a user: {_WANTED}; {LOGIN} is user:password.")
    return Address(parts.hostname, port, name, user, password, parts.scheme == "milvuss", *_form(parts.query))


def _form(query: str) -> tuple[str, int]:
    """The index and the number of shards that are said."""
    said = parse_qsl(query, keep_blank_values=True)
    values = {"index": "", "shards": "", **dict(said)}
    index, shards = values["index"], values["shards"]
    known = len(values) == 2 and len(dict(said)) == len(said)
    if not known or ("index", "") in said or index not in ("", *_INDEXES):
        raise UsageError(f"No collection of a Milvus is made so: {_FORM}.")
    if ("shards", "") in said or (shards and not (shards.isdecimal() and 1 <= int(shards) <= MOST_SHARDS)):
        raise UsageError(f"No collection of a Milvus has so many shards: {_FORM}.")
    return index, int(shards or 0)
