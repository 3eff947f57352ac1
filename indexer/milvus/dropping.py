"""Collections of codes that are dropped: all under a name, or those that nobody asks any more."""

import re

from semblance.indexer.milvus import schema
from semblance.indexer.milvus.connection import Server


def _own(server: Server) -> list[str]:
    """The collections of codes that there are under the address's name, by what they are called."""
    own = re.compile(rf"{server.address.name}_({'|'.join(schema.PURPOSES)})_[0-9a-f]{{16}}(_[0-9a-f]{{8}})?")
    return [each for each in server.ask("list_collections") if own.fullmatch(each)]


def clear(server: Server) -> None:
    """Drop the collections of codes that the state says nothing of: they were made anew, or whoever made them ended."""
    there = schema.state(server)
    said = {held.collection for held in (*there.holds.values(), *there.coming.values())} if there else set()
    for each in _own(server):
        if each not in said and schema.described(server, each).startswith(schema.says("")):
            server.change("drop_collection", each)


def drop(server: Server) -> None:
    """Drop all that is under the address's name. Raises LibraryError where somebody else made it, IndexAway."""
    name = f"{server.address.name}_state"
    if not server.ask("has_collection", name):
        return
    there = _own(server)  # a state may be damaged
    for each, what in [*((each, "") for each in there), (name, "library")]:
        if not schema.described(server, each).startswith(schema.says(what)):
            raise schema.foreign(server.address, each)
    for each in [*there, name]:
        server.change("drop_collection", each)
