"""Who may change the library."""

from fastapi import HTTPException, Request


def writer(request: Request) -> None:
    """A dependency of every route that changes something. 403 for who may not.

    By a key, who has the scope write. Without keys whoever reaches a loopback address, and nobody on a public one.
    """
    scopes = getattr(request.state, "scopes", None)
    if scopes is not None:
        if "write" not in scopes:
            raise HTTPException(403, "Your key may read and not write: ask for one with the scope write.")
        return
    if request.state.service.settings.public:
        raise HTTPException(
            403,
            "This service is open to others and knows no keys, so nothing is changed: make one by `semblance keys`.",
        )
