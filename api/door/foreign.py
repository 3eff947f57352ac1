"""Whom the service answers: a page of another site must learn nothing of somebody's pictures, not even that they exist.

Three things are looked at, since none does for all. The name that a request asks for, `Host`: a page that has pointed
a name of its own at this machine (DNS rebinding) cannot say another. `Origin`, which browsers send with what a page
posts, or wants to read. `Sec-Fetch-Site`, with which today's browsers say of every request to this machine, one of an
<img> too, whether it comes from the service's own page; from any other only the page itself may be gone to. A program
that is no browser sends neither of the last two, and is let through.
"""

import functools
import ipaddress

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ANY = ("0.0.0.0", "::")  # addresses to listen on, and no names to ask for
PAGES = ("/", "/docs")
# What each answer bears, a refusal too: no other site may show it, frame it, or hold the window that it is in.
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

_LONGEST = 255  # of a name
_REMEMBERED = 128  # of what was asked, what was decided: clients ask alike

Refusal = tuple[int, str]  # status, detail


def own_name(text: str) -> str:
    """A name or an address as it is compared: small letters, no port, IPv6 at its shortest and in brackets."""
    name = text.strip().lower()
    bare = name[1:].partition("]")[0] if name.startswith("[") else name
    if bare.count(":") < 2:
        return name.rpartition(":")[0].rstrip(".") if ":" in name else name.rstrip(".")
    try:
        return f"[{ipaddress.IPv6Address(bare)}]"
    except ValueError:
        return name


class Names:
    """The names that a service answers to, and what it says to the others."""

    def __init__(self, listening: str, allowed: list[str]) -> None:
        """`listening`: the address or name it listens on, which is one of them; `allowed`: further ones."""
        own = [] if listening in _ANY else [listening]
        self.names = {own_name(name) for name in (*LOOPBACK, *own, *allowed)}
        self.refusal = functools.lru_cache(_REMEMBERED)(self._refusal)

    def _refusal(self, hosts: tuple[str, ...], origin: str | None, fetched: tuple[str | None, ...]) -> Refusal | None:
        """Why a request is not answered, or None.

        Args:
            hosts: each `Host` of the request.
            origin: its `Origin`.
            fetched: `Sec-Fetch-Site`, `-Mode` and `-Dest`, and the method where one of PAGES is asked for, else "".
        """
        site, mode, dest, method = fetched
        if len(hosts) != 1 or len(hosts[0]) > _LONGEST:
            return 400, "A request names the one host that it asks (Host), of at most 255 letters."
        if (name := own_name(hosts[0])) not in self.names:
            hint = f" (--allow-host {name} makes it one)" if name else " (see --allow-host)"
            return 421, f"This service does not answer to the name {name!r}: ask it by one of its own{hint}."
        # The scheme is left out of account: a proxy in front may speak https, and this service does not know.
        if origin is not None and origin.lower().partition("://")[2] != hosts[0].lower():
            return 403, "Pages of other sites may not ask this service: open its own page."
        to_a_page = method in ("GET", "HEAD") and mode == "navigate" and dest == "document"
        if site in ("cross-site", "same-site") and not to_a_page:
            return 403, "Other sites may not show, read or send anything here: open this service's own page."
        return None
