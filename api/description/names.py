"""What programs know requests by: operation ids, which generated clients make their names of, and tags.

An id that was given stays. A route that is not named here bears its function's name.
"""

NAMES = {
    "POST /search": "search_by_upload",
    "GET /images/{id}/similar": "search_by_picture",
    "POST /search/several": "search_by_several",
    "POST /search/codes": "search_by_codes",
    "POST /search/next": "search_next_page",
    "POST /encode": "encode_upload",
    "GET /images": "list_pictures",
    "GET /images/{id}": "get_picture",
    "GET /images/{id}/thumbnail": "get_thumbnail",
    "GET /images/{id}/view": "get_view",
    "GET /images/{id}/facts": "get_facts",
    "GET /images/{id}/remembered": "get_remembered",
    "POST /images": "add_picture",
    "DELETE /images/{id}": "remove_picture",
    "GET /facets": "get_facets",
    "GET /map": "get_map",
    "POST /jobs": "begin_job",
    "GET /jobs": "list_jobs",
    "GET /jobs/{id}": "get_job",
    "DELETE /jobs/{id}": "cancel_job",
    "GET /jobs/{id}/events": "follow_job",
    "GET /duplicates": "list_duplicates",
    "POST /duplicates/apart": "tell_apart",
    "POST /duplicates/together": "take_together",
    "GET /health": "get_health",
    "GET /ready": "get_ready",
    "GET /metrics": "get_metrics",
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
