"""Of what form a collection is made: into how many lists and shards its codes are divided. It stays as it was made."""

from dataclasses import replace

from semblance.indexer.milvus.address import Address
from semblance.indexer.milvus.schema import SHARDS, Held

_SEGMENT = 2**20  # rows that Milvus keeps and divides together, about
_FEWEST = 16  # lists


def is_as_said(held: Held, address: Address) -> bool:
    """Whether a collection is of the form that an address says."""
    is_ivf = address.index == "ivf"
    return (not address.index or is_ivf == (held.lists > 0)) and address.shards in (0, held.shards)


def as_said(held: Held, address: Address, before: Held | None, pictures: int) -> Held:
    """One to be made in the form that an address says, or else as it was `before`, for so many pictures."""
    index = address.index or ("ivf" if before and before.lists else "flat")
    lists = min(max(round(4 * min(pictures, _SEGMENT) ** 0.5), _FEWEST), _SEGMENT) if index == "ivf" else 0
    return replace(held, lists=lists, shards=address.shards or (before.shards if before else SHARDS))
