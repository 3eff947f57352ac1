"""What programs know requests by: operation ids, which generated clients make their names of, and tags.

An id that was given stays. A route that is not named here bears its function's name.
"""

NAMES = {
    "/search POST": "search_by_upload",
    "/images/{id}/similar GET": "search_by_picture",
    "/search/several POST": "search_by_several",
    "/search/codes POST": "search_by_codes",
    "/search/next POST": "search_next_page",
    "/encode POST": "encode_upload",
    "/images GET": "list_pictures",
    "/images/{id} GET": "get_picture",
    "/images/{id}/thumbnail GET": "get_thumbnail",
    "/images/{id}/view GET": "get_view",
    "/images/{id}/facts GET": "get_facts",
    "/images/{id}/remembered GET": "get_remembered",
    "/images POST": "add_picture",
    "/images/{id} DELETE": "remove_picture",
    "/facets GET": "get_facets",
    "/map GET": "get_map",
    "/jobs POST": "begin_job",
    "/jobs GET": "list_jobs",
    "/jobs/{id} GET": "get_job",
    "/jobs/{id} DELETE": "cancel_job",
    "/jobs/{id}/events GET": "follow_job",
    "/duplicates GET": "list_duplicates",
    "/duplicates/apart POST": "tell_apart",
    "/duplicates/together POST": "take_together",
    "/health GET": "get_health",
    "/ready GET": "get_ready",
    "/metrics GET": "get_metrics",
}

TAGS = {
    "Search": "Ask what looks like a picture, like several, or like codes.",
    "Pictures": "What the library holds: files, smaller pictures of them, what they say of themselves.",
    "Library": "The library as a whole, and long work on it.",
    "Service": "Whether it lives, and how it does.",
}
_OF_A_PATH = {
    **dict.fromkeys(("search", "encode"), "Search"),
    "images": "Pictures",
    **dict.fromkeys(("facets", "map", "jobs", "duplicates"), "Library"),
    **dict.fromkeys(("health", "ready", "metrics"), "Service"),
}


def tag(path: str) -> str | None:
    """What a path is about; None where its first part is not known yet."""
    return "Search" if path.endswith("/similar") else _OF_A_PATH.get(path.split("/")[1])
