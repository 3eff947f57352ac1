"""Room for what is being uploaded: how much of it there may be at one time, of all clients together and of each.

An upload holds its place from its header until it is answered, by the size that it announces: what is slow, or never
ends, costs what it may come to. No client has more than a share: one that fills its own leaves the others theirs.
"""

from collections import Counter

SMALL = 64 * 1024  # bytes: the number of connections bounds what is no larger
DROPPED = 8  # times the largest upload is read of what was refused: who is still sending does not hear the answer
_SHARES = 4


class Receiving:
    """The bytes that are announced and not answered yet, by client."""

    def __init__(self, most: int, largest: int) -> None:
        """At most `most` bytes in all and a quarter of them for one client, which has room for one of `largest`."""
        self.most, self.share = max(most, largest), max(most // _SHARES, largest)
        self.held: Counter[str] = Counter()

    def take(self, client: str, size: int) -> bool:
        """Take room for an upload, where there is some."""
        if self.held[client] + size > self.share or self.held.total() + size > self.most:
            self.give(client, 0)
            return False
        self.held[client] += size
        return True

    def give(self, client: str, size: int) -> None:
        """It is answered."""
        self.held[client] -= size
        if not self.held[client]:
            del self.held[client]
